#pragma once
// What opening one document of a store costs, as an editor does it: each time in a new process, the files in the page
// cache, from before the store is opened until the document's text is a string.
//
// The document is a trace, a delta for each edit, saved 100 at a time. Case <trace>-closed: its state was saved and the
// store closed; <trace>-killed: the process that wrote it was killed (SIGKILL) behind its last acknowledged save.
//   open_to_text       ms, the store opened for writing
//   open_store         of that; open_document, open_text: the rest
//   open_state, open_load, open_scan  of open_document, measured in another process: reading the kept state, making a
//                      document of it, finding and reading what lies behind it in the log; what is left is applying
//   ops_behind_state   operations that come one by one from the log behind the kept state
//   read_only_to_text  ms, the same with the store opened read-only, as a viewer does it
//   open_history       ms, open_document with the whole history
//
// Who opened a store that was closed closes it again, who opened the other ends without closing, so each round finds the
// stores as the case says: nothing but the log's few bytes about openings may have changed.

#include <cstdint>
#include <string>

#include "bench/harness/sampler.h"
#include "bench/trace/trace.h"
#include "crdt/base/result.h"

namespace weft::bench {

/// Makes the two stores; they go with the sampler.
/// @pre  this process has one thread
Status add_document_opens(const std::string& folder, const trace::Trace& trace, Sampler& sampler);

inline constexpr const char* kOpenDocumentCommand = "open-document";
/// What the child does. @param way  of an OpeningWay
/// @return  exit code
int run_open_document_command(const std::string& folder, const std::string& way);

}  // namespace weft::bench
