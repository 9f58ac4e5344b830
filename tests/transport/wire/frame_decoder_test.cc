// transport/wire/frame.h: frames out of a stream.

#include <doctest/doctest.h>

#include <optional>
#include <string_view>
#include <vector>

#include "tests/fuzz/wire_frames.h"
#include "tests/transport/wire/random_message.h"

using namespace weft;
using test::frame_of;
using wire::FrameDecoder;

namespace {

Bytes stream_of(const std::vector<sync::Envelope>& envelopes) {
  Bytes stream;
  for (const sync::Envelope& envelope : envelopes) wire::encode_frame(envelope, stream);
  return stream;
}

/// What the decoder has now.
std::vector<sync::Envelope> drain(FrameDecoder& decoder) {
  std::vector<sync::Envelope> envelopes;
  for (;;) {
    Result<std::optional<sync::Envelope>> next = decoder.next();
    REQUIRE_MESSAGE(next.ok(), next.error().message());
    if (!next->has_value()) return envelopes;
    envelopes.push_back(**next);
  }
}

void feed_and_drain(FrameDecoder& decoder, ByteSpan piece, std::vector<sync::Envelope>& out) {
  REQUIRE(decoder.feed(piece).ok());
  for (sync::Envelope& envelope : drain(decoder)) out.push_back(std::move(envelope));
}

/// The code of the error that these bytes are.
ErrorCode error_of(ByteSpan bytes, std::size_t frame_bytes_max = sync::Limits::kFrameBytes) {
  FrameDecoder decoder(frame_bytes_max);
  REQUIRE(decoder.feed(bytes).ok());
  return decoder.next().error().code();
}

}  // namespace

TEST_CASE("a stream without bytes has nothing") {
  FrameDecoder decoder;
  CHECK(drain(decoder).empty());
  CHECK(decoder.feed({}).ok());
  CHECK(drain(decoder).empty());
  CHECK(decoder.buffered_bytes() == 0);
}

TEST_CASE("a stream that is cut in two anywhere gives what was sent") {
  const std::vector<sync::Envelope> sent = test::sample_envelopes();
  const Bytes stream = stream_of(sent);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameDecoder decoder;
    std::vector<sync::Envelope> received;
    feed_and_drain(decoder, ByteSpan(stream).first(cut), received);
    feed_and_drain(decoder, ByteSpan(stream).subspan(cut), received);
    REQUIRE(received == sent);
    REQUIRE(decoder.buffered_bytes() == 0);
  }
}

TEST_CASE("a stream that comes byte by byte gives each envelope with its last byte") {
  const std::vector<sync::Envelope> sent = test::sample_envelopes();
  FrameDecoder decoder;
  for (const sync::Envelope& envelope : sent) {
    const Bytes frame = frame_of(envelope);
    for (std::size_t i = 0; i < frame.size(); ++i) {
      REQUIRE(decoder.buffered_bytes() == i);
      std::vector<sync::Envelope> received;
      feed_and_drain(decoder, ByteSpan(frame).subspan(i, 1), received);
      REQUIRE(received.size() == (i + 1 == frame.size() ? 1 : 0));
      if (!received.empty()) REQUIRE(received[0] == envelope);
    }
  }
}

TEST_CASE("a stream in random pieces gives what was sent, however late it is taken") {
  const std::uint64_t seed = test::message_seed();
  test::Random random(seed);
  INFO("WEFT_SEED=" << seed << " in frame_decoder_test");
  std::vector<sync::Envelope> sent;
  for (int i = 0; i < 120; ++i) {
    const auto type = static_cast<std::uint16_t>(1 + random.below(test::kMessageTypes));
    sent.push_back(test::random_envelope(random, type));
  }
  const Bytes stream = stream_of(sent);
  FrameDecoder decoder;
  std::vector<sync::Envelope> received;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t largest = random.chance(1, 4) ? 70'000 : 90;
    const std::size_t piece = std::min<std::size_t>(1 + random.below(largest), stream.size() - at);
    REQUIRE(decoder.feed(ByteSpan(stream).subspan(at, piece)).ok());
    at += piece;
    // Some of what is there stays; only a whole frame's worth has to be taken.
    while (random.chance(2, 3) || decoder.buffered_bytes() >= sync::Limits::kFrameBytes) {
      Result<std::optional<sync::Envelope>> next = decoder.next();
      REQUIRE_MESSAGE(next.ok(), next.error().message());
      if (!next->has_value()) break;
      received.push_back(**next);
    }
  }
  for (sync::Envelope& envelope : drain(decoder)) received.push_back(std::move(envelope));
  CHECK(received == sent);
}

TEST_CASE("what comes before a damaged frame is given, then the error for ever") {
  const std::vector<sync::Envelope> sent = test::sample_envelopes();
  Bytes stream = stream_of(sent);
  const std::size_t first = frame_of(sent[0]).size();
  const std::size_t second = frame_of(sent[1]).size();
  stream[first + second + 20] ^= std::byte{4};
  FrameDecoder decoder;
  REQUIRE(decoder.feed(stream).ok());
  CHECK(decoder.next()->value() == sent[0]);
  CHECK(decoder.next()->value() == sent[1]);
  const std::uint64_t offset = first + second + 8;
  for (int i = 0; i < 3; ++i) {
    const Error error = decoder.next().take_error();
    CHECK(error.code() == ErrorCode::kCorrupt);
    CHECK(error.byte_offset() == offset);
    CHECK(decoder.feed(stream).error().byte_offset() == offset);
    CHECK(decoder.buffered_bytes() == 0);
  }
}

TEST_CASE("an offset counts from the stream's begin, whatever was read in between") {
  FrameDecoder decoder;
  const Bytes frame = frame_of({0, sync::AllAnnounced{}});
  std::vector<sync::Envelope> received;
  for (int i = 0; i < 1000; ++i) feed_and_drain(decoder, frame, received);
  Bytes later = frame;
  later[6] = std::byte{1};
  REQUIRE(decoder.feed(later).ok());
  CHECK(decoder.next().error().byte_offset() == 1000 * frame.size() + 6);
}

TEST_CASE("a header that may not be is refused before its body comes") {
  const Bytes good = frame_of({0, sync::AllAnnounced{}});
  const auto changed = [&](std::size_t at, unsigned value) {
    Bytes header(good.begin(), good.begin() + 16);
    header[at] = static_cast<std::byte>(value);
    return error_of(header);
  };
  CHECK(changed(0, 0) == ErrorCode::kCorrupt);
  CHECK(changed(0, 9) == ErrorCode::kCorrupt);
  CHECK(changed(2, 4) == ErrorCode::kLimit);
  CHECK(changed(3, 0x80) == ErrorCode::kLimit);
  CHECK(changed(4, 0) == ErrorCode::kUnknownKind);
  CHECK(changed(5, 1) == ErrorCode::kUnknownKind);
  CHECK(changed(6, 1) == ErrorCode::kUnknownVersion);
}

TEST_CASE("a peer that speaks another protocol is refused at once") {
  CHECK(error_of(as_bytes("GET / HTTP/1.1\r\nHost: weft\r\n\r\n")) == ErrorCode::kLimit);
  const std::string_view tls_hello(
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x01\x02\x03\x04\x05", 16);
  CHECK(error_of(as_bytes(tls_hello)) == ErrorCode::kLimit);
}

TEST_CASE("the largest frame is the decoder's, smaller or larger than the usual one") {
  const sync::Envelope envelope{0, sync::State{0, Bytes(1000)}};
  const Bytes frame = frame_of(envelope);
  FrameDecoder decoder(frame.size());
  std::vector<sync::Envelope> received;
  feed_and_drain(decoder, frame, received);
  CHECK(received.size() == 1);
  CHECK(error_of(frame, frame.size() - 1) == ErrorCode::kLimit);
  const Bytes large = test::frame_around(8, 0, Bytes(sync::Limits::kFrameBytes));
  CHECK(error_of(large) == ErrorCode::kLimit);
  FrameDecoder wide(std::size_t{1} << 20);
  feed_and_drain(wide, large, received);
  CHECK(received.size() == 2);
}

TEST_CASE("feeding on without taking what is there is refused") {
  FrameDecoder decoder(128);
  const Bytes frame = frame_of({0, sync::AllAnnounced{}});
  Status fed;
  int count = 0;
  while ((fed = decoder.feed(frame)).ok()) ++count;
  CHECK(count == 6);
  CHECK(fed.error().code() == ErrorCode::kLimit);
  CHECK_FALSE(decoder.next().ok());
}
