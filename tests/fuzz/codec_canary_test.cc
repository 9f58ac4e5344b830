// Canaries: the fuzzers' checks notice a fault if there is one.

#include <doctest/doctest.h>

#include <string>

#include "tests/crdt/delta/random_batch.h"
#include "tests/fuzz/codec_checks.h"

using namespace weft;
using test::Codec;

namespace {

Batch some_batch() {
  test::Random random(3);
  return test::random_batch(random, {});
}

Bytes some_row() {
  Bytes row;
  encode_delta(some_batch(), 0, row);
  return row;
}

}  // namespace

TEST_CASE("the checks find nothing wrong with the codecs") {
  CHECK(test::words(test::check_delta(some_row())) == "");
  CHECK(test::words(test::check_bundle(seal_bundle(some_batch(), 1, nullptr), nullptr)) == "");
}

TEST_CASE("a decoder that takes too much memory is noticed") {
  Codec greedy;
  greedy.decode_delta = [](ByteSpan bytes, const DecodeLimits& limits) {
    Bytes waste(std::size_t{2} << 20);
    waste.back() = bytes[0];
    return decode_delta(bytes, limits);
  };
  CHECK(test::words(test::check_delta(some_row(), greedy)) == "decoding took too much memory");
}

TEST_CASE("an encoder that writes something else is noticed") {
  Codec wrong;
  wrong.encode_delta = [](const Batch& batch, std::size_t index, Bytes& out) {
    encode_delta(batch, index, out);
    out.back() ^= std::byte{1};
  };
  CHECK(test::words(test::check_delta(some_row(), wrong)) == "the delta encodes to other bytes");
}

TEST_CASE("sealing that loses something is noticed") {
  Codec lossy;
  lossy.seal = [](const Batch& batch, std::uint64_t chain, const Compressor* compressor) {
    Batch changed = batch;
    changed.deltas.back().committed_at_ms ^= 1;
    return seal_bundle(changed, chain, compressor);
  };
  CHECK(test::words(test::check_bundle(seal_bundle(some_batch(), 1, nullptr), nullptr, lossy)) ==
        "sealing again changed a delta");
}

namespace {

/// The head of a delta of `units` operations, first seq 10,000,000.
Bytes head_of(Seq units) {
  Bytes row;
  ByteWriter out(row);
  out.u8(1 << 6 | 0x20);
  out.u64(1);
  out.u32(0);
  out.u8(0);
  out.varint(10'000'000);
  out.varint(units);
  return row;
}

/// How many times its size a delta takes in memory, at most, when it is decoded.
double expansion(const Bytes& row) {
  test::AllocationGuard guard;
  Result<Batch> batch = decode_delta(row);
  REQUIRE_MESSAGE(batch.ok(), batch.error().message());
  return static_cast<double>(guard.peak_bytes()) / static_cast<double>(row.size());
}

}  // namespace

TEST_CASE("the smallest rows take no more than 64 times their size") {
  // Sizes around the capacities at which vectors grow: there old and new memory are held together.
  for (Seq units : {65'536u, 65'537u, 131'072u, 131'073u, 300'000u}) {
    CAPTURE(units);
    Bytes counters = head_of(units);
    for (Seq i = 0; i < units; ++i) {
      ByteWriter(counters).u8(i == 0 ? 10 : 10 | 0x10);
      if (i == 0) ByteWriter(counters).u8(0);
      ByteWriter(counters).u8(2);
    }
    CHECK(expansion(counters) < 64);

    Bytes containers = head_of(units);
    for (Seq i = 0; i < units; ++i) {
      ByteWriter(containers).u8(10);
      ByteWriter(containers).varint(2 * std::uint64_t{i} + 1);
      ByteWriter(containers).u8(2);
    }
    CHECK(expansion(containers) < 64);

    Bytes keys = head_of(units);
    for (Seq i = 0; i < units; ++i) {
      ByteWriter out(keys);
      out.u8(i == 0 ? 1 : 1 | 0x10);
      if (i == 0) out.u8(0);
      out.u8(0);
      out.u8(0);
      std::string key;
      for (Seq rest = i; rest != 0; rest >>= 7) key.push_back(static_cast<char>(rest & 0x7f));
      if (i != 0 && key.back() == 0) key.push_back(1);
      out.sized(as_bytes(key));
    }
    CHECK(expansion(keys) < 64);
  }
}
