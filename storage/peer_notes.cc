#include "storage/peer_notes.h"

#include <algorithm>

namespace weft {

std::vector<ReplicaId> PeerNotes::put(std::span<const PeerNote> notes) {
  std::vector<ReplicaId> changed;
  for (const PeerNote& note : notes) {
    notes_[note.replica] = note;
    changed.push_back(note.replica);
    if (notes_.size() <= kPeerNotesMax) continue;
    auto oldest = std::min_element(notes_.begin(), notes_.end(), [](const auto& a, const auto& b) {
      return a.second.seen_ms < b.second.seen_ms;
    });
    changed.push_back(oldest->first);
    notes_.erase(oldest);
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  return changed;
}

const PeerNote* PeerNotes::find(ReplicaId replica) const {
  auto found = notes_.find(replica);
  return found == notes_.end() ? nullptr : &found->second;
}

std::vector<PeerNote> PeerNotes::all() const {
  std::vector<PeerNote> result;
  result.reserve(notes_.size());
  for (const auto& [replica, note] : notes_) result.push_back(note);
  return result;
}

}  // namespace weft
