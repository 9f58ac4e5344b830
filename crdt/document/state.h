#pragma once
// State of containers: what a Document holds besides the graph and the log.
//
// A container is known by its index within the document; on the wire by the dot of a write that made
// it (several for a mergeable child, its *names*); everywhere by its 128-bit id.
//
// Sequence state is in one of two forms: packed (the bulk path and a snapshot leave it so: text is
// there, order is not) until someone needs positions or dots, then a RunTree.

#include <array>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/flat_table.h"
#include "crdt/clock/ids.h"
#include "crdt/delta/op.h"
#include "crdt/map/register.h"
#include "crdt/weave/run_tree.h"
#include "crdt/weave/sibling_table.h"

namespace weft {

using ContainerIndex = std::uint32_t;
inline constexpr ContainerIndex kNoContainer = 0xffff'ffff;
inline constexpr ContainerIndex kRootContainer = 0;
/// How deep containers can lie; operations that make a deeper one are refused by everyone. Reading goes
/// down by recursion, and a hostile writer would nest until the stack ends.
inline constexpr std::uint32_t kContainerDepthMax = 128;

/// The first 128 bits of SHA-256(parent, key, kind, generation) for a mergeable child, whose lowest
/// bit of the last byte is 1; (replica, seq) for a distinct one, where it is 0.
struct ContainerId {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const ContainerId&, const ContainerId&) = default;
};

/// A counter's sum, exact whatever comes in whatever order: 2^31 additions of each of 2^32 replicas fit.
__extension__ typedef __int128 CounterSum;
/// What is shown of it: the nearest number of 64 bits.
inline std::int64_t shown_sum(CounterSum sum) {
  constexpr CounterSum kMin = std::numeric_limits<std::int64_t>::min();
  constexpr CounterSum kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(sum < kMin ? kMin : sum > kMax ? kMax : sum);
}

struct MapEntry {
  std::uint32_t key = 0;
  Register reg;
};

struct MapState {
  std::vector<MapEntry> entries;
  FlatTable<std::uint32_t> index;  ///< key -> entry, once there are more than kLinearMax
  FlatTable<Losers> losers;        ///< by key
  std::size_t visible_count = 0;

  static constexpr std::size_t kLinearMax = 8;
  MapEntry* find(std::uint32_t key);
  const MapEntry* find(std::uint32_t key) const { return const_cast<MapState*>(this)->find(key); }
  MapEntry& at(std::uint32_t key);   ///< made where there is none
  MapEntry& add(std::uint32_t key);  ///< where there is none
  void erase_newest(std::uint32_t key);
};

struct Element {
  Register reg;
  LocalDot slot;                  ///< where it shows: its own dot or that of its largest-stamp move
  std::uint32_t erase_count = 0;  ///< erasures in force
};

/// Erased elements of a snapshot's text.
struct ColdRun {
  LocalDot first;
  Seq count = 0;
  std::size_t begin = 0;  ///< byte offset in the cold text
};

struct SequenceState {
  explicit SequenceState(bool text) : is_text(text) {}

  bool is_text;
  // --- order ---
  std::unique_ptr<RunTree> tree;   ///< null: packed
  std::vector<Run> packed;         ///< runs in weave order, where !tree and !unwoven
  std::string packed_text;         ///< visible text, where !tree
  std::string_view borrowed_text;  ///< the same, inside the snapshot that was loaded
  bool unwoven = false;            ///< from a snapshot: `packed` has to be made from the skeleton
  /// Tables of crowded gaps, by the element on their left; a rollback drops them.
  FlatTable<std::unique_ptr<SiblingTable>> siblings;
  // --- erasures ---
  FlatTable<std::uint32_t> multi_erased;  ///< text: elements under more than one erasure in force
  FlatTable<std::uint8_t> revoked;        ///< erase units that are revoked now
  // Text of elements whose insertions are not in the log, since they come from a snapshot:
  std::string_view cold_text;  ///< of those erased before it, in weave order, inside the snapshot
  std::vector<ColdRun> cold_runs;  ///< where each lies, sorted by dot; made with the tree
  std::map<std::uint64_t, std::string> stash;  ///< of those erased since, by dot
  // --- lists ---
  FlatTable<Element> elements;     ///< by dot
  FlatTable<std::uint64_t> slots;  ///< slot made by a move -> its element
  FlatTable<Losers> losers;        ///< by element
  std::uint64_t list_size = 0;

  std::string_view text_view() const {
    return borrowed_text.data() != nullptr ? borrowed_text : std::string_view(packed_text);
  }
  LocalDot element_of_slot(LocalDot slot) const {
    const std::uint64_t* element = slots.find(slot.packed());
    if (element == nullptr) return slot;
    return LocalDot::unpacked(*element);
  }
};

struct Container {
  ContainerKind kind = ContainerKind::kMap;
  ContainerId id;
  ContainerIndex parent = kNoContainer;
  std::uint32_t depth = 0;       ///< containers above it
  bool in_list = false;          ///< made for a list element, not for a map key
  std::uint32_t key = 0;         ///< where !in_list
  LocalDot element;              ///< where in_list
  std::uint32_t generation = 0;  ///< mergeable only
  /// Indices of the dots that name it; empty for the root. A child that one replica made has one.
  boost::container::small_vector<std::uint32_t, 2> names;
  std::unique_ptr<MapState> map;
  std::unique_ptr<SequenceState> sequence;
  CounterSum counter = 0;
};

struct ContainerName {
  LocalDot dot;
  ContainerIndex container = kNoContainer;
};

}  // namespace weft
