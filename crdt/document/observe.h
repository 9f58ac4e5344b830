#pragma once
// PatchCollector: what one transaction or delta changed in the visible state, step by step, in every
// unit an observer may ask for, until it is delivered (observe.cc).

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/flat_table.h"
#include "crdt/document/state.h"

namespace weft {

struct CollectedStep {
  std::array<std::size_t, 3> retain{};  ///< by Unit
  std::array<std::size_t, 3> erased{};
  std::array<std::size_t, 3> inserted{};
  std::string text;
  std::vector<Value> values;
};

struct CollectedPatch {
  ContainerIndex container = 0;
  std::vector<CollectedStep> steps;
  std::vector<std::uint32_t> keys;     ///< in order of first change, each once
  FlatTable<std::uint8_t> noted_keys;  ///< those in `keys`
  std::int64_t counter_delta = 0;
};

struct PatchCollector {
  std::vector<CollectedPatch> patches;
  FlatTable<std::uint32_t> index;  ///< container -> patch

  CollectedPatch& of(ContainerIndex container);
  void clear() {
    patches.clear();
    index.clear();
  }
};

}  // namespace weft
