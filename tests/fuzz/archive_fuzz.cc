// Fuzzer: archives of stores. See archive_checks.h for what has to hold.

#include "tests/fuzz/archive_checks.h"
#include "tests/fuzz/real_documents.h"

namespace weft::test {
namespace {

Bytes lie(ByteSpan input, Random& random) {
  std::vector<Piece> pieces = split_pieces(input);
  if (pieces.empty()) return {};
  Piece& piece = pieces[random.below(pieces.size())];
  if (piece.bytes.empty()) return {};
  const Bytes lying = lie_in_pieces(ByteSpan(piece.bytes).subspan(1), random);
  if (lying.empty()) return {};
  piece.bytes.resize(1);
  piece.bytes.insert(piece.bytes.end(), lying.begin(), lying.end());
  return join_pieces(pieces);
}

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  std::vector<Piece> together;
  for (const std::vector<Bytes>& history : real_histories()) {
    Piece piece{{std::byte{0}}, false};
    const Bytes deltas = join_pieces(history);
    piece.bytes.insert(piece.bytes.end(), deltas.begin(), deltas.end());
    all.push_back({"document_" + std::to_string(all.size()), join_pieces(std::vector{piece})});
    if (all.size() == 1)
      for (const unsigned head : {0x40U, 0x42U, 0x43U, 0x50U, 0x52U}) {
        Piece deleted = piece;
        deleted.bytes[0] = static_cast<std::byte>(head);
        all.push_back({"deleted_" + std::to_string(head), join_pieces(std::vector{deleted})});
      }
    if (together.size() < 3) together.push_back(piece);
  }
  for (std::size_t i = 0; i < together.size(); ++i)
    together[i].bytes[0] = static_cast<std::byte>(i);
  for (const char* line : {"weft-archive 1 xml 0123456789abcdef 12\n", "weft-archive 2 xml 0 0\n",
                           "weft-archive 1 binary-le64 00 99999999999999\n"}) {
    Piece head{{std::byte{0x80}}, false};
    const ByteSpan text = as_bytes(line);
    head.bytes.insert(head.bytes.end(), text.begin(), text.end());
    together.push_back(head);
  }
  all.push_back({"store", join_pieces(together)});
  return all;
}

}  // namespace

const Fuzzer kArchiveFuzz{"archive_fuzz", [](ByteSpan input) { return check_archive(input); },
                          seeds, lie};

}  // namespace weft::test
