#pragma once
// Words and JSON for what the engine reports: times, values, writes, patches.

#include <cstdint>
#include <string>
#include <string_view>

#include "crdt/document/document.h"
#include "crdt/document/json_text.h"

namespace weft::cli {

/// "2024-05-01T12:00:00.123Z"; "(no time)" for 0, which is what a document without a clock writes.
std::string iso_time(std::uint64_t time_ms);

/// "1 operation", "2 operations".
std::string counted(std::size_t count, std::string_view noun);

/// "812 B", "1.2 KiB", "34 MiB".
std::string byte_words(std::uint64_t bytes);

/// A count as JSON has it.
Json number_json(std::uint64_t number);

/// One JSON value on a line of standard output.
void print_line(const Json& json);

/// Canonical JSON on one line, cut to about `width` characters, fit for a terminal.
std::string short_json(const Json& json, std::size_t width = 60);

/// A value of a patch: a child is named by its kind ("a text").
std::string value_words(const Value& value);

/// "/" for the root, which as a pointer is the empty text.
std::string path_words(std::string_view path);

/// One line: what was written, by whom, when.
std::string write_words(const WriteInfo& write);
Json write_json_of(const WriteInfo& write);

/// A heading and an indented line for each change.
std::string patch_words(const Patch& patch);
Json patch_json(const Patch& patch);

std::string conflict_words(const Conflict& conflict);
Json conflict_json(const Conflict& conflict);

}  // namespace weft::cli
