#pragma once
// Words and JSON for what the engine reports: values, writes, patches. What the peer says of them too is in
// peer/describe_json.h.

#include <cstdint>
#include <string>
#include <string_view>

#include "crdt/document/document.h"
#include "crdt/document/json_text.h"
#include "peer/describe_json.h"

namespace weft::cli {

/// "1 operation", "2 operations".
std::string counted(std::size_t count, std::string_view noun);

/// "812 B", "1.2 KiB", "34 MiB".
std::string byte_words(std::uint64_t bytes);

/// One JSON value on a line of standard output.
void print_line(const Json& json);

/// Canonical JSON on one line, cut to about `width` characters, fit for a terminal.
std::string short_json(const Json& json, std::size_t width = 60);

/// "/" for the root, which as a pointer is the empty text.
std::string path_words(std::string_view path);

/// One line: what was written, by whom, when.
std::string write_words(const WriteInfo& write);
Json write_json_of(const WriteInfo& write);

/// Of what patch_json() gives: a heading and an indented line for each change.
std::string patch_words(const Json& patch);

/// "3.2 s", "12 min", "5 h", "3 days".
std::string duration_words(std::uint64_t ms);

std::string conflict_words(const Conflict& conflict);
Json conflict_json(const Conflict& conflict);

}  // namespace weft::cli
