#include "crdt/weave/dot_index.h"

#include <algorithm>

#include "crdt/base/assert.h"

namespace weft {
namespace {

/// The last of `n` values, the first of which is <= `seq`, that is <= `seq`. Without branches on the
/// data, which would be mispredicted every second time. (Three pivots at a time were slower.)
template <class T, class Key>
std::size_t last_up_to(const T* values, std::size_t n, Seq seq, Key key) {
  const T* base = values;
  while (n > 1) {
    const std::size_t half = n / 2;
    base += key(base[half]) <= seq ? half : 0;
    n -= half;
  }
  return static_cast<std::size_t>(base - values);
}

}  // namespace

/// The start of the interval that `seq` lies in; false if it lies before all.
bool SeqMap::find_place(Seq seq, Place& place) const {
  if (chunks_.empty() || seq < chunk_first_[0]) return false;
  place.chunk = last_up_to(chunk_first_.data(), chunk_first_.size(), seq, [](Seq s) { return s; });
  const Chunk& chunk = chunks_[place.chunk];
  place.slot = last_up_to(chunk.data(), chunk.size(), seq, [](const Start& s) { return s.seq; });
  return true;
}

SeqMap::LeafId SeqMap::find(Seq seq) const {
  Place place;
  if (seq >= end_ || !find_place(seq, place)) return kNoLeaf;
  return chunks_[place.chunk][place.slot].leaf;
}

void SeqMap::push_back(Start start) {
  if (chunks_.empty() || chunks_.back().size() == kChunkMax) {
    chunks_.emplace_back();
    chunk_first_.push_back(start.seq);
  }
  chunks_.back().push_back(start);
}

/// The usual case: all starts that change lie in one chunk, which has room. `place` is that of `begin`.
///
///     before   | i: s0>A |  s1>B  |  s2>C  | j: ...        begin in [s0, s1), end in (s2, s of j)
///     after    | s0>A | begin>leaf | end>C | ...
bool SeqMap::assign_in_chunk(Place place, Seq begin, Seq end, LeafId leaf) {
  Chunk& chunk = chunks_[place.chunk];
  const bool last = place.chunk + 1 == chunks_.size();
  if (!last && chunk_first_[place.chunk + 1] < end) return false;
  std::size_t until = place.slot + 1;
  while (until < chunk.size() && chunk[until].seq < end) ++until;
  const bool starts_at_end = until < chunk.size() ? chunk[until].seq == end
                                                  : !last && chunk_first_[place.chunk + 1] == end;
  const LeafId beyond = chunk[until - 1].leaf;

  Start fresh[2];
  std::size_t fresh_count = 0;
  const bool in_place = chunk[place.slot].seq == begin;
  const std::size_t from = in_place ? place.slot : place.slot + 1;
  if (in_place || chunk[place.slot].leaf != leaf) fresh[fresh_count++] = {begin, leaf};
  if (end < end_ && !starts_at_end && beyond != leaf) fresh[fresh_count++] = {end, beyond};
  const std::size_t old_count = until - from;
  if (chunk.size() - old_count + fresh_count > kChunkMax) return false;
  end_ = end < end_ ? end_ : end;
  const auto at = chunk.begin() + static_cast<std::ptrdiff_t>(from);
  if (fresh_count > old_count)
    chunk.insert(at, fresh_count - old_count, Start{});
  else if (fresh_count < old_count)
    chunk.erase(at, at + static_cast<std::ptrdiff_t>(old_count - fresh_count));
  for (std::size_t i = 0; i < fresh_count; ++i) chunk[from + i] = fresh[i];
  return true;
}

void SeqMap::assign_inside(Seq begin, Seq end, LeafId leaf) {
  if (chunks_.empty()) {
    push_back({begin, leaf});
    end_ = end;
    return;
  }
  Place place;
  if (find_place(begin, place) && assign_in_chunk(place, begin, end, leaf)) return;
  if (end < end_) {
    if (find_place(end, place)) {
      const LeafId beyond = chunks_[place.chunk][place.slot].leaf;
      if (beyond != leaf) set_start(end, beyond);
    }
  } else {
    end_ = end;
  }
  if (!find_place(begin, place) || chunks_[place.chunk][place.slot].leaf != leaf)
    set_start(begin, leaf);
  erase_starts(begin, end);
}

/// Lets an interval begin at `seq`, ending the one it lies in.
void SeqMap::set_start(Seq seq, LeafId leaf) {
  Place place;
  std::size_t slot = 0;
  if (find_place(seq, place)) {
    Start& start = chunks_[place.chunk][place.slot];
    if (start.seq == seq) {
      start.leaf = leaf;
      return;
    }
    slot = place.slot + 1;
  } else {
    place.chunk = 0;
    chunk_first_[0] = seq;
  }
  Chunk* chunk = &chunks_[place.chunk];
  if (chunk->size() == kChunkMax) {
    const std::size_t half = kChunkMax / 2;
    const auto at = static_cast<std::ptrdiff_t>(place.chunk) + 1;
    Chunk upper;
    upper.reserve(kChunkMax);
    upper.assign(chunk->begin() + half, chunk->end());
    chunk->resize(half);
    chunk_first_.insert(chunk_first_.begin() + at, upper[0].seq);
    chunks_.insert(chunks_.begin() + at, std::move(upper));
    chunk = &chunks_[place.chunk];
    if (slot > half) {
      ++chunk;
      slot -= half;
    }
  }
  chunk->insert(chunk->begin() + static_cast<std::ptrdiff_t>(slot), {seq, leaf});
}

/// Takes out the starts in (after, end).
void SeqMap::erase_starts(Seq after, Seq end) {
  Place place;
  if (!find_place(after, place)) return;
  ++place.slot;
  for (;;) {
    Chunk& chunk = chunks_[place.chunk];
    const auto from = chunk.begin() + static_cast<std::ptrdiff_t>(place.slot);
    const auto to = std::find_if(from, chunk.end(), [end](const Start& s) { return s.seq >= end; });
    const bool goes_on = to == chunk.end();
    chunk.erase(from, to);
    if (place.slot == 0) {
      const auto at = static_cast<std::ptrdiff_t>(place.chunk);
      if (chunk.empty()) {
        chunks_.erase(chunks_.begin() + at);
        chunk_first_.erase(chunk_first_.begin() + at);
        --place.chunk;  // the one with `after` stays
      } else {
        chunk_first_[place.chunk] = chunk[0].seq;
      }
    }
    if (!goes_on || place.chunk + 1 == chunks_.size()) return;
    ++place.chunk;
    place.slot = 0;
  }
}

std::size_t SeqMap::size() const {
  std::size_t result = 0;
  for (const Chunk& chunk : chunks_) result += chunk.size();
  return result;
}

void SeqMap::check_invariants() const {
  WEFT_ASSERT(chunks_.size() == chunk_first_.size());
  bool any = false;
  Seq before = 0;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    WEFT_ASSERT(!chunks_[i].empty() && chunks_[i].size() <= kChunkMax);  // (I1)
    WEFT_ASSERT(chunk_first_[i] == chunks_[i][0].seq);
    for (const Start& start : chunks_[i]) {
      WEFT_ASSERT(!any || before < start.seq);  // (I1)
      WEFT_ASSERT(start.seq < end_);
      any = true;
      before = start.seq;
    }
  }
}

void DotIndex::build(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.first.packed() < b.first.packed(); });
  replicas_.clear();
  for (const Entry& entry : entries) assign(entry.first, entry.count, entry.leaf);
  built_ = true;
}

std::size_t DotIndex::size() const {
  std::size_t result = 0;
  for (const SeqMap& map : replicas_) result += map.size();
  return result;
}

void DotIndex::check_invariants() const {
  for (const SeqMap& map : replicas_) map.check_invariants();
}

}  // namespace weft
