#pragma once
// All revisions of a dashboard imported one after another into one document in a store, by Grafana's JSON; every one is
// exported again from the history and compared.
//
// Case: the file's name up to its first dot, and "-all".
//   revision_import   ms a revision: parsed, diffed, committed
//   revision_import_ops  operations a revision
//   revision_bytes    bytes a revision in the store's log, compacted
//   revision_export   ms a revision: Document::at() and its export

#include <string>

#include "bench/harness/report.h"
#include "crdt/base/result.h"

namespace weft::bench {

Status add_board_revisions(const std::string& file, const std::string& folder, Report& report);

}  // namespace weft::bench
