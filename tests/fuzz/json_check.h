#pragma once
// What the JSON fuzzer checks of an input. Include it in exactly one source of an executable, as
// alloc_guard.h.
//
//   - what parses prints, and what was printed parses to the same tree and prints the same again
//   - an error's offset lies in the input
//   - parsing holds at most 64 bytes per byte of input and 1 MiB

#include <string>
#include <string_view>

#include "crdt/document/json_text.h"
#include "tests/fuzz/alloc_guard.h"

namespace weft::test {

/// What is under test; a canary puts something faulty in its place.
struct JsonCodec {
  Result<Json> (*parse)(std::string_view) = [](std::string_view text) { return parse_json(text); };
  std::string (*print)(const Json&) = [](const Json& json) { return print_json(json); };
};

/// What is wrong; null: nothing.
inline const char* check_json(std::string_view text, const JsonCodec& codec = {}) {
  AllocationGuard guard;
  Result<Json> json = codec.parse(text);
  if (guard.peak_bytes() > 64 * text.size() + (std::size_t{1} << 20))
    return "parsing took too much memory";
  if (!json.ok()) {
    bool inside = json.error().byte_offset() <= text.size();
    return inside ? nullptr : "an error without an offset in the input";
  }
  std::string printed = codec.print(*json);
  Result<Json> again = codec.parse(printed);
  if (!again.ok()) return "what was printed does not parse";
  if (!(*again == *json)) return "what was printed parses to another tree";
  if (codec.print(*again) != printed) return "the same tree prints in two ways";
  return nullptr;
}

}  // namespace weft::test
