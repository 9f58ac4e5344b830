#pragma once
// What the fuzzers of the wire demand of any input; each function returns a fault in words, and how much was accepted.
// What is under test is passed in, so that a canary test can pass something broken.
//
//   - a decoder holds at most 8 times a frame's size and 4 KiB; an error has an offset within the input
//   - what decodes encodes to a frame that is no larger and decodes to an equal envelope
//   - a stream gives the same envelopes and the same error however it is cut, and never more is held than fits one
//     frame and the last piece

#include <algorithm>
#include <optional>
#include <vector>

#include "tests/fuzz/alloc_guard.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/wire_frames.h"

namespace weft::test {

struct WireCodec {
  Result<sync::Envelope> (*decode)(ByteSpan) = wire::decode_frame;
  void (*encode)(const sync::Envelope&, Bytes&) = wire::encode_frame;
};

constexpr std::size_t wire_allocation_bound(std::size_t frame_bytes) {
  return 8 * frame_bytes + 4096;
}

inline Verdict check_frame(ByteSpan frame, const WireCodec& codec = {}) {
  AllocationGuard guard;
  const Result<sync::Envelope> decoded = codec.decode(frame);
  if (guard.peak_bytes() > wire_allocation_bound(frame.size()))
    return faulty("decoding took too much memory");
  if (!decoded.ok()) {
    if (decoded.error().byte_offset() <= frame.size()) return accepted_if(false);
    return faulty("an error without an offset in the frame");
  }
  Bytes again;
  codec.encode(*decoded, again);
  if (again.size() > frame.size()) return faulty("what was decoded takes more than it lay in");
  const Result<sync::Envelope> twice = codec.decode(again);
  if (!twice.ok()) return faulty("what was encoded does not decode");
  if (!(*twice == *decoded)) return faulty("what was encoded decodes to something else");
  return accepted_if(true);
}

/// The input as a message: its type, then its segment.
inline Verdict check_message(ByteSpan input, const WireCodec& codec = {}) {
  if (input.empty()) return accepted_if(false);
  const std::size_t types = std::variant_size_v<sync::Message>;
  const auto type = static_cast<std::uint16_t>(1 + std::to_integer<std::size_t>(input[0]) % types);
  const ByteSpan segment = input.subspan(1);
  if (segment.size() + wire::kHeaderBytes > sync::Limits::kFrameBytes) return accepted_if(false);
  return check_frame(frame_around(type, 7, segment.first(segment.size() / 8 * 8)), codec);
}

/// What is to come out of a stream: frame by frame, without a FrameDecoder.
struct StreamContent {
  std::vector<sync::Envelope> envelopes;
  std::optional<std::uint64_t> error_offset;
};
inline StreamContent read_stream(ByteSpan stream, std::size_t frame_bytes_max) {
  StreamContent content;
  for (std::size_t at = 0; stream.size() - at >= wire::kHeaderBytes;) {
    const std::size_t size = wire::read_header(stream.subspan(at)).frame_bytes();
    if (size > frame_bytes_max) {
      content.error_offset = at;
      break;
    }
    const std::size_t there = std::min(size, stream.size() - at);
    const Result<sync::Envelope> decoded = wire::decode_frame(stream.subspan(at, there));
    if (decoded.ok()) {
      content.envelopes.push_back(*decoded);
      at += size;
      continue;
    }
    // An error before the end is one of the header, or the frame was whole; an end that comes too early is none.
    const std::uint64_t offset = decoded.error().byte_offset();
    if (there == size || offset < wire::kHeaderBytes) content.error_offset = at + offset;
    break;
  }
  return content;
}

/// @param cuts  sizes of the pieces, one byte each and used in turn; 0 is a byte
template <typename Decoder = wire::FrameDecoder>
Verdict check_stream(ByteSpan stream, ByteSpan cuts, std::size_t frame_bytes_max) {
  const StreamContent expected = read_stream(stream, frame_bytes_max);
  Decoder decoder(frame_bytes_max);
  std::size_t count = 0;
  AllocationGuard guard;
  for (std::size_t at = 0, turn = 0; at < stream.size(); ++turn) {
    const std::size_t wanted =
        cuts.empty() ? stream.size() : std::to_integer<std::size_t>(cuts[turn % cuts.size()]);
    const std::size_t piece = std::min(std::max<std::size_t>(wanted, 1), stream.size() - at);
    const Status fed = decoder.feed(stream.subspan(at, piece));
    at += piece;
    if (!fed.ok()) return faulty("bytes were refused without need");
    for (;;) {
      const Result<std::optional<sync::Envelope>> next = decoder.next();
      if (!next.ok()) {
        if (expected.error_offset != next.error().byte_offset())
          return faulty("an error at another place");
        if (count != expected.envelopes.size())
          return faulty("an error before an envelope, or after one");
        if (decoder.feed(stream.first(1)).ok() || decoder.next().ok())
          return faulty("an error that is forgotten");
        return {nullptr, count + 1, count};
      }
      if (!next->has_value()) break;
      if (count == expected.envelopes.size()) return faulty("an envelope that nobody sent");
      if (!(**next == expected.envelopes[count])) return faulty("another envelope");
      ++count;
    }
    if (decoder.buffered_bytes() >= std::max(frame_bytes_max, wire::kHeaderBytes))
      return faulty("more is held than a frame");
    if (guard.peak_bytes() > wire_allocation_bound(2 * (frame_bytes_max + piece)))
      return faulty("reading took too much memory");
  }
  if (expected.error_offset.has_value()) return faulty("an error that nobody noticed");
  if (count != expected.envelopes.size()) return faulty("an envelope is missing");
  return {nullptr, std::max<std::size_t>(count, 1), count};
}

/// The input with the checksum of every frame made to fit: no fuzzer finds one.
inline Bytes with_frame_checksums(ByteSpan input) {
  Bytes stream(input.begin(), input.end());
  const std::span<std::byte> all(stream);
  for (std::size_t at = 0; all.size() - at >= wire::kHeaderBytes;) {
    const wire::FrameHeader header = wire::read_header(ByteSpan(stream).subspan(at));
    if (header.reserved != 0 || header.frame_bytes() > all.size() - at) break;
    wire::write_header(header, all.subspan(at, header.frame_bytes()));
    at += header.frame_bytes();
  }
  return stream;
}

}  // namespace weft::test
