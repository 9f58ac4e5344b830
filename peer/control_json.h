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

/// What a supervisor asks: may it be used? "unsaved" and "store_error" say why nothing is stored, "links_live" of
/// "dialled" are up, "lag_ms" is how long the oldest own edit is pending, or this end behind another.
Json health_json(const NodeStatus& status, const PeerFacts& facts);
/// {"pending_documents", "pending_operations", "oldest_pending_ms"}: own edits that are at no other device
Json pending_json(const NodeStatus& status);
/// Devices that were met, linked or not.
Json known_peers_json(const NodeStatus& status);
Json listening_json(const PeerFacts& facts);

/// What `sync-status` says of the peers: the links that are there, and the addresses where none is.
Json peers_json(const NodeStatus& status, const PeerFacts& facts);

Json overview_json(const DocumentOverview& document);
Json document_sync_json(const DocumentSyncStatus& document);

/// *In step* (docs/glossary.md): everything of this device is on its disk and at another device, and everything that
/// others told of is here. Of one document, as far as this peer knows; of all.
bool is_in_step(const DocumentSyncStatus& document);
bool is_in_step(const NodeStatus& status);

}  // namespace weft
