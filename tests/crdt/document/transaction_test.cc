// Transactions: whole or not at all, one at a time, and what a commit tells.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include "tests/crdt/document/replicas.h"

using namespace weft;
using namespace weft::test;

namespace {

ErrorCode code(const auto& result) { return result.error().code(); }

/// Something of every kind, so that a rollback has something to bring back.
Document furnished() {
  DocumentOptions options;
  options.replica = {1};
  options.undo_depth = 5;
  Document document = Document::create(options);
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", 1));
    WEFT_TRY(tx.root().ensure_list("l").insert(0, std::vector<Value>{1, 2, 3}));
    WEFT_TRY(tx.root().ensure_text("t").insert(scalar(0), "abc"));
    return tx.root().ensure_counter("n").add(7);
  });
  return document;
}

/// One edit of every kind.
Status edit_everything(Transaction& tx) {
  MapEdit root = tx.root();
  WEFT_TRY(root.set("k", 2));
  WEFT_TRY(root.set("new", "x"));
  WEFT_TRY(root.set("child", new_map()));
  WEFT_TRY(root.ensure_map("m").set("in", true));
  WEFT_TRY(tx.list("/l")->move(0, 2));
  WEFT_TRY(tx.list("/l")->set(0, "two"));
  WEFT_TRY(tx.list("/l")->erase(1));
  WEFT_TRY(tx.list("/l")->insert(0, new_text()));
  WEFT_TRY(tx.text("/t")->insert(scalar(1), "--"));
  WEFT_TRY(tx.text("/t")->erase(scalar(0), 3));
  WEFT_TRY(tx.counter("/n")->add(-100));
  return root.erase("k");
}

}  // namespace

TEST_CASE(
    "a commit says which dots it made and hands out the delta that makes the same elsewhere") {
  Document a = make_document(1);
  Commit first = edit(a, [](Transaction& tx) { return tx.root().set("k", 1); });
  CHECK(first.first == Dot{{1}, 0});
  Bytes first_delta(first.delta.begin(), first.delta.end());
  Commit second =
      edit(a, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "abc"); });
  CHECK(second.first == Dot{{1}, 1});
  CHECK(second.op_count == 4);
  Document b = make_document(2);
  CHECK(b.apply(first_delta)->applied == 1);
  CHECK(b.apply(second.delta)->applied == 1);
  CHECK(b.snapshot() == a.snapshot());
}

TEST_CASE("an open transaction reads its own edits, and nothing of them leaves the document") {
  Document document = furnished();
  VersionVector version = document.version();
  Bytes history = document.export_history().value();
  Bytes before = document.snapshot();
  Transaction tx = document.begin().value();
  REQUIRE(edit_everything(tx).ok());
  CHECK(content(document) ==
        R"({"child":{},"l":["","two",1],"m":{"in":true},"n":-93,"new":"x","t":"bc"})");
  CHECK(document.version() == version);
  CHECK(document.deltas_since(version)->empty());
  CHECK(document.export_history().value() == history);
  CHECK(content(document.fork({2})) == R"({"k":1,"l":[1,2,3],"n":7,"t":"abc"})");
  // Fault found: what is written is no snapshot that loads.
  CHECK(document.snapshot() == before);
}

TEST_CASE("dropping a transaction takes everything back, its dots included") {
  Document document = furnished();
  Bytes before = document.snapshot();
  Seq end = document.version().end({1});
  {
    Transaction tx = document.begin().value();
    REQUIRE(edit_everything(tx).ok());
  }
  CHECK(document.snapshot() == before);
  document.check_invariants();
  Commit next = edit(document, [](Transaction& tx) { return tx.root().set("k", 3); });
  CHECK(next.first == Dot{{1}, end});
}

TEST_CASE("an operation that fails makes the transaction fail with its error") {
  Document document = furnished();
  Bytes before = document.snapshot();
  Transaction tx = document.begin().value();
  REQUIRE(edit_everything(tx).ok());
  ListEdit list = tx.list("/l").value();
  CHECK(code(list.insert(99, 1)) == ErrorCode::kOutOfRange);
  CHECK(tx.failed());
  CHECK(code(tx.root().set("k", 5)) == ErrorCode::kTransactionFailed);
  CHECK(code(list.erase(0)) == ErrorCode::kTransactionFailed);
  CHECK(code(tx.text("/t")->insert(scalar(0), "x")) == ErrorCode::kTransactionFailed);
  CHECK(code(tx.commit()) == ErrorCode::kOutOfRange);
  CHECK(document.snapshot() == before);
  document.check_invariants();
}

TEST_CASE("an error of the body fails the transaction as fail does; the first error is returned") {
  Document document = furnished();
  Bytes before = document.snapshot();
  auto second = [](Transaction& tx) -> Status {
    WEFT_TRY(edit_everything(tx));
    return Error(ErrorCode::kInvalidArgument, "second");
  };
  CHECK(document.transact(second).error().context() == "second");
  CHECK(document.snapshot() == before);
  auto result = document.transact([&](Transaction& tx) {
    CHECK(tx.root().set("k", 2).ok());
    tx.fail(Error(ErrorCode::kTooLarge, "first"));
    CHECK(tx.failed());
    CHECK(code(tx.root().set("k", 3)) == ErrorCode::kTransactionFailed);
    return second(tx);
  });
  CHECK(code(result) == ErrorCode::kTooLarge);
  CHECK(document.snapshot() == before);
}

TEST_CASE("a lookup that fails does not fail the transaction") {
  Document document = furnished();
  edit(document, [](Transaction& tx) {
    CHECK(code(tx.map("/nowhere")) == ErrorCode::kNotFound);
    CHECK(code(tx.root().list("t")) == ErrorCode::kWrongKind);
    CHECK_FALSE(tx.failed());
    return tx.root().set("k", 2);
  });
  CHECK(document.get("/k").value() == Value(2));
}

TEST_CASE("there is one transaction at a time, and nothing else changes the document meanwhile") {
  Document other = make_document(2);
  edit(other, [](Transaction& tx) { return tx.root().set("o", 1); });
  Bytes delta = other.deltas_since({})->front();
  Bytes bundle = other.bundles_since({})->front();
  Bytes history = other.export_history().value();

  Document document = furnished();
  Transaction tx = document.begin().value();
  CHECK(code(document.begin()) == ErrorCode::kTransactionOpen);
  CHECK(code(document.apply(delta)) == ErrorCode::kTransactionOpen);
  CHECK(code(document.apply_bundle(bundle)) == ErrorCode::kTransactionOpen);
  CHECK(code(document.apply_history(history)) == ErrorCode::kTransactionOpen);
  CHECK(code(document.undo()) == ErrorCode::kTransactionOpen);
  CHECK(code(document.restore("/k")) == ErrorCode::kTransactionOpen);
  CHECK_FALSE(tx.failed());
  REQUIRE(tx.root().set("k", 2).ok());
  REQUIRE(tx.commit().ok());
  CHECK(document.get("/k").value() == Value(2));
  CHECK(document.apply(delta)->applied == 1);
}

TEST_CASE("a transaction without operations makes no delta") {
  Document document = furnished();
  Bytes before = document.snapshot();
  std::size_t deltas_before = document.log().size();
  Commit commit = edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.text("/t")->insert(scalar(1), ""));
    WEFT_TRY(tx.text("/t")->erase(scalar(1), 0));
    WEFT_TRY(tx.list("/l")->insert(0, std::vector<Value>{}));
    WEFT_TRY(tx.list("/l")->move(1, 1));
    tx.root().ensure_list("l");  // there already
    return {};
  });
  CHECK(commit.op_count == 0);
  CHECK(commit.delta.empty());
  CHECK(document.log().size() == deltas_before);
  CHECK(document.snapshot() == before);
}

TEST_CASE("the message is in the delta, the origin is for this device's observers only") {
  Document a = make_document(1);
  Document b = make_document(2);
  std::vector<std::string> origins;
  Observer at_a = a.observe([&](const Patch& patch) { origins.push_back("a:" + patch.origin); });
  Observer at_b = b.observe([&](const Patch& patch) { origins.push_back("b:" + patch.origin); });
  auto commit = a.transact({.origin = "button", .message = "naïve"},
                           [](Transaction& tx) { return tx.root().set("k", 1); });
  REQUIRE(commit.ok());
  REQUIRE(b.apply(commit->delta).ok());
  CHECK(origins == std::vector<std::string>{"a:button", "b:"});
  CHECK(b.log().at(0).message == "naïve");
}

TEST_CASE("a message is UTF-8 and has a limit") {
  Document document = make_document();
  TransactionOptions options;
  options.message = std::string(64 << 10, 'm');
  CHECK(document.begin(options).ok());
  options.message += 'm';
  CHECK(code(document.begin(options)) == ErrorCode::kTooLarge);
  // Fault found: the message is taken, and every other replica refuses the delta for it.
  options.message = "\xff";
  CHECK(code(document.begin(options)) == ErrorCode::kInvalidUtf8);
}

TEST_CASE(
    "a transaction that readers would refuse fails when it commits, and takes everything back") {
  const auto check = [](DecodeLimits limits, const char* measure, auto&& edits) {
    CAPTURE(measure);
    DocumentOptions options;
    options.replica = {1};
    options.limits = limits;
    Document document = Document::create(options);
    for (std::uint64_t replica = 2; replica < 12; ++replica) {
      DocumentOptions other;
      other.replica = {replica};
      Document theirs = Document::create(other);
      theirs
          .transact([&](Transaction& tx) {
            return tx.root().ensure_text("t" + std::to_string(replica)).insert(scalar(0), "abc");
          })
          .value();
      for (const Bytes& delta : theirs.deltas_since({}).value()) document.apply(delta).value();
    }
    const Bytes before = document.snapshot();
    const auto commit = document.transact(edits);
    CHECK(code(commit) == ErrorCode::kTooLarge);
    CHECK(commit.error().context().find(measure) != std::string::npos);
    CHECK(document.snapshot() == before);
    document.check_invariants();
  };
  const auto some = [](Transaction& tx) -> Status {
    for (int i = 0; i < 10; ++i) WEFT_TRY(tx.root().set("k" + std::to_string(i), i));
    return {};
  };
  DecodeLimits limits;
  limits.ops = 9;
  check(limits, "runs of operations", some);
  limits = {};
  limits.dependencies = 9;
  check(limits, "concurrent ends", some);
  limits = {};
  limits.replicas = 10;
  check(limits, "replicas", some);
  limits = {};
  limits.input_bytes = 200;
  check(limits, "bytes", [](Transaction& tx) { return tx.root().set("k", std::string(190, 'x')); });
}

TEST_CASE("a transaction just below a reader's limits is taken by that reader") {
  DocumentOptions options;
  options.replica = {1};
  options.limits.ops = 32;
  options.limits.input_bytes = 4'096;
  const EncodeLimits writer = encode_limits(options.limits);
  CHECK(writer.ops == 30);
  Document document = Document::create(options);
  const auto runs = [](std::uint32_t count) {
    return [count](Transaction& tx) -> Status {
      for (std::uint32_t i = 0; i < count; ++i)
        WEFT_TRY(tx.root().set("k" + std::to_string(i), std::int64_t{i}));
      return {};
    };
  };
  CHECK(code(document.transact(runs(writer.ops + 1))) == ErrorCode::kTooLarge);
  const Commit commit = document.transact(runs(writer.ops)).value();
  CHECK(decode_delta(commit.delta, options.limits).ok());
  for (std::size_t size = 4'096 - 600;; ++size) {
    const auto one = document.transact(
        [&](Transaction& tx) { return tx.root().set("long", std::string(size, 'x')); });
    if (!one.ok()) {
      CHECK(code(one) == ErrorCode::kTooLarge);
      CHECK(size > 4'096 - 400);
      break;
    }
    REQUIRE(decode_delta(one->delta, options.limits).ok());
    REQUIRE(one->delta.size() <= writer.output_bytes);
  }
}

TEST_CASE(
    "a history that is too large for one bundle goes out in several, which the same limits take") {
  DocumentOptions options;
  options.replica = {1};
  options.limits.unpacked_bytes = 4'096;
  Document document = Document::create(options);
  std::string text;
  for (int i = 0; i < 300; ++i) {
    const std::string more = "edit " + std::to_string(i) + ", with some words in it\n";
    text += more;
    test::edit(document, [&](Transaction& tx) {
      TextEdit notes = tx.root().ensure_text("t");
      return notes.insert(scalar(notes.size()), more);
    });
  }
  CHECK(document.bundles_since({}).value().size() > 2);
  const Bytes file = document.export_history().value();
  auto read = Document::open_file(file, options);
  REQUIRE_MESSAGE(read.ok(), read.error().message());
  CHECK(read->text("/t")->str() == text);
  CHECK(read->snapshot() == document.snapshot());
  CHECK(read->chain({1}) == document.chain({1}));
}

TEST_CASE("a checkout is read-only") {
  Document document = furnished();
  Bytes delta = document.deltas_since({})->front();
  Document past = document.at(document.version()).value();
  CHECK(code(past.begin()) == ErrorCode::kReadOnly);
  CHECK(code(past.apply(delta)) == ErrorCode::kReadOnly);
  CHECK(code(past.apply_history(document.export_history().value())) == ErrorCode::kReadOnly);
  CHECK(code(past.restore("/k")) == ErrorCode::kReadOnly);
  CHECK(past.snapshot() == document.snapshot());
}

TEST_CASE("an editing handle writes only while its transaction is open, and reads ever after") {
  Document document = furnished();
  std::optional<TextEdit> text;
  edit(document, [&](Transaction& tx) { text = tx.text("/t").value(); });
  CHECK(code(text->insert(scalar(0), "x")) == ErrorCode::kReadOnly);
  CHECK(text->str() == "abc");
}

TEST_CASE("the handle of an ensure that failed refers to nothing and refuses everything") {
  Document document = furnished();
  Bytes before = document.snapshot();
  Transaction tx = document.begin().value();
  MapEdit map = tx.root().ensure_map("\xff");
  CHECK(tx.failed());
  ListEdit list = map.ensure_list("l");
  TextEdit text = tx.root().ensure_text("t");
  CounterEdit counter = map.ensure_counter("n");

  CHECK(code(list.push_back(1)) == ErrorCode::kTransactionFailed);
  // Fault found: edit_text_insert and edit_text_erase take nothing for the text that is typed in.
  CHECK(code(text.insert(scalar(0), "x")) == ErrorCode::kTransactionFailed);
  CHECK(code(counter.add(1)) == ErrorCode::kTransactionFailed);
  CHECK_FALSE(map.contains("k"));
  CHECK(map.keys().empty());
  CHECK_FALSE(map.list("l").ok());
  CHECK_FALSE(list.size().ok());
  CHECK(text.str().empty());
  CHECK_FALSE(text.slice(scalar(0), scalar(0)).ok());
  CHECK(counter.value() == 0);
  CHECK(code(tx.commit()) == ErrorCode::kInvalidArgument);
  CHECK(document.snapshot() == before);
}

TEST_CASE("a handle that refers to nothing answers whatever it is asked, as long as it lives") {
  // Fault found: size, path, json, and set in a later transaction read beyond the containers.
  Document document = furnished();
  MapEdit map = document.begin()->root().ensure_map("\xff");
  CHECK(map.size() == 0);
  CHECK_FALSE(map.path().has_value());
  Transaction later = document.begin().value();
  CHECK_FALSE(map.set("k", 1).ok());
}

TEST_CASE("the handle of a child that a rollback took back answers, too") {
  // Fault found: it reads beyond the containers, or another child that has got the same index.
  Document document = furnished();
  TextEdit text = document.begin()->root().ensure_text("new");
  CHECK(text.str().empty());
  CHECK_FALSE(text.path().has_value());
  Transaction later = document.begin().value();
  CHECK_FALSE(text.insert(scalar(0), "x").ok());
}

TEST_CASE("why answers for a key that the first transaction of all is writing") {
  // Fault found: it asks for the clock of an operation that has none.
  Document document = make_document();
  Transaction tx = document.begin().value();
  REQUIRE(tx.root().set("k", 1).ok());
  CHECK(document.why("/k")->winner.value == Value(1));
}
