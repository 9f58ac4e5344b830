#pragma once
// Decimal numbers as JSON writes them, and what they are kept as: alike with every standard library that weft is
// built with (docs/adr/0015).

#include <optional>
#include <string_view>

#include "crdt/map/value.h"

namespace weft {

/// What `number`, which follows JSON's grammar, is kept as, so that it comes out as it went in:
///   an integer within int64 (but for "-0")                         the int64
///   a number with '.' or an exponent, if a double prints the same number  the double
///   anything else                                                  its text (NumberText)
/// "Prints the same number": the fewest digits that read back the same double (print_json) are equal to `number`
/// as decimal numbers. So 0.10 and 1e2 are doubles, 0.10000000000000001 and 1e400 are texts.
/// @cost  O(size)
Json json_number(std::string_view number);

/// The double nearest to `number`, which follows JSON's grammar; a zero where it is too small for
/// one, nothing where it is too large.
std::optional<double> nearest_double(std::string_view number);

}  // namespace weft
