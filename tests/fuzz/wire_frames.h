#pragma once
// Frames made by hand, for tests and fuzzers of the wire.

#include <cstdint>
#include <cstring>

#include "crdt/base/bytes.h"
#include "crdt/sync/message.h"
#include "transport/wire/frame.h"
#include "transport/wire/header.h"

namespace weft::test {

inline Bytes frame_of(const sync::Envelope& envelope) {
  Bytes frame;
  wire::encode_frame(envelope, frame);
  return frame;
}

/// A frame with this body, header and checksum made to fit.
inline Bytes frame_around(std::uint16_t type, std::uint32_t sequence, ByteSpan body) {
  Bytes frame(wire::kHeaderBytes + body.size());
  if (!body.empty()) std::memcpy(frame.data() + wire::kHeaderBytes, body.data(), body.size());
  wire::FrameHeader header;
  header.body_bytes = static_cast<std::uint32_t>(body.size());
  header.type = type;
  header.sequence = sequence;
  wire::write_header(header, frame);
  return frame;
}

}  // namespace weft::test
