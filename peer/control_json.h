#pragma once
// What the control socket says, as JSON (peer/README.md lists the commands).

#include <optional>

#include "crdt/base/result.h"
#include "crdt/map/value.h"
#include "peer/node_status.h"
#include "peer/peer_facts.h"

namespace weft {

/// {"error": {"code", "name", "message"}}
Json error_json(const Error& error);
/// An error as it was said. nullopt: that is none.
std::optional<Error> read_error_json(const Json& line);

Json status_json(const NodeStatus& status, const PeerFacts& facts);

/// What `sync-status` says of the peers: the links that are there, and the addresses where none is.
Json peers_json(const NodeStatus& status, const PeerFacts& facts);

Json overview_json(const DocumentOverview& document);
Json document_sync_json(const DocumentSyncStatus& document);

/// Is there anything of it that is not everywhere, as far as this peer knows?
bool is_in_step(const DocumentSyncStatus& document);

}  // namespace weft
