#pragma once
// OracleOp: one unit operation as plain data, with its whole causal past spelled out.
//
// The oracle shares no code with crdt/: ids, Stamp, ContainerKind and Json are only vocabulary.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "crdt/clock/ids.h"
#include "crdt/map/value.h"

namespace weft::test {

/// Per replica, how many of its operations are known: a set of dots whose logs have no gaps.
class Past {
 public:
  Seq end(ReplicaId replica) const {
    auto found = ends_.find(replica);
    return found == ends_.end() ? 0 : found->second;
  }
  bool contains(const Dot& dot) const { return dot.seq < end(dot.replica); }
  void add_up_to(ReplicaId replica, Seq end) {
    if (end == 0) return;
    Seq& known = ends_[replica];
    if (known < end) known = end;
  }
  void merge(const Past& other) {
    for (const auto& [replica, end] : other.ends_) add_up_to(replica, end);
  }
  bool covers(const Past& other) const {
    Past both = *this;
    both.merge(other);
    return both == *this;
  }
  const std::map<ReplicaId, Seq>& ends() const { return ends_; }
  friend bool operator==(const Past&, const Past&) = default;

 private:
  std::map<ReplicaId, Seq> ends_;
};

enum class OracleKind : std::uint8_t {
  kMapSet,
  kMapErase,
  kMapEnsure,
  kTextInsert,
  kListInsert,
  kErase,
  kListSet,
  kListMove,
  kRevoke,
  kReinstate,
  kCounterAdd,
  kRestore,
};

/// What a register can hold.
struct OracleValue {
  Json json;
  std::optional<ContainerKind> child;  ///< a new child container, known by the write's dot
};

struct OracleOp {
  OracleKind kind = OracleKind::kMapSet;
  Dot dot;
  Hlc hlc = 0;
  std::uint64_t weight_ms = 0;  ///< w of its delta
  bool legacy = false;  ///< of a row of version 1, which has no w: its hlc is what it weighs
  /// Everything the author had seen, its own earlier operations included.
  Past past;
  /// A write that made the container; none: the root map. Restore: one that made the child, which is
  /// written again to the register that it was made for.
  std::optional<Dot> container;

  std::string key;                 ///< map writes
  std::optional<Dot> overwritten;  ///< register writes: the winner the author saw
  OracleValue value;               ///< map set, list insert, list set
  ContainerKind child_kind{};      ///< ensure
  std::uint32_t generation = 0;    ///< ensure
  char32_t scalar = 0;             ///< text insert
  std::optional<Dot> lo;           ///< insertions, move: left neighbour; none: the begin
  std::optional<Dot> ro;           ///< right neighbour, tombstones included; none: the end
  Dot target;                      ///< erase, list set, move: the element; revoke: the erase
  std::int64_t amount = 0;         ///< counter add

  std::uint64_t committed_at_ms = 0;
  std::string message;

  Stamp stamp() const { return {hlc, dot.replica}; }
  /// What concurrent writes are compared by, then the replica: the hlc, unless w says another millisecond.
  Hlc weight() const { return legacy || hlc >> 16 == weight_ms ? hlc : weight_ms << 16; }
  /// Restore may write a key, too.
  bool has_key() const {
    return kind == OracleKind::kMapSet || kind == OracleKind::kMapErase ||
           kind == OracleKind::kMapEnsure;
  }
  bool makes_slot() const {
    return kind == OracleKind::kTextInsert || kind == OracleKind::kListInsert ||
           kind == OracleKind::kListMove;
  }
};

/// One line for a person: "b2:3 @17 text-insert 'x' lo=a1:0 ro=end in root#t".
std::string describe(const OracleOp& op);

/// Canonical text of a tree, for comparing and for printing: keys sorted, doubles by their bits.
std::string render(const Json& json);

}  // namespace weft::test
