#pragma once
// PeerNotes: what a store knows of the stores that it follows, at most kPeerNotesMax of them.

#include <map>
#include <span>
#include <vector>

#include "storage/store.h"

namespace weft {

class PeerNotes {
 public:
  /// Each takes the place of the one before of its replica; where they are too many, the one that was seen
  /// longest ago goes. @return  whose notes have changed or gone
  std::vector<ReplicaId> put(std::span<const PeerNote> notes);
  const PeerNote* find(ReplicaId replica) const;
  /// Sorted by replica.
  std::vector<PeerNote> all() const;

 private:
  std::map<ReplicaId, PeerNote> notes_;
};

}  // namespace weft
