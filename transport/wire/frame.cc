#include "transport/wire/frame.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/assert.h"
#include "transport/wire/body.h"
#include "transport/wire/header.h"

namespace weft::wire {
namespace {

bool is_aligned(const std::byte* at) {
  return reinterpret_cast<std::uintptr_t>(at) % kWordBytes == 0;
}

/// Storage at a multiple of kWordBytes.
std::vector<std::uint64_t> words_of(std::size_t bytes) {
  return std::vector<std::uint64_t>(bytes / kWordBytes);
}

}  // namespace

std::size_t frame_bytes(const sync::Message& message) { return kHeaderBytes + body_bytes(message); }

void encode_frame(const sync::Envelope& envelope, Bytes& out) {
  const std::size_t body_size = body_bytes(envelope.message);
  WEFT_ASSERT(kHeaderBytes + body_size <= sync::Limits::kFrameBytes);
  const std::size_t begin = out.size();
  out.resize(begin + kHeaderBytes + body_size);  // with zeros
  const std::span<std::byte> frame(out.data() + begin, kHeaderBytes + body_size);
  const std::span<std::byte> body = frame.subspan(kHeaderBytes);
  if (is_aligned(body.data())) {
    write_body(envelope.message, body);
  } else {
    std::vector<std::uint64_t> words = words_of(body_size);
    write_body(envelope.message, std::as_writable_bytes(std::span(words)));
    std::memcpy(body.data(), words.data(), body_size);
  }
  FrameHeader header;
  header.body_bytes = static_cast<std::uint32_t>(body_size);
  header.type = sync::type_of(envelope.message);
  header.sequence = envelope.sequence;
  write_header(header, frame);
}

namespace {

/// @param frame   as long as its checked header says
/// @param offset  of the frame in its stream
Status decode_body(const FrameHeader& header, ByteSpan frame, std::uint64_t offset,
                   sync::Envelope& envelope) {
  WEFT_TRY(check_checksum(header, frame, offset));
  envelope.sequence = header.sequence;
  const ByteSpan body = frame.subspan(kHeaderBytes);
  if (is_aligned(body.data())) [[likely]]
    return read_body(header.type, body, offset + kHeaderBytes, envelope.message);
  std::vector<std::uint64_t> words = words_of(body.size());
  std::memcpy(words.data(), body.data(), body.size());
  return read_body(header.type, std::as_bytes(std::span(words)), offset + kHeaderBytes,
                   envelope.message);
}

}  // namespace

Result<sync::Envelope> decode_frame(ByteSpan frame) {
  if (frame.size() < kHeaderBytes)
    return Error(ErrorCode::kCorrupt, "the frame ends in its header", frame.size());
  const FrameHeader header = read_header(frame);
  WEFT_TRY(check_header(header, sync::Limits::kFrameBytes, 0));
  if (frame.size() != header.frame_bytes())
    return Error(ErrorCode::kCorrupt,
                 "a frame of " + std::to_string(header.frame_bytes()) + " bytes in " +
                     std::to_string(frame.size()),
                 std::min(frame.size(), header.frame_bytes()));
  sync::Envelope envelope;
  WEFT_TRY(decode_body(header, frame, 0, envelope));
  return envelope;
}

FrameDecoder::FrameDecoder(std::size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

Status FrameDecoder::feed(ByteSpan received) {
  if (failure_) return failure_.clone();
  if (buffered_bytes() >= frame_bytes_max_)
    return fail(
        Error(ErrorCode::kLimit, "more was fed while a whole frame waits to be taken", offset_));
  // What is unread moves to the front only when at least as much was read since it lay there, so that a byte's moves
  // are paid for by other bytes (I5).
  if (begin_ > 0 && begin_ >= buffered_bytes()) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  buffer_.insert(buffer_.end(), received.begin(), received.end());
  return {};
}

Result<std::optional<sync::Envelope>> FrameDecoder::next() {
  if (failure_) return failure_.clone();
  const ByteSpan unread = ByteSpan(buffer_).subspan(begin_);
  if (unread.size() < kHeaderBytes) return std::optional<sync::Envelope>();
  const FrameHeader header = read_header(unread);
  if (Status checked = check_header(header, frame_bytes_max_, offset_); !checked.ok())
    return fail(checked.take_error());
  if (unread.size() < header.frame_bytes()) return std::optional<sync::Envelope>();
  std::optional<sync::Envelope> envelope(std::in_place);
  const ByteSpan frame = unread.first(header.frame_bytes());
  if (Status decoded = decode_body(header, frame, offset_, *envelope); !decoded.ok())
    return fail(decoded.take_error());
  begin_ += frame.size();
  offset_ += frame.size();
  return envelope;
}

Error FrameDecoder::fail(Error error) {
  failure_ = std::move(error);
  Bytes().swap(buffer_);  // nothing of it will be read
  begin_ = 0;
  return failure_.clone();
}

}  // namespace weft::wire
