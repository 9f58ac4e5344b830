// Imports of JSON on two devices that don't know of each other: what both insert alike is there once.

#include "crdt/document/import_json.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/document/json_text.h"
#include "tests/crdt/document/replicas.h"
#include "tests/support/random.h"
#include "tests/support/size.h"

namespace {

using weft::Bytes;
using weft::Document;
using weft::ImportReport;
using weft::Json;
using weft::Transaction;
using weft::test::content;
using weft::test::edit;
using weft::test::exchange;
using weft::test::make_document;
using weft::test::Random;

Json json(std::string_view text) { return weft::parse_json(text).value(); }

ImportReport import(Document& document, const Json& wanted) {
  weft::Result<ImportReport> report = weft::import_json(document, wanted);
  REQUIRE_MESSAGE(report.ok(), report.error().message());
  REQUIRE(content(document) == weft::print_json(wanted, {.sort_keys = true}));
  return *report;
}
ImportReport import(Document& document, const char* text) { return import(document, json(text)); }

/// What two devices hold that had `base` and imported one each.
std::string merged(std::string_view base, std::string_view of_a, std::string_view of_b) {
  Document a = make_document(1);
  import(a, json(base));
  Document b = a.fork({2});
  import(a, json(of_a));
  import(b, json(of_b));
  exchange(a, b);
  return content(a);
}

bool is_full_size() { return weft::test::size() == weft::test::Size::kFull; }
std::uint64_t seed_of_run() {
  const char* text = std::getenv("WEFT_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0)
                         : 1;  // its round 42 once had an element twice
}

}  // namespace

TEST_CASE("an element that two devices import at one place is there once") {
  const char* one_more = R"({"list":["a","b","c","d"]})";
  CHECK(merged(R"({"list":["a","b","c"]})", one_more, one_more) == one_more);
  const char* trees = R"({"list":[{"x":[1,2]},["s"],{"x":[1,2]}]})";
  CHECK(merged(R"({"list":[{"x":[1,2]}]})", trees, trees) == trees);
}

TEST_CASE("two devices that import the same order have each element once") {
  const char* reordered = R"({"list":["c","a","b"]})";
  CHECK(merged(R"({"list":["a","b","c"]})", reordered, reordered) == reordered);
  const char* turned = R"({"list":[5,4,3,2,1,{"k":1}]})";
  CHECK(merged(R"({"list":[{"k":1},1,2,3,4,5]})", turned, turned) == turned);
}

TEST_CASE("two devices that import different orders have each element once") {
  const std::string both =
      merged(R"({"list":["a","b","c"]})", R"({"list":["c","a","b"]})", R"({"list":["b","a","c"]})");
  for (const char* element : {"\"a\"", "\"b\"", "\"c\""}) {
    CHECK(both.find(element) != std::string::npos);
    CHECK(both.find(element) == both.rfind(element));
  }
}

TEST_CASE("a new member with lists in it, imported twice, is there once") {
  const char* text = R"({"m":{"deep":{"list":[1,[2,3]],"name":"x"}},"n":[],"o":["p"]})";
  CHECK(merged("{}", text, text) == text);
  CHECK(merged(R"({"m":1,"o":"s"})", text, text) == text);
  CHECK(merged("{}", R"({"list":[1,2]})", R"({"list":[1,2],"title":"T"})") ==
        R"({"list":[1,2],"title":"T"})");
}

TEST_CASE("what only one of two imports has stays beside what both have") {
  CHECK(merged(R"({"list":["a","b","c"]})", R"({"list":["x","a","b","c","d"],"t":1})",
               R"({"list":["a","y","b","c","d"],"u":2})") ==
        R"({"list":["x","a","y","b","c","d"],"t":1,"u":2})");
  CHECK(merged(R"({"list":["a","b","c"]})", R"({"list":["a","c","d"]})",
               R"({"list":["a","b","c","d"]})") == R"({"list":["a","c","d"]})");
}

TEST_CASE("an edit elsewhere that the other device has not seen changes nothing of that") {
  Document maker = make_document(7);
  import(maker, R"({"list":["a","b"],"title":"t"})");
  Document a = maker.fork({1});
  Document b = maker.fork({2});
  edit(a, [](Transaction& tx) { return tx.root().set("title", "of a"); });
  import(a, R"({"list":["a","b","c"],"title":"of a"})");
  import(b, R"({"list":["a","b","c"],"title":"t"})");
  // Behind an import's own elements, too, though each has edits of its own now.
  edit(b, [](Transaction& tx) { return tx.root().set("other", 1); });
  import(a, R"({"list":["a","b","c","d"],"title":"of a"})");
  import(b, R"({"list":["a","b","c","d"],"other":1,"title":"t"})");
  exchange(a, b);
  CHECK(content(a) == R"({"list":["a","b","c","d"],"other":1,"title":"of a"})");
}

TEST_CASE("a text that two imports change alike says it once") {
  Document a = make_document(1);
  edit(a, [](Transaction& tx) {
    return tx.root().ensure_text("t").insert(weft::utf8(0), "Hello world");
  });
  Document b = a.fork({2});
  import(a, R"({"t":"Hello new wörld"})");
  import(b, R"({"t":"Hello new wörld"})");
  exchange(a, b);
  CHECK(content(a) == R"({"t":"Hello new wörld"})");
  CHECK(a.text("/t").ok());
}

TEST_CASE(
    "a counter that two imports set alike is counted up once, and each time it is set again") {
  Document a = make_document(1);
  edit(a, [](Transaction& tx) { return tx.root().ensure_counter("n").add(5); });
  Document b = a.fork({2});
  import(a, R"({"n":7})");
  import(b, R"({"n":7})");
  exchange(a, b);
  CHECK(content(a) == R"({"n":7})");
  import(a, R"({"n":5})");
  import(a, R"({"n":7})");
  CHECK(a.counter("/n").value().value() == 7);
  import(a, R"({"n":-9223372036854775808})");
  import(a, R"({"n":9223372036854775807})");
}

TEST_CASE("what was erased since is there again after the same import") {
  Document document = make_document(1);
  const char* without = R"({"list":["a"]})";
  const char* with = R"({"list":["a",{"k":[1]}],"new":[1]})";
  for (int round = 0; round < 3; ++round) {
    import(document, without);
    import(document, with);
  }
  CHECK(import(document, with).op_count == 0);
}

TEST_CASE("a second import of the same file writes nothing, whoever imported it first") {
  Document a = make_document(1);
  const char* text = R"({"list":["a",{"b":[1,2]}],"m":{"n":[3]},"s":"t"})";
  CHECK(import(a, text).op_count > 0);
  Document b = a.fork({2});
  CHECK(import(b, text).op_count == 0);
  CHECK(b.version() == a.version());
}

TEST_CASE("an import that can't be written leaves no trace, and its error names the place") {
  Document document = make_document(1);
  import(document, R"({"list":["a"]})");
  const weft::VersionVector before = document.version();
  const std::string long_key(5000, 'k');
  Json wanted(Json::Object{{"list", Json::Array{"a", "b"}},
                           {"m", Json::Object{{"deep", Json::Object{{long_key, 1}}}}}});
  const weft::Result<ImportReport> report = weft::import_json(document, wanted);
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().context().starts_with("/m/deep/kkkk"));
  CHECK(document.version() == before);
  CHECK_FALSE(weft::import_json(document, json("[1]")).ok());
}

TEST_CASE("many insertions of one import are shared too, the rest of them together") {
  std::string base = "{";
  std::string wanted = "{";
  for (int i = 10; i < 50; ++i) {
    base += (i == 10 ? "\"l" : ",\"l") + std::to_string(i) + "\":[1]";
    wanted += (i == 10 ? "\"l" : ",\"l") + std::to_string(i) + "\":[1," + std::to_string(i) + "]";
  }
  base += "}";
  wanted += "}";
  CHECK(merged(base, wanted, wanted) == wanted);
  Document document = make_document(1);
  import(document, json(base));
  const weft::VersionVector before = document.version();
  import(document, json(wanted));
  const weft::VersionVector after = document.version();
  CHECK(after.entries().size() - before.entries().size() <= weft::kSharedDeltasMax + 1);
}

TEST_CASE("a document loaded from its state makes the same deltas as one with all history") {
  Document a = make_document(1);
  import(a, R"({"list":["a","b"],"n":1})");
  import(a, R"({"list":["a","b"],"n":2})");
  weft::DocumentOptions options;
  options.replica = {2};
  Document b = Document::load(a.snapshot(), std::move(options)).value();
  import(a, R"({"list":["a","x","b"],"n":2})");
  import(b, R"({"list":["a","x","b"],"n":2})");
  exchange(a, b);
  CHECK(content(a) == R"({"list":["a","x","b"],"n":2})");
}

TEST_CASE("undo takes back what the device itself wrote in an import") {
  Document document = make_document(1);
  import(document, R"({"list":["a"],"n":1})");
  CHECK(import(document, R"({"list":["a","b"],"n":2})").has_own);
  document.undo().value();
  CHECK(content(document) == R"({"list":["a","b"],"n":1})");
}

namespace {

Json random_tree(Random& random, int depth) {
  switch (random.below(depth > 0 ? 8 : 4)) {
    case 0:
      return nullptr;
    case 1:
      return static_cast<int>(random.below(3));
    case 2:
      return weft::NumberText{"18446744073709551615"};
    case 3:
      return std::string(random.below(4), 'x');
    case 4:
    case 5:
    case 6: {
      Json::Array array;
      for (std::uint64_t n = random.below(5); n > 0; --n)
        array.push_back(random_tree(random, depth - 1));
      return array;
    }
    default: {
      Json::Object object;
      for (char key = 'a'; key < 'e'; ++key)
        if (random.chance(1, 2))
          object.emplace_back(std::string(1, key), random_tree(random, depth - 1));
      return object;
    }
  }
}
Json random_object(Random& random) {
  for (;;)
    if (Json result = random_tree(random, 4); result.as_object() != nullptr) return result;
}

std::size_t count_in(const Json::Array& array, const Json& value) {
  return static_cast<std::size_t>(std::count(array.begin(), array.end(), value));
}

/// An edit of a list of different numbers: some are gone, some elsewhere, some new behind one that is there.
struct ListEditPlan {
  std::vector<int> numbers;
  std::vector<int> inserted;  ///< each says which element it stands behind
  bool removes = false;
};
ListEditPlan random_edit(Random& random, const std::vector<int>& base) {
  ListEditPlan plan{base, {}, false};
  const std::uint64_t removed = random.chance(1, 2) ? 0 : random.below(3);
  for (std::uint64_t n = removed; n > 0 && !plan.numbers.empty(); --n, plan.removes = true)
    plan.numbers.erase(plan.numbers.begin() +
                       static_cast<std::ptrdiff_t>(random.below(plan.numbers.size())));
  // At most one behind each: then equal numbers are equal insertions.
  for (std::uint64_t n = random.below(4); n > 0; --n) {
    const std::size_t at = random.below(plan.numbers.size() + 1);
    const int behind = at == 0 ? 0 : plan.numbers[at - 1];
    const auto is_new = [&](int number) { return number >= 100; };
    if (is_new(behind) || (at < plan.numbers.size() && is_new(plan.numbers[at]))) continue;
    const int number = 100 + behind * 3 + static_cast<int>(random.below(2));
    plan.numbers.insert(plan.numbers.begin() + static_cast<std::ptrdiff_t>(at), number);
    plan.inserted.push_back(number);
  }
  return plan;
}
Json list_json(const std::vector<int>& numbers) {
  Json::Array array(numbers.begin(), numbers.end());
  return Json::Object{{"list", std::move(array)}};
}

}  // namespace

TEST_CASE(
    "random imports: what both devices import alike is there once, and nothing else is lost") {
  const std::uint64_t seed = seed_of_run();
  INFO("WEFT_SEED=" << seed << " build/dev/weft_document_tests --test-case='random imports*'");
  Random random(seed);
  const int rounds = is_full_size() ? 20'000 : 150;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    const Json first = random_object(random);
    const Json second = random_object(random);
    Document a = make_document(1);
    import(a, first);
    Document b = a.fork({2});
    import(a, second);
    import(b, second);
    exchange(a, b);
    REQUIRE(content(a) == weft::print_json(second, {.sort_keys = true}));
    // And what differs converges.
    import(a, random_object(random));
    import(b, random_object(random));
    exchange(a, b);
  }
}

TEST_CASE("random lists: two imports keep what either inserted, once what both did") {
  const std::uint64_t seed = seed_of_run();
  INFO("WEFT_SEED=" << seed << " build/dev/weft_document_tests --test-case='random lists*'");
  Random random(seed);
  const int rounds = is_full_size() ? 50'000 : 400;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    std::vector<int> base;
    for (int i = 1; i <= static_cast<int>(random.below(7)); ++i) base.push_back(i);
    Document a = make_document(1);
    import(a, list_json(base));
    Document b = a.fork({2});
    const ListEditPlan of_a = random_edit(random, base);
    const ListEditPlan of_b = random_edit(random, base);
    import(a, list_json(of_a.numbers));
    import(b, list_json(of_b.numbers));
    exchange(a, b);
    const Json both = a.to_json().value();
    const Json::Array& list = *both.find("list")->as_array();
    for (int number : base) {
      const bool is_kept = std::count(of_a.numbers.begin(), of_a.numbers.end(), number) != 0 &&
                           std::count(of_b.numbers.begin(), of_b.numbers.end(), number) != 0;
      REQUIRE(count_in(list, number) <= 1);
      if (is_kept) REQUIRE(count_in(list, number) == 1);
    }
    // A change of one element and its erasure by the other is a conflict, which is listed; else all is there.
    for (const auto& [one, other] : {std::pair(&of_a, &of_b), std::pair(&of_b, &of_a)})
      for (int number : one->inserted) {
        if (!other->removes) REQUIRE(count_in(list, number) >= 1);
        if (!one->removes && !other->removes) REQUIRE(count_in(list, number) == 1);
      }
  }
}
