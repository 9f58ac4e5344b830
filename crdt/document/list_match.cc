#include "crdt/document/list_match.h"

#include <algorithm>
#include <cstdint>

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

}  // namespace weft
