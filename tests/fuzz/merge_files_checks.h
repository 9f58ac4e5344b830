#pragma once
// What has to hold of three versions of a dashboard's file (git's merge driver): three JSON texts, 0x1e between them.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "crdt/dashboard/merge_files.h"
#include "tests/fuzz/dashboard_checks.h"

namespace weft::test {

/// What is under test; a canary puts something faulty in its place.
using MergeFiles = Result<dashboard::FileMerge> (*)(const Json&, const Json&, const Json&,
                                                    dashboard::Prefer);

/// Members by key, so that two can be compared that differ in order only.
inline Json by_key(Json json) {
  if (Json::Array* array = json.as_array())
    for (Json& element : *array) element = by_key(std::move(element));
  if (Json::Object* object = json.as_object()) {
    for (auto& [key, value] : *object) value = by_key(std::move(value));
    std::stable_sort(object->begin(), object->end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  return json;
}

/// Its parts are the texts.
inline Verdict check_merge_files(std::string_view input,
                                 MergeFiles merge = dashboard::merge_dashboards) {
  using dashboard::Prefer;
  Verdict verdict;
  const std::array<Json, 3> files = three_texts(input, verdict);
  const auto& [base, ours, theirs] = files;
  const Result<dashboard::FileMerge> merged = merge(base, ours, theirs, Prefer::kOurs);
  const Result<dashboard::FileMerge> other = merge(base, ours, theirs, Prefer::kTheirs);
  if (merged.ok() != other.ok()) return faulty("it can be merged for one side only");
  if (!merged.ok()) {
    verdict.accepted = 0;
    return verdict;
  }
  if (merged->conflicts.size() != other->conflicts.size())
    return faulty("what is in conflict depends on who is preferred");
  const auto same = [](const Json& a, const Json& b) { return a == b; };
  for (const Json* side : {&ours, &theirs}) {
    const Result<dashboard::FileMerge> itself = merge(*side, *side, *side, Prefer::kOurs);
    const Result<dashboard::FileMerge> alike = merge(base, *side, *side, Prefer::kOurs);
    const Result<dashboard::FileMerge> alone = merge(base, base, *side, Prefer::kOurs);
    if (!itself.ok() || !alike.ok() || !alone.ok()) return faulty("one side alone can't be merged");
    if (!itself->conflicts.empty() || !alike->conflicts.empty() || !alone->conflicts.empty())
      return faulty("a conflict where nobody disagrees");
    if (!same(by_key(alike->merged), by_key(itself->merged)))
      return faulty("what both changed alike does not stand there");
  }
  for (const Json* side : {&ours, &theirs})
    if (!same(by_key(dashboard::in_order_of(merged->merged, *side)), by_key(merged->merged)))
      return faulty("putting members in order changes what is there");
  return verdict;
}

}  // namespace weft::test
