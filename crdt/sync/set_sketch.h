#pragma once
// SetSketch and SetDifference: which documents differ between two devices, in bytes proportional to the
// difference and not to the sets. A rateless invertible Bloom lookup table.
//
// An item is (name, version): keyed hashes of a document's id and of what is held of it. A device's set
// is coded into an endless row of symbols, each the xor of some of the items. One end sends the row from
// its beginning (SetSketch), the other subtracts its own row (SetDifference): what both have cancels, and
// a symbol in which one item is left shows that item. It is removed from its other symbols, which leaves
// one item in some of those, and so on until symbol 0, which holds every item, is empty:
//
//   symbol  0   1   2   3   4   5
//   item a  x       x
//   item b  x   x   x              symbol 4 shows c; without c symbol 1 shows b;
//   item c  x   x           x      without b symbols 2 and 0 show a, and all are empty
//
// Symbol i holds an item with probability 2 / (i + 2), independently of every other (SymbolIndices):
// about 2 ln m of the first m. Those who differ in d items need about 1.4 d symbols.
//
// Invariants:
//   I1  SetSketch: symbol i of the prefix is the sum over the items of the set that index i belongs to.
//   I2  SetDifference: symbol i is the other end's, less own items, less what was found there, plus what
//       was found here.
//   I3  SetDifference: a symbol in which the last item was found is empty and stays so; were one to
//       change, an item was found where it is not: failed(). So at most as many items are found as
//       symbols were received, whatever the other end sends.
//
// The hashes are keyed so that nobody makes documents that collide without the key. Every peer of the
// device knows it: one who makes such documents can keep sets from decoding, or hide an item from the
// difference. The sums that are compared after each catch-up show the latter.
//
// Cost, n items, m symbols:
//   SetSketch      32 m bytes (m <= kSymbolsMax: 256 KiB at most), nothing for each item
//                  add, remove: O(log m); lengthening: O(n log m), once a doubling
//   SetDifference  16 n + 37 m bytes (m up to twice received()), at most 48 for each item found
//                  receive: O(m log m), and a visit of the own items, O(n log m), once a doubling
//
// Thread rule: one thread at a time.
//
// Source: Yang, Gilad, Alizadeh 2024, "Practical Rateless Set Reconciliation" (SIGCOMM), sections 3
// and 4. Differs in how an item's next index is drawn: exactly, and without a square root.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crdt/document/document.h"
#include "crdt/sync/message.h"

namespace weft::sync {

/// The longest row of symbols that is made or taken: enough for about 3,000 documents that differ.
inline constexpr std::size_t kSymbolsMax = 8192;
/// What to ask for first: decodes 100 documents that differ (200 items) in 99 of 100 cases.
inline constexpr std::size_t kFirstSymbols = 336;

struct SetItem {
  std::uint64_t name = 0;     ///< keyed hash of a document's id
  std::uint64_t version = 0;  ///< keyed hash of what is held of it
  friend auto operator<=>(const SetItem&, const SetItem&) = default;
};

/// @param key  set_key of the end that makes the symbols (Hello)
[[nodiscard]] SetItem make_item(std::uint64_t key, const DocumentId& id, const Digest& version);

/// The checksum of an item, by which a symbol that holds it alone is known; it also seeds SymbolIndices.
[[nodiscard]] std::uint64_t item_check(std::uint64_t key, const SetItem& item);

/// The indices of the symbols that an item belongs to: 0, then ascending.
///
/// That none of i+1, ..., j belongs has to have probability
///   i+1   i+2   i+3         j      (i+1) (i+2)
///   --- * --- * --- * ... * ---  = -----------
///   i+3   i+4   i+5         j+2    (j+1) (j+2)
/// and with two independent u in (0, 1] that is P(floor((i+1) / u) > j) * P(floor((i+2) / u') - 1 > j):
/// the next index is the smaller of the two. All numbers are exact integers: the same everywhere.
class SymbolIndices {
 public:
  explicit SymbolIndices(std::uint64_t check) : state_(check) {}

  [[nodiscard]] std::uint64_t index() const { return index_; }
  /// @pre  index() < kIndexMax
  void advance() {
    state_ += 0x9e37'79b9'7f4a'7c15;  // splitmix64, Steele, Lea, Flood 2014
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    z ^= z >> 31;
    const std::uint64_t first = quotient(index_ + 1, static_cast<std::uint32_t>(z));
    const std::uint64_t second = quotient(index_ + 2, static_cast<std::uint32_t>(z >> 32)) - 1;
    index_ = first < second ? first : second;
  }

  static constexpr std::uint64_t kIndexMax = std::uint64_t{1} << 20;

 private:
  /// floor(number / u), u = (draw + 1) / 2^32. With a dividend a and a divisor b no quotient that is
  /// not whole is relatively nearer than 1 / (a + b) to the next whole number; as a + b < 2^53,
  /// rounding to a double never reaches one.
  static std::uint64_t quotient(std::uint64_t number, std::uint32_t draw) {
    const double dividend = static_cast<double>(static_cast<std::int64_t>(number << 32));
    const double divisor = static_cast<double>(std::int64_t{draw} + 1);
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(dividend / divisor));
  }

  std::uint64_t state_;
  std::uint64_t index_ = 0;
};

/// How many symbols to ask for next; 0: no more, the sets differ in too much for this.
/// @param received    symbols that are there
/// @param size_here   items of the own set
/// @param size_there  items of the other end's
[[nodiscard]] std::size_t symbols_to_ask(std::size_t received, std::uint64_t size_here,
                                         std::uint64_t size_there);

/// The row of symbols of a set that changes: the end that is asked.
class SetSketch {
 public:
  /// @param prefix  symbols kept from the start, 1 to kSymbolsMax
  explicit SetSketch(std::uint64_t key, std::size_t prefix = kFirstSymbols);

  [[nodiscard]] std::uint64_t key() const { return key_; }
  /// Items in the set.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Symbols that are there without a visit to the items.
  [[nodiscard]] std::size_t prefix() const { return symbols_.size(); }
  /// Counts changes. Symbols of different revisions don't belong into one row: who sent some and is
  /// asked for the next has to begin again at 0 if this has changed.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

  /// @pre   the item is not in the set
  /// @cost  O(log prefix())
  void add(const SetItem& item);
  /// @pre   the item is in the set
  /// @cost  O(log prefix())
  void remove(const SetItem& item);

  /// Symbols [begin, begin + count), cut at kSymbolsMax; valid until the sketch changes.
  /// @param for_each_item  called with a function f, at most once: calls f(item) for each item of the set
  /// @cost  O(1) inside the prefix; otherwise the prefix at least doubles, O(n log prefix())
  template <typename ForEachItem>
  [[nodiscard]] std::span<const Symbol> symbols(std::uint64_t begin, std::uint64_t count,
                                                ForEachItem&& for_each_item) {
    if (begin >= kSymbolsMax) return {};
    if (count > kSymbolsMax - begin) count = kSymbolsMax - begin;
    if (begin + count > symbols_.size()) {
      Lengthening lengthening = lengthen(static_cast<std::size_t>(begin + count));
      for_each_item([&](const SetItem& item) { map(item, lengthening); });
      finish(lengthening);
    }
    return std::span<const Symbol>(symbols_).subspan(static_cast<std::size_t>(begin),
                                                     static_cast<std::size_t>(count));
  }

 private:
  struct Lengthening {
    std::size_t begin = 0;  ///< the first new symbol
    Symbol visited;         ///< sum over the items visited: has to become symbol 0
  };

  Lengthening lengthen(std::size_t end);
  void map(const SetItem& item, Lengthening& lengthening);
  void finish(const Lengthening& lengthening) const;

  std::uint64_t key_;
  std::uint64_t size_ = 0;
  std::uint64_t revision_ = 0;
  std::vector<Symbol> symbols_;
};

/// What two sets differ in: the end that asks.
class SetDifference {
 public:
  /// @param key  of the other end
  /// @param own  the items here, made with that key, each once; kept until decoded() or failed(). The
  ///             difference is that to these, whatever changes here meanwhile.
  SetDifference(std::uint64_t key, std::vector<SetItem> own);

  /// Takes the other end's symbols from index received() on. Once decoded() or failed(), does nothing.
  /// @cost  as above, whatever the symbols are
  void receive(std::span<const Symbol> symbols);

  [[nodiscard]] std::size_t received() const { return received_; }
  /// The difference is known. only_here() are items of `own`, only_there() are none of it.
  [[nodiscard]] bool decoded() const { return state_ == State::kDecoded; }
  /// The symbols contradict each other (damaged, hostile, or of a set that changed between them) or are
  /// more than kSymbolsMax: begin again, or do it another way.
  [[nodiscard]] bool failed() const { return state_ == State::kFailed; }

  /// Before decoded(), what was found so far: it may yet prove wrong.
  [[nodiscard]] const std::vector<SetItem>& only_here() const { return only_here_; }
  [[nodiscard]] const std::vector<SetItem>& only_there() const { return only_there_; }

 private:
  enum class State : std::uint8_t { kOpen, kDecoded, kFailed };

  void prepare(std::size_t end);
  void note(std::size_t index);
  [[nodiscard]] bool holds_one(std::size_t index) const;
  [[nodiscard]] bool peel(std::size_t index);
  [[nodiscard]] bool fits_own() const;
  void end(State state);

  std::uint64_t key_;
  State state_ = State::kOpen;
  std::vector<SetItem> own_;
  std::size_t received_ = 0;
  std::vector<Symbol> symbols_;        // (I2); those from received_ on lack the other end's share
  std::vector<std::uint32_t> to_see_;  // indices of symbols that may hold one item, each once
  std::vector<bool> noted_;            // which are in to_see_
  std::vector<SetItem> only_here_;
  std::vector<SetItem> only_there_;
};

}  // namespace weft::sync
