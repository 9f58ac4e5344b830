// Encoded values: crdt/delta/value_codec.cc.

#include "crdt/delta/value_codec.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/support/random.h"

using namespace weft;

namespace {

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes result;
  for (int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

ErrorCode error_of(const Bytes& bytes, const DecodeLimits& limits = {}) {
  ByteReader in(bytes);
  ByteSpan value = read_value(in, limits);
  if (!in.ok()) return in.error("value").code();
  CHECK(value.size() == value_size(bytes));
  return in.at_end() ? ErrorCode::kOk : ErrorCode::kCorrupt;
}

}  // namespace

TEST_CASE("every kind of value is read back to its end") {
  Bytes bytes;
  ByteWriter out(bytes);
  put_null(out);
  put_bool(out, true);
  put_int(out, std::numeric_limits<std::int64_t>::min());
  put_double(out, -0.0);
  put_string(out, "h\xc3\xa9");
  put_bytes(out, bytes_of({0xff, 0}));
  put_child(out, ContainerKind::kCounter);
  Bytes tree;
  ByteWriter node(tree);
  put_object_header(node, 2);
  node.sized(as_bytes(""));
  put_array_header(node, 0);
  node.sized(as_bytes("a"));
  put_double(node, __builtin_nan("7"));
  put_record(out, tree);
  ByteReader in(bytes);
  std::size_t at = 0;
  for (int i = 0; i < 8; ++i) {
    ByteSpan value = read_value(in, {});
    REQUIRE(in.ok());
    CHECK(value.data() == bytes.data() + at);
    CHECK(value.size() == value_size(ByteSpan(bytes).subspan(at)));
    at += value.size();
  }
  CHECK(in.at_end());
}

TEST_CASE("refuses values that are not what their tag says") {
  CHECK(error_of(bytes_of({})) == ErrorCode::kCorrupt);
  CHECK(error_of(bytes_of({12})) == ErrorCode::kCorrupt);
  CHECK(error_of(bytes_of({11, 2, '-', '0'})) == ErrorCode::kOk);
  CHECK(error_of(bytes_of({11, 3, '1', 'e', '9'})) == ErrorCode::kOk);
  CHECK(error_of(bytes_of({11, 4, '1'})) == ErrorCode::kCorrupt);
  CHECK(error_of(bytes_of({11, 0})) == ErrorCode::kNotCanonical);
  CHECK(error_of(bytes_of({11, 2, '1', '2'})) == ErrorCode::kNotCanonical);  // an int64 holds it
  CHECK(error_of(bytes_of({11, 2, '0', '1'})) == ErrorCode::kNotCanonical);
  CHECK(error_of(bytes_of({11, 2, '1', 'e'})) == ErrorCode::kNotCanonical);
  CHECK(error_of(bytes_of({11, 3, '1', '.', 0xff})) == ErrorCode::kNotCanonical);
  CHECK(error_of(bytes_of({9, 0})) == ErrorCode::kCorrupt);  // an object outside a record
  CHECK(error_of(bytes_of({8, 4})) == ErrorCode::kCorrupt);  // a kind of container that isn't
  CHECK(error_of(bytes_of({5, 2, 'a'})) == ErrorCode::kCorrupt);
  CHECK(error_of(bytes_of({5, 1, 0xff})) == ErrorCode::kInvalidUtf8);
  CHECK(error_of(bytes_of({5, 3, 0xed, 0xa0, 0x80})) == ErrorCode::kInvalidUtf8);  // a surrogate
  CHECK(error_of(bytes_of({3, 0x80, 0})) == ErrorCode::kNotCanonical);
  CHECK(error_of(bytes_of({7, 0})) == ErrorCode::kCorrupt);
  CHECK(error_of(bytes_of({7, 1, 0})) == ErrorCode::kCorrupt);            // a record of a null
  CHECK(error_of(bytes_of({7, 2, 10, 1, 0})) == ErrorCode::kCorrupt);     // longer than it says
  CHECK(error_of(bytes_of({7, 3, 10, 0, 0})) == ErrorCode::kCorrupt);     // shorter
  CHECK(error_of(bytes_of({7, 4, 10, 1, 8, 0})) == ErrorCode::kCorrupt);  // a child in a record
  CHECK(error_of(bytes_of({7, 3, 10, 1, 0})) == ErrorCode::kOk);
}

TEST_CASE("refuses a NaN that is not the one allowed") {
  CHECK(error_of(bytes_of({4, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f})) == ErrorCode::kOk);
  CHECK(error_of(bytes_of({4, 0, 0, 0, 0, 0, 0, 0xf8, 0xff})) == ErrorCode::kNotCanonical);
  CHECK(error_of(bytes_of({4, 1, 0, 0, 0, 0, 0, 0xf0, 0x7f})) == ErrorCode::kNotCanonical);
  CHECK(error_of(bytes_of({4, 0, 0, 0, 0, 0, 0, 0xf0, 0xff})) == ErrorCode::kOk);  // -infinity
}

TEST_CASE("refuses objects whose keys do not ascend by bytes") {
  auto object = [](char first, char second) {
    Bytes bytes = bytes_of({7, 8, 9, 2, 1, 0, 0, 1, 0, 0});
    bytes[5] = static_cast<std::byte>(first);
    bytes[8] = static_cast<std::byte>(second);
    return error_of(bytes);
  };
  CHECK(object('a', 'b') == ErrorCode::kOk);
  CHECK(object('b', 'a') == ErrorCode::kNotCanonical);
  CHECK(object('a', 'a') == ErrorCode::kNotCanonical);
}

TEST_CASE("refuses records nested deeper than the limit") {
  auto nested = [](unsigned depth) {
    Bytes tree;
    ByteWriter node(tree);
    for (unsigned i = 1; i < depth; ++i) put_array_header(node, 1);
    put_array_header(node, 0);
    Bytes bytes;
    ByteWriter out(bytes);
    put_record(out, tree);
    return bytes;
  };
  CHECK(error_of(nested(64)) == ErrorCode::kOk);
  CHECK(error_of(nested(65)) == ErrorCode::kLimit);
  CHECK(error_of(nested(100'000)) == ErrorCode::kLimit);
}

TEST_CASE("random bytes never read beyond their end") {
  test::Random random(5);
  for (int i = 0; i < 200'000; ++i) {
    Bytes bytes(1 + random.below(16));
    for (std::byte& byte : bytes)
      byte = static_cast<std::byte>(random.chance(2, 3) ? random.below(12) : random.below(256));
    Bytes exact(bytes);  // its own allocation, so that a sanitizer sees the end
    ByteReader in(exact);
    ByteSpan value = read_value(in, {});
    if (in.ok()) CHECK(value.size() == value_size(exact));
  }
}

TEST_CASE("an ensure's content is read back") {
  Bytes bytes;
  ByteWriter out(bytes);
  put_ensure_content(out, {ContainerKind::kText, 300});
  ByteReader in(bytes);
  ByteSpan content = read_ensure_content(in);
  REQUIRE(in.ok());
  CHECK(content.size() == bytes.size());
  CHECK(parse_ensure_content(content).kind == ContainerKind::kText);
  CHECK(parse_ensure_content(content).generation == 300);
}
