#include "crdt/weave/bulk_weaver.h"

#include <algorithm>
#include <bit>

#include "crdt/base/assert.h"

namespace weft {
namespace {

/// A gap of more pieces than this is left to the tree and its sibling tables.
constexpr std::size_t kGapMax = 128;

char32_t next_scalar(const char*& at) {
  auto lead = static_cast<unsigned char>(*at++);
  if (lead < 0x80) return lead;
  int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  char32_t scalar = lead & (0x3fu >> more);
  for (; more > 0; --more) scalar = (scalar << 6) | (static_cast<unsigned char>(*at++) & 0x3fu);
  return scalar;
}

void append_utf8(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xc0 | (c >> 6));
    text += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xe0 | (c >> 12));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | (c >> 18));
    text += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (c & 0x3f));
  }
}

}  // namespace

bool BulkWeaver::fits(std::span<const Seq> ends) {
  std::uint64_t units = 0;
  for (Seq end : ends) units += end;
  return units < kNil - 64;
}

BulkWeaver::BulkWeaver(std::span<const Seq> ends, std::size_t sequences, bool ascii)
    : heads_(sequences, kNil), ascii_(ascii) {
  WEFT_ASSERT(fits(ends));
  for (Seq end : ends) {
    bases_.push_back(units_);
    units_ += end;
  }
  next_ = std::unique_ptr<std::uint32_t[]>(new std::uint32_t[units_]);
  if (sequences > 1) owner_ = std::unique_ptr<std::uint32_t[]>(new std::uint32_t[units_]);
  std::size_t words = units_ / 64 + 2;
  elements_.assign(words, 0);
  ends_.assign(words, 0);
  hidden_.assign(words, 0);
  crowd_budget_ = 1'000'000 + std::uint64_t{16} * units_;
}

LocalDot BulkWeaver::dot_of(std::uint32_t i) const {
  if (i == kNil) return kNoDot;
  if (bases_.size() == 1) return {0, i};
  auto at = std::upper_bound(bases_.begin(), bases_.end(), i);
  auto replica = static_cast<ReplicaIndex>(at - bases_.begin() - 1);
  return {replica, i - bases_[replica]};
}

void BulkWeaver::set_range(Bits& bits, std::uint32_t begin, std::uint32_t count) {
  std::uint32_t end = begin + count;
  while (begin < end) {
    std::uint32_t bit = begin & 63;
    std::uint32_t here = std::min<std::uint32_t>(end - begin, 64 - bit);
    bits[begin >> 6] |= (here == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1) << bit;
    begin += here;
  }
}

/// The last index of the run that `i` lies in.
std::uint32_t BulkWeaver::run_last(std::uint32_t i) const {
  std::size_t word = i >> 6;
  std::uint64_t bits = ends_[word] >> (i & 63);
  if (bits != 0) return i + static_cast<std::uint32_t>(std::countr_zero(bits));
  while (ends_[++word] == 0) {
  }
  return static_cast<std::uint32_t>(word * 64) +
         static_cast<std::uint32_t>(std::countr_zero(ends_[word]));
}

bool BulkWeaver::is_element(std::uint32_t sequence, LocalDot dot) const {
  std::uint32_t i = index(dot);
  return i < units_ && test(elements_, i) && (!owner_ || owner_[i] == sequence);
}

bool BulkWeaver::are_elements(std::uint32_t sequence, LocalDot first, Seq count) const {
  std::uint32_t i = index(first);
  std::uint32_t end = i + count;
  if (owner_) {
    for (; i < end; ++i)
      if (!test(elements_, i) || owner_[i] != sequence) return false;
    return true;
  }
  while (i < end) {
    std::uint32_t bit = i & 63;
    std::uint32_t here = std::min<std::uint32_t>(end - i, 64 - bit);
    std::uint64_t mask = (here == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1) << bit;
    if ((elements_[i >> 6] & mask) != mask) return false;
    i += here;
  }
  return true;
}

void BulkWeaver::link(std::uint32_t sequence, std::uint32_t after, std::uint32_t first, Seq count) {
  std::uint32_t next = successor(sequence, after);
  if (after == kNil) {
    heads_[sequence] = first;
  } else {
    set(ends_, after);
    next_[after] = first;
  }
  std::uint32_t last = first + count - 1;
  set(ends_, last);
  next_[last] = next;
  set_range(elements_, first, count);
  if (owner_) std::fill(&owner_[first], &owner_[first] + count, sequence);
}

BulkWeaver::Outcome BulkWeaver::insert(std::uint32_t sequence, LocalDot first, Seq count,
                                       LocalDot lo, LocalDot ro, bool concurrent, bool trusted,
                                       const SiblingOracle& oracle) {
  std::uint32_t left = index(lo);
  std::uint32_t right = index(ro);
  if (!lo.is_none() && !is_element(sequence, lo)) return Outcome::kInvalid;
  if (!trusted && concurrent) {
    if (!lo.is_none() && !oracle.in_past(lo)) return Outcome::kInvalid;
    if (!ro.is_none() && !oracle.in_past(ro)) return Outcome::kInvalid;
  }
  std::uint32_t after = left;
  if (successor(sequence, left) != right) {
    if (!trusted && !concurrent) return Outcome::kInvalid;
    if (!ro.is_none() && !is_element(sequence, ro)) return Outcome::kInvalid;
    Outcome outcome = place(sequence, left, right, first, lo, ro, trusted, oracle, after);
    if (outcome != Outcome::kDone) return outcome;
  }
  link(sequence, after, index(first), count);
  return Outcome::kDone;
}

/// The scan of integrate.cc over the pieces between lo and ro. A dot is left of ro(n) iff it lies in
/// the gap, and left of lo(n) iff it does not and isn't lo(n): the gap is all that has to be known.
BulkWeaver::Outcome BulkWeaver::place(std::uint32_t sequence, std::uint32_t lo, std::uint32_t ro,
                                      LocalDot dot, LocalDot lo_dot, LocalDot ro_dot, bool trusted,
                                      const SiblingOracle& oracle, std::uint32_t& after) {
  gap_.clear();
  for (std::uint32_t at = successor(sequence, lo); at != ro;) {
    if (at == kNil) return Outcome::kInvalid;  // ro lies left of lo
    if (gap_.size() == kGapMax || crowd_budget_-- == 0) return Outcome::kTooCrowded;
    if (!trusted && oracle.in_past(dot_of(at))) return Outcome::kInvalid;
    std::uint32_t last = run_last(at);
    bool ro_inside = ro > at && ro <= last;
    if (ro_inside) last = ro - 1;
    gap_.push_back({at, last});
    at = ro_inside ? ro : next_[last];
  }
  auto in_gap = [&](LocalDot other) {
    std::uint32_t i = index(other);
    return std::any_of(gap_.begin(), gap_.end(),
                       [i](const Piece& piece) { return i >= piece.begin && i <= piece.last; });
  };
  after = lo;
  bool scanning = false;
  for (const Piece& piece : gap_) {
    LocalDot first = dot_of(piece.begin);
    LocalDot other_lo;
    LocalDot other_ro;
    if (!oracle.origin(first, other_lo, other_ro)) return Outcome::kInvalid;
    if (other_lo == lo_dot) {
      if (other_ro == ro_dot) {
        if (oracle.stamp_less(first, dot)) break;
        scanning = false;
      } else {
        scanning = !other_ro.is_none() && (ro_dot.is_none() || in_gap(other_ro));
      }
    } else if (!lo_dot.is_none() && (other_lo.is_none() || !in_gap(other_lo))) {
      break;
    }
    if (!scanning) after = piece.last;
  }
  return Outcome::kDone;
}

void BulkWeaver::put_text(LocalDot first, std::string_view utf8) {
  std::uint32_t i = index(first);
  if (ascii_) {
    if (!chars8_) chars8_ = std::unique_ptr<char[]>(new char[units_]);
    std::copy(utf8.begin(), utf8.end(), &chars8_[i]);
    return;
  }
  if (!chars32_) chars32_ = std::unique_ptr<char32_t[]>(new char32_t[units_]);
  const char* end = utf8.data() + utf8.size();
  for (const char* at = utf8.data(); at != end; ++i) chars32_[i] = next_scalar(at);
}

template <typename Char>
void BulkWeaver::read_off(std::uint32_t sequence, std::vector<Run>& runs, std::string* text,
                          const Char* chars) const {
  Run run;
  for (std::uint32_t at = heads_[sequence]; at != kNil;) {
    std::uint32_t last = run_last(at);
    LocalDot first = dot_of(at);
    for (std::uint32_t i = at; i <= last;) {
      // The stretch from i on with one hidden flag.
      bool hidden = test(hidden_, i);
      std::uint32_t end = i;
      do {
        std::uint64_t word = hidden_[end >> 6] >> (end & 63);
        if (hidden) word = ~word;
        std::uint32_t room = 64 - (end & 63);
        std::uint32_t same =
            word == 0 ? room : std::min(room, static_cast<std::uint32_t>(std::countr_zero(word)));
        end += same;
        if (same < room) break;
      } while (end <= last);
      end = std::min(end, last + 1);
      LocalDot dot = first.plus(i - at);
      if (run.count > 0 && run.hidden == hidden && run.first.plus(run.count) == dot) {
        run.count += end - i;
      } else {
        if (run.count > 0) runs.push_back(run);
        run = {dot, end - i, hidden};
      }
      if (!hidden && text != nullptr) {
        if constexpr (sizeof(Char) == 1) {
          text->append(chars + i, end - i);
        } else {
          for (std::uint32_t k = i; k < end; ++k) append_utf8(*text, chars[k]);
        }
      }
      i = end;
    }
    at = next_[last];
  }
  if (run.count > 0) runs.push_back(run);
}

void BulkWeaver::finish(std::uint32_t sequence, std::vector<Run>& runs, std::string* text) const {
  if (ascii_ || text == nullptr) {
    read_off(sequence, runs, text, chars8_.get());
  } else {
    read_off(sequence, runs, text, chars32_.get());
  }
}

}  // namespace weft
