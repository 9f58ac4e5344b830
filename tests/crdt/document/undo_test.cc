// Undo and redo: our own transactions, taken back by operations that everyone can see.

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include "tests/crdt/document/replicas.h"

using namespace weft;
using namespace weft::test;

namespace {

UndoReport undo(Document& document) {
  auto report = document.undo();
  REQUIRE_MESSAGE(report.ok(), report.error().message());
  document.check_invariants();
  return *report;
}
UndoReport redo(Document& document) {
  auto report = document.redo();
  REQUIRE_MESSAGE(report.ok(), report.error().message());
  document.check_invariants();
  return *report;
}

/// `body` after `setup`: undone, redone, undone again; a replica that gets all of it agrees.
void check_there_and_back(auto&& setup, auto&& body, const std::string& before,
                          const std::string& after) {
  Document document = make_document();
  edit(document, setup);
  REQUIRE(content(document) == before);
  edit(document, body);
  REQUIRE(content(document) == after);
  for (int i = 0; i < 2; ++i) {
    CHECK(undo(document).skipped == 0);
    CHECK(content(document) == before);
    CHECK(redo(document).skipped == 0);
    CHECK(content(document) == after);
  }
  Document other = make_document(2);
  exchange(document, other);
}

}  // namespace

TEST_CASE("undo of map edits brings back what each key held, or that it held nothing") {
  check_there_and_back(
      [](Transaction& tx) -> Status {
        WEFT_TRY(tx.root().set("changed", 1));
        WEFT_TRY(tx.root().set("erased", "a string that is longer than a value"));
        return tx.root().ensure_map("child").set("in", 1);
      },
      [](Transaction& tx) -> Status {
        WEFT_TRY(tx.root().set("changed", 2.5));
        WEFT_TRY(tx.root().set("changed", 3));
        WEFT_TRY(tx.root().erase("erased"));
        WEFT_TRY(tx.root().set("child", Record{{"x", 1}}));
        return tx.root().set("new", new_list());
      },
      R"({"changed":1,"child":{"in":1},"erased":"a string that is longer than a value"})",
      R"({"changed":3,"child":{"x":1},"new":[]})");
}

TEST_CASE("undo of list edits brings back elements, values and places") {
  check_there_and_back(
      [](Transaction& tx) {
        return tx.root().ensure_list("l").insert(0, std::vector<Value>{0, 1, 2, 3, 4});
      },
      [](Transaction& tx) -> Status {
        WEFT_ASSIGN(ListEdit list, tx.list("/l"));
        WEFT_TRY(list.move(0, 4));
        WEFT_TRY(list.erase(1, 2));
        WEFT_TRY(list.set(0, "one"));
        WEFT_TRY(list.insert(1, "new"));
        return list.move(3, 0);
      },
      R"({"l":[0,1,2,3,4]})", R"({"l":[0,"one","new",4]})");
}

TEST_CASE("undo of text edits brings back the same characters") {
  check_there_and_back(
      [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "Hé漢🙂o"); },
      [](Transaction& tx) -> Status {
        WEFT_ASSIGN(TextEdit text, tx.text("/t"));
        WEFT_TRY(text.erase(scalar(1), 3));
        return text.insert(scalar(1), "ell");
      },
      R"({"t":"Hé漢🙂o"})", R"({"t":"Hello"})");
}

TEST_CASE("undo of an addition subtracts it, also the smallest number there is") {
  check_there_and_back([](Transaction& tx) { return tx.root().ensure_counter("n").add(-8); },
                       [](Transaction& tx) -> Status {
                         WEFT_TRY(tx.counter("/n")->add(INT64_MIN));
                         return tx.counter("/n")->add(5);
                       },
                       R"({"n":-8})", R"({"n":-9223372036854775808})");
}

TEST_CASE("redo of what made a child brings back the same child with what is in it") {
  check_there_and_back([](Transaction& tx) { return tx.root().ensure_list("l").insert(0, 1); },
                       [](Transaction& tx) -> Status {
                         WEFT_TRY(tx.root().ensure_text("t").insert(scalar(0), "abc"));
                         WEFT_TRY(tx.list("/l")->insert(0, new_map()));
                         return tx.map("/l/0")->ensure_counter("n").add(3);
                       },
                       R"({"l":[1]})", R"({"l":[{"n":3},1],"t":"abc"})");
}

TEST_CASE("undo goes back transaction by transaction, redo forward again") {
  Document document = make_document();
  for (int i = 0; i < 4; ++i)
    edit(document, [&](Transaction& tx) { return tx.root().set("k", i); });
  CHECK(document.undo_size() == 4);
  CHECK(document.redo_size() == 0);
  for (const char* expected : {R"({"k":2})", R"({"k":1})", R"({"k":0})", "{}"}) {
    undo(document);
    CHECK(content(document) == expected);
  }
  CHECK(document.undo_size() == 0);
  CHECK(document.redo_size() == 4);
  for (const char* expected : {R"({"k":0})", R"({"k":1})", R"({"k":2})", R"({"k":3})"}) {
    redo(document);
    CHECK(content(document) == expected);
  }
  CHECK(document.undo_size() == 4);
  CHECK(document.redo_size() == 0);
}

TEST_CASE("with nothing to undo or redo the document stays as it is") {
  Document document = make_document();
  edit(document, [](Transaction& tx) { return tx.root().set("k", 1); });
  Bytes before = document.snapshot();
  CHECK(document.redo().error().code() == ErrorCode::kNothingToUndo);
  CHECK(document.snapshot() == before);
  undo(document);
  before = document.snapshot();
  CHECK(document.undo().error().code() == ErrorCode::kNothingToUndo);
  CHECK(document.snapshot() == before);
}

TEST_CASE("undo_depth bounds how far back undo goes; 0 means there is none") {
  Document document = make_document(1, 2);
  for (int i = 0; i < 5; ++i)
    edit(document, [&](Transaction& tx) { return tx.root().set("k", i); });
  CHECK(document.undo_size() == 2);
  undo(document);
  undo(document);
  CHECK(content(document) == R"({"k":2})");
  CHECK(document.undo().error().code() == ErrorCode::kNothingToUndo);

  Document without = make_document(1, 0);
  edit(without, [](Transaction& tx) { return tx.root().set("k", 1); });
  CHECK(without.undo_size() == 0);
  CHECK(without.undo().error().code() == ErrorCode::kNothingToUndo);
}

TEST_CASE("an edit clears what could be redone; an empty transaction and another's delta don't") {
  Document document = make_document();
  Document other = make_document(2);
  edit(document, [](Transaction& tx) { return tx.root().set("k", 1); });
  undo(document);
  REQUIRE(document.redo_size() == 1);
  edit(document, [](Transaction&) {});
  CHECK(document.redo_size() == 1);
  edit(other, [](Transaction& tx) { return tx.root().set("o", 1); });
  exchange(document, other);
  CHECK(document.redo_size() == 1);
  edit(document, [](Transaction& tx) { return tx.root().set("j", 1); });
  CHECK(document.redo_size() == 0);
  CHECK(document.redo().error().code() == ErrorCode::kNothingToUndo);
}

TEST_CASE("undo never writes over another replica's later write, and says what it skipped") {
  Document a = make_document(1);
  Document b = make_document(2);
  edit(a, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", "before"));
    return tx.root().ensure_list("l").insert(0, std::vector<Value>{"x", "y"});
  });
  edit(a, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", "ours"));
    WEFT_TRY(tx.root().set("free", "ours"));
    WEFT_TRY(tx.list("/l")->set(0, "ours"));
    return tx.list("/l")->move(0, 1);
  });
  exchange(a, b);
  edit(b, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", "theirs"));
    WEFT_TRY(tx.list("/l")->set(1, "theirs"));
    return tx.list("/l")->move(1, 0);
  });
  exchange(a, b);
  UndoReport report = undo(a);
  CHECK(report.undone == 1);
  CHECK(report.skipped == 3);
  CHECK(content(a) == R"({"k":"theirs","l":["theirs","y"]})");
  exchange(a, b);
}

TEST_CASE("undo of our text and counts leaves what another replica typed and counted") {
  Document a = make_document(1);
  Document b = make_document(2);
  edit(a, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "[]"); });
  edit(a, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().ensure_counter("n").add(10));
    return tx.text("/t")->insert(scalar(1), "ours");
  });
  exchange(a, b);
  edit(b, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.counter("/n")->add(100));
    WEFT_TRY(tx.text("/t")->insert(scalar(3), "THEIRS"));
    return tx.text("/t")->erase(scalar(1), 1);  // the o is gone already
  });
  exchange(a, b);
  REQUIRE(content(a) == R"({"n":110,"t":"[uTHEIRSrs]"})");
  UndoReport report = undo(a);
  CHECK(report.undone == 4);   // three characters, the addition
  CHECK(report.skipped == 2);  // the o, and the counter, in which another replica has counted
  CHECK(report.kept == 1);
  CHECK(content(a) == R"({"n":100,"t":"[THEIRS]"})");
  redo(a);
  CHECK(content(a) == R"({"n":110,"t":"[uTHEIRSrs]"})");
  exchange(a, b);
}

TEST_CASE("undo of a child that we made leaves it where another replica has edited in it since") {
  for (const bool knew : {false, true}) {
    CAPTURE(knew);
    Document a = make_document(1);
    Document b = make_document(2);
    edit(a, [](Transaction& tx) -> Status {
      tx.root().ensure_map("quiet").set("k", 1).value();
      WEFT_TRY(tx.root().ensure_text("t").insert(scalar(0), "ours"));
      WEFT_TRY(tx.root().ensure_list("l").insert(0, new_map()));
      return tx.root().set("deep", new_map());
    });
    edit(a, [](Transaction& tx) { return tx.root().set("later", 1); });
    exchange(a, b);
    if (knew) edit(a, [](Transaction& tx) { return tx.map("/deep")->set("x", 1); });
    edit(b, [](Transaction& tx) -> Status {
      WEFT_TRY(tx.text("/t")->insert(scalar(4), " and theirs"));
      WEFT_TRY(tx.map("/l/0")->set("theirs", true));
      return tx.map("/deep")->ensure_text("inside").insert(scalar(0), "theirs");
    });
    exchange(a, b);
    while (a.undo_size() > 1) undo(a);
    const UndoReport report = undo(a);
    CHECK(report.kept ==
          4);  // the text, the list and its map, and what lies around the text inside
    CHECK(content(a) == R"({"deep":{"inside":"theirs"},"l":[{"theirs":true}],"t":" and theirs"})");
    exchange(a, b);
    CHECK(a.conflicts().value().empty());
  }
}

TEST_CASE("undo of a restored child hides again what others had written in it before") {
  Document a = make_document(1);
  Document b = make_document(2);
  edit(b, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "theirs"); });
  edit(b, [](Transaction& tx) { return tx.root().erase("t"); });
  exchange(a, b);
  REQUIRE(a.restore("/t").ok());
  REQUIRE(content(a) == R"({"t":"theirs"})");
  const UndoReport report = undo(a);
  CHECK(report.undone == 1);
  CHECK(report.kept == 0);
  CHECK(content(a) == "{}");
}

TEST_CASE("undo of our erasure does not bring back what another replica erased too") {
  Document a = make_document(1);
  Document b = make_document(2);
  edit(a, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "abcd"); });
  exchange(a, b);
  edit(a, [](Transaction& tx) { return tx.text("/t")->erase(scalar(0), 3); });
  edit(b, [](Transaction& tx) { return tx.text("/t")->erase(scalar(1), 1); });
  exchange(a, b);
  undo(a);
  CHECK(content(a) == R"({"t":"acd"})");
  exchange(a, b);
  REQUIRE(b.undo().ok());
  CHECK(content(b) == R"({"t":"abcd"})");
  exchange(a, b);
}

TEST_CASE("an anchor in erased text stands where it stood once the erasure is undone") {
  Document document = make_document();
  edit(document, [](Transaction& tx) {
    return tx.root().ensure_text("t").insert(scalar(0), "one two three");
  });
  TextView text = document.text("/t").value();
  Anchor before_w = text.anchor(scalar(5), Side::kBefore).value();
  Anchor after_w = text.anchor(scalar(6), Side::kAfter).value();
  edit(document, [](Transaction& tx) { return tx.text("/t")->erase(scalar(4), 4); });
  CHECK(text.resolve(before_w).value() == 4);
  CHECK(text.resolve(after_w).value() == 4);
  undo(document);
  CHECK(text.str() == "one two three");
  CHECK(text.resolve(before_w).value() == 5);
  CHECK(text.resolve(after_w).value() == 6);
}

TEST_CASE("an undo whose operations are all skipped makes no delta and uses up its step") {
  Document a = make_document(1);
  Document b = make_document(2);
  edit(a, [](Transaction& tx) { return tx.root().set("k", 1); });
  exchange(a, b);
  edit(b, [](Transaction& tx) { return tx.root().set("k", 2); });
  exchange(a, b);
  Bytes before = a.snapshot();
  UndoReport report = undo(a);
  CHECK(report.skipped == 1);
  CHECK(a.snapshot() == before);
  CHECK(a.undo_size() == 0);
  CHECK(a.redo_size() == 0);
}
