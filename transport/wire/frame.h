#pragma once
// Frames: messages (crdt/sync/message.h) as bytes. A frame is a header of 16 bytes and one Cap'n Proto segment whose
// root is the struct of the header's type (transport/schema/session.capnp; docs/format.md, section Messages).
//
// Invariants
//   I1  decode(encode(e)) = e for every envelope within sync::Limits; equal envelopes have equal bytes.
//   I2  What is decoded is within sync::Limits, its text is UTF-8, its seqs are at most kMaxSeq, its enumerators have
//       names, its lists are sorted where message.h says so.
//   I3  No bytes make a decoder abort, throw, read out of bounds, or hold more than 8 times the frame's size and a few
//       kilobytes. A header is checked before anything waits or makes room for its body.
//
// Errors of all decoders; the offset is that of the fault, or of the struct that holds it:
//   kCorrupt         not a frame, damaged, or its body is no message
//   kLimit           over a limit of sync::Limits or of the body (session.capnp)
//   kNotCanonical    a list out of order
//   kInvalidUtf8     text that is not UTF-8
//   kUnknownKind     a type of message that this weft does not know
//   kUnknownVersion  a header or an enumerator of a later version
// After any of them the bytes that follow mean nothing: close the link.
//
// Thread rule: one thread for each FrameDecoder; the functions are free of state.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/sync/message.h"

namespace weft::wire {

/// How many bytes the message's frame has.
/// @cost  O(n), n elements of its lists
[[nodiscard]] std::size_t frame_bytes(const sync::Message& message);

/// Appends the envelope's frame.
/// @param envelope  within sync::Limits, the frame's size among them; anything else is a bug of the caller
/// @cost            O(frame); allocates only where `out` has to grow, or where out.size() is no multiple of 8
void encode_frame(const sync::Envelope& envelope, Bytes& out);

/// The envelope of exactly one frame.
/// @cost  O(frame); copies the frame only where it does not lie at a multiple of 8
Result<sync::Envelope> decode_frame(ByteSpan frame);

/// Envelopes out of a stream of bytes that comes in pieces of any size.
///
///   decoder.feed(received);
///   for (;;) { WEFT_ASSIGN(auto envelope, decoder.next()); if (!envelope) break; ... }
///
/// I4  Between a next() without an envelope and the next feed(), less than one frame is held.
/// I5  Every byte is moved a constant number of times, however the stream is cut.
class FrameDecoder {
 public:
  /// @param frame_bytes_max  a larger frame is kLimit; what a hostile sender can make this hold
  explicit FrameDecoder(std::size_t frame_bytes_max = sync::Limits::kFrameBytes);

  /// Takes the bytes that follow those of the last call.
  /// @errors  the one that next() returned; kLimit: next() was not called until it had nothing. The bytes are dropped.
  Status feed(ByteSpan received);

  /// The next envelope, or nothing where its frame is not complete.
  /// @errors  as above; offsets count from the stream's begin. The first error is returned ever after.
  Result<std::optional<sync::Envelope>> next();

  /// What was fed and not returned.
  std::size_t buffered_bytes() const { return buffer_.size() - begin_; }

 private:
  Error fail(Error error);

  std::size_t frame_bytes_max_;
  Bytes buffer_;  ///< the unread bytes begin at begin_, a multiple of 8
  std::size_t begin_ = 0;
  std::uint64_t offset_ = 0;  ///< of begin_ in the stream
  Error failure_;
};

}  // namespace weft::wire
