// Snapshots: a file of the state alone, the same for the same set of deltas, to load and go on with.
// The golden vector's bytes are the format: golden_test.cc (delta) says what to do when they change.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include "crdt/base/checksum.h"
#include "tests/crdt/document/replicas.h"
#include "tests/support/golden.h"

using namespace weft;
using test::content;
using test::edit;
using test::to_hex;

namespace {

DocumentOptions options_of(std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  for (std::size_t i = 0; i < 16; ++i) options.id.bytes[i] = static_cast<std::uint8_t>(i * 17);
  options.undo_depth = 100;
  return options;
}

Document loaded(const Bytes& snapshot, std::uint64_t replica) {
  auto document = Document::load(snapshot, options_of(replica));
  REQUIRE_MESSAGE(document.ok(), document.error().message());
  return std::move(*document);
}

/// Three replicas' work that leaves something of everything in the state: every kind of container, a child
/// of a list, a move, losers, all kinds of conflicts, an erased text and an erasure that was undone.
struct Fixed {
  std::uint64_t now = 1'700'000'000'000;
  Document a = make(0xaaaa'0000'0000'0001);
  Document b = make(0x00bb'0000'0000'0002);
  Document c = make(0xcccc'0000'0000'0003);

  Fixed() {
    edit(a, [](Transaction& tx) -> Status {
      ListEdit list = tx.root().ensure_list("list");
      WEFT_TRY(list.insert(0, std::vector<Value>{0, 1.5, "two", nullptr, true}));
      WEFT_TRY(list.insert(2, new_map()));
      WEFT_TRY(tx.map("/list/2")->set("in", Value::bytes(as_bytes("\xff"))));
      WEFT_TRY(tx.root().ensure_text("text").insert(scalar(0), "héllo 🙂 world"));
      WEFT_TRY(tx.root().ensure_counter("count").add(-5));
      WEFT_TRY(tx.root().ensure_map("hidden").set("x", 1));
      WEFT_TRY(tx.root().set("record", Record{{"w", 1}, {"h", Json::Array{2, 0.5}}}));
      return tx.root().set("gone", "a string that lies outside of its value");
    });
    exchange();
    edit(a, [](Transaction& tx) { return tx.text("/text")->erase(scalar(0), 6); });
    REQUIRE(a.undo().ok());
    edit(a, [](Transaction& tx) -> Status {
      WEFT_TRY(tx.root().erase("hidden"));
      WEFT_TRY(tx.root().erase("gone"));
      WEFT_TRY(tx.list("/list")->move(0, 4));
      return tx.root().set("key", "a");
    });
    now += 1000;
    edit(b, [](Transaction& tx) -> Status {
      WEFT_TRY(tx.map("/hidden")->set("x", 2));
      WEFT_TRY(tx.map("/list/2")->set("in", 7));
      WEFT_TRY(tx.list("/list")->set(1, "set"));
      WEFT_TRY(tx.text("/text")->insert(scalar(5), "!"));
      return tx.root().set("key", "b");
    });
    now -= 3000;
    edit(c, [](Transaction& tx) -> Status {
      WEFT_TRY(tx.list("/list")->erase(1, 2));
      WEFT_TRY(tx.text("/text")->erase(scalar(8), 3));
      WEFT_TRY(tx.counter("/count")->add(12));
      return tx.root().set("key", new_list());
    });
    exchange();
  }
  Document make(std::uint64_t replica) {
    DocumentOptions options = options_of(replica);
    options.now_ms = [this] { return now; };
    return Document::create(options);
  }
  void exchange() {
    for (Document* from : {&a, &b, &c})
      for (Document* to : {&a, &b, &c})
        for (const Bytes& delta : from->deltas_since(to->version()).value())
          to->apply(delta).value();
  }
  Fixed(const Fixed&) = delete;
};

constexpr const char* kFixedContent =
    R"({"count":7,"key":"b","list":["two",null,0,true],"record":{"h":[2,0.5],"w":1},)"
    R"("text":"héllo! 🙂 ld"})";

/// What the conflicts say, without the times and messages that a snapshot doesn't hold.
std::vector<std::string> described(const Document& document) {
  std::vector<std::string> result;
  auto write = [](const WriteInfo& info) {
    return " " + to_string(info.dot) + "@" + std::to_string(info.stamp.hlc) +
           (info.erased ? " erased" : " ") + print_json(info.json, {.sort_keys = true});
  };
  for (const Conflict& conflict : document.conflicts().value()) {
    std::string text = conflict.path + write(conflict.winner) + " over";
    for (const WriteInfo& loser : conflict.losers) text += write(loser);
    result.push_back(text);
  }
  return result;
}

}  // namespace

TEST_CASE("a snapshot has the bytes of the golden vector") {
  Fixed fixed;
  Bytes made = fixed.a.snapshot();
  Bytes expected = test::golden(
      "snapshot", "a snapshot with every kind of container, losers, moves and erasures",
      "tests/crdt/document/snapshot_test.cc", made);
  CHECK(to_hex(made) == to_hex(expected));
  CHECK(to_hex(loaded(expected, 9).snapshot()) == to_hex(expected));
  CHECK(content(loaded(expected, 9)) == kFixedContent);
}

TEST_CASE("a snapshot of version 1 is read, and written anew as one of version 2") {
  Document old = loaded(test::golden("v1_snapshot", "", "", {}), 9);
  CHECK(content(old) == kFixedContent);
  old.check_invariants();
  const Bytes anew = old.snapshot();
  CHECK(anew[8] == std::byte{2});
  Document copy = loaded(anew, 9);
  CHECK(content(copy) == kFixedContent);
  CHECK(copy.snapshot() == anew);
  // It goes on: what it held weighs its hlc, as before.
  const VersionVector before = old.version();
  edit(old, [](Transaction& tx) { return tx.root().set("new", 1); });
  for (const Bytes& delta : old.deltas_since(before).value()) copy.apply(delta).value();
  CHECK(copy.snapshot() == old.snapshot());
}

TEST_CASE("a loaded document reads as the one that was saved") {
  Fixed fixed;
  Document copy = loaded(fixed.a.snapshot(), 9);
  CHECK(content(copy) == kFixedContent);
  CHECK(copy.id() == fixed.a.id());
  CHECK(copy.replica() == ReplicaId{9});
  CHECK(copy.frontier() == fixed.a.frontier());
  VersionVector version = copy.version();
  CHECK(version == fixed.a.version());
  CHECK(copy.base() == version);
  for (const auto& entry : version.entries())
    CHECK(copy.chain(entry.replica) == fixed.a.chain(entry.replica));
  CHECK(copy.snapshot() == fixed.a.snapshot());
  CHECK(Document::open_file(fixed.a.snapshot(), options_of(9))->snapshot() == fixed.a.snapshot());
}

TEST_CASE("the same deltas give the same snapshot in any order, and from a history (I3)") {
  Fixed fixed;
  Bytes expected = fixed.a.snapshot();
  CHECK(fixed.b.snapshot() == expected);
  CHECK(fixed.c.snapshot() == expected);
  std::vector<Bytes> deltas = fixed.a.deltas_since({}).value();
  REQUIRE(deltas.size() == 6);
  std::vector<std::size_t> order = {0, 1, 2, 3, 4, 5};
  do {
    Document d = Document::create(options_of(9));
    for (std::size_t i : order) REQUIRE(d.apply(deltas[i]).ok());
    REQUIRE(d.snapshot() == expected);
  } while (std::next_permutation(order.begin(), order.end()));
  Bytes file = fixed.a.export_history().value();
  CHECK(Document::open_file(file, options_of(9))->snapshot() == expected);
}

TEST_CASE("an empty document has a snapshot, too, and misses no history") {
  Document copy = loaded(Document::create(options_of(1)).snapshot(), 2);
  CHECK(copy.version().empty());
  CHECK(copy.export_history().ok());
}

TEST_CASE("edits go on in a loaded document and merge with those of replicas that never saved") {
  Fixed fixed;
  Document copy = loaded(fixed.a.snapshot(), 9);
  edit(copy, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.text("/text")->erase(scalar(1), 4));
    WEFT_TRY(tx.text("/text")->insert(scalar(1), "i"));
    WEFT_TRY(tx.list("/list")->move(3, 0));
    WEFT_TRY(tx.list("/list")->set(1, -0.0));
    WEFT_TRY(tx.counter("/count")->add(1));
    return tx.root().set("key", "copy");
  });
  REQUIRE(copy.undo().ok());
  CHECK(content(copy) == kFixedContent);
  REQUIRE(copy.redo().ok());
  edit(fixed.b, [](Transaction& tx) { return tx.text("/text")->insert(scalar(3), "<b>"); });
  for (const Bytes& one : copy.deltas_since(fixed.a.version()).value())
    REQUIRE(fixed.b.apply(one)->applied == 1);
  for (const Bytes& one : fixed.b.deltas_since(copy.version()).value())
    REQUIRE(copy.apply(one)->applied == 1);
  CHECK(copy.snapshot() == fixed.b.snapshot());
  copy.check_invariants();
}

TEST_CASE("text that was erased before the snapshot comes back when its erasure is undone") {
  Fixed fixed;
  Document copy = loaded(fixed.c.snapshot(), 9);
  REQUIRE(fixed.c.undo().ok());
  for (const Bytes& delta : fixed.c.deltas_since(copy.version()).value())
    REQUIRE(copy.apply(delta)->applied == 1);
  CHECK(copy.text("/text")->str() == "héllo! 🙂 world");
  CHECK(copy.snapshot() == fixed.c.snapshot());
}

TEST_CASE("conflicts are listed after a load as before, whatever their kind") {
  Fixed fixed;
  Document copy = loaded(fixed.a.snapshot(), 9);
  CHECK(described(copy) == described(fixed.a));
  std::vector<std::pair<Conflict::Kind, std::string>> kinds;
  for (const Conflict& conflict : copy.conflicts().value())
    kinds.emplace_back(conflict.kind, conflict.path);
  CHECK(kinds == decltype(kinds){{Conflict::Kind::kEditInErased, "/hidden"},
                                 {Conflict::Kind::kConcurrentWrites, "/key"},
                                 {Conflict::Kind::kErasedElement, "/list/aaaa000000000001:2"},
                                 {Conflict::Kind::kEditInErased, "/list/aaaa000000000001:6"}});
  REQUIRE(copy.restore("/hidden").ok());
  CHECK(print_json(copy.map("/hidden")->json().value()) == R"({"x":2})");
}

TEST_CASE("what lies in the history that is not held is refused, not guessed") {
  Fixed fixed;
  Document copy = loaded(fixed.a.snapshot(), 9);
  VersionVector base = copy.version();
  VersionVector older = copy.version_of({{{0xaaaa'0000'0000'0001}, 3}}).value();
  edit(copy, [](Transaction& tx) { return tx.root().set("k", 1); });
  const ErrorCode needs = ErrorCode::kNeedHistory;
  CHECK(copy.at(older).error().code() == needs);
  CHECK(copy.diff(older, copy.version()).error().code() == needs);
  CHECK(copy.history("/key").error().code() == needs);
  CHECK(copy.deltas_since({}).error().code() == needs);
  CHECK(copy.bundles_since({}).error().code() == needs);
  CHECK(copy.export_history().error().code() == needs);
  CHECK(copy.deltas_since(base)->size() == 1);
  CHECK(copy.bundles_since(base)->size() == 1);
  CHECK(copy.at(copy.version())->snapshot() == copy.snapshot());
  CHECK(copy.diff(copy.version(), copy.version())->empty());
  Document forked = copy.fork({10});
  CHECK(forked.snapshot() == copy.snapshot());
  edit(forked, [](Transaction& tx) { return tx.root().set("k", 2); });
  CHECK(copy.get("/k").value() == Value(1));
}

TEST_CASE("a container's snapshot tells whether what is in it is the same") {
  Fixed fixed;
  Bytes list = fixed.a.container_snapshot("/list").value();
  CHECK(fixed.b.container_snapshot("/list").value() == list);
  CHECK(loaded(fixed.a.snapshot(), 9).container_snapshot("/list").value() == list);
  edit(fixed.b, [](Transaction& tx) { return tx.list("/list")->set(0, 1); });
  CHECK_FALSE(fixed.b.container_snapshot("/list").value() == list);
  CHECK(fixed.a.container_snapshot("/nowhere").error().code() == ErrorCode::kNotFound);
  CHECK(fixed.a.container_snapshot("/key").error().code() == ErrorCode::kWrongKind);
}

// Found on review: the fork took over a chain hash that the checkout had never computed.
TEST_CASE("a fork of a checkout has the history that the version had") {
  Fixed fixed;
  Document forked = fixed.a.at(fixed.a.version())->fork({10});
  CHECK(forked.snapshot() == fixed.a.snapshot());
  CHECK(forked.chain(fixed.a.replica()) == fixed.a.chain(fixed.a.replica()));
}

TEST_CASE("edits elsewhere leave a container's snapshot as it is") {
  Fixed fixed;
  Bytes list = fixed.a.container_snapshot("/list").value();
  edit(fixed.a, [](Transaction& tx) { return tx.root().set("elsewhere", 1); });
  CHECK(fixed.a.container_snapshot("/list").value() == list);
}

TEST_CASE("a container's snapshot loads as a document that can be read only") {
  Fixed fixed;
  std::vector<std::string> paths;
  for (const std::string& key : fixed.a.root().keys())
    if (fixed.a.get("/" + key)->is_container()) paths.push_back("/" + key);
  REQUIRE(paths.size() >= 3);
  for (const std::string& path : paths) {
    CAPTURE(path);
    Bytes bytes = fixed.a.container_snapshot(path).value();
    Document part = loaded(bytes, 9);
    Value there = fixed.a.get(path).value();
    CHECK(part.to_json().value() == *fixed.a.to_json().value().find(path.substr(1)));
    CHECK(part.get("")->container_kind() == there.container_kind());
    CHECK(part.snapshot() == bytes);
    CHECK(part.begin().error().code() == ErrorCode::kReadOnly);
    CHECK(part.apply(fixed.a.deltas_since({})->front()).error().code() == ErrorCode::kReadOnly);
    if (!part.version().empty())
      CHECK(part.deltas_since({}).error().code() == ErrorCode::kNeedHistory);
    part.conflicts().value();
    part.log();
    if (there.container_kind() == ContainerKind::kText) {
      TextView whole = fixed.a.text(path).value();
      TextView text = part.text("").value();
      REQUIRE(text.size() == whole.size());
      for (std::size_t at = 0; at <= text.size(); ++at) {
        Anchor anchor = whole.anchor(scalar(at), Side::kAfter).value();
        CHECK(text.resolve(anchor).value() == at);
      }
    }
  }
}

// Found by the fuzzer of snapshots: only what edited a text noticed it; a container's snapshot was written
// that did not load.
TEST_CASE(
    "a snapshot whose texts have other lengths than their runs can be read and not gone on with") {
  for (bool erased : {false, true}) {
    CAPTURE(erased);
    Fixed fixed;
    if (erased)
      edit(fixed.a, [](Transaction& tx) { return tx.text("/text")->erase(scalar(1), 1); });
    Bytes bytes = fixed.a.snapshot();
    const std::string_view accented = "\u00e9";
    auto found = std::search(bytes.begin(), bytes.end(), as_bytes(accented).begin(),
                             as_bytes(accented).end());
    REQUIRE(found != bytes.end());
    std::copy_n(as_bytes("ab").begin(), 2, found);
    bytes.resize(bytes.size() - 8);
    ByteWriter(bytes).u64(xxh3_64(bytes));
    Document document = loaded(bytes, 9);
    CHECK(document.get("/count").value().container_kind() == ContainerKind::kCounter);
    auto part = document.container_snapshot("/text");
    REQUIRE(!part.ok());
    CHECK(part.error().code() == ErrorCode::kCorrupt);
    CHECK(document.begin().error().code() == ErrorCode::kCorrupt);
    CHECK(document.snapshot() == bytes);
  }
}

TEST_CASE("what lies in a damaged cold part is an error wherever it is asked for, never nothing") {
  Bytes bytes = Fixed().a.snapshot();
  const SnapshotInfo info = read_snapshot_info(bytes).value();
  // The first byte of the cold part: how many entries the first log's graph has.
  bytes[8 + 1 + 16 + 8 + static_cast<std::size_t>(info.live_bytes)] = std::byte{0};
  bytes.resize(bytes.size() - 8);
  ByteWriter(bytes).u64(xxh3_64(bytes));
  Document document = loaded(bytes, 9);
  auto is_corrupt = [](const auto& result) {
    return !result.ok() && result.error().code() == ErrorCode::kCorrupt;
  };
  // What shows no order is there.
  CHECK(document.text("/text").ok());
  CHECK(document.text("/text")->line_count() == 1);
  CHECK(document.counter("/count").ok());
  CHECK(document.root().map("record").error().code() == ErrorCode::kWrongKind);
  CHECK(document.list("/list").ok());
  // Everything else says what is wrong, and goes on saying it.
  for (int i = 0; i < 2; ++i) {
    CHECK(is_corrupt(document.to_json()));
    CHECK(is_corrupt(document.root().json()));
    CHECK(is_corrupt(document.list("/list")->json()));
    CHECK(is_corrupt(document.list("/list")->values()));
    CHECK(is_corrupt(document.list("/list")->size()));
    CHECK(is_corrupt(document.list("/list")->get(0)));
    CHECK(is_corrupt(document.get("/list/0")));
    CHECK(is_corrupt(document.conflicts()));
    CHECK(is_corrupt(document.why("/record")));
    CHECK(is_corrupt(document.check_readable()));
    CHECK(is_corrupt(document.frontier_of(document.version())));
    CHECK(is_corrupt(document.version_of(document.frontier())));
    CHECK(is_corrupt(document.happened_before(document.frontier()[0], document.frontier()[0])));
    CHECK(is_corrupt(document.at(document.version())));
    CHECK(is_corrupt(document.diff(Fixed().a)));
    CHECK(is_corrupt(document.begin()));
    CHECK(is_corrupt(document.container_snapshot("/list")));
  }
  CHECK(document.snapshot() == bytes);
}

TEST_CASE("a snapshot of more replicas than a delta may name can be written and read") {
  DocumentOptions options = options_of(1);
  options.limits.replicas = 4;
  Document document = Document::create(options);
  for (std::uint64_t replica = 2; replica < 40; ++replica) {
    Document other = Document::create(options_of(replica));
    other.transact([&](Transaction& tx) { return tx.root().set(std::to_string(replica), 1); })
        .value();
    for (const Bytes& delta : other.deltas_since({}).value()) document.apply(delta).value();
  }
  const Bytes bytes = document.snapshot();
  auto again = Document::load(bytes, options);
  REQUIRE_MESSAGE(again.ok(), again.error().message());
  CHECK(again->version() == document.version());
  CHECK(again->to_json().value() == document.to_json().value());
  CHECK(again->snapshot() == bytes);
}

TEST_CASE("a counter's sum beyond 64 bits is in the snapshot as it is") {
  Document a = Document::create(options_of(1));
  edit(a, [](Transaction& tx) -> Status {
    CounterEdit counter = tx.root().ensure_counter("n");
    for (int i = 0; i < 5; ++i) WEFT_TRY(counter.add(INT64_MIN));
    return {};
  });
  CHECK(a.counter("/n")->value() == INT64_MIN);
  Document b = loaded(a.snapshot(), 2);
  CHECK(b.counter("/n")->value() == INT64_MIN);
  CHECK(b.snapshot() == a.snapshot());
  edit(b, [](Transaction& tx) -> Status {
    for (int i = 0; i < 5; ++i) WEFT_TRY(tx.counter("/n")->add(INT64_MAX));
    return {};
  });
  CHECK(b.counter("/n")->value() == -5);
  for (const Bytes& delta : b.deltas_since(a.version()).value()) a.apply(delta).value();
  CHECK(b.snapshot() == a.snapshot());
}

TEST_CASE("a snapshot with any bit flipped or any byte missing is refused") {
  Bytes good = Fixed().a.snapshot();
  auto code = [](ByteSpan bytes) {
    auto document = Document::load(Bytes(bytes.begin(), bytes.end()), options_of(9));
    return document.ok() ? ErrorCode::kOk : document.error().code();
  };
  REQUIRE(code(good) == ErrorCode::kOk);
  for (std::size_t size = 0; size < good.size(); ++size)
    REQUIRE(code(ByteSpan(good).first(size)) == ErrorCode::kCorrupt);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    CAPTURE(bit);
    Bytes damaged = good;
    damaged[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    REQUIRE(code(damaged) == (bit / 8 == 8 ? ErrorCode::kUnknownVersion : ErrorCode::kCorrupt));
  }
}
