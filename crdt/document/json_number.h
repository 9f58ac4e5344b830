#pragma once
// Decimal numbers to doubles, alike with every standard library that weft is built with.

#include <optional>
#include <string_view>

namespace weft {

/// The double nearest to `number`, which follows JSON's grammar; a zero where it is too small for
/// one, nothing where it is too large.
std::optional<double> nearest_double(std::string_view number);

}  // namespace weft
