#pragma once
// Editor: turns the raw numbers of a script's edits into calls of the public editing API.

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/document/document.h"
#include "tests/histories/script.h"

namespace weft::test {

struct FoundContainer {
  std::string path;
  ContainerKind kind = ContainerKind::kMap;
  std::size_t depth = 0;
};

/// Every container reachable from `root`, in the order of paths; the root first.
std::vector<FoundContainer> reachable_containers(const MapView& root);

/// One edit under way: in one transaction or keystroke by keystroke in several, with nothing else in
/// between.
class Editor {
 public:
  explicit Editor(const Edit& edit) : edit_(edit) {}

  /// How many calls of step() the edit takes; at least 1.
  std::size_t steps() const;
  /// Throws Failure where the engine refuses what must be possible.
  void step(Transaction& tx);

 private:
  void begin(Transaction& tx);
  void step_map(MapEdit map);
  void step_list(ListEdit list);
  void step_text(TextEdit text);
  void ensure_child(MapEdit& map, const std::string& key);

  Edit edit_;
  bool begun_ = false;
  std::string path_;  ///< of the container
  ContainerKind kind_{};
  std::size_t position_ = 0;  ///< text: where the next keystroke goes
  std::size_t done_ = 0;
};

/// Key number `pick` of the few that scripts use.
std::string script_key(std::uint32_t pick);

}  // namespace weft::test
