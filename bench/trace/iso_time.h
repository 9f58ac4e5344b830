#pragma once
// Times of traces: ISO 8601 in, milliseconds since 1970 out.

#include <cstdint>
#include <string_view>

#include "crdt/base/result.h"

namespace weft::trace {

/// "2021-04-19T06:06:58.219Z", or with an offset as "+02:00" at its end, or with neither (then
/// UTC). Times before 1970 are 0. @errors kInvalidArgument
Result<std::uint64_t> parse_iso_time_ms(std::string_view text);

}  // namespace weft::trace
