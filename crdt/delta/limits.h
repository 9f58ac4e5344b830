#pragma once
// The limits of what weft writes and reads: one table, so that whatever is written can be read.
//
//   DecodeLimits  a reader refuses what is beyond (kLimit): each bound names what it protects
//   EncodeLimits  a writer refuses before that (kTooLarge), while nothing is written yet and somebody can still
//                 split the edit up
//
// A writer's limit lies a sixteenth below the reader's wherever something is put around what is counted (a frame, a
// header, a bundle); for what is counted exactly, a key or a message, they are the same. Who lets a reader take
// less than the default, in tests, makes its own writer keep to that, too.
//
// A snapshot names every replica of its document, however many; its bytes bound them (17 each).

#include <cstddef>
#include <cstdint>

namespace weft {

/// What a decoder takes from outside.
struct DecodeLimits {
  std::size_t input_bytes = std::size_t{64} << 20;        ///< memory: one delta or bundle
  std::size_t unpacked_bytes = std::size_t{256} << 20;    ///< memory: decompression bombs
  std::uint32_t ops = 16u << 20;                          ///< memory: Op runs, 40 bytes each
  std::uint32_t replicas = 1u << 16;                      ///< memory: named by one delta or bundle
  std::uint32_t dependencies = 1u << 16;                  ///< memory: of one delta
  std::uint32_t message_bytes = 64u << 10;                ///< memory
  std::uint32_t key_bytes = 4u << 10;                     ///< memory
  std::uint32_t value_depth = 64;                         ///< stack: nested records
  std::uint64_t archive_bytes = std::uint64_t{16} << 30;  ///< memory: an archive, whole in it
};

/// What a writer keeps to.
struct EncodeLimits {
  std::size_t output_bytes;    ///< one delta in row form, or one bundle
  std::size_t unpacked_bytes;  ///< one bundle before it is compressed
  std::uint32_t ops;           ///< runs of one delta or bundle
  std::uint32_t replicas;
  std::uint32_t dependencies;
  std::uint32_t message_bytes;
  std::uint32_t key_bytes;
  std::uint32_t value_depth;
  std::uint64_t archive_bytes;  ///< one file; the deltas in it are as they were written
};

/// What is written for readers that take `reader`.
constexpr EncodeLimits encode_limits(const DecodeLimits& reader = {}) {
  auto below = [](auto limit) { return static_cast<decltype(limit)>(limit - limit / 16); };
  return {below(reader.input_bytes), below(reader.unpacked_bytes), below(reader.ops),
          below(reader.replicas),    below(reader.dependencies),   reader.message_bytes,
          reader.key_bytes,          reader.value_depth,           below(reader.archive_bytes)};
}

static_assert(encode_limits().output_bytes < DecodeLimits{}.input_bytes);
static_assert(encode_limits().unpacked_bytes < DecodeLimits{}.unpacked_bytes);
static_assert(encode_limits().ops < DecodeLimits{}.ops);
static_assert(encode_limits().replicas < DecodeLimits{}.replicas);
static_assert(encode_limits().dependencies < DecodeLimits{}.dependencies);
static_assert(encode_limits().message_bytes <= DecodeLimits{}.message_bytes);
static_assert(encode_limits().key_bytes <= DecodeLimits{}.key_bytes);
static_assert(encode_limits().value_depth <= DecodeLimits{}.value_depth);
static_assert(encode_limits().archive_bytes < DecodeLimits{}.archive_bytes);
// A delta has room in a bundle of its own, and its content in what that unpacks to.
static_assert(encode_limits().output_bytes < encode_limits().unpacked_bytes);

}  // namespace weft
