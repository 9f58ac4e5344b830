#pragma once
// What the JSON fuzzer checks of an input.
//
//   - what parses prints, and what was printed parses to the same tree and prints the same again
//   - an error's offset lies in the input
//   - parsing holds at most 64 bytes per byte of input and 1 MiB

#include <string>
#include <string_view>

#include "crdt/document/json_text.h"
#include "tests/fuzz/alloc_guard.h"
#include "tests/fuzz/fuzzer.h"

namespace weft::test {

/// What is under test; a canary puts something faulty in its place.
struct JsonCodec {
  Result<Json> (*parse)(std::string_view) = [](std::string_view text) { return parse_json(text); };
  std::string (*print)(const Json&) = [](const Json& json) { return print_json(json); };
};

inline Verdict check_json(std::string_view text, const JsonCodec& codec = {}) {
  AllocationGuard guard;
  Result<Json> json = codec.parse(text);
  if (guard.peak_bytes() > 64 * text.size() + (std::size_t{1} << 20))
    return faulty("parsing took too much memory");
  if (!json.ok()) {
    if (json.error().byte_offset() <= text.size()) return accepted_if(false);
    return faulty("an error without an offset in the input");
  }
  std::string printed = codec.print(*json);
  Result<Json> again = codec.parse(printed);
  if (!again.ok()) return faulty("what was printed does not parse");
  if (!(*again == *json)) return faulty("what was printed parses to another tree");
  if (codec.print(*again) != printed) return faulty("the same tree prints in two ways");
  return accepted_if(true);
}

}  // namespace weft::test
