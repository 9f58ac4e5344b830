#pragma once
// Recorded editing sessions as documents: each of a trace's transactions becomes a delta of whoever writes here. Of a
// concurrent trace that is what each transaction changed in the merged text, in causal order.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "apps/peer_client.h"
#include "crdt/document/document.h"

namespace weft::cli {

/// Erases `erased` characters at `at`, then inserts there.
struct TraceSplice {
  std::size_t at = 0;
  std::size_t erased = 0;
  std::string inserted;
};

struct TraceSession {
  std::string end_content;
  std::vector<std::vector<TraceSplice>> transactions;  ///< none is empty
};

/// Names a session that weft generates itself, always the same one.
inline constexpr const char* kGenerated = "generated";

/// @param file  of a recorded one, or kGenerated @errors those of reading and replaying a trace
Result<TraceSession> read_session(const std::string& file);

/// Writes the session into the text at the root's key "text". @return operations
Result<std::uint64_t> write_session(Document& document, const TraceSession& session);
/// The same through a peer, into a new document; durable on return. @param id  all of it
Result<std::uint64_t> write_session(PeerClient& peer, const std::string& id,
                                    const TraceSession& session);
/// @errors kCorrupt: the document's text is not what the session ends with
Status check_session(const Document& document, const TraceSession& session);

}  // namespace weft::cli
