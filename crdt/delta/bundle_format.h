#pragma once
// What the two sides of the column form share: header, columns, tokens, predictions. docs/format.md has
// the layout in full; here is why it is like this.
//
// A body is a few counts and then one column for each field, so that like stands beside like and the
// compressor sees it. A number is a *token* byte in its field's column; what the token leaves open goes,
// unaligned, into bits that belong to the column. Tokens are few and compress well, the bits are noise
// that no compressor would shrink: together that is near the entropy, and reading a number takes a table,
// a load and a shift, whatever its size.
//
//   value      token                      bits
//   0 to 15    value                      -
//   from 16    16 + 2 (e - 4) + next bit  the e - 1 low bits       e = position of the highest bit
//
// Dots are predicted. One who types puts characters behind the last one, erases the last one and goes
// on to the left, types on where he erased (Cursor). On `automerge-paper` a third of all dots is
// predicted exactly; a prediction by the weave would save another 3 % and cost a lookup for each dot.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/delta/op.h"
#include "crdt/delta/slice.h"

namespace weft {

// --- header

inline constexpr std::uint32_t kBundleMagic = 0x4442'571a;  ///< bytes 1a 'W' 'B' 'D'
/// Of version 1 all rows are of version 1, too; a body of version 2 begins with how many of its delta runs are.
inline constexpr std::uint8_t kLegacyBundleVersion = 1;
inline constexpr std::uint8_t kBundleVersion = 2;
inline constexpr std::size_t kBundleHeaderBytes = 40;
inline constexpr std::size_t kBundleChecksumBytes = 8;

/// A bundle of n bytes may unpack to kExpansion x n + kExpansionBase bytes and have n +
/// kExpansionBase / kExpansion rows in its tables, so that a few bytes can't claim much memory. What
/// would compress better is padded.
inline constexpr std::uint64_t kExpansion = 64;
inline constexpr std::uint64_t kExpansionBase = std::uint64_t{1} << 20;

// --- columns, in the order in which they lie in the body

enum class Column : std::uint8_t {
  // Numbers: tokens, and the bits that belong to them.
  kDeltaOps,           ///< units of each delta, less one
  kDeltaRepeats,       ///< deltas in the run, less one
  kDeltaTimes,         ///< zigzag, against the run before
  kDeltaDependencies,  ///< how many
  kDeltaMessages,      ///< size of the message
  kDependencyWho,      ///< entry of the replica table
  kDependencySeqs,     ///< zigzag, against the last dependency on that replica
  kContainers,         ///< 0: a new one, else 1 + index
  kRegisters,          ///< 0: a new one, else 1 + index
  kRegisterKeys,       ///< of a new register: 0: the next new key, else 1 + index
  kWho,                ///< of each dot below: 0: as predicted, else 1 + replica; empty: all 0
  kPlaces,             ///< lo and erase targets: zigzag, against the prediction
  kRos,                ///< zigzag, against the prediction
  kOthers,             ///< other dots: zigzag, against the prediction
  kCounts,             ///< less two
  // Bytes.
  kTags,
  kReplicas,  ///< u64 each, without the author
  kKeys,      ///< sized strings
  kMessages,  ///< UTF-8, concatenated
  kChains,    ///< u64 each: the dependencies' chain hashes
  kText,      ///< UTF-8, concatenated
  kValues,    ///< contents of the other kinds, concatenated
};
inline constexpr std::size_t kNumberColumns = static_cast<std::size_t>(Column::kTags);
inline constexpr std::size_t kColumnCount = static_cast<std::size_t>(Column::kValues) + 1;

// An operation's tag in the column form is that of the row form, and for kinds that overwrite:
inline constexpr std::uint32_t kOverwrittenShift = 5;  // bits 5-6
inline constexpr std::uint32_t kOverwritesNothing = 0;
inline constexpr std::uint32_t kOverwritesLast = 1;  ///< the register's last write in this bundle
inline constexpr std::uint32_t kOverwritesExplicit = 2;

inline constexpr std::uint64_t kWhoPredicted = 0;
inline constexpr std::uint64_t kWhoFirst = 1;
/// What is told for the seq of no dot.
inline constexpr std::int64_t kNoSeq = -1;

// --- tokens

inline constexpr unsigned kMaxTokenBits = 56;  ///< a load of 8 bytes at any bit has that many
inline constexpr unsigned kMaxToken = 16 + 2 * (kMaxTokenBits + 1 - 4) + 1;

struct TokenTable {
  std::array<std::uint64_t, 256> base{};
  std::array<std::uint64_t, 256> mask{};
  std::array<std::uint8_t, 256> bits{};
  constexpr TokenTable() {
    for (unsigned token = 0; token < 256; ++token) {
      if (token < 16) {
        base[token] = token;
      } else if (token <= kMaxToken) {
        unsigned highest = 4 + (token - 16) / 2;
        base[token] = std::uint64_t{2 + token % 2} << (highest - 1);
        bits[token] = static_cast<std::uint8_t>(highest - 1);
        mask[token] = (std::uint64_t{1} << (highest - 1)) - 1;
      } else {
        base[token] = std::uint64_t{1} << 58;  // over every limit, whoever reads it
      }
    }
  }
};
inline constexpr TokenTable kTokens;

// --- predictions

/// A dot whose seq may lie beyond the ends of a log.
struct Guess {
  ReplicaIndex replica = 0;
  std::int64_t seq = 0;
};

/// Where the writer's cursor seems to be.
class Cursor {
 public:
  explicit Cursor(std::size_t replicas) : near_(replicas, 0) {}

  Guess lo() const { return {replica_, lo_}; }
  Guess target() const { return {replica_, target_}; }
  Guess own(Seq seq) const { return {0, std::int64_t{seq} - 1}; }
  Guess ro(const Op& op) const {
    return op.a.is_none() ? own(op.seq) : Guess{op.a.replica, std::int64_t{op.a.seq}};
  }
  /// What a dot of `replica` is told against, where `guess` is one of another replica.
  std::int64_t base(Guess guess, ReplicaIndex replica, Seq seq) const {
    if (replica == guess.replica) return guess.seq;
    return replica == 0 ? std::int64_t{seq} - 1 : near_[replica];
  }
  void named(LocalDot dot) { near_[dot.replica] = dot.seq; }

  void inserted(const Op& op) {
    replica_ = 0;
    lo_ = target_ = std::int64_t{op.end()} - 1;
  }
  /// Without a branch: which way a run goes is what the file tells.
  void erased(const Op& op) {
    const std::int64_t sign = op.backward ? -1 : 1;
    const std::int64_t first = op.a.seq;
    const std::int64_t last = first + sign * (std::int64_t{op.count} - 1);
    const std::int64_t on = op.count == 1 ? -1 : sign;
    replica_ = op.a.replica;
    lo_ = (first < last ? first : last) - 1;
    target_ = last + on;
  }

 private:
  // (Single fields: a Guess stored in two halves and loaded whole would stall.)
  ReplicaIndex replica_ = 0;
  std::int64_t lo_ = 0;
  std::int64_t target_ = 0;
  std::vector<std::int64_t> near_;
};

// --- the two halves (bundle_writer.cc, bundle_reader.cc)

struct Batch;
struct DecodeLimits;

/// The body, and how many rows its tables have (kExpansion).
struct BundleBody {
  Bytes bytes;
  std::uint8_t version = kBundleVersion;
  std::uint64_t rows = 0;
};
BundleBody write_bundle_body(const Batch& batch);

/// @param body      followed by at least 8 bytes that may be read
/// @param batch     author, first_seq and op_count are set; the rest is filled in
/// @param version   the bundle's
/// @param row_bound the greatest number of rows
Status read_bundle_body(ByteSpan body, Batch& batch, std::uint8_t version, std::uint64_t row_bound,
                        const DecodeLimits& limits);

/// One row for each 64 bytes of messages, too.
constexpr std::uint64_t message_rows(std::uint64_t bytes) { return (bytes + 63) / 64; }

}  // namespace weft
