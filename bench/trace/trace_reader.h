#pragma once
// Reads editing traces: JSON, plain or gzip, in the two formats of
// github.com/josephg/editing-traces.
//
//   sequential  {startContent, endContent, txns: [{time, patches: [[position, deleted, inserted]]}]}
//   concurrent  {kind: "concurrent", endContent, numAgents,
//                txns: [{parents: [txn index], agent, time, patches}]}
//
// `time` is ISO 8601 or a number of milliseconds and may be missing, as may `startContent` and
// `numAgents`; unknown keys are ignored. A transaction may have no patch (a merge) or many, a patch
// may erase and insert, text is any Unicode.
//
// Every error says the file, what is wrong and where ("t.json.gz: txns[17].patches[0]: ...").

#include <string>
#include <string_view>

#include "bench/trace/trace.h"
#include "crdt/base/result.h"

namespace weft::trace {

/// @errors kNotFound: no such file; kCorrupt: not gzip, not JSON, not a trace; kOutOfRange: a
///         sequential trace's edit beyond the end of its text; kTooLarge: over 2^32 of something
Result<Trace> read_trace(const std::string& path);

/// @param name  what errors call it
Result<Trace> parse_trace(std::string_view json, std::string name);

}  // namespace weft::trace
