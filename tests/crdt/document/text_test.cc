// Text: positions in three units, lines, anchors, blame, and what merges of typing look like.

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include "tests/crdt/document/replicas.h"

using namespace weft;
using namespace weft::test;

namespace {

Document with_text(std::string_view text) {
  Document document = make_document();
  auto commit = document.transact(
      [&](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), text); });
  REQUIRE(commit.ok());
  return document;
}

Result<Commit> insert(Document& document, Position at, std::string_view text) {
  return document.transact(
      [&](Transaction& tx) { return tx.root().ensure_text("t").insert(at, text); });
}
Result<Commit> erase(Document& document, Position begin, std::size_t count) {
  return document.transact([&](Transaction& tx) { return tx.text("/t")->erase(begin, count); });
}

TextView text(const Document& document) { return document.text("/t").value(); }

/// An error of `code`, and the document is what it was.
void check_refused(Document& document, auto&& body, ErrorCode code) {
  Bytes before = document.snapshot();
  auto commit = document.transact(body);
  REQUIRE_FALSE(commit.ok());
  CHECK(commit.error().code() == code);
  CHECK(document.snapshot() == before);
}

// One, two, three and four bytes: scalars 0 1 2 3, bytes 0 1 3 6, UTF-16 units 0 1 2 3, ends 4 10 5.
constexpr const char* kMixed = "aé漢🙂";

}  // namespace

TEST_CASE("a position is the same place in each unit") {
  Document document = with_text(kMixed);
  TextView view = text(document);
  CHECK(view.size() == 4);
  CHECK(view.size(Unit::kUtf8) == 10);
  CHECK(view.size(Unit::kUtf16) == 5);
  const std::size_t places[][3] = {{0, 0, 0}, {1, 1, 1}, {2, 3, 2}, {3, 6, 3}, {4, 10, 5}};
  for (const auto& place : places)
    for (Position from : {scalar(place[0]), utf8(place[1]), utf16(place[2])}) {
      CAPTURE(from.value);
      CHECK(view.convert(from, Unit::kScalar).value() == place[0]);
      CHECK(view.convert(from, Unit::kUtf8).value() == place[1]);
      CHECK(view.convert(from, Unit::kUtf16).value() == place[2]);
    }
}

TEST_CASE("text goes in and out at positions of any unit") {
  Document document = with_text(kMixed);
  REQUIRE(insert(document, utf8(3), "-").ok());
  CHECK(text(document).str() == "aé-漢🙂");
  REQUIRE(insert(document, utf16(6), "!").ok());
  CHECK(text(document).str() == "aé-漢🙂!");
  REQUIRE(erase(document, utf16(4), 2).ok());  // both halves of a surrogate pair
  CHECK(text(document).str() == "aé-漢!");
  REQUIRE(erase(document, utf8(1), 3).ok());
  CHECK(text(document).str() == "a漢!");
  REQUIRE(erase(document, scalar(0), 3).ok());
  CHECK(text(document).str().empty());
}

TEST_CASE("a position inside a character is refused") {
  Document document = with_text(kMixed);
  for (Position inside : {utf8(2), utf8(4), utf8(5), utf8(7), utf8(8), utf8(9), utf16(4)}) {
    CAPTURE(inside.value);
    auto at_inside = [&](auto&& edit) {
      return [&, edit](Transaction& tx) { return edit(*tx.text("/t")); };
    };
    check_refused(document, at_inside([&](TextEdit t) { return t.insert(inside, "x"); }),
                  ErrorCode::kSplitsCharacter);
    check_refused(document, at_inside([&](TextEdit t) { return t.erase(inside, 1); }),
                  ErrorCode::kSplitsCharacter);
    check_refused(document, at_inside([&](TextEdit t) {
                    return t.erase({0, inside.unit}, inside.value);
                  }),
                  ErrorCode::kSplitsCharacter);
    CHECK(text(document).convert(inside, Unit::kScalar).error().code() ==
          ErrorCode::kSplitsCharacter);
    CHECK(text(document).slice(scalar(0), inside).error().code() == ErrorCode::kSplitsCharacter);
    CHECK(text(document).anchor(inside, Side::kAfter).error().code() ==
          ErrorCode::kSplitsCharacter);
  }
}

TEST_CASE("a position beyond the end is refused in each unit") {
  Document document = with_text(kMixed);
  const std::size_t max = ~std::size_t{0};
  for (Position beyond : {scalar(5), utf8(11), utf16(6), scalar(max), utf8(max), utf16(max)}) {
    CAPTURE(beyond.value);
    check_refused(
        document, [&](Transaction& tx) { return tx.text("/t")->insert(beyond, "x"); },
        ErrorCode::kOutOfRange);
    check_refused(
        document, [&](Transaction& tx) { return tx.text("/t")->erase(beyond, 1); },
        ErrorCode::kOutOfRange);
    check_refused(
        document,
        [&](Transaction& tx) {
          return tx.text("/t")->erase({1, beyond.unit}, beyond.value);
        },
        ErrorCode::kOutOfRange);
    CHECK(text(document).slice(scalar(0), beyond).error().code() == ErrorCode::kOutOfRange);
  }
}

TEST_CASE("text that is not UTF-8 is refused") {
  Document document = with_text("ab");
  for (const char* bad : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80"})
    check_refused(
        document, [&](Transaction& tx) { return tx.text("/t")->insert(scalar(1), bad); },
        ErrorCode::kInvalidUtf8);
  REQUIRE(insert(document, scalar(1), std::string_view("\0", 1)).ok());  // a scalar like any other
  CHECK(text(document).str() == std::string_view("a\0b", 3));
}

TEST_CASE("a slice is the visible text of a range in any unit") {
  Document document = with_text("aé漢🙂z");
  REQUIRE(erase(document, scalar(2), 1).ok());
  TextView view = text(document);
  CHECK(view.slice(scalar(0), scalar(4)).value() == "aé🙂z");
  CHECK(view.slice(utf8(1), utf16(4)).value() == "é🙂");
  CHECK(view.slice(scalar(2), scalar(2)).value().empty());
  CHECK(view.slice(scalar(2), scalar(1)).error().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("lines and columns count from zero, columns in the unit asked for") {
  Document document = with_text("one\né🙂x\n\nend");
  TextView view = text(document);
  CHECK(view.line_count() == 4);
  LineColumn at = view.line_column(scalar(6)).value();  // before the x
  CHECK(at.line == 1);
  CHECK(at.column == 2);
  CHECK(view.line_column(scalar(6), Unit::kUtf8)->column == 6);
  CHECK(view.line_column(scalar(6), Unit::kUtf16)->column == 3);
  CHECK(view.line_column(scalar(3))->line == 0);  // a newline is the last of its line
  CHECK(view.line_column(scalar(4))->column == 0);
  CHECK(view.line_column(scalar(12))->line == 3);
  CHECK(view.position({1, 3}, Unit::kUtf16)->value == 6);
  CHECK(view.position({1, 3}, Unit::kUtf16)->unit == Unit::kScalar);
  CHECK(view.position({2, 0})->value == 8);
  CHECK(view.position({3, 3})->value == 12);
  CHECK(view.position({1, 2}, Unit::kUtf16).error().code() == ErrorCode::kSplitsCharacter);
  CHECK(view.position({1, 4}).error().code() == ErrorCode::kOutOfRange);  // beyond the line
  CHECK(view.position({3, 4}).error().code() == ErrorCode::kOutOfRange);
  CHECK(view.position({4, 0}).error().code() == ErrorCode::kOutOfRange);
  REQUIRE(erase(document, scalar(0), 12).ok());
  CHECK(view.line_count() == 1);
}

TEST_CASE("an anchor kBefore keeps to the element behind its gap, kAfter to the one before it") {
  Document document = with_text("abcd");
  TextView view = text(document);
  Anchor to_c = view.anchor(scalar(2), Side::kBefore).value();
  Anchor to_b = view.anchor(scalar(2), Side::kAfter).value();
  CHECK(view.resolve(to_c).value() == 2);
  CHECK(view.resolve(to_b).value() == 2);
  REQUIRE(insert(document, scalar(2), "🙂").ok());
  CHECK(view.resolve(to_c).value() == 3);
  CHECK(view.resolve(to_b).value() == 2);
  CHECK(view.resolve(to_c, Unit::kUtf8).value() == 6);
  CHECK(view.resolve(to_c, Unit::kUtf16).value() == 4);
  REQUIRE(insert(document, scalar(0), "12").ok());
  CHECK(view.resolve(to_c).value() == 5);
  CHECK(view.resolve(to_b).value() == 4);
}

TEST_CASE("an anchor whose element was erased stands where the element was") {
  Document document = with_text("abcd");
  TextView view = text(document);
  Anchor to_c = view.anchor(scalar(2), Side::kBefore).value();
  Anchor to_b = view.anchor(scalar(2), Side::kAfter).value();
  REQUIRE(erase(document, scalar(1), 2).ok());
  CHECK(view.resolve(to_c).value() == 1);
  CHECK(view.resolve(to_b).value() == 1);
  REQUIRE(erase(document, scalar(0), 1).ok());
  CHECK(view.resolve(to_b).value() == 0);
}

TEST_CASE("anchors at the edges keep to the edges") {
  Document document = with_text("ab");
  TextView view = text(document);
  Anchor begin = view.anchor(scalar(0), Side::kAfter).value();
  Anchor end = view.anchor(scalar(2), Side::kBefore).value();
  CHECK(begin == Anchor{{}, Side::kBefore, true});
  CHECK(end == Anchor{{}, Side::kAfter, true});
  Anchor to_a = view.anchor(scalar(0), Side::kBefore).value();
  CHECK_FALSE(to_a.at_edge);
  REQUIRE(insert(document, scalar(0), "<").ok());
  REQUIRE(insert(document, scalar(3), ">").ok());
  CHECK(view.resolve(begin).value() == 0);
  CHECK(view.resolve(to_a).value() == 1);
  CHECK(view.resolve(end).value() == 4);
}

TEST_CASE("an anchor means the same element on every replica, and nothing in another text") {
  Document a = with_text("abc");
  Document b = make_document(2);
  Anchor to_c = text(a).anchor(scalar(2), Side::kBefore).value();
  REQUIRE(b.transact([](Transaction& tx) { tx.root().ensure_text("other"); }).ok());
  CHECK(b.text("/other")->resolve(to_c).error().code() == ErrorCode::kNotFound);
  exchange(a, b);
  CHECK(b.text("/other")->resolve(to_c).error().code() == ErrorCode::kNotFound);
  REQUIRE(insert(b, scalar(0), "__").ok());
  CHECK(text(b).resolve(to_c).value() == 4);
}

TEST_CASE("blame says who wrote each stretch, when and why") {
  std::uint64_t now = 1000;
  DocumentOptions options;
  options.replica = {1};
  options.now_ms = [&] { return now; };
  Document a = Document::create(options);
  REQUIRE(insert(a, scalar(0), "aaaa").ok());
  Document b = make_document(2);
  exchange(a, b);
  TransactionOptions with_message;
  with_message.message = "why";
  REQUIRE(b.transact(with_message, [](Transaction& tx) {
             return tx.text("/t")->insert(scalar(2), "b");
           }).ok());
  exchange(a, b);
  std::vector<BlameSpan> spans = text(a).blame(scalar(1), scalar(5)).value();
  REQUIRE(spans.size() == 3);
  CHECK(spans[0].begin == 1);
  CHECK(spans[0].end == 2);
  CHECK(spans[0].first == Dot{{1}, 2});  // seq 0 made the text itself
  CHECK(spans[0].committed_at_ms == 1000);
  CHECK(spans[1].begin == 2);
  CHECK(spans[1].end == 3);
  CHECK(spans[1].first == Dot{{2}, 0});
  CHECK(spans[1].message == "why");
  CHECK(spans[2].first == Dot{{1}, 3});
  CHECK(spans[2].end == 5);
  CHECK(text(a).blame(scalar(5), scalar(6)).error().code() == ErrorCode::kOutOfRange);
}

TEST_CASE("words typed at one place at once stay whole, forward and backward") {
  for (bool forward : {true, false}) {
    CAPTURE(forward);
    Document a = with_text("[]");
    Document b = make_document(2);
    exchange(a, b);
    auto type = [&](Document& document, std::string_view word) {
      for (std::size_t i = 0; i < word.size(); ++i) {
        std::size_t at = forward ? i : word.size() - 1 - i;
        REQUIRE(insert(document, scalar(forward ? 1 + i : 1), word.substr(at, 1)).ok());
      }
    };
    type(a, "Hello");
    type(b, "World");
    exchange(a, b);
    std::string merged = text(a).str();
    CHECK_MESSAGE((merged == "[HelloWorld]" || merged == "[WorldHello]"), merged);
  }
}
