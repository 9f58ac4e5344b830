#pragma once
// Base64 (RFC 4648, section 4: with padding), for bytes in JSON text.

#include <optional>
#include <string>
#include <string_view>

#include "crdt/base/bytes.h"

namespace weft {

std::string base64_encode(ByteSpan data);

/// Nothing where `text` is not exactly what base64_encode writes for some bytes.
std::optional<Bytes> base64_decode(std::string_view text);

}  // namespace weft
