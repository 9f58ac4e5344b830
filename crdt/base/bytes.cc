#include "crdt/base/bytes.h"

namespace weft {

std::uint64_t ByteReader::varint_slow() {
  const std::byte* at = at_;
  std::uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (at == end_) {
      fail("ends inside a number");
      return 0;
    }
    auto byte = static_cast<std::uint8_t>(*at++);
    if (shift == 63 && byte > 1) {
      fail("number over 64 bits");
      return 0;
    }
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift != 0) {
        fail(ErrorCode::kNotCanonical, "number written longer than needed");
        return 0;
      }
      at_ = at;
      return value;
    }
  }
  fail("number over 64 bits");
  return 0;
}

Error ByteReader::error(const char* where) const {
  WEFT_ASSERT(fault_ != nullptr);
  return Error(code_, std::string(where) + ": " + fault_, fault_offset_);
}

}  // namespace weft
