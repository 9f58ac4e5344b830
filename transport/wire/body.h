#pragma once
// A frame's body: one message as one Cap'n Proto segment. Neither function knows of frames.

#include <cstddef>
#include <cstdint>
#include <span>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/sync/message.h"

namespace weft::wire {

/// Cap'n Proto's unit, and the alignment of what it reads and writes.
inline constexpr std::size_t kWordBytes = 8;

/// Name, version and check: what a symbol has beside its count.
inline constexpr unsigned kSumsOfSymbol = 3;

/// The size of the message's segment: what write_body needs, and the least that a segment with this content has.
[[nodiscard]] std::size_t body_bytes(const sync::Message& message);

/// @param body  zeros, body_bytes(message) of them, at a multiple of kWordBytes
void write_body(const sync::Message& message, std::span<std::byte> body);

/// Reads a message of type `type` into `message`.
/// @param type    one that sync::type_of returns
/// @param body    at a multiple of kWordBytes, whole words
/// @param offset  of the body in its stream, for errors
/// @errors        those of frame.h; then `message` holds anything
Status read_body(std::uint16_t type, ByteSpan body, std::uint64_t offset, sync::Message& message);

}  // namespace weft::wire
