#pragma once
// Pieces: an input that stands for several things, each behind two bytes: its size, and in bit 15 a mark that the
// fuzzer gives a meaning. What is cut short ends with the input.

#include <algorithm>
#include <utility>
#include <vector>

#include "crdt/base/bytes.h"

namespace weft::test {

struct Piece {
  Bytes bytes;
  bool marked = false;
};

inline constexpr std::size_t kPieceBytesMax = 0x7fff;

inline std::vector<Piece> split_pieces(ByteSpan input) {
  std::vector<Piece> pieces;
  for (ByteReader in(input); in.remaining() > 2;) {
    const ByteSpan head = in.bytes(2);
    const std::size_t size =
        std::to_integer<std::size_t>(head[0]) | std::to_integer<std::size_t>(head[1]) << 8;
    const ByteSpan bytes = in.bytes(std::min(size & kPieceBytesMax, in.remaining()));
    pieces.push_back({Bytes(bytes.begin(), bytes.end()), (size & 0x8000) != 0});
  }
  return pieces;
}

/// Those that are too large for a piece are left out.
inline Bytes join_pieces(const std::vector<Piece>& pieces) {
  Bytes joined;
  for (const Piece& piece : pieces) {
    if (piece.bytes.size() > kPieceBytesMax) continue;
    const std::size_t size = piece.bytes.size() | (piece.marked ? 0x8000u : 0u);
    joined.push_back(static_cast<std::byte>(size & 0xff));
    joined.push_back(static_cast<std::byte>(size >> 8));
    joined.insert(joined.end(), piece.bytes.begin(), piece.bytes.end());
  }
  return joined;
}

inline Bytes join_pieces(const std::vector<Bytes>& all) {
  std::vector<Piece> pieces;
  for (const Bytes& bytes : all) pieces.push_back({bytes, false});
  return join_pieces(pieces);
}

}  // namespace weft::test
