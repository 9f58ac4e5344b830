#pragma once
// One real dashboard through everything that an application does with it.
//
// Case: the file's name.
//   board_import        ms: JSON text -> document, as a seed (parsed, diffed, committed)
//   board_import_again  ms: the same text into the document that holds it; nothing is written
//   board_export        ms: document -> canonical JSON text
//   board_first_panel   ms: from an open store to the first panel's JSON
//   board_heap          bytes: the open document, first panel read; board_heap_exported: and exported whole
//   board_edit_wire     bytes: the frame with an edit of one field
//   board_edit_commit   us: that edit
//   board_seed_bytes    bytes: the seed delta

#include <string>

#include "bench/harness/report.h"
#include "bench/harness/sampler.h"
#include "crdt/base/result.h"

namespace weft::bench {

/// @param file    JSON, or gzip of it
/// @param folder  where a store is made; on the disk that is to be measured
Status add_board(const std::string& file, const std::string& folder, Sampler& sampler,
                 Report& report);

}  // namespace weft::bench
