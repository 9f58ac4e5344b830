#pragma once
// What differs between two versions of one dashboard, leaf by leaf, in its own paths and words.

#include <optional>
#include <string>
#include <vector>

#include "crdt/document/document.h"

namespace weft::cli {

struct LeafChange {
  std::string path;            ///< of the document
  std::string where;           ///< in words: `panel 7 "CPU", target A: expr`
  bool is_order = false;       ///< the elements at `path` stand in another order
  std::optional<Json> before;  ///< as Grafana's JSON; nullopt: was not there
  std::optional<Json> after;
};

/// In the order of what is shown; what is new or gone as a whole is one change.
/// @param before  of the same document, or a fork: elements go by their keys
std::vector<LeafChange> leaf_changes(const Document& before, const Document& after);

/// "panel 7 "CPU": title: "CPU" -> "CPU busy"", with a line end.
std::string change_words(const LeafChange& change);
/// {"path", "where", "kind": "set" | "added" | "removed" | "order", "before"?, "after"?}
Json change_json(const LeafChange& change);

/// How many panels were added, changed and removed, and how many other leaves.
struct ChangeCounts {
  std::size_t panels_added = 0;
  std::size_t panels_changed = 0;
  std::size_t panels_removed = 0;
  std::size_t others = 0;
};
ChangeCounts count_changes(const std::vector<LeafChange>& changes);
/// "2 panels added, 1 changed, 3 other fields changed"; "nothing changed".
std::string count_words(const ChangeCounts& counts);
Json count_json(const ChangeCounts& counts);

}  // namespace weft::cli
