#pragma once
// Metrics: what a peer measures of itself, as Prometheus text (exposition format 0.0.4).

#include <string>
#include <vector>

#include "peer/node_status.h"
#include "peer/peer_facts.h"

namespace weft {

/// @param documents  those of which the lag is told
std::string metrics_text(const NodeStatus& status, const PeerFacts& facts,
                         const std::vector<DocumentSyncStatus>& documents);

}  // namespace weft
