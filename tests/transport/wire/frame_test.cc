// transport/wire/frame.h: one frame at a time.

#include "transport/wire/frame.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/fuzz/wire_frames.h"
#include "tests/transport/wire/random_message.h"
#include "transport/wire/header.h"

using namespace weft;
using test::frame_of;

namespace {

ErrorCode error_of(const Bytes& frame) { return wire::decode_frame(frame).error().code(); }

/// A frame as it would be with the checksum of what stands in it.
Bytes sealed(Bytes frame) {
  wire::write_header(wire::read_header(frame), frame);
  return frame;
}

Bytes flipped(Bytes frame, std::size_t bit) {
  frame[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
  return frame;
}

}  // namespace

TEST_CASE("every type of message comes back as it was, and encodes to the same bytes again") {
  const std::uint64_t seed = test::message_seed();
  test::Random random(seed);
  for (int round = 0; round < 60; ++round)
    for (std::uint16_t type = 1; type <= test::kMessageTypes; ++type) {
      INFO("WEFT_SEED=" << seed << " in frame_test, round " << round << ", type " << type);
      const sync::Envelope envelope = test::random_envelope(random, type);
      const Bytes frame = frame_of(envelope);
      REQUIRE(frame.size() == wire::frame_bytes(envelope.message));
      REQUIRE(frame.size() <= sync::Limits::kFrameBytes);
      const Result<sync::Envelope> decoded = wire::decode_frame(frame);
      REQUIRE_MESSAGE(decoded.ok(), decoded.error().message());
      REQUIRE(*decoded == envelope);
      REQUIRE(frame_of(*decoded) == frame);
    }
}

TEST_CASE("a message with one delta of 23 bytes is a frame of 72 bytes") {
  const sync::Envelope envelope{7, sync::Deltas{1, 2, {Bytes(23, std::byte{0xee})}}};
  CHECK(frame_of(envelope).size() == 72);
}

TEST_CASE("the largest Have fits into a frame") {
  sync::Have have;
  have.documents.resize(sync::Limits::kDocuments);
  for (sync::HeldDocument& held : have.documents)
    for (std::size_t i = 0; i < sync::Limits::kReplicas / sync::Limits::kDocuments; ++i)
      held.log_ends.push_back({ReplicaId{i}, 1, 1});
  CHECK(wire::frame_bytes(have) <= sync::Limits::kFrameBytes);
  for (sync::HeldDocument& held : have.documents) {  // each with a deletion instead of some
    held.log_ends.resize(held.log_ends.size() - 1 - sync::Limits::kReplicasOfDeletion);
    held.deletion.raise({1}, 1, 1);
  }
  CHECK(wire::frame_bytes(have) <= sync::Limits::kFrameBytes);
}

TEST_CASE("a frame is appended to what is there, at any place") {
  for (const sync::Envelope& envelope : test::sample_envelopes())
    for (std::size_t before = 0; before < 9; ++before) {
      Bytes out(before, std::byte{0x55});
      wire::encode_frame(envelope, out);
      CHECK(Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(before)) ==
            Bytes(before, std::byte{0x55}));
      const ByteSpan frame = ByteSpan(out).subspan(before);
      CHECK(Bytes(frame.begin(), frame.end()) == frame_of(envelope));
      const Result<sync::Envelope> decoded = wire::decode_frame(frame);
      REQUIRE_MESSAGE(decoded.ok(), decoded.error().message());
      CHECK(*decoded == envelope);
    }
}

TEST_CASE("nothing of an earlier message shows in the padding of a later one") {
  const sync::Envelope small{1, sync::State{1, Bytes(1, std::byte{2})}};
  Bytes out(4096, std::byte{0xff});
  out.clear();
  wire::encode_frame(small, out);
  CHECK(out == frame_of(small));
}

TEST_CASE("every truncation of a frame is refused") {
  for (const sync::Envelope& envelope : test::sample_envelopes()) {
    const Bytes frame = frame_of(envelope);
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const Bytes part(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
      const Result<sync::Envelope> decoded = wire::decode_frame(part);
      REQUIRE(decoded.error().code() == ErrorCode::kCorrupt);
      REQUIRE(decoded.error().byte_offset() == size);
    }
  }
}

TEST_CASE("bytes behind a frame are refused") {
  Bytes frame = frame_of(test::sample_envelopes().front());
  frame.push_back(std::byte{0});
  CHECK(error_of(frame) == ErrorCode::kCorrupt);
}

TEST_CASE("every flipped bit of a frame is noticed") {
  for (const sync::Envelope& envelope : test::sample_envelopes()) {
    const Bytes frame = frame_of(envelope);
    for (std::size_t bit = 0; bit < 8 * frame.size(); ++bit)
      REQUIRE_FALSE(wire::decode_frame(flipped(frame, bit)).ok());
  }
}

TEST_CASE("a flipped bit under a checksum that fits is refused or is another message") {
  for (const sync::Envelope& envelope : test::sample_envelopes()) {
    const Bytes frame = frame_of(envelope);
    for (std::size_t bit = 0; bit < 8 * frame.size(); ++bit) {
      const bool of_checksum = bit / 32 == 2;
      if (of_checksum) continue;
      const Result<sync::Envelope> decoded = wire::decode_frame(sealed(flipped(frame, bit)));
      if (!decoded.ok()) continue;
      const Result<sync::Envelope> again = wire::decode_frame(frame_of(*decoded));
      REQUIRE(again.ok());
      REQUIRE(*again == *decoded);
    }
  }
}

TEST_CASE("a damaged body is a wrong checksum, told at the checksum's place") {
  const Bytes frame = frame_of(test::sample_envelopes().front());
  const Error error = wire::decode_frame(flipped(frame, 8 * frame.size() - 1)).take_error();
  CHECK(error.code() == ErrorCode::kCorrupt);
  CHECK(error.byte_offset() == 8);
  CHECK(error.message().find("checksum") != std::string::npos);
}

TEST_CASE("a type of message that is not known is told as that") {
  Bytes frame = frame_of({0, sync::AllAnnounced{}});
  for (unsigned type : {0u, unsigned{test::kMessageTypes} + 1, 0xffffu}) {
    frame[4] = static_cast<std::byte>(type);
    frame[5] = static_cast<std::byte>(type >> 8);
    const Error error = wire::decode_frame(sealed(frame)).take_error();
    CHECK(error.code() == ErrorCode::kUnknownKind);
    CHECK(error.byte_offset() == 4);
  }
}

TEST_CASE("a reserved field that is used is a later version") {
  Bytes frame = frame_of({0, sync::AllAnnounced{}});
  frame[7] = std::byte{1};
  const Error error = wire::decode_frame(sealed(frame)).take_error();
  CHECK(error.code() == ErrorCode::kUnknownVersion);
  CHECK(error.byte_offset() == 6);
}

TEST_CASE("a body is whole words, one at least") {
  CHECK(error_of(test::frame_around(8, 0, {})) == ErrorCode::kCorrupt);
  for (std::size_t size : {1u, 7u, 9u, 12u})
    CHECK(error_of(test::frame_around(8, 0, Bytes(size))) == ErrorCode::kCorrupt);
}

TEST_CASE("a frame over the limit is refused by its header") {
  const std::size_t body_max = sync::Limits::kFrameBytes - wire::kHeaderBytes;
  Bytes frame = test::frame_around(8, 0, Bytes(body_max));
  CHECK(wire::decode_frame(frame).ok());
  frame = test::frame_around(8, 0, Bytes(body_max + 8));
  CHECK(error_of(frame) == ErrorCode::kLimit);
  frame.resize(wire::kHeaderBytes);
  CHECK(error_of(frame) == ErrorCode::kLimit);
}
