#pragma once
// Documents in files: a history (every delta) or a snapshot (the state alone).

#include <string>
#include <string_view>

#include "apps/file_io.h"
#include "crdt/document/document.h"

namespace weft::cli {

/// `error` with the name of what it is about in front of it.
Error about(const std::string& name, const Error& error);

/// Options for a document of this process: a random replica id, the wall clock, zstd.
DocumentOptions process_options();

/// @errors no such file; not a document
Result<Document> open_document(const std::string& file);
/// From what was read of `file`.
Result<Document> document_of(const std::string& file, ByteSpan bytes);

/// Writes a history, or a snapshot where the document came from one.
Status save_document(const std::string& file, const Document& document, Existing existing);

/// "-" is standard input. @errors those of parse_json, as "in.json:3:14: expected ..."
Result<Json> read_json(const std::string& file);

/// "now"; "N" or "#N": the first N deltas of the log; or "replica:end,replica:end".
/// @errors CLI::ValidationError is thrown for what is none of these; kNotFound: fewer deltas than N
Result<VersionVector> version_of(const Document& document, const std::string& text);

}  // namespace weft::cli
