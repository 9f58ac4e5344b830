// The oracle's rules on hand-made cases, so that what the engine is compared with is itself checked.

#include "tests/oracle/oracle.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/oracle/typist.h"

namespace weft::test {
namespace {

std::string json_of(const Typist& typist) { return render(typist.oracle().to_json()); }

void sync(Typist& a, Typist& b) {
  a.merge(b);
  b.merge(a);
}

void type(Typist& typist, const Dot& text, std::size_t index, const std::string& letters) {
  for (char letter : letters) typist.type(text, index++, static_cast<unsigned char>(letter));
}

/// Each letter before the one typed last.
void type_backward(Typist& typist, const Dot& text, std::size_t index, const std::string& letters) {
  for (char letter : letters) typist.type(text, index, static_cast<unsigned char>(letter));
}

TEST_CASE("a write that has seen another replaces it, whatever the stamps of third ones") {
  Typist a(1), b(2);
  a.set("k", 1);
  b.merge(a);
  b.set("k", 2);
  sync(a, b);
  CHECK(json_of(a) == R"({"k":2})");
  CHECK(a.oracle().key_state("root", "k").losers.empty());
}

TEST_CASE("of concurrent writes the largest stamp wins and the others stay as losers") {
  Typist a(1), b(2), c(3);
  a.set("k", "from a");
  b.set("k", "from b");
  c.set("other", 0);
  c.set("k", "from c");  // the larger hlc
  a.merge(c);
  a.merge(b);
  CHECK(json_of(a) == R"({"k":"from c","other":0})");
  auto conflicts = a.oracle().conflicts();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].path == "/k");
  CHECK(conflicts[0].winner == Dot{{3}, 1});
  CHECK(conflicts[0].losers == std::vector<Dot>{{{2}, 0}, {{1}, 0}});
}

TEST_CASE("equal stamps cannot be: of equal hlc the larger replica wins") {
  Typist a(1), b(2);
  a.set("k", 1);
  b.set("k", 2);
  a.merge(b);
  CHECK(json_of(a) == R"({"k":2})");
}

TEST_CASE("a later time beats more operations, and what has seen a write beats any time") {
  Typist a(1), b(2);
  for (int i = 0; i < 9; ++i) b.set("x", i);
  b.set("k", "typed more");
  a.set_time(1);
  a.set("k", "later");
  b.merge(a);
  CHECK(render(*b.oracle().to_json().find("k")) == "\"later\"");
  b.set_time(0);
  b.set("k", "saw it");
  CHECK(render(*b.oracle().to_json().find("k")) == "\"saw it\"");
}

TEST_CASE("a clock from the future decides once, and not between those who have seen it") {
  constexpr std::uint64_t kDay = 86'400'000;
  Typist wrong(9), a(1), b(2);
  wrong.set_time(5'000 * kDay);
  wrong.set("k", "from the future");
  a.merge(wrong);
  b.merge(wrong);
  a.set_time(100 * kDay);
  for (int i = 0; i < 9; ++i) a.set("x", i);
  a.set("k", "earlier");
  b.set_time(100 * kDay + 1);
  b.set("k", "later");
  a.merge(b);
  CHECK(render(*a.oracle().to_json().find("k")) == "\"later\"");
}

TEST_CASE("a resolving write drops all it has seen and leaves what it has not") {
  Typist a(1), b(2), c(3);
  a.set("k", 1);
  b.set("k", 2);
  c.set("k", 3);
  a.merge(b);
  a.set("k", 4);
  a.merge(c);
  auto state = a.oracle().key_state("root", "k");
  CHECK(state.winner->dot == Dot{{1}, 1});
  REQUIRE(state.losers.size() == 1);
  CHECK(state.losers[0]->dot == Dot{{3}, 0});
}

TEST_CASE("an erasure is a write: concurrent with a set it wins or loses by stamp") {
  Typist a(1), b(2);
  a.set("k", 1);
  b.merge(a);
  a.set("k", 2);
  b.erase_key("k");
  sync(a, b);
  CHECK(json_of(a) == "{}");
  CHECK(a.oracle().conflicts().size() == 1);
}

TEST_CASE("losers that equal the winner are not listed") {
  Typist a(1), b(2);
  a.set("k", 1);
  b.set("k", 1);
  a.merge(b);
  CHECK(a.oracle().key_state("root", "k").losers.size() == 1);
  CHECK(a.oracle().conflicts().empty());
}

TEST_CASE("int64 and double stay apart") {
  CHECK(render(Json(1)) != render(Json(1.0)));
  CHECK(render(Json(0.0)) != render(Json(-0.0)));
}

TEST_CASE("two replicas that make one key's child at once share it") {
  Typist a(1), b(2);
  Dot in_a = a.ensure("t", ContainerKind::kText);
  Dot in_b = b.ensure("t", ContainerKind::kText);
  type(a, in_a, 0, "aa");
  type(b, in_b, 0, "bb");
  sync(a, b);
  CHECK(json_of(a) == R"({"t":"bbaa"})");
  CHECK(json_of(b) == json_of(a));
  CHECK(a.oracle().conflicts().empty());
}

TEST_CASE("a child made again after an erasure is a new one, the same on every replica") {
  Typist a(1), b(2);
  Dot first = a.ensure("t", ContainerKind::kText);
  type(a, first, 0, "old");
  b.merge(a);
  a.erase_key("t");
  b.erase_key("t");
  Dot in_a = a.ensure("t", ContainerKind::kText);
  Dot in_b = b.ensure("t", ContainerKind::kText);
  CHECK(a.oracle().name_of(in_a) == b.oracle().name_of(in_b));
  CHECK(a.oracle().name_of(in_a) != a.oracle().name_of(first));
  type(a, in_a, 0, "x");
  type(b, in_b, 0, "y");
  sync(a, b);
  CHECK(json_of(a) == R"({"t":"yx"})");
}

TEST_CASE("children of different kinds at one key compete") {
  Typist a(1), b(2);
  a.ensure("k", ContainerKind::kList);
  b.ensure("k", ContainerKind::kCounter);
  sync(a, b);
  CHECK(json_of(a) == R"({"k":0})");
  CHECK(a.oracle().conflicts().size() == 1);
}

TEST_CASE("a counter is the sum of all additions") {
  Typist a(1), b(2);
  Dot in_a = a.ensure("n", ContainerKind::kCounter);
  Dot in_b = b.ensure("n", ContainerKind::kCounter);
  a.add(in_a, 5);
  b.add(in_b, -7);
  b.add(in_b, 1);
  sync(a, b);
  CHECK(json_of(a) == R"({"n":-1})");
}

/// A text that both know.
struct SharedText {
  explicit SharedText(const std::string& letters) {
    text = a.ensure("t", ContainerKind::kText);
    type(a, text, 0, letters);
    b.merge(a);
  }
  std::string merged() {
    sync(a, b);
    std::string result = a.oracle().text(a.oracle().name_of(text));
    CHECK(b.oracle().text(b.oracle().name_of(text)) == result);
    return result;
  }
  Typist a{1}, b{2};
  Dot text;
};

TEST_CASE("RGA: of two insertions at one place the larger stamp comes first") {
  SharedText shared("[]");
  type(shared.a, shared.text, 1, "a");
  type(shared.b, shared.text, 1, "b");
  CHECK(shared.merged() == "[ba]");
}

TEST_CASE("concurrent forward runs at one place stay together") {
  SharedText shared("[]");
  type(shared.a, shared.text, 1, "abc");
  type(shared.b, shared.text, 1, "xyz");
  CHECK(shared.merged() == "[xyzabc]");
}

TEST_CASE("concurrent backward runs at one place stay together") {
  SharedText shared("[]");
  type_backward(shared.a, shared.text, 1, "cba");
  type_backward(shared.b, shared.text, 1, "zyx");
  CHECK(shared.merged() == "[xyzabc]");
}

TEST_CASE("a forward run, interrupted and gone on with, meets a backward run without mixing") {
  SharedText shared("");
  type(shared.a, shared.text, 0, "abc");
  type_backward(shared.b, shared.text, 0, "zyx");
  shared.a.erase(shared.text, 1);
  type(shared.a, shared.text, 1, "BC");
  CHECK(shared.merged() == "xyzaBCc");
}

TEST_CASE("of right siblings the one whose right neighbour lies farther comes first") {
  // p and y are typed behind a at once, p's stamp is the larger. near, who knows both, types behind p:
  // its ro is y. far, who knows p alone, types behind p: its ro is the end. Both are right children of p.
  Typist a(1), p(4), y(2), far(3), near(5);
  Dot text = a.ensure("t", ContainerKind::kText);
  type(a, text, 0, "a");
  p.merge(a);
  y.merge(a);
  type(p, text, 1, "p");
  type(y, text, 1, "y");
  far.merge(p);
  near.merge(p);
  near.merge(y);
  type(near, text, 2, "n");
  type(far, text, 2, "f");
  a.merge(near);
  a.merge(far);
  CHECK(a.oracle().text(a.oracle().name_of(text)) == "apfny");
}

TEST_CASE("an insertion behind a tombstone keeps its place") {
  SharedText shared("abc");
  shared.a.erase(shared.text, 1);
  type(shared.a, shared.text, 1, "X");
  type(shared.b, shared.text, 2, "Y");
  CHECK(shared.merged() == "aXYc");
}

TEST_CASE("an element under two erasures comes back when both are revoked") {
  SharedText shared("abc");
  Dot erased_by_a = shared.a.erase(shared.text, 1);
  Dot erased_by_b = shared.b.erase(shared.text, 1);
  CHECK(shared.merged() == "ac");
  shared.a.toggle(shared.text, erased_by_a, OracleKind::kRevoke);
  CHECK(shared.merged() == "ac");
  shared.b.toggle(shared.text, erased_by_b, OracleKind::kRevoke);
  CHECK(shared.merged() == "abc");
  shared.b.toggle(shared.text, erased_by_b, OracleKind::kReinstate);
  CHECK(shared.merged() == "ac");
}

/// A list [0, 1, 2, 3] that both know.
struct SharedList {
  SharedList() {
    list = a.ensure("l", ContainerKind::kList);
    for (int i = 0; i < 4; ++i) a.insert(list, static_cast<std::size_t>(i), i);
    b.merge(a);
  }
  std::string merged() {
    sync(a, b);
    CHECK(json_of(b) == json_of(a));
    return render(*a.oracle().to_json().find("l"));
  }
  Typist a{1}, b{2};
  Dot list;
};

TEST_CASE("a moved element shows once, where its largest-stamp move put it") {
  SharedList shared;
  shared.a.move(shared.list, 0, 3);
  CHECK(render(*shared.a.oracle().to_json().find("l")) == "[1,2,3,0]");
  shared.b.move(shared.list, 0, 1);
  CHECK(shared.merged() == "[1,0,2,3]");
}

TEST_CASE("a move keeps a concurrent set, and erasing wins over both") {
  SharedList shared;
  shared.a.move(shared.list, 0, 2);
  shared.b.set(shared.list, 0, "set");
  CHECK(shared.merged() == R"([1,2,"set",3])");
  shared.a.erase(shared.list, 2);
  shared.b.move(shared.list, 2, 0);
  shared.b.set(shared.list, 0, "again");
  CHECK(shared.merged() == "[1,2,3]");
}

TEST_CASE("concurrent sets of an element are a conflict at its index") {
  SharedList shared;
  shared.a.set(shared.list, 2, "a");
  shared.b.set(shared.list, 2, "b");
  CHECK(shared.merged() == R"([0,1,"b",3])");
  auto conflicts = shared.a.oracle().conflicts();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].path == "/l/2");
}

TEST_CASE("restricting to a version takes back everything behind it") {
  SharedText shared("abc");
  Past before = shared.a.oracle().version();
  Dot erase = shared.a.erase(shared.text, 1);
  Past erased = shared.a.oracle().version();
  shared.a.toggle(shared.text, erase, OracleKind::kRevoke);
  auto at = [&](const Past& version) {
    return render(shared.a.oracle().restricted_to(version).to_json());
  };
  CHECK(at(before) == R"({"t":"abc"})");
  CHECK(at(erased) == R"({"t":"ac"})");
  CHECK(at({}) == "{}");
}

TEST_CASE("text survives UTF-8 both ways") {
  std::u32string scalars = U"a\u00e9\u20ac\U0001f600";
  std::string utf8;
  for (char32_t scalar : scalars) append_utf8(utf8, scalar);
  CHECK(utf8 == "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(scalars_of(utf8) == scalars);
  CHECK(pointer_token("a/b~c") == "a~1b~0c");
}

}  // namespace
}  // namespace weft::test
