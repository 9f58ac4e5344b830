// History files: crdt/delta/history_file.cc.

#include "crdt/delta/history_file.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "crdt/base/checksum.h"
#include "crdt/delta/codec.h"
#include "tests/crdt/delta/random_batch.h"

using namespace weft;
using test::Random;

namespace {

struct Made {
  std::vector<Bytes> bundles;
  HistoryFile file;

  explicit Made(std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 3; ++i) {
      test::BatchShape shape;
      shape.units = 10;
      bundles.push_back(seal_bundle(test::random_batch(random, shape), 1, nullptr));
    }
    std::sort(bundles.begin(), bundles.end(), [](const Bytes& x, const Bytes& y) {
      return read_bundle_info(x)->author < read_bundle_info(y)->author;
    });
    for (const Bytes& bundle : bundles) file.bundles.push_back(bundle);
    file.document[3] = 9;
  }
};

void fix_checksum(Bytes& file) {
  file.resize(file.size() - 8);
  ByteWriter(file).u64(xxh3_64(file));
}

ErrorCode error_of(const Bytes& file, const DecodeLimits& limits = {}) {
  return decode_history_file(file, limits).error().code();
}

}  // namespace

TEST_CASE("a history file gives back its bundles") {
  Made made(1);
  Bytes bytes = encode_history_file(made.file);
  CHECK(is_history_file(bytes));
  Result<HistoryFile> file = decode_history_file(bytes);
  REQUIRE_MESSAGE(file.ok(), file.error().message());
  CHECK(file->document == made.file.document);
  REQUIRE(file->bundles.size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(Bytes(file->bundles[i].begin(), file->bundles[i].end()) == made.bundles[i]);
  CHECK(encode_history_file(*file) == bytes);
}

TEST_CASE("a history of nothing is a file, too") {
  Bytes bytes = encode_history_file({});
  REQUIRE(decode_history_file(bytes).ok());
  CHECK(decode_history_file(bytes)->bundles.empty());
}

TEST_CASE("refuses a history file that is cut off at any byte or has one bit flipped") {
  Bytes bytes = encode_history_file(Made(2).file);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    REQUIRE_FALSE(decode_history_file(ByteSpan(bytes).first(size)).ok());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    REQUIRE_FALSE(decode_history_file(flipped).ok());
    fix_checksum(flipped);
    Result<HistoryFile> file = decode_history_file(flipped);
    if (file.ok()) REQUIRE(encode_history_file(*file) == flipped);
  }
}

TEST_CASE("refuses bundles out of order, another version, and what is over a limit") {
  Made made(3);
  Bytes bytes = encode_history_file(made.file);
  Bytes newer = bytes;
  newer[8] = std::byte{2};
  CHECK(error_of(newer) == ErrorCode::kUnknownVersion);
  DecodeLimits limits;
  limits.input_bytes = 100;
  CHECK(error_of(bytes, limits) == ErrorCode::kLimit);
  HistoryFile twice = made.file;
  twice.bundles.push_back(twice.bundles.back());
  CHECK(error_of(encode_history_file(twice)) == ErrorCode::kCorrupt);
  std::swap(made.file.bundles[0], made.file.bundles[1]);
  CHECK(error_of(encode_history_file(made.file)) == ErrorCode::kCorrupt);
}
