#pragma once
// Ids as people write them.

#include <string_view>

#include "crdt/document/document.h"

namespace weft {

/// 32 hexadecimal digits, as to_string() writes them. @errors kInvalidArgument
Result<DocumentId> parse_document_id(std::string_view text);

}  // namespace weft
