#pragma once
// BulkWeaver: weaves a whole history at once, without a tree.
//
// Every unit operation of every replica has a flat index, base[replica] + seq. The weave is a linked
// list over elements that stores a link only where a run ends, so an insertion after any element is a
// few writes, whatever the size; erasing sets bits. One pass at the end reads off runs and text.
//
//   seq        0 1 2 3 4 | 5 6 | 7
//   ends       . . 1 . 1 | . 1 | 1        "after 2 comes what next[2] says": 5 6 went in there
//   next           5   7     3   .        and after 6 it goes on with 3
//
// Where siblings meet, the elements between lo and ro are collected and the rule of integrate.cc is
// run on them; a gap that is too crowded for that makes `insert` give up, and the caller goes the slow
// way.
//
// Invariants
//   I1  elements_ has a bit for every unit that was inserted (a list's slots included).
//   I2  Following next from head(s) visits every element of sequence s once.
// Cost: insert and erase O(1) amortised without siblings; finish O(runs + text). Memory: 4 bytes and
// 3 bits a unit, 1 or 4 bytes more for text, 4 more with several sequences.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/flat_table.h"
#include "crdt/clock/ids.h"
#include "crdt/weave/run_tree.h"

namespace weft {

/// What the weaver has to ask about elements when siblings meet.
class SiblingOracle {
 public:
  virtual ~SiblingOracle() = default;
  virtual bool origin(LocalDot dot, LocalDot& lo, LocalDot& ro) const = 0;
  virtual bool stamp_less(LocalDot a, LocalDot b) const = 0;
  /// Is `dot` in the past of what is being inserted? Never asked in a trusted weave.
  virtual bool in_past(LocalDot dot) const = 0;
};

class BulkWeaver {
 public:
  /// @param ends       per replica, how many unit operations there will be
  /// @param sequences  how many sequences there can be
  BulkWeaver(std::span<const Seq> ends, std::size_t sequences, bool ascii);
  static bool fits(std::span<const Seq> ends);

  enum class Outcome : std::uint8_t { kDone, kInvalid, kTooCrowded };
  /// @param concurrent  something known is not in the past of this insertion
  Outcome insert(std::uint32_t sequence, LocalDot first, Seq count, LocalDot lo, LocalDot ro,
                 bool concurrent, bool trusted, const SiblingOracle& oracle);
  /// The inserted text of `first` on; valid UTF-8, one scalar a unit.
  void put_text(LocalDot first, std::string_view utf8);
  bool is_element(std::uint32_t sequence, LocalDot dot) const;
  bool are_elements(std::uint32_t sequence, LocalDot first, Seq count) const;
  /// Hides the elements; `again(dot)` for each that was hidden already.
  template <typename Again>
  void hide(LocalDot first, Seq count, Again&& again);
  void show(LocalDot dot) { clear(hidden_, index(dot)); }
  void set_hidden(LocalDot dot) { set(hidden_, index(dot)); }
  bool is_hidden(LocalDot dot) const { return test(hidden_, index(dot)); }

  /// Runs in weave order, maximal; visible text appended to `text` where it is not null.
  void finish(std::uint32_t sequence, std::vector<Run>& runs, std::string* text) const;

 private:
  using Bits = std::vector<std::uint64_t>;
  static constexpr std::uint32_t kNil = 0xffff'ffff;
  struct Piece {
    std::uint32_t begin;
    std::uint32_t last;
  };

  std::uint32_t index(LocalDot dot) const {
    return dot.is_none() ? kNil : bases_[dot.replica] + dot.seq;
  }
  LocalDot dot_of(std::uint32_t index) const;
  static bool test(const Bits& bits, std::uint32_t i) { return (bits[i >> 6] >> (i & 63)) & 1; }
  static void set(Bits& bits, std::uint32_t i) { bits[i >> 6] |= std::uint64_t{1} << (i & 63); }
  static void clear(Bits& bits, std::uint32_t i) {
    bits[i >> 6] &= ~(std::uint64_t{1} << (i & 63));
  }
  static void set_range(Bits& bits, std::uint32_t begin, std::uint32_t count);
  std::uint32_t run_last(std::uint32_t i) const;
  std::uint32_t successor(std::uint32_t sequence, std::uint32_t i) const {
    if (i == kNil) return heads_[sequence];
    return test(ends_, i) ? next_[i] : i + 1;
  }
  void link(std::uint32_t sequence, std::uint32_t after, std::uint32_t first, Seq count);
  Outcome place(std::uint32_t sequence, std::uint32_t lo, std::uint32_t ro, LocalDot dot,
                LocalDot lo_dot, LocalDot ro_dot, bool trusted, const SiblingOracle& oracle,
                std::uint32_t& after);
  template <typename Char>
  void read_off(std::uint32_t sequence, std::vector<Run>& runs, std::string* text,
                const Char* chars) const;

  std::vector<std::uint32_t> bases_;
  std::uint32_t units_ = 0;
  std::unique_ptr<std::uint32_t[]> next_;
  std::unique_ptr<std::uint32_t[]> owner_;  ///< sequence of each element, where there are several
  Bits elements_;
  Bits ends_;
  Bits hidden_;
  std::vector<std::uint32_t> heads_;
  bool ascii_;
  std::unique_ptr<char[]> chars8_;
  std::unique_ptr<char32_t[]> chars32_;
  std::uint64_t crowd_budget_;
  std::vector<Piece> gap_;
};

template <typename Again>
void BulkWeaver::hide(LocalDot first, Seq count, Again&& again) {
  std::uint32_t i = index(first);
  std::uint32_t end = i + count;
  while (i < end) {
    std::uint32_t bit = i & 63;
    std::uint32_t here = std::min<std::uint32_t>(end - i, 64 - bit);
    std::uint64_t mask = (here == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1) << bit;
    std::uint64_t& word = hidden_[i >> 6];
    if ((word & mask) != 0)
      for (std::uint32_t k = 0; k < here; ++k)
        if ((word >> (bit + k)) & 1) again(first.plus(i + k - index(first)));
    word |= mask;
    i += here;
  }
}

}  // namespace weft
