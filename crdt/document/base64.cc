#include "crdt/document/base64.h"

#include <cstdint>

namespace weft {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint32_t byte_at(ByteSpan data, std::size_t index) {
  return index < data.size() ? static_cast<std::uint32_t>(data[index]) : 0;
}

}  // namespace

std::string base64_encode(ByteSpan data) {
  std::string text;
  text.reserve((data.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < data.size(); at += 3) {
    std::uint32_t group =
        byte_at(data, at) << 16 | byte_at(data, at + 1) << 8 | byte_at(data, at + 2);
    for (unsigned shift = 18, digit = 0; digit < 4; ++digit, shift -= 6)
      text += digit <= data.size() - at ? kAlphabet[(group >> shift) & 63] : '=';
  }
  return text;
}

std::optional<Bytes> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  Bytes data;
  data.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::size_t digit = at < text.size() - padding ? kAlphabet.find(text[at]) : 0;
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    if (at % 4 != 3) continue;
    for (unsigned shift : {16u, 8u, 0u}) data.push_back(static_cast<std::byte>(group >> shift));
    group = 0;
  }
  // Bits that the padding cuts off have to be 0, else two texts would mean the same bytes.
  for (std::size_t i = 0; i < padding; ++i) {
    if (data.back() != std::byte{0}) return std::nullopt;
    data.pop_back();
  }
  return data;
}

}  // namespace weft
