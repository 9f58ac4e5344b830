// The column form: crdt/delta/bundle_codec.cc, bundle_writer.cc, bundle_reader.cc, op_reader.cc.

#include <doctest/doctest.h>

#include <string>

#include "crdt/base/checksum.h"
#include "crdt/delta/batch_builder.h"
#include "crdt/delta/bundle_format.h"
#include "crdt/delta/codec.h"
#include "storage/codec/zstd_codec.h"
#include "tests/crdt/delta/random_batch.h"
#include "tests/support/size.h"

using namespace weft;
using test::BatchShape;
using test::Random;

namespace {

const ZstdCompressor kZstd(3);

BatchShape shape_of(std::uint64_t seed) {
  BatchShape shape;
  shape.only_text = seed % 3 == 0;
  shape.ascii = seed % 6 == 0;
  shape.containers = seed % 5 == 0 ? 40 : 4;
  shape.replicas = seed % 7 == 0 ? 30 : 4;
  shape.keys = seed % 11 == 0 ? 26 : 5;
  shape.units = seed % 13 == 0 ? 3000 : 80;
  shape.delta_units = seed % 4 == 0 ? 200 : 8;
  return shape;
}

std::vector<Bytes> rows_of(const Batch& batch) {
  std::vector<Bytes> rows;
  DeltaWalk walk(batch);
  for (Bytes row; walk.next(row); row.clear()) rows.push_back(row);
  return rows;
}

Batch rebuild(const std::vector<Bytes>& rows) {
  BatchBuilder builder;
  for (const Bytes& row : rows) REQUIRE(builder.append(*decode_delta(row)).ok());
  return builder.take();
}

/// After something in a bundle was changed: lets the change through the checksum.
void fix_checksum(Bytes& bundle) {
  bundle.resize(bundle.size() - 8);
  ByteWriter(bundle).u64(xxh3_64(bundle));
}

/// What every accepted bundle has to satisfy; returns whether it was accepted.
bool accepted_and_sound(const Bytes& bundle) {
  Result<OpenedBundle> opened = open_bundle(bundle, &kZstd);
  if (!opened.ok()) return false;
  std::vector<Bytes> rows = rows_of(opened->batch);
  std::vector<std::string> said = test::describe(opened->batch);
  REQUIRE(rows.size() == said.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Result<Batch> delta = decode_delta(rows[i]);
    REQUIRE_MESSAGE(delta.ok(), delta.error().message());
    REQUIRE(test::describe(*delta) == std::vector<std::string>{said[i]});
  }
  Bytes sealed = seal_bundle(opened->batch, opened->end_chain, nullptr);
  Result<OpenedBundle> again = open_bundle(sealed, nullptr);
  REQUIRE_MESSAGE(again.ok(), again.error().message());
  REQUIRE(test::describe(again->batch) == said);
  REQUIRE(seal_bundle(again->batch, again->end_chain, nullptr) == sealed);
  return true;
}

ErrorCode error_of(const Bytes& bundle, const DecodeLimits& limits = {}) {
  return open_bundle(bundle, &kZstd, limits).error().code();
}

Batch small_batch(std::uint64_t seed) {
  Random random(seed);
  BatchShape shape;
  shape.units = 25;
  return test::random_batch(random, shape);
}

}  // namespace

TEST_CASE("a bundle gives back the exact bytes of every delta in it") {
  const std::uint64_t first = test::seed_or(1);
  for (std::uint64_t seed = first; seed < first + test::count_or_tenth(400); ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Batch batch = test::random_batch(random, shape_of(seed));
    std::vector<Bytes> rows = rows_of(batch);
    for (const Compressor* compressor :
         {static_cast<const Compressor*>(nullptr), static_cast<const Compressor*>(&kZstd)}) {
      Bytes bundle = seal_bundle(batch, seed, compressor);
      Result<OpenedBundle> opened = open_bundle(bundle, compressor);
      REQUIRE_MESSAGE(opened.ok(), opened.error().message());
      REQUIRE(opened->end_chain == seed);
      REQUIRE(test::describe(opened->batch) == test::describe(batch));
      REQUIRE(rows_of(opened->batch) == rows);
      REQUIRE(seal_bundle(opened->batch, seed, compressor) == bundle);
    }
  }
}

TEST_CASE(
    "deltas strung together one by one seal to the same bundle as the log they were cut from") {
  const std::uint64_t first = test::seed_or(500);
  for (std::uint64_t seed = first; seed < first + test::count_or_tenth(200); ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Batch batch = test::random_batch(random, shape_of(seed));
    Batch rebuilt = rebuild(rows_of(batch));
    REQUIRE(test::describe(rebuilt) == test::describe(batch));
    REQUIRE(rebuilt.ops.size() == batch.ops.size());
    REQUIRE(seal_bundle(rebuilt, 0, nullptr) == seal_bundle(batch, 0, nullptr));
  }
}

TEST_CASE("a builder takes only what follows on in its log") {
  std::vector<Bytes> rows = rows_of(small_batch(3));
  REQUIRE(rows.size() > 2);
  BatchBuilder builder;
  REQUIRE(builder.append(*decode_delta(rows[0])).ok());
  CHECK(builder.append(*decode_delta(rows[2])).error().code() == ErrorCode::kInvalidArgument);
  CHECK(builder.append(*decode_delta(rows[0])).error().code() == ErrorCode::kInvalidArgument);
  Batch other = *decode_delta(rows[1]);
  other.replicas[0].value ^= 1;
  CHECK(builder.append(other).error().code() == ErrorCode::kInvalidArgument);
  REQUIRE(builder.append(*decode_delta(rows[1])).ok());
  CHECK(rows_of(builder.take()) == std::vector<Bytes>{rows[0], rows[1]});
  CHECK(builder.empty());
}

TEST_CASE("a bundle's header says what it holds and is no delta's begin") {
  Batch batch = small_batch(4);
  Bytes bundle = seal_bundle(batch, 99, &kZstd);
  CHECK(is_bundle(bundle));
  CHECK_FALSE(is_bundle(rows_of(batch)[0]));
  CHECK(decode_delta(bundle).error().code() == ErrorCode::kUnknownVersion);
  Result<BundleInfo> info = read_bundle_info(bundle);
  REQUIRE(info.ok());
  CHECK(info->author == batch.author());
  CHECK(info->first_seq == batch.first_seq);
  CHECK(info->end() == batch.end());
  CHECK(info->end_chain == 99);
}

TEST_CASE("refuses a bundle that is cut off at any byte or has one bit flipped") {
  Bytes bundle = seal_bundle(small_batch(test::seed_or(5)), 1, &kZstd);
  for (std::size_t size = 0; size < bundle.size(); ++size) {
    Bytes cut(bundle.begin(), bundle.begin() + static_cast<std::ptrdiff_t>(size));
    REQUIRE_FALSE(open_bundle(cut, &kZstd).ok());
  }
  for (std::size_t bit = 0; bit < bundle.size() * 8; ++bit) {
    Bytes flipped = bundle;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    REQUIRE_FALSE(open_bundle(flipped, &kZstd).ok());
  }
}

TEST_CASE(
    "a bundle with any one bit flipped and a right checksum is refused or holds valid deltas") {
  const std::uint64_t first = test::seed_or(40);
  int accepted = 0;
  for (std::uint64_t seed = first; seed < first + test::count_or_tenth(12); ++seed) {
    CAPTURE(seed);
    Bytes bundle = seal_bundle(small_batch(seed), 1, nullptr);
    for (std::size_t bit = 0; bit < (bundle.size() - 8) * 8; ++bit) {
      CAPTURE(bit);
      Bytes flipped = bundle;
      flipped[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      fix_checksum(flipped);
      accepted += accepted_and_sound(flipped) ? 1 : 0;
    }
  }
  CHECK(accepted > 1000);
}

TEST_CASE(
    "a bundle with random bytes changed and a right checksum is refused or holds valid deltas") {
  Random random(test::seed_or(60));
  for (int i = 0; i < 3000; ++i) {
    CAPTURE(i);
    static Bytes bundle;
    if (i % 100 == 0) bundle = seal_bundle(small_batch(random.next()), 1, nullptr);
    Bytes changed = bundle;
    std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t k = 0; k < changes; ++k) {
      std::uint64_t at = kBundleHeaderBytes + random.below(bundle.size() - kBundleHeaderBytes - 8);
      changed[at] =
          static_cast<std::byte>(random.chance(1, 2) ? random.below(8) : random.below(256));
    }
    fix_checksum(changed);
    accepted_and_sound(changed);
  }
}

TEST_CASE("keeps each limit of a bundle") {
  BatchShape shape;
  shape.units = 400;
  Random random(test::seed_or(70));
  Batch batch = test::random_batch(random, shape);
  REQUIRE_FALSE(batch.dependencies.empty());
  REQUIRE_FALSE(batch.messages.empty());
  Bytes bundle = seal_bundle(batch, 1, &kZstd);
  REQUIRE(error_of(bundle) == ErrorCode::kOk);
  auto refused = [&bundle](auto DecodeLimits::*limit, std::uint32_t bound) {
    DecodeLimits limits;
    limits.*limit = bound;
    return error_of(bundle, limits) != ErrorCode::kOk;
  };
  CHECK(refused(&DecodeLimits::input_bytes, static_cast<std::uint32_t>(bundle.size() - 1)));
  CHECK(refused(&DecodeLimits::unpacked_bytes, 500));
  CHECK(refused(&DecodeLimits::ops, static_cast<std::uint32_t>(batch.ops.size() - 1)));
  CHECK(refused(&DecodeLimits::replicas, 2));
  CHECK(refused(&DecodeLimits::dependencies, 0));
  CHECK(refused(&DecodeLimits::message_bytes, 1));
  CHECK(refused(&DecodeLimits::key_bytes, 0));
  CHECK(refused(&DecodeLimits::value_depth, 1));
}

TEST_CASE("refuses a bundle whose compressor is not at hand") {
  Random random(80);
  Batch batch = test::random_batch(random, shape_of(13));
  Bytes bundle = seal_bundle(batch, 1, &kZstd);
  REQUIRE(read_bundle_info(bundle)->compressor == ZstdCompressor::kId);
  CHECK(open_bundle(bundle, nullptr).error().code() == ErrorCode::kUnknownVersion);
  bundle[5] = std::byte{200};
  fix_checksum(bundle);
  CHECK(error_of(bundle) == ErrorCode::kUnknownVersion);
}

TEST_CASE("refuses to unpack more than a bundle of its size may hold") {
  Random random(81);
  Batch batch = test::random_batch(random, shape_of(13));
  Bytes bundle = seal_bundle(batch, 1, &kZstd);
  std::uint32_t size = static_cast<std::uint32_t>(bundle.size() * kExpansion + kExpansionBase + 1);
  std::memcpy(bundle.data() + 24, &size, sizeof size);
  fix_checksum(bundle);
  CHECK(error_of(bundle) == ErrorCode::kLimit);
}

TEST_CASE("a log that compresses beyond the bound is padded up to it and opens") {
  Batch batch;
  batch.replicas = {ReplicaId{5}};
  batch.containers = {kNoDot};
  std::string text(3u << 20, 'a');
  batch.content = text;
  Op op;
  op.kind = OpKind::kTextInsert;
  op.count = static_cast<Seq>(text.size());
  op.content_size = op.count;
  batch.ops = {op};
  batch.op_count = op.count;
  DeltaRun run;  // a keystroke a delta
  run.ops_each = 1;
  run.delta_count = op.count;
  batch.deltas = {run};
  Bytes bundle = seal_bundle(batch, 1, &kZstd);
  CHECK(bundle.size() * kExpansion + kExpansionBase >= text.size());
  CHECK(bundle.size() < text.size() / 64);
  Result<OpenedBundle> opened = open_bundle(bundle, &kZstd);
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  CHECK(opened->batch.deltas.size() == 1);
  CHECK(opened->batch.ops.size() == 1);
  CHECK(opened->batch.content.substr(opened->batch.ops[0].content_begin, text.size()) == text);

  bundle[bundle.size() - 9] = std::byte{1};
  fix_checksum(bundle);
  CHECK(error_of(bundle) == ErrorCode::kCorrupt);
}

TEST_CASE("many operations that say nothing new are padded to a byte each") {
  Batch batch;
  batch.replicas = {ReplicaId{5}};
  batch.containers = {{0, 0}};
  std::string content(100'000, '\2');  // + 1
  batch.content = content;
  batch.first_seq = 1;
  for (std::uint32_t i = 0; i < content.size(); ++i) {
    Op op;
    op.kind = OpKind::kCounterAdd;
    op.seq = 1 + i;
    op.count = 1;
    op.content_begin = i;
    op.content_size = 1;
    batch.ops.push_back(op);
  }
  batch.op_count = static_cast<Seq>(content.size());
  DeltaRun run;
  run.first_seq = 1;
  run.ops_each = batch.op_count;
  batch.deltas = {run};
  Bytes bundle = seal_bundle(batch, 1, &kZstd);
  CHECK(bundle.size() <= content.size());
  Result<OpenedBundle> opened = open_bundle(bundle, &kZstd);
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  CHECK(opened->batch.ops.size() == content.size());
}
