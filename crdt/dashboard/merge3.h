#pragma once
// Three-way merges of values that two sides changed without knowing of each other.
//
// Source: Khanna, Kunal, Pierce 2007, "A Formal Investigation of Diff3": stable and changed chunks.

#include <optional>
#include <string>
#include <string_view>

#include "crdt/map/value.h"

namespace weft::dashboard {

/// Both changes of a text, by words and lines; nullopt: they touch the same place in different ways.
/// @cost  as unequal_gaps of the words (crdt/document/list_match.h)
std::optional<std::string> merge_texts(std::string_view base, std::string_view a,
                                       std::string_view b);

/// A list of plain values as a set: without what either removed, with what either added, in the order of `a`,
/// then that of `b`. nullopt: one of them is no such list.
std::optional<Json> merge_sets(const Json& base, const Json& a, const Json& b);

/// base + (a - base) + (b - base), integers only. nullopt: no integers, or beyond 64 bits.
std::optional<Json> merge_counts(const Json& base, const Json& a, const Json& b);

/// By what they are: texts and sets. Where only one side differs from the base, that side.
std::optional<Json> merge_values(const Json& base, const Json& a, const Json& b);

}  // namespace weft::dashboard
