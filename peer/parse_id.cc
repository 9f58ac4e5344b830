#include "peer/parse_id.h"

#include <string>

namespace weft {

Result<DocumentId> parse_document_id(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  DocumentId id;
  if (text.size() == 2 * id.bytes.size() &&
      text.find_first_not_of(kHex) == std::string_view::npos) {
    for (std::size_t i = 0; i < id.bytes.size(); ++i)
      id.bytes[i] =
          static_cast<std::uint8_t>(kHex.find(text[2 * i]) << 4 | kHex.find(text[2 * i + 1]));
    return id;
  }
  return Error(ErrorCode::kInvalidArgument,
               "'" + std::string(text) + "' is no document id, which has 32 hexadecimal digits");
}

}  // namespace weft
