#pragma once
// A file's revisions as the history of one document in a store: what each costs, what all take, and how fast an old one
// comes back. Every revision is read back from a store that was opened anew, before and after compacting, and compared.
//
// Case: the file's name.
//   revision_commit   ms a revision: keyed diff and commit
//   revision_ops      operations a revision
//   revision_save     ms a revision, durable
//   history_open, history_open_compacted  ms: store and document, with the whole history
//   revision_at, revision_at_compacted    ms a revision: Document::at() and its JSON
//   log_bytes, log_bytes_compacted        the log's file
//   derived_bytes_compacted               the derived file, which holds the kept state
//   state_bytes       the kept state: a snapshot of the last revision
//   json_bytes        all revisions as JSON on a line each
//   json_zstd_bytes   that, each revision compressed by itself; json_lines_zstd_bytes: all in one

#include <string>

#include "bench/harness/report.h"
#include "bench/store/histories.h"
#include "crdt/base/result.h"

namespace weft::bench {

Status add_dashboard_history(const std::string& folder, const DashboardRevisions& dashboard,
                             Report& report);

}  // namespace weft::bench
