#pragma once
// Documents in files: a history (every delta) or a snapshot (the state alone).

#include <string>
#include <string_view>
#include <vector>

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

/// "-" is standard input. A key that stands twice in an object is warned of on standard error.
/// @param called    what messages call the file; empty: by its name
/// @param warnings  what was said, for --json; null: nobody asks
/// @errors those of parse_json, as "in.json:3:14: expected ..., in /panels/0"
Result<Json> read_json(const std::string& file, const std::string& called = "",
                       std::vector<std::string>* warnings = nullptr);
/// {"warnings": [...]} behind the others, where there are some.
void add_warnings(Json::Object& line, const std::vector<std::string>& warnings);

/// "now"; "N" or "#N": the first N deltas of the log; or "replica:end,replica:end".
/// @errors CLI::ValidationError is thrown for what is none of these; kNotFound: fewer deltas than N
Result<VersionVector> version_of(const Document& document, const std::string& text);

}  // namespace weft::cli
