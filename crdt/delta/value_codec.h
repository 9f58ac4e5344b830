#pragma once
// Encoded values: what map writes and list elements hold, as they lie in an operation's content.
//
//   value  := tag byte, payload
//   0 null        -
//   1 false       -
//   2 true        -
//   3 int64       zigzag varint
//   4 double      8 bytes, little-endian; the one NaN is 0x7ff8000000000000
//   5 string      size varint, UTF-8
//   6 bytes       size varint, bytes
//   7 record      size varint, then one node that is an object or an array
//   8 new child   one byte: ContainerKind; the child is named by the dot of this write
//   11 number     size varint, its text by JSON's grammar (RFC 8259, section 6); no integer within int64. A
//                 writer has it only for what neither int64 nor double gives back (document/json_number.h)
//   node   := a value with tag 0 to 6 or 11, or
//   9 object      varint n, n x (key: size varint, UTF-8; node), keys strictly ascending by bytes
//   10 array      varint n, n x node
//
// Equal values have equal bytes: a reader refuses every other encoding. Depth counts objects and
// arrays inside each other; a record's root has depth 1.

#include <cstdint>
#include <optional>
#include <string_view>

#include "crdt/base/bytes.h"
#include "crdt/delta/batch.h"
#include "crdt/delta/op.h"

namespace weft {

enum class ValueTag : std::uint8_t {
  kNull = 0,
  kFalse = 1,
  kTrue = 2,
  kInt = 3,
  kDouble = 4,
  kString = 5,
  kBytes = 6,
  kRecord = 7,
  kChild = 8,
  kObject = 9,  ///< only inside a record
  kArray = 10,  ///< only inside a record
  kNumberText = 11,
};

inline constexpr std::uint64_t kCanonicalNan = 0x7ff8'0000'0000'0000;

/// Reads one value and checks all of it. On a fault `in` is failed and the result empty.
/// @errors kCorrupt, kNotCanonical, kInvalidUtf8, kLimit (value_depth), with the byte offset
/// @cost   O(bytes); recursion as deep as limits.value_depth
ByteSpan read_value(ByteReader& in, const DecodeLimits& limits);

/// The size of the value that `data` begins with. It must have been checked before: anything else is a
/// bug of ours, not of the sender.
/// @cost O(1)
std::size_t value_size(ByteSpan data);

/// May that text be a value with tag 11?
bool is_number_text(std::string_view text);

/// The payload of an ensure: what kind of child, and its generation.
struct EnsureContent {
  ContainerKind kind = ContainerKind::kMap;
  std::uint32_t generation = 0;
};
ByteSpan read_ensure_content(ByteReader& in);
EnsureContent parse_ensure_content(ByteSpan checked);

/// The content of an operation of a later weft: kind number, version needed, count, sized payload.
struct UnknownContent {
  std::uint64_t kind = 0;          ///< >= kFirstEscapedKind
  std::uint64_t weft_version = 0;  ///< the first weft version that knows the kind
  Seq count = 0;
  ByteSpan payload;
};
inline constexpr std::uint64_t kFirstEscapedKind = 16;
/// On a fault `in` is failed. `whole` is everything that was read.
UnknownContent read_unknown_content(ByteReader& in, ByteSpan& whole);

// Writers. Objects and arrays: the header, then n times key and node, or node; a record is put around
// them when they are complete. The writer of keys keeps them ascending.
void put_null(ByteWriter& out);
void put_bool(ByteWriter& out, bool value);
void put_int(ByteWriter& out, std::int64_t value);
void put_double(ByteWriter& out, double value);
void put_string(ByteWriter& out, std::string_view utf8);
void put_number_text(ByteWriter& out, std::string_view text);
void put_bytes(ByteWriter& out, ByteSpan value);
void put_record(ByteWriter& out, ByteSpan root_node);
void put_child(ByteWriter& out, ContainerKind kind);
void put_object_header(ByteWriter& out, std::size_t entries);
void put_array_header(ByteWriter& out, std::size_t entries);
void put_ensure_content(ByteWriter& out, EnsureContent content);

}  // namespace weft
