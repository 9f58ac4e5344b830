#pragma once
// JSON text to Json trees and back (RFC 8259). `1` is an int64, `1.0` and `1e0` are doubles; integers
// beyond int64 become doubles. Printing is canonical: a double always shows a '.' or an exponent, in
// the fewest digits that read back the same; NaN and infinities print as null. Bytes print as
// {"$bytes": "<base64>"} and an object of exactly that shape is read back as bytes.

#include <string>
#include <string_view>

#include "crdt/base/result.h"
#include "crdt/map/value.h"

namespace weft {

struct JsonLimits {
  std::size_t depth = 256;                           ///< stack
  std::size_t input_bytes = std::size_t{256} << 20;  ///< memory
};

/// Of members with equal keys the last one's value is kept, at the first one's place. A byte order
/// mark in front is skipped.
/// @errors kCorrupt with the byte offset and what was expected; kLimit (also: a number beyond the
///         largest double); kInvalidUtf8
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

struct JsonStyle {
  int indent = 0;          ///< spaces per level; 0: one line
  bool sort_keys = false;  ///< by bytes; of equal keys only the last is printed
};
std::string print_json(const Json& json, const JsonStyle& style = {});

/// The tree with members by key bytes, of equal keys the last alone, all the way down: the same for texts that say
/// the same in another order.
Json in_one_form(const Json& json);

class MapEdit;
/// Makes `map` hold exactly what `object` says, by a keyed diff: only what differs is written, so a
/// second run writes nothing. Objects become mergeable maps, arrays lists (list_match.h says which
/// elements stay), children inside lists are distinct ones, strings plain string registers; keys that
/// `object` lacks are erased. What stands there already is kept where it can hold the new content: a
/// Text is spliced, a Counter counts up to an integer, a record is replaced by a record.
/// @errors kInvalidArgument: not an object; those of the edits
Status write_json(MapEdit map, const Json& object);

}  // namespace weft
