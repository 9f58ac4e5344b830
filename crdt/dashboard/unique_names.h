#pragma once
// Names that are to be unique, and are not after a merge: two devices that each add a panel give both the same
// id. As a view: which element keeps the name, and what the others are shown as.
//
//   panels: id, over the whole dashboard      targets: refId, within a panel
//   templating/list, annotations/list: name
//
// Of elements with one name the one whose key is that name keeps it, else one that was imported without being
// named by its key (it was the second of its name in the file), else the smallest key. All others that were
// imported so keep it, too, since a file is shown as it was; the rest are shown, by key, under the next
// free name: panels from 1 + the largest id, targets the first free of A, B, ... Z, AA, others with "_2".
//
// What is chosen is a function of the document's state, so it is the same on every device; it is not written.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "crdt/dashboard/shape.h"
#include "crdt/document/handles.h"

namespace weft::dashboard {

/// What another element keeps the name of.
struct NameClash {
  enum class Of : std::uint8_t { kPanel, kTarget, kVariable, kAnnotation };
  Of of = Of::kPanel;
  std::string path;  ///< of the element
  std::string keeper_path;
  Json name;
  Json shown;  ///< equal to `name`: it was imported so
};

class UniqueNames {
 public:
  /// @cost  O(panels + targets + variables), no history is read
  explicit UniqueNames(const MapView& root);

  /// What the element is shown as instead of its own name; null: that.
  const Json* find(const MapView& element) const {
    const auto at = shown_.find(element.index());
    return at == shown_.end() ? nullptr : &at->second;
  }
  /// What the element goes by where it is shown; null: it has no name.
  Json shown(std::string_view array, std::string_view key, const MapView& element) const;
  /// By path, arrays one after the other.
  const std::vector<NameClash>& clashes() const { return clashes_; }

 private:
  void add_array(NameClash::Of of, std::string_view array, const MapView& map);

  std::unordered_map<std::uint32_t, Json> shown_;  ///< by container
  std::vector<NameClash> clashes_;
};

/// The first of A, B, ... Z, AA, AB, ... that is not in `taken`.
std::string next_ref_id(const std::unordered_set<std::string>& taken);
/// 1 + the largest of `ids`; where that is beyond what every reader of JSON can hold (2^53), the least free
/// from 1 on. Never below 1.
std::int64_t next_panel_id(const std::unordered_set<std::int64_t>& ids);

}  // namespace weft::dashboard
