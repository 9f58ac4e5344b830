// Three files merged as two devices would.

#include "crdt/dashboard/merge_files.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "crdt/document/json_text.h"

namespace weft {
namespace {

using namespace dashboard;

Json json(std::string_view text) { return parse_json(text).value(); }
std::string line(const Json& value) { return print_json(value); }

FileMerge merge(std::string_view base, std::string_view ours, std::string_view theirs,
                Prefer prefer = Prefer::kOurs) {
  return merge_dashboards(json(base), json(ours), json(theirs), prefer).value();
}

constexpr std::string_view kBase =
    R"({"title": "T", "version": 4, "panels": [{"id": 1, "title": "A"}, {"id": 2, "title": "B"}]})";

TEST_CASE("what one side changed alone stands; the larger version counts") {
  const FileMerge result = merge(
      kBase,
      R"({"title": "T2", "version": 5, "panels": [{"id": 1, "title": "A"}, {"id": 2, "title": "B"}]})",
      R"({"title": "T", "version": 7, "panels": [{"id": 2, "title": "B"}, {"id": 3, "title": "C"}]})");
  CHECK(result.conflicts.empty());
  CHECK(line(result.merged) ==
        R"({"panels":[{"id":2,"title":"B"},{"id":3,"title":"C"}],"title":"T2","version":7})");
}

TEST_CASE("numbers that nobody touched come out digit by digit") {
  constexpr std::string_view kNumbers =
      R"("n":18446744073709551615,"panels":[{"f":0.1000000000000000055511151231257827,"id":1}])";
  const auto side = [&](std::string_view title) {
    return "{" + std::string(kNumbers) + ",\"title\":\"" + std::string(title) + "\"}";
  };
  const FileMerge result = merge(side("T"), side("T"), side("T2"));
  CHECK(result.conflicts.empty());
  CHECK(line(result.merged) == side("T2"));
}

TEST_CASE("what both changed is listed, and the preferred side stands") {
  constexpr std::string_view kOurs =
      R"({"title": "T", "version": 4, "panels": [{"id": 1, "title": "ours"}, {"id": 2, "title": "B"}]})";
  constexpr std::string_view kTheirs =
      R"({"title": "T", "version": 4, "panels": [{"id": 1, "title": "theirs"}, {"id": 2, "title": "B"}]})";
  for (Prefer prefer : {Prefer::kOurs, Prefer::kTheirs}) {
    const FileMerge result = merge(kBase, kOurs, kTheirs, prefer);
    REQUIRE(result.conflicts.size() == 1);
    CHECK(result.conflicts[0].path == "/panels/1/title");
    CHECK(line(*result.conflicts[0].ours) == "\"ours\"");
    CHECK(line(*result.conflicts[0].theirs) == "\"theirs\"");
    CHECK(*result.merged.find("panels")->as_array()->front().find("title")->as_string() ==
          (prefer == Prefer::kOurs ? "ours" : "theirs"));
  }
}

TEST_CASE("a panel deleted by one side and edited by the other is a conflict") {
  constexpr std::string_view kDeleted =
      R"({"title": "T", "version": 4, "panels": [{"id": 2, "title": "B"}]})";
  constexpr std::string_view kEdited =
      R"({"title": "T", "version": 4, "panels": [{"id": 1, "title": "A2"}, {"id": 2, "title": "B"}]})";
  const FileMerge gone = merge(kBase, kDeleted, kEdited);
  REQUIRE(gone.conflicts.size() == 1);
  CHECK_FALSE(gone.conflicts[0].ours);
  CHECK(*gone.conflicts[0].theirs->find("title")->as_string() == "A2");
  CHECK(gone.merged.find("panels")->as_array()->size() == 1);

  const FileMerge kept = merge(kBase, kEdited, kDeleted);
  REQUIRE(kept.conflicts.size() == 1);
  CHECK(kept.conflicts[0].ours);
  CHECK_FALSE(kept.conflicts[0].theirs);
  CHECK(kept.merged.find("panels")->as_array()->size() == 2);
}

// Found by merge_files_fuzz: an empty list stood there.
TEST_CASE("panels that a side removed as a whole are not there") {
  constexpr std::string_view kNone = R"({"title": "T", "version": 4})";
  CHECK(line(merge(kBase, kNone, kNone).merged) == R"({"title":"T","version":4})");
  CHECK(line(merge(kBase, kBase, kNone).merged) == R"({"title":"T","version":4})");
  CHECK(line(merge(kNone, kNone, R"({"title": "T", "version": 4, "panels": []})").merged) ==
        R"({"panels":[],"title":"T","version":4})");
}

TEST_CASE("both sides made the file") {
  CHECK(merge("{}", kBase, kBase).conflicts.empty());
  CHECK(line(merge("{}", kBase, kBase).merged) ==
        R"({"panels":[{"id":1,"title":"A"},{"id":2,"title":"B"}],"title":"T","version":4})");
  CHECK_FALSE(merge_dashboards(json("{}"), json("[]"), json("{}"), Prefer::kOurs).ok());
}

TEST_CASE("members stand in the order of another dashboard, elements found by their names") {
  const Json like =
      json(R"({"z": 1, "panels": [{"title": "B", "id": 2}, {"title": "A", "id": 1}]})");
  CHECK(
      line(in_order_of(
          json(
              R"({"a": 0, "panels": [{"id": 1, "new": 0, "title": "A"}, {"id": 2, "title": "B"}], "z": 1})"),
          like)) ==
      R"({"z":1,"panels":[{"title":"A","id":1,"new":0},{"title":"B","id":2}],"a":0})");
  CHECK(line(in_order_of(json(R"({"a": 0, "b": 1, "c": 2})"), json(R"({"a": 0, "c": 2})"))) ==
        R"({"a":0,"b":1,"c":2})");
}

}  // namespace
}  // namespace weft
