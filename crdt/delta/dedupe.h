#pragma once
// Entries that a table holds twice. By sorting, not hashing: the entries are a sender's choice, and whoever
// knows the hash function can make a hash table quadratic.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "crdt/clock/ids.h"

namespace weft {

/// @cost O(1) allocations; O(n log n) comparisons, none for a table of one
template <typename T>
bool has_duplicates(const std::vector<T>& table) {
  constexpr std::size_t kFew = 12;
  if (table.size() <= kFew) {
    for (std::size_t i = 1; i < table.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (table[i] == table[j]) return true;
    return false;
  }
  std::vector<T> sorted = table;
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

/// Leaves the first of equal entries, order kept. Returns for each old index the new one; empty if nothing
/// was equal.
inline std::vector<std::uint32_t> merge_duplicates(std::vector<LocalDot>& table) {
  std::vector<std::uint32_t> sorted(table.size());
  for (std::uint32_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
  std::sort(sorted.begin(), sorted.end(), [&](std::uint32_t x, std::uint32_t y) {
    return table[x] == table[y] ? x < y : table[x].packed() < table[y].packed();
  });
  std::vector<std::uint32_t> renamed(
      table.size());  // first the index of the equal entry that stays
  std::size_t distinct = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    bool repeats = i != 0 && table[sorted[i]] == table[sorted[i - 1]];
    renamed[sorted[i]] = repeats ? renamed[sorted[i - 1]] : sorted[i];
    distinct += repeats ? 0 : 1;
  }
  if (distinct == table.size()) return {};
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    if (renamed[i] != i) {
      renamed[i] = renamed[renamed[i]];  // its first stands before it and has its new index already
      continue;
    }
    table[next] = table[i];
    renamed[i] = next++;
  }
  table.resize(next);
  return renamed;
}

}  // namespace weft
