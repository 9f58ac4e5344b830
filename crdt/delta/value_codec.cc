#include "crdt/delta/value_codec.h"

#include <charconv>
#include <system_error>

#include "crdt/base/utf8.h"

namespace weft {
namespace {

/// Where the reader stands. (An empty read is the reader's own way to tell.)
const std::byte* position(ByteReader& in) { return in.bytes(0).data(); }

std::string_view read_sized_text(ByteReader& in) {
  std::string_view text = as_text(in.sized());
  if (in.ok() && !valid_utf8(text)) in.fail(ErrorCode::kInvalidUtf8, "string is not UTF-8");
  return text;
}

void read_double(ByteReader& in) {
  std::uint64_t bits = in.u64();
  constexpr std::uint64_t kInfinity = 0x7ff0'0000'0000'0000;
  if ((bits & ~(std::uint64_t{1} << 63)) > kInfinity && bits != kCanonicalNan)
    in.fail(ErrorCode::kNotCanonical, "a NaN other than the one allowed");
}

void read_node(ByteReader& in, std::uint32_t depth_left);

void read_object(ByteReader& in, std::uint32_t depth_left) {
  std::uint64_t entries = in.varint();
  std::string_view previous;
  for (std::uint64_t i = 0; i < entries && in.ok(); ++i) {
    std::string_view key = read_sized_text(in);
    if (in.ok() && i != 0 && !(previous < key))
      in.fail(ErrorCode::kNotCanonical, "object keys are not strictly ascending");
    previous = key;
    read_node(in, depth_left);
  }
}

void read_array(ByteReader& in, std::uint32_t depth_left) {
  std::uint64_t entries = in.varint();
  for (std::uint64_t i = 0; i < entries && in.ok(); ++i) read_node(in, depth_left);
}

/// Digits from `at` on; false: there are none.
bool skip_digits(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return at != begin;
}

void read_number_text(ByteReader& in) {
  const std::string_view text = as_text(in.sized());
  if (in.ok() && !is_number_text(text))
    in.fail(ErrorCode::kNotCanonical, "no number, or one that needs no text");
}

/// The payload of tags 0 to 6 and 11, which are the same inside and outside of records.
bool read_scalar_payload(ByteReader& in, ValueTag tag) {
  switch (tag) {
    case ValueTag::kNull:
    case ValueTag::kFalse:
    case ValueTag::kTrue:
      return true;
    case ValueTag::kInt:
      in.varint();
      return true;
    case ValueTag::kDouble:
      read_double(in);
      return true;
    case ValueTag::kString:
      read_sized_text(in);
      return true;
    case ValueTag::kBytes:
      in.sized();
      return true;
    case ValueTag::kNumberText:
      read_number_text(in);
      return true;
    default:
      return false;
  }
}

void read_node(ByteReader& in, std::uint32_t depth_left) {
  auto tag = static_cast<ValueTag>(in.u8());
  if (!in.ok() || read_scalar_payload(in, tag)) return;
  if (tag != ValueTag::kObject && tag != ValueTag::kArray) {
    in.fail("unknown tag inside a record");
  } else if (depth_left == 0) {
    in.fail(ErrorCode::kLimit, "record nested too deeply");
  } else if (tag == ValueTag::kObject) {
    read_object(in, depth_left - 1);
  } else {
    read_array(in, depth_left - 1);
  }
}

void read_record(ByteReader& in, std::uint32_t depth) {
  std::uint64_t size = in.varint();
  if (size > in.remaining()) in.fail("ends too early");
  if (!in.ok()) return;
  if (size == 0) return in.fail("empty record");
  std::size_t left = in.remaining() - static_cast<std::size_t>(size);
  auto tag = static_cast<ValueTag>(*position(in));
  if (tag != ValueTag::kObject && tag != ValueTag::kArray)
    return in.fail("a record's root is neither object nor array");
  read_node(in, depth);
  if (in.ok() && in.remaining() != left) in.fail("a record's size is not that of its content");
}

std::uint64_t trusted_varint(const std::byte*& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    auto byte = static_cast<std::uint8_t>(*at++);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

}  // namespace

ByteSpan read_value(ByteReader& in, const DecodeLimits& limits) {
  const std::byte* begin = position(in);
  auto tag = static_cast<ValueTag>(in.u8());
  if (!in.ok()) return {};
  if (!read_scalar_payload(in, tag)) {
    if (tag == ValueTag::kRecord) {
      read_record(in, limits.value_depth);
    } else if (tag == ValueTag::kChild) {
      if (in.u8() > static_cast<std::uint8_t>(ContainerKind::kCounter))
        in.fail("unknown kind of container");
    } else {
      in.fail("unknown value tag");
    }
  }
  if (!in.ok()) return {};
  return {begin, static_cast<std::size_t>(position(in) - begin)};
}

std::size_t value_size(ByteSpan data) {
  WEFT_ASSERT(!data.empty());
  const std::byte* at = data.data() + 1;
  switch (static_cast<ValueTag>(data[0])) {
    case ValueTag::kInt:
      trusted_varint(at);
      break;
    case ValueTag::kDouble:
      at += 8;
      break;
    case ValueTag::kString:
    case ValueTag::kBytes:
    case ValueTag::kNumberText:
    case ValueTag::kRecord: {
      std::uint64_t size = trusted_varint(at);
      at += size;
      break;
    }
    case ValueTag::kChild:
      at += 1;
      break;
    default:
      break;
  }
  auto size = static_cast<std::size_t>(at - data.data());
  WEFT_ASSERT(size <= data.size());
  return size;
}

bool is_number_text(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const bool is_zero = at < text.size() && text[at] == '0';
  const std::size_t first = at;
  if (!skip_digits(text, at) || (is_zero && at != first + 1)) return false;
  if (at == text.size()) {  // an integer; -0 is none that int64 has
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return read.ec != std::errc() || text == "-0";
  }
  if (text[at] == '.' && !skip_digits(text, ++at)) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!skip_digits(text, at)) return false;
  }
  return at == text.size();
}

ByteSpan read_ensure_content(ByteReader& in) {
  const std::byte* begin = position(in);
  if (in.u8() > static_cast<std::uint8_t>(ContainerKind::kCounter))
    in.fail("unknown kind of container");
  if (in.varint() > 0xffff'ffff) in.fail(ErrorCode::kLimit, "generation over its limit");
  if (!in.ok()) return {};
  return {begin, static_cast<std::size_t>(position(in) - begin)};
}

EnsureContent parse_ensure_content(ByteSpan checked) {
  WEFT_ASSERT(checked.size() >= 2);
  const std::byte* at = checked.data() + 1;
  return {static_cast<ContainerKind>(checked[0]), static_cast<std::uint32_t>(trusted_varint(at))};
}

UnknownContent read_unknown_content(ByteReader& in, ByteSpan& whole) {
  const std::byte* begin = position(in);
  UnknownContent result;
  result.kind = in.varint();
  if (in.ok() && result.kind < kFirstEscapedKind)
    in.fail(ErrorCode::kNotCanonical, "a kind that needs no escape is escaped");
  result.weft_version = in.varint();
  std::uint64_t count = in.varint();
  if (in.ok() && count == 0) in.fail("an operation of no units");
  if (count > kMaxSeq) in.fail(ErrorCode::kLimit, "sequence number over its limit");
  result.count = static_cast<Seq>(count);
  result.payload = in.sized();
  if (in.ok()) whole = {begin, static_cast<std::size_t>(position(in) - begin)};
  return result;
}

namespace {
void put_tag(ByteWriter& out, ValueTag tag) { out.u8(static_cast<std::uint8_t>(tag)); }
}  // namespace

void put_null(ByteWriter& out) { put_tag(out, ValueTag::kNull); }
void put_bool(ByteWriter& out, bool value) {
  put_tag(out, value ? ValueTag::kTrue : ValueTag::kFalse);
}
void put_int(ByteWriter& out, std::int64_t value) {
  put_tag(out, ValueTag::kInt);
  out.svarint(value);
}
void put_double(ByteWriter& out, double value) {
  put_tag(out, ValueTag::kDouble);
  out.u64(value != value ? kCanonicalNan : std::bit_cast<std::uint64_t>(value));
}
void put_string(ByteWriter& out, std::string_view utf8) {
  put_tag(out, ValueTag::kString);
  out.sized(as_bytes(utf8));
}
void put_number_text(ByteWriter& out, std::string_view text) {
  put_tag(out, ValueTag::kNumberText);
  out.sized(as_bytes(text));
}
void put_bytes(ByteWriter& out, ByteSpan value) {
  put_tag(out, ValueTag::kBytes);
  out.sized(value);
}
void put_record(ByteWriter& out, ByteSpan root_node) {
  put_tag(out, ValueTag::kRecord);
  out.sized(root_node);
}
void put_child(ByteWriter& out, ContainerKind kind) {
  put_tag(out, ValueTag::kChild);
  out.u8(static_cast<std::uint8_t>(kind));
}
void put_object_header(ByteWriter& out, std::size_t entries) {
  put_tag(out, ValueTag::kObject);
  out.varint(entries);
}
void put_array_header(ByteWriter& out, std::size_t entries) {
  put_tag(out, ValueTag::kArray);
  out.varint(entries);
}
void put_ensure_content(ByteWriter& out, EnsureContent content) {
  out.u8(static_cast<std::uint8_t>(content.kind));
  out.varint(content.generation);
}

}  // namespace weft
