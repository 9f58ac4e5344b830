#pragma once
// JSON text to Json trees and back (RFC 8259). `1` is an int64, `1.0` and `1e0` are doubles; a number that
// neither gives back stays the text that it is (json_number.h). Printing is canonical: a double always shows a '.'
// or an exponent, in the fewest digits that read back the same; NaN and infinities print as null. Bytes print as
// {"$bytes": "<base64>"} and an object of exactly that shape is read back as bytes.

#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/map/value.h"

namespace weft {

struct JsonLimits {
  std::size_t depth = 256;                           ///< stack
  std::size_t input_bytes = std::size_t{256} << 20;  ///< memory
};

/// A key that an object has more than once.
struct RepeatedKey {
  std::string path;        ///< its JSON pointer
  std::size_t offset = 0;  ///< of the second of them, in bytes
};
struct JsonNotes {
  static constexpr std::size_t kRepeatedMax = 32;
  std::vector<RepeatedKey> repeated;  ///< the first kRepeatedMax
  std::size_t repeated_count = 0;
};

/// Of members with equal keys the last one's value is kept, at the first one's place. A byte order
/// mark in front is skipped.
/// @param notes  what is no error and yet to be said; null: nobody asks
/// @errors kCorrupt with the byte offset, what was expected and in which member; kLimit; kInvalidUtf8
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {},
                        JsonNotes* notes = nullptr);

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
