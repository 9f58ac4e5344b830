// Patches: what observers are told, by whom, in which order and unit.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include "tests/crdt/document/replicas.h"

using namespace weft;
using test::make_document;

namespace {

Bytes edit(Document& document, auto&& body) {
  auto commit = document.transact(body);
  REQUIRE_MESSAGE(commit.ok(), commit.error().message());
  return Bytes(commit->delta.begin(), commit->delta.end());
}

/// Writes down every patch it is told of.
struct Watcher {
  std::vector<Patch> patches;
  Observer observer;
  explicit Watcher(Document& document, std::string_view path_prefix = "", Unit unit = Unit::kScalar)
      : observer(document.observe([this](const Patch& patch) { patches.push_back(patch); },
                                  path_prefix, unit)) {}
  Watcher(const Watcher&) = delete;
  std::vector<std::string> paths() const {
    std::vector<std::string> result;
    for (const Patch& patch : patches) result.push_back(patch.path);
    return result;
  }
  /// The only patch since the last call.
  Patch only() {
    REQUIRE(patches.size() == 1);
    return std::exchange(patches, {})[0];
  }
};

using Paths = std::vector<std::string>;
using Steps = std::vector<SequenceStep>;

SequenceStep text_step(std::size_t retain, std::size_t erased, std::string text) {
  return {retain, erased, std::move(text), {}, {}};
}
SequenceStep list_step(std::size_t retain, std::size_t erased, std::vector<Value> values) {
  std::vector<Json> json;
  for (const Value& value : values) json.push_back(value.json());
  return {retain, erased, "", std::move(values), std::move(json)};
}

/// {"l":[0,1,2],"n":0,"t":"aé🙂"}
Document furnished() {
  Document document = make_document();
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().ensure_list("l").insert(0, std::vector<Value>{0, 1, 2}));
    tx.root().ensure_counter("n");
    return tx.root().ensure_text("t").insert(scalar(0), "aé🙂");
  });
  return document;
}

}  // namespace

TEST_CASE("a transaction gives one patch for each container it changed, parents first") {
  Document document = furnished();
  Watcher watcher(document);
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.text("/t")->insert(scalar(0), "x"));
    WEFT_TRY(tx.counter("/n")->add(5));
    WEFT_TRY(tx.root().set("k", 1));
    WEFT_TRY(tx.text("/t")->insert(scalar(0), "y"));
    WEFT_TRY(tx.counter("/n")->add(-2));
    return tx.root().set("k", 2);
  });
  CHECK(watcher.paths() == Paths{"", "/t", "/n"});
  CHECK(watcher.patches[0].kind == ContainerKind::kMap);
  CHECK(watcher.patches[0].keys == std::vector<KeyChange>{{"k", false, 2, 2}});
  CHECK(watcher.patches[1].kind == ContainerKind::kText);
  CHECK(watcher.patches[1].container == document.text("/t")->index());
  CHECK(watcher.patches[2].kind == ContainerKind::kCounter);
  CHECK(watcher.patches[2].counter_delta == 3);
}

TEST_CASE("each step counts in what the steps before it left") {
  Document document = furnished();
  Watcher watcher(document);
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.text("/t")->erase(scalar(0), 1));
    WEFT_TRY(tx.text("/t")->insert(scalar(2), "!"));
    return tx.text("/t")->insert(scalar(0), "A");
  });
  CHECK(watcher.only().steps ==
        Steps{text_step(0, 1, ""), text_step(2, 0, "!"), text_step(0, 0, "A")});
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.list("/l")->insert(1, std::vector<Value>{"a", "b"}));
    WEFT_TRY(tx.list("/l")->erase(0));
    return tx.list("/l")->set(0, "A");
  });
  CHECK(watcher.only().steps ==
        Steps{list_step(1, 0, {"a", "b"}), list_step(0, 1, {}), list_step(0, 1, {"A"})});
}

TEST_CASE("a move is an erasure and an insertion of the same value") {
  Document document = furnished();
  Watcher watcher(document);
  edit(document, [](Transaction& tx) { return tx.list("/l")->move(0, 2); });
  CHECK(watcher.only().steps == Steps{list_step(0, 1, {}), list_step(2, 0, {0})});
}

TEST_CASE("every observer gets text in its own unit") {
  Document document = furnished();
  Watcher scalars(document);
  Watcher bytes(document, "", Unit::kUtf8);
  Watcher units(document, "", Unit::kUtf16);
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.text("/t")->insert(scalar(3), "漢"));
    return tx.text("/t")->erase(scalar(1), 2);
  });
  CHECK(scalars.only().steps == Steps{text_step(3, 0, "漢"), text_step(1, 2, "")});
  CHECK(bytes.only().steps == Steps{text_step(7, 0, "漢"), text_step(1, 6, "")});
  CHECK(units.only().steps == Steps{text_step(4, 0, "漢"), text_step(1, 3, "")});
}

TEST_CASE("a path prefix limits an observer to a container and what is in it") {
  Document document = make_document();
  edit(document, [](Transaction& tx) {
    tx.root().ensure_map("a").ensure_map("b");
    tx.root().ensure_map("ab");
  });
  Watcher watcher(document, "/a");
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", 1));
    WEFT_TRY(tx.map("/ab")->set("k", 1));
    WEFT_TRY(tx.map("/a/b")->set("k", 1));
    return tx.map("/a")->set("k", 1);
  });
  CHECK(watcher.paths() == Paths{"/a", "/a/b"});
}

TEST_CASE("a new child comes whole with its parent's patch") {
  Document document = furnished();
  Watcher watcher(document);
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().ensure_map("m").set("x", 1));
    return tx.root().ensure_map("m").ensure_text("t").insert(scalar(0), "abc");
  });
  Patch patch = watcher.only();
  REQUIRE(patch.keys.size() == 1);
  CHECK(patch.keys[0].key == "m");
  CHECK(patch.keys[0].value == document.get("/m").value());
  CHECK(print_json(patch.keys[0].json) == R"({"t":"abc","x":1})");

  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.list("/l")->insert(1, new_map()));
    return tx.map("/l/1")->set("y", 2);
  });
  patch = watcher.only();
  REQUIRE(patch.steps.size() == 1);
  CHECK(patch.steps[0].retain == 1);
  REQUIRE(patch.steps[0].inserted_json.size() == 1);
  CHECK(print_json(patch.steps[0].inserted_json[0]) == R"({"y":2})");
}

TEST_CASE("a path is that of the state after the transaction") {
  Document document = make_document();
  edit(document, [](Transaction& tx) -> Status {
    ListEdit list = tx.root().ensure_list("l");
    WEFT_TRY(list.insert(0, new_map()));
    return list.insert(1, 1);
  });
  Watcher watcher(document);
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.map("/l/0")->set("k", 1));
    return tx.list("/l")->insert(0, 0);
  });
  CHECK(watcher.paths() == Paths{"/l", "/l/1"});
  watcher.patches.clear();
  MapView map = document.map("/l/1").value();
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.map("/l/1")->set("k", 2));
    return tx.list("/l")->erase(1);
  });
  CHECK(watcher.paths() == Paths{"/l"});  // what can't be reached any more is not told
  CHECK(map.get("k") == Value(2));
}

TEST_CASE("an erased key is told as erased, a write that loses is not told") {
  Document a = furnished();
  Document b = make_document(2);
  edit(a, [](Transaction& tx) { return tx.root().set("k", "a"); });
  edit(b, [](Transaction& tx) { return tx.root().set("k", "b"); });
  Watcher watcher(a);
  CHECK(a.apply(b.deltas_since({})->front())->applied == 1);
  CHECK(watcher.patches.empty());
  REQUIRE(a.why("/k")->losers.size() == 1);
  edit(a, [](Transaction& tx) { return tx.root().erase("k"); });
  CHECK(watcher.only().keys == std::vector<KeyChange>{{"k", true, {}, {}}});
}

TEST_CASE("a patch says whether it was made here, and the origin of a transaction") {
  Document a = make_document(1);
  Document b = make_document(2);
  Watcher at_a(a);
  Watcher at_b(b);
  TransactionOptions options;
  options.origin = "toolbar";
  auto commit = a.transact(options, [](Transaction& tx) { return tx.root().set("k", 1); });
  REQUIRE(b.apply(commit->delta).ok());
  CHECK(at_a.patches.at(0).local);
  CHECK(at_a.only().origin == "toolbar");
  CHECK_FALSE(at_b.patches.at(0).local);
  CHECK(at_b.only().origin.empty());
}

TEST_CASE("nothing is told of what had no effect") {
  Document document = furnished();
  Bytes known = document.deltas_since({})->front();
  Document other = make_document(2);
  REQUIRE(other.apply(known).ok());
  edit(other, [](Transaction& tx) { return tx.root().set("k", 1); });
  Bytes waits = edit(other, [](Transaction& tx) { return tx.root().set("k", 2); });
  Watcher watcher(document);
  CHECK(document.begin()->root().set("k", 9).ok());
  CHECK_FALSE(document
                  .transact([](Transaction& tx) -> Status {
                    WEFT_TRY(tx.text("/t")->insert(scalar(0), "x"));
                    return tx.root().erase("no such key");
                  })
                  .ok());
  edit(document, [](Transaction&) {});
  CHECK(document.apply(known)->duplicate == 1);
  CHECK(document.apply(waits)->pending == 1);
  CHECK(watcher.patches.empty());
  // Once it takes effect, it is told together with what it waited for.
  for (const Bytes& delta : other.deltas_since(document.version()).value())
    REQUIRE(document.apply(delta).ok());
  CHECK(watcher.only().keys == std::vector<KeyChange>{{"k", false, 2, 2}});
}

TEST_CASE("undo and redo are told as local edits") {
  Document document = furnished();
  edit(document, [](Transaction& tx) { return tx.text("/t")->erase(scalar(1), 2); });
  Watcher watcher(document);
  REQUIRE(document.undo().ok());
  Patch patch = watcher.only();
  CHECK(patch.local);
  std::string text = "a";
  for (const SequenceStep& step : patch.steps) {
    CHECK(step.erased == 0);
    text.insert(step.retain == 0 ? 0 : step.retain == 1 ? 1 : 3, step.inserted_text);
  }
  CHECK(text == "aé🙂");
  REQUIRE(document.redo().ok());
  patch = watcher.only();
  std::size_t erased = 0;
  for (const SequenceStep& step : patch.steps) erased += step.erased;
  CHECK(erased == 2);
}

TEST_CASE("an observation ends with its observer") {
  Document document = furnished();
  int told = 0;
  std::optional<Observer> first = document.observe([&](const Patch&) { ++told; });
  Observer moved = std::move(*first);
  first.reset();
  edit(document, [](Transaction& tx) { return tx.root().set("k", 1); });
  CHECK(told == 1);
  { Observer ended = std::move(moved); }
  edit(document, [](Transaction& tx) { return tx.root().set("k", 2); });
  CHECK(told == 1);

  Observer outlives;
  Document gone = make_document();
  outlives = gone.observe([&](const Patch&) { ++told; });
  gone = make_document();
}

TEST_CASE("an observer that another one's callback ends is not called any more") {
  // Fault found: whoever observed when the delivery began is told until its end.
  Document document = furnished();
  int told = 0;
  std::optional<Observer> second;
  Observer first = document.observe([&](const Patch&) { second.reset(); });
  second = document.observe([&](const Patch&) { ++told; });
  edit(document, [](Transaction& tx) { return tx.root().set("k", 1); });
  CHECK(told == 0);
}

TEST_CASE(
    "an observer that edits changes neither the commit that it answers to nor what others hear of "
    "it") {
  Document a = make_document(1);
  edit(a, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "-"); });
  const std::string longer(200, 'x');
  int answers = 0;
  Observer answering = a.observe([&](const Patch& patch) {
    if (patch.origin != "outer" || answers++ > 0) return;
    auto inner = a.transact({.origin = "inner", .message = ""}, [&](Transaction& tx) -> Status {
      WEFT_TRY(tx.text("/t")->insert(scalar(0), longer));
      return tx.root().set("k", "inner");
    });
    REQUIRE(inner.ok());
    Document reader = make_document(9);
    for (const Bytes& delta : a.deltas_since({}).value()) reader.apply(delta).value();
    CHECK(reader.snapshot() == a.snapshot());  // the outer one is there already, whole
  });
  std::string mirror = "-";
  std::vector<std::string> heard;
  Observer listening = a.observe([&](const Patch& patch) {
    heard.push_back(patch.origin + patch.path);
    for (const SequenceStep& step : patch.steps) {
      mirror.erase(step.retain, step.erased);
      mirror.insert(step.retain, step.inserted_text);
    }
    for (const KeyChange& change : patch.keys)
      CHECK(change.json == Json(patch.origin == "outer" ? "outer" : "inner"));
  });
  const Bytes before = a.snapshot();
  Document b = Document::load(before,
                              [] {
                                DocumentOptions options;
                                options.replica = {2};
                                return options;
                              }())
                   .value();
  auto outer = a.transact({.origin = "outer", .message = ""}, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", "outer"));
    return tx.text("/t")->insert(scalar(1), "o");
  });
  REQUIRE(outer.ok());
  CHECK(answers == 2);  // the patches of the root and of the text
  CHECK(heard == std::vector<std::string>{"outer", "outer/t", "inner", "inner/t"});
  CHECK(mirror == longer + "-o");
  // The bytes that the outer commit hands out are its own.
  CHECK(b.apply(outer->delta)->applied == 1);
  CHECK(b.text("/t")->str() == "-o");
  for (const Bytes& delta : a.deltas_since(b.version()).value()) b.apply(delta).value();
  CHECK(b.snapshot() == a.snapshot());
  a.check_invariants();
}

TEST_CASE("an observer may edit in answer to an undo, and what can be undone stays right") {
  Document a = make_document(1);
  edit(a, [](Transaction& tx) { return tx.root().set("k", 1); });
  edit(a, [](Transaction& tx) { return tx.root().set("k", 2); });
  bool answered = false;
  Observer observer = a.observe([&](const Patch&) {
    if (std::exchange(answered, true)) return;
    a.transact([](Transaction& tx) { return tx.root().set("answer", true); }).value();
  });
  REQUIRE(a.undo().ok());
  CHECK(*a.get("/k").value().json().as_int() == 1);
  CHECK(a.redo_size() == 0);  // the answer is an edit: it clears what could be redone
  REQUIRE(a.undo_size() == 2);
  REQUIRE(a.undo().ok());
  CHECK_FALSE(a.get("/answer").ok());
  CHECK(*a.get("/k").value().json().as_int() == 1);
  REQUIRE(a.undo().ok());
  CHECK_FALSE(a.get("/k").ok());
}

TEST_CASE("an observer may apply deltas, begin an observation and end the document") {
  Document other = make_document(2);
  const Bytes theirs = edit(other, [](Transaction& tx) { return tx.root().set("theirs", 1); });
  auto a = std::make_unique<Document>(make_document(1));
  int told = 0;
  std::optional<Observer> late;
  Observer observer = a->observe([&](const Patch& patch) {
    if (patch.local) {
      a->apply(theirs).value();
      late = a->observe([&](const Patch&) { ++told; });
    } else {
      a.reset();
    }
  });
  Document* document = a.get();
  CHECK(document->transact([](Transaction& tx) { return tx.root().set("ours", 1); }).ok());
  CHECK(a == nullptr);
  CHECK(told == 0);
}

TEST_CASE("a counter's patches lead to the number that is shown, whatever its sum is") {
  Document a = make_document(1);
  edit(a, [](Transaction& tx) { tx.root().ensure_counter("n"); });
  std::uint64_t mirror = 0;
  Observer observer = a.observe(
      [&](const Patch& patch) { mirror += static_cast<std::uint64_t>(patch.counter_delta); });
  for (const std::int64_t amount : {INT64_MAX, INT64_MAX, INT64_C(-7), INT64_MIN, INT64_MIN,
                                    INT64_MIN, INT64_MAX, INT64_MAX, INT64_C(12)}) {
    edit(a, [&](Transaction& tx) { return tx.counter("/n")->add(amount); });
    CHECK(static_cast<std::int64_t>(mirror) == a.counter("/n")->value());
  }
}
