#pragma once
// Names of things: replicas, dots, stamps.
//
// Two forms of a dot. `Dot` is the public one and means the same on every device. `LocalDot` holds
// the *interned* replica index (arrival order, of one document or of one delta) and never leaves it.
//
// Invariants
//   I1  A seq is at most kMaxSeq; decoders refuse more (kLimit), the document refuses to mint more.
//   I2  LocalDot{kNoReplica, 0} is "nothing": the begin of a sequence for a left neighbour, its end for
//       a right neighbour, "no write yet" for an overwritten write.
//
// Source: dots: Preguica et al. 2010 (dotted version vectors); hlc: Kulkarni et al. 2014.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace weft {

using Seq = std::uint32_t;
using Hlc = std::uint64_t;
using ReplicaIndex = std::uint32_t;

inline constexpr Seq kMaxSeq = 0x7fff'fffe;
inline constexpr ReplicaIndex kNoReplica = 0xffff'ffff;
/// The largest time the clock takes: 2100-01-01T00:00:00Z, exclusive.
inline constexpr std::uint64_t kMaxTimeMs = 4'102'444'800'000;

/// One writer; random, never reused.
struct ReplicaId {
  std::uint64_t value = 0;
  friend auto operator<=>(const ReplicaId&, const ReplicaId&) = default;
};

/// Identity of one operation within its document, and of the element an insertion makes.
struct Dot {
  ReplicaId replica;
  Seq seq = 0;
  friend auto operator<=>(const Dot&, const Dot&) = default;
};

struct LocalDot {
  ReplicaIndex replica = kNoReplica;
  Seq seq = 0;

  bool is_none() const { return replica == kNoReplica; }
  LocalDot plus(Seq count) const { return {replica, seq + count}; }
  std::uint64_t packed() const { return (std::uint64_t{replica} << 32) | seq; }
  static LocalDot unpacked(std::uint64_t packed) {
    return {static_cast<ReplicaIndex>(packed >> 32), static_cast<Seq>(packed)};
  }
  friend bool operator==(const LocalDot&, const LocalDot&) = default;
};
inline constexpr LocalDot kNoDot{};

/// The total order that decides last-writer-wins and sibling ties.
struct Stamp {
  Hlc hlc = 0;
  ReplicaId replica;
  friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

/// The upper 16 bits of replica ids that follow from what they write: seeds (dashboard/grafana.h). No device writes
/// as one of these.
inline constexpr std::uint64_t kSeedRange = 0x5eed;
constexpr bool is_seed_replica(ReplicaId replica) { return replica.value >> 48 == kSeedRange; }
/// A device's id of a random number: that, or where it is a seed's one that is none.
constexpr ReplicaId device_replica(std::uint64_t random) {
  const ReplicaId drawn{random};
  return is_seed_replica(drawn) ? ReplicaId{~random} : drawn;
}

/// "00c0ffee00c0ffee" and "00c0ffee00c0ffee:17".
std::string to_string(ReplicaId replica);
std::string to_string(const Dot& dot);

}  // namespace weft

template <>
struct std::hash<weft::ReplicaId> {
  std::size_t operator()(weft::ReplicaId id) const noexcept {
    std::uint64_t x = id.value * 0x9e37'79b9'7f4a'7c15;
    return static_cast<std::size_t>(x ^ (x >> 32));
  }
};
template <>
struct std::hash<weft::LocalDot> {
  std::size_t operator()(weft::LocalDot dot) const noexcept {
    std::uint64_t x = dot.packed() * 0x9e37'79b9'7f4a'7c15;
    return static_cast<std::size_t>(x ^ (x >> 29));
  }
};
