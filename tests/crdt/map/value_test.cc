#include "crdt/map/value.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/delta/value_codec.h"

namespace {

using weft::ByteReader;
using weft::Bytes;
using weft::ByteSpan;
using weft::ByteWriter;
using weft::Json;
using weft::Record;
using weft::Value;

Bytes encode(const Value& value) {
  Bytes bytes;
  ByteWriter out(bytes);
  value.encode(out);
  return bytes;
}

Bytes bytes_of(std::initializer_list<int> list) {
  Bytes bytes;
  for (int byte : list) bytes.push_back(static_cast<std::byte>(byte));
  return bytes;
}

/// Encoded, accepted by the checking reader to its last byte, and decoded again.
Value round_trip(const Value& value) {
  Bytes bytes = encode(value);
  ByteReader in(bytes);
  ByteSpan read = weft::read_value(in, weft::DecodeLimits{});
  REQUIRE(in.ok());
  CHECK(read.size() == bytes.size());
  CHECK(weft::value_size(bytes) == bytes.size());
  return Value::decode_trusted(bytes);
}

std::vector<Value> samples() {
  std::vector<Value> values = {
      nullptr,
      false,
      true,
      0,
      1,
      -1,
      std::numeric_limits<std::int64_t>::min(),
      std::numeric_limits<std::int64_t>::max(),
      0.0,
      -0.0,
      1.0,
      5e-324,
      std::numeric_limits<double>::infinity(),
      std::nan(""),
      Record(Json(Json::Object{})),
      Record(Json(Json::Array{})),
      Record{{"x", 0}, {"y", 0}, {"w", 12}, {"h", 8}},
      Record(Json(Json::Array{nullptr, true, Json::Array{1, 1.0}, Bytes(20), Json::Object{}})),
  };
  for (std::size_t size : {0u, 1u, 7u, 8u, 13u, 14u, 15u, 16u, 17u, 300u}) {
    values.push_back(std::string(size, 'a'));
    values.push_back(Value::bytes(weft::as_bytes(std::string(size, 'a'))));
  }
  return values;
}

}  // namespace

TEST_CASE("a value is equal to itself alone among values of all types and sizes") {
  std::vector<Value> values = samples();
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t k = 0; k < values.size(); ++k) {
      CAPTURE(i);
      CAPTURE(k);
      CHECK((values[i] == values[k]) == (i == k));
    }
}

TEST_CASE("decode(encode(value)) is the value, and the checking reader accepts it") {
  for (const Value& value : samples()) CHECK(round_trip(value) == value);
}

TEST_CASE("int64 and double stay apart, doubles compare by bits, NaNs are one") {
  CHECK(Value(1) != Value(1.0));
  CHECK(Value(0.0) != Value(-0.0));
  double other_nan = -std::nan("77");
  CHECK(Value(std::nan("")) == Value(other_nan));
  CHECK(encode(other_nan) == bytes_of({4, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f}));
  CHECK(Json(std::nan("")) == Json(other_nan));
  CHECK(Json(0.0) != Json(-0.0));
  CHECK(Json(1) != Json(1.0));
  CHECK(Json(Json::Array{other_nan}) == Json(Json::Array{std::nan("")}));
}

TEST_CASE("the encoded forms are those of value_codec.h") {
  CHECK(encode(nullptr) == bytes_of({0}));
  CHECK(encode(false) == bytes_of({1}));
  CHECK(encode(true) == bytes_of({2}));
  CHECK(encode(-1) == bytes_of({3, 1}));
  CHECK(encode(64) == bytes_of({3, 0x80, 1}));
  CHECK(encode(1.0) == bytes_of({4, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f}));
  CHECK(encode("hi") == bytes_of({5, 2, 'h', 'i'}));
  CHECK(encode(Value::bytes(bytes_of({9}))) == bytes_of({6, 1, 9}));
  CHECK(encode(Record{{"b", 1}, {"a", Json::Array{true}}}) ==
        bytes_of({7, 11, 9, 2, 1, 'a', 10, 1, 2, 1, 'b', 3, 2}));
}

TEST_CASE("a record's keys are sorted by bytes and the last of equal keys wins") {
  Value one = Record{{"b", 1}, {"a", 1}, {"b", 2}, {"", 3}, {"\xc3\xa4", 4}, {"z", 5}};
  Value other = Record{{"", 3}, {"z", 5}, {"\xc3\xa4", 4}, {"a", 1}, {"b", 2}};
  CHECK(one == other);
  Json json = one.json();
  REQUIRE(json.as_object() != nullptr);
  std::vector<std::string> keys;
  for (const auto& [key, value] : *json.as_object()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"", "a", "b", "z", "\xc3\xa4"});
  CHECK(*json.find("b")->as_int() == 2);
  CHECK(json.find("c") == nullptr);
}

TEST_CASE("find takes the last of equal keys, as encoding does") {
  Json json(Json::Object{{"a", 1}, {"a", 2}});
  CHECK(*json.find("a")->as_int() == 2);
  CHECK(Json(3).find("a") == nullptr);
}

TEST_CASE("an accessor of another type gives its empty value") {
  Value text = "a text that does not fit inside";
  CHECK(text.as_string() == "a text that does not fit inside");
  CHECK(text.as_int() == 0);
  CHECK(text.as_double() == 0);
  CHECK_FALSE(text.as_bool());
  CHECK(Value(7).as_string().empty());
  CHECK(Value(7).as_bytes().empty());
  CHECK_FALSE(Value(7).as_bool());
  CHECK(Value(7.5).as_int() == 0);
}

TEST_CASE("a container keeps index and kind, and a new child decodes without an index") {
  Value child = Value::container(0x12345678, weft::ContainerKind::kText);
  CHECK(child.is_container());
  CHECK(child.container_index() == 0x12345678);
  CHECK(child.container_kind() == weft::ContainerKind::kText);
  CHECK(child.json().is_null());
  CHECK(child != Value::container(0x12345678, weft::ContainerKind::kList));
  CHECK(child != Value::container(0x12345679, weft::ContainerKind::kText));

  Value decoded = Value::decode_trusted(bytes_of({8, 1}));
  CHECK(decoded == Value::container(0xffff'ffff, weft::ContainerKind::kList));
}

TEST_CASE("from_json keeps scalars, makes records of trees, and json gives the tree back") {
  for (const Json& json : std::vector<Json>{
           nullptr, true, 5, 5.0, "short", std::string(40, 'x'), Bytes(3), Json::Array{1, "two"},
           Json::Object{{"k", 1}}, weft::NumberText{"1e400"},
           weft::NumberText{std::string(30, '9')}, Json::Array{weft::NumberText{"-0"}}})
    CHECK(Value::from_json(json).json() == json);
  CHECK(Value::from_json(Json::Array{}).type() == Value::Type::kRecord);
  CHECK(Value::from_json("s").type() == Value::Type::kString);
}

TEST_CASE("copies, moves and assignments share and free long values") {
  const std::string text(100, 'q');
  Value a = text;
  Value b = a;
  CHECK(a.as_string().data() == b.as_string().data());  // one block
  Value c = std::move(a);
  CHECK(a == Value());  // NOLINT: moved from is null
  CHECK(c.as_string() == text);
  b = 1;
  CHECK(c.as_string() == text);
  Value& alias = c;
  c = alias;
  c = std::move(alias);
  CHECK(c.as_string() == text);
  b = c;
  c = nullptr;
  CHECK(b.as_string() == text);
  std::vector<Value> many(50, b);
  many.erase(many.begin(), many.begin() + 49);
  CHECK(many[0].as_string() == text);
  CHECK(many[0].as_string().data() == b.as_string().data());
}

TEST_CASE("threads copy and drop their own copies of one long value") {
  Value shared = std::string(64, 's');
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([copy = shared] {
      for (int i = 0; i < 2000; ++i) {
        Value other = copy;
        WEFT_ASSERT(other.as_string().size() == 64);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(shared.as_string() == std::string(64, 's'));
}

TEST_CASE("decoding what ends too early reads nothing beyond it") {
  for (const Value& value : samples()) {
    Bytes whole = encode(value);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      static_cast<void>(Value::decode_trusted(cut).json());
    }
  }
}
