#include "crdt/document/list_match.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "crdt/document/json_text.h"

namespace weft {
namespace {

/// One number for each distinct element of both, so that a comparison is one of integers.
struct Numbered {
  std::vector<std::uint32_t> old_ids;
  std::vector<std::uint32_t> new_ids;
};

Numbered number_elements(std::span<const Json> old_elements, std::span<const Json> new_elements) {
  struct Entry {
    std::string text;
    std::size_t index;
  };
  std::vector<Entry> entries;
  for (const Json& json : old_elements) entries.push_back({print_json(json), entries.size()});
  for (const Json& json : new_elements) entries.push_back({print_json(json), entries.size()});
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.text < b.text; });
  std::vector<std::uint32_t> ids(entries.size());
  std::uint32_t id = 0;
  auto element = [&](std::size_t index) -> const Json& {
    return index < old_elements.size() ? old_elements[index]
                                       : new_elements[index - old_elements.size()];
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    // Equal texts are not always equal values (a NaN prints as null does).
    if (i != 0 && !(element(entries[i].index) == element(entries[i - 1].index))) ++id;
    ids[entries[i].index] = id;
  }
  auto middle = ids.begin() + static_cast<std::ptrdiff_t>(old_elements.size());
  return {{ids.begin(), middle}, {middle, ids.end()}};
}

/// length[i][k] = the longest common subsequence of old[i..] and new[k..].
class CommonLengths {
 public:
  explicit CommonLengths(const Numbered& ids)
      : columns_(ids.new_ids.size() + 1), cells_((ids.old_ids.size() + 1) * columns_) {
    for (std::size_t i = ids.old_ids.size(); i-- > 0;)
      for (std::size_t k = ids.new_ids.size(); k-- > 0;)
        at(i, k) = ids.old_ids[i] == ids.new_ids[k] ? at(i + 1, k + 1) + 1
                                                    : std::max(at(i + 1, k), at(i, k + 1));
  }
  std::uint32_t& at(std::size_t i, std::size_t k) { return cells_[i * columns_ + k]; }

 private:
  std::size_t columns_;
  std::vector<std::uint32_t> cells_;
};

}  // namespace

std::vector<ListGap> unequal_gaps(std::span<const Json> old_elements,
                                  std::span<const Json> new_elements) {
  std::size_t shorter = std::min(old_elements.size(), new_elements.size());
  std::size_t begin = 0;
  while (begin < shorter && old_elements[begin] == new_elements[begin]) ++begin;
  std::size_t end = 0;
  while (end < shorter - begin &&
         old_elements[old_elements.size() - 1 - end] == new_elements[new_elements.size() - 1 - end])
    ++end;
  auto old_rest = old_elements.subspan(begin, old_elements.size() - begin - end);
  auto new_rest = new_elements.subspan(begin, new_elements.size() - begin - end);
  if (old_rest.empty() && new_rest.empty()) return {};
  if (old_rest.size() * new_rest.size() > kMatchCellsMax || old_rest.empty() || new_rest.empty())
    return {{begin, begin, old_rest.size(), begin, new_rest.size()}};

  Numbered ids = number_elements(old_rest, new_rest);
  CommonLengths lengths(ids);
  std::vector<ListGap> gaps;
  ListGap gap{begin, begin, 0, begin, 0};
  std::size_t i = 0;
  std::size_t k = 0;
  auto close_gap = [&](std::size_t equal) {
    if (gap.old_count + gap.new_count != 0) {
      gaps.push_back(gap);
      gap.equal_before = 0;
    }
    gap = {gap.equal_before + equal, begin + i, 0, begin + k, 0};
  };
  while (i < old_rest.size() || k < new_rest.size()) {
    if (i < old_rest.size() && k < new_rest.size() && ids.old_ids[i] == ids.new_ids[k]) {
      ++i;
      ++k;
      close_gap(1);
    } else if (k == new_rest.size() ||
               (i < old_rest.size() && lengths.at(i + 1, k) >= lengths.at(i, k + 1))) {
      ++i;
      ++gap.old_count;
    } else {
      ++k;
      ++gap.new_count;
    }
  }
  close_gap(0);
  return gaps;
}

std::vector<std::size_t> longest_ascending(std::span<const std::size_t> numbers) {
  std::vector<std::size_t> ends;  // of the best subsequence of each length, its last index
  std::vector<std::size_t> before(numbers.size(), kSkipped);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == kSkipped) continue;
    const auto at = std::lower_bound(
        ends.begin(), ends.end(), numbers[i],
        [&](std::size_t end, std::size_t number) { return numbers[end] < number; });
    if (at != ends.begin()) before[i] = *(at - 1);
    if (at == ends.end()) {
      ends.push_back(i);
    } else {
      *at = i;
    }
  }
  std::vector<std::size_t> result;
  for (std::size_t i = ends.empty() ? kSkipped : ends.back(); i != kSkipped; i = before[i])
    result.push_back(i);
  std::reverse(result.begin(), result.end());
  return result;
}

namespace {

class ListPlanner {
 public:
  ListPlanner(std::span<const Json> old_elements, std::span<const Json> new_elements)
      : old_(old_elements), new_(new_elements), is_taken_(old_elements.size()) {
    plan_.elements.resize(new_.size());
  }

  ListPlan run(const std::function<bool(std::size_t, std::size_t)>& may_become) {
    const std::vector<ListGap> gaps = unequal_gaps(old_, new_);
    take_equal(gaps);
    take_moved(gaps);
    for (const ListGap& gap : gaps) take_pairs(gap, may_become);
    mark_stays();
    return std::move(plan_);
  }

 private:
  void take(std::size_t old_index, std::size_t new_index, bool is_equal) {
    plan_.elements[new_index] = {old_index, is_equal, false};
    is_taken_[old_index] = true;
  }
  bool is_new(std::size_t index) const { return plan_.elements[index].source == ListPlan::kNew; }

  void take_equal(const std::vector<ListGap>& gaps) {
    std::size_t from = 0;
    std::size_t to = 0;
    for (const ListGap& gap : gaps) {
      for (std::size_t i = 0; i < gap.equal_before; ++i) take(from++, to++, true);
      from += gap.old_count;
      to += gap.new_count;
    }
    while (from < old_.size()) take(from++, to++, true);
  }

  /// Equal elements that stand elsewhere now, in any of the gaps: the n-th of a content is its n-th.
  void take_moved(const std::vector<ListGap>& gaps) {
    struct Gone {
      std::vector<std::size_t> indices;
      std::size_t used = 0;
    };
    std::unordered_map<std::string, Gone> gone;
    for (const ListGap& gap : gaps)
      for (std::size_t i = gap.old_begin; i < gap.old_begin + gap.old_count; ++i)
        gone[print_json(old_[i])].indices.push_back(i);
    if (gone.empty()) return;
    std::vector<std::pair<std::size_t, std::size_t>> found;
    for (const ListGap& gap : gaps)
      for (std::size_t i = gap.new_begin; i < gap.new_begin + gap.new_count; ++i) {
        const auto at = gone.find(print_json(new_[i]));
        if (at == gone.end() || at->second.used == at->second.indices.size()) continue;
        const std::size_t from = at->second.indices[at->second.used];
        // Equal texts are not always equal values (a NaN prints as null does).
        if (!(old_[from] == new_[i])) continue;
        ++at->second.used;
        found.emplace_back(from, i);
      }
    if (found.size() * old_.size() > kMatchCellsMax) return;
    for (const auto& [from, to] : found) take(from, to, true);
  }

  void take_pairs(const ListGap& gap,
                  const std::function<bool(std::size_t, std::size_t)>& may_become) {
    std::size_t to = gap.new_begin;
    for (std::size_t from = gap.old_begin; from < gap.old_begin + gap.old_count; ++from) {
      if (is_taken_[from]) continue;
      while (to < gap.new_begin + gap.new_count && !is_new(to)) ++to;
      if (to == gap.new_begin + gap.new_count) return;
      if (may_become(from, to)) take(from, to, false);
      ++to;
    }
  }

  void mark_stays() {
    std::vector<std::size_t> sources;
    for (const ListPlan::Element& element : plan_.elements)
      sources.push_back(element.source == ListPlan::kNew ? kSkipped : element.source);
    for (std::size_t index : longest_ascending(sources)) plan_.elements[index].stays = true;
  }

  std::span<const Json> old_;
  std::span<const Json> new_;
  std::vector<bool> is_taken_;
  ListPlan plan_;
};

}  // namespace

ListPlan plan_list(std::span<const Json> old_elements, std::span<const Json> new_elements,
                   const std::function<bool(std::size_t, std::size_t)>& may_become) {
  return ListPlanner(old_elements, new_elements).run(may_become);
}

}  // namespace weft
