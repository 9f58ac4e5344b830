#pragma once
// Audit: reads every envelope that a device sends and compares it with that device's disk.
//
// Checked, at the moment of sending (design.md, section 6; peer/node.h I1 and I2)
//   - a delta of the device's own replica is durable here
//   - what Have and Ack tell as held is durable here
//   - envelopes are numbered from 0 on, without a gap
//
// Threads: one.

#include <cstdint>
#include <map>
#include <utility>

#include "crdt/sync/message.h"
#include "tests/sim/world/network.h"
#include "tests/sim/world/sim_peer.h"

namespace weft::sim {

class Audit {
 public:
  /// @throws Failure
  void check(const SimPeer& sender, LinkNumber link, std::size_t side,
             const sync::Envelope& envelope);

 private:
  struct Side {
    std::uint32_t next_sequence = 0;
    std::map<std::uint32_t, DocumentId> names;  ///< as this side numbers documents
  };

  void check_have(const SimPeer& sender, const sync::Have& have) const;
  void check_ack(const SimPeer& sender, const Side& other, const sync::Ack& ack) const;
  void check_deltas(const SimPeer& sender, const Side& mine, const sync::Deltas& deltas) const;
  void check_delta(const SimPeer& sender, const DocumentId& document, ByteSpan delta) const;

  std::map<std::pair<LinkNumber, std::size_t>, Side> sides_;
};

}  // namespace weft::sim
