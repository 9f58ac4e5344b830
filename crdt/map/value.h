#pragma once
// Value: what a register holds; Json: a JSON-like tree for records and for JSON in and out.
//
// Value is 16 bytes: numbers and strings up to 14 bytes lie inside it, longer strings, bytes and
// records in one immutable counted block, so copies are cheap. A record is kept in its encoded form
// (delta/value_codec.h) and decoded when it is read: it is written and replaced whole.
//
// int64 and double stay apart: Value(1) != Value(1.0). Doubles compare by bits, with one NaN. A number that
// neither of them gives back as it was written is kept as its text (NumberText, docs/adr/0015): texts compare
// by bytes.

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/delta/op.h"

namespace weft {

/// A decimal number as JSON's grammar has it (RFC 8259, section 6), for what neither int64 nor double gives back:
/// integers beyond 64 bits, decimals of more digits than a double has. parse_json makes it of these only.
struct NumberText {
  std::string text;
  friend bool operator==(const NumberText&, const NumberText&) = default;
};

class Json {
 public:
  using Array = std::vector<Json>;
  /// Order is kept as given; encoding sorts by key bytes, the last of equal keys wins.
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  Json(std::nullptr_t) {}                                      // NOLINT: literals convert
  Json(bool value) : data_(value) {}                           // NOLINT
  Json(int value) : data_(std::int64_t{value}) {}              // NOLINT
  Json(std::int64_t value) : data_(value) {}                   // NOLINT
  Json(double value) : data_(value) {}                         // NOLINT
  Json(const char* value) : data_(std::string(value)) {}       // NOLINT
  Json(std::string value) : data_(std::move(value)) {}         // NOLINT
  Json(std::string_view value) : data_(std::string(value)) {}  // NOLINT
  Json(Bytes value) : data_(std::move(value)) {}               // NOLINT
  Json(Array value) : data_(std::move(value)) {}               // NOLINT
  Json(Object value) : data_(std::move(value)) {}              // NOLINT
  Json(NumberText value) : data_(std::move(value)) {}          // NOLINT

  bool is_null() const { return data_.index() == 0; }
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&data_); }
  const double* as_double() const { return std::get_if<double>(&data_); }
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const Bytes* as_bytes() const { return std::get_if<Bytes>(&data_); }
  const Array* as_array() const { return std::get_if<Array>(&data_); }
  const Object* as_object() const { return std::get_if<Object>(&data_); }
  const NumberText* as_number_text() const { return std::get_if<NumberText>(&data_); }
  Array* as_array() { return std::get_if<Array>(&data_); }
  Object* as_object() { return std::get_if<Object>(&data_); }
  /// The member `key` of an object; null where there is none.
  const Json* find(std::string_view key) const;

  /// Doubles as in Value: by bits, with one NaN. The order of members counts.
  friend bool operator==(const Json& a, const Json& b);

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Bytes, Array, Object,
               NumberText>
      data_;
};

/// A record: a small tree that is written and replaced whole, as a panel's rectangle.
struct Record {
  Record(std::initializer_list<std::pair<std::string_view, Json>> members);
  explicit Record(Json tree) : json(std::move(tree)) {}  ///< an object or an array
  Json json;
};

/// Stands for a child container that `set` or a list `insert` makes anew, by its own dot.
struct NewContainer {
  ContainerKind kind;
};
inline NewContainer new_map() { return {ContainerKind::kMap}; }
inline NewContainer new_list() { return {ContainerKind::kList}; }
inline NewContainer new_text() { return {ContainerKind::kText}; }
inline NewContainer new_counter() { return {ContainerKind::kCounter}; }

class Value {
 public:
  enum class Type : std::uint8_t {
    kNull,
    kBool,
    kInt,
    kDouble,
    kString,
    kBytes,
    kRecord,
    kContainer,   ///< a child; container_index() is its index in the document
    kNumberText,  ///< a number as its text, see NumberText
  };

  Value() noexcept = default;
  Value(std::nullptr_t) noexcept : Value() {}  // NOLINT: literals convert
  Value(bool value) noexcept {                 // NOLINT
    set_meta(Type::kBool, 0);
    raw_[0] = value ? 1 : 0;
  }
  Value(int value) noexcept : Value(std::int64_t{value}) {}  // NOLINT
  Value(std::int64_t value) noexcept {                       // NOLINT
    set_meta(Type::kInt, 0);
    std::memcpy(raw_, &value, sizeof value);
  }
  Value(double value) noexcept;  // NOLINT
  /// Must be UTF-8, which is checked where it is written.
  Value(std::string_view value) { store(Type::kString, weft::as_bytes(value)); }  // NOLINT
  Value(const char* value) : Value(std::string_view(value)) {}                    // NOLINT
  Value(const std::string& value) : Value(std::string_view(value)) {}             // NOLINT
  Value(const Record& record);                                                    // NOLINT
  static Value bytes(ByteSpan data);
  /// Must follow JSON's grammar, which is checked where it is written.
  static Value number_text(std::string_view text);
  static Value container(std::uint32_t index, ContainerKind kind);
  /// A record from its encoded tree, trusted.
  static Value encoded_record(ByteSpan tree);
  /// Any JSON tree: scalars as they are, objects and arrays as records.
  static Value from_json(const Json& json);

  Value(const Value& other) noexcept {
    std::memcpy(raw_, other.raw_, sizeof raw_);
    if (on_heap()) retain();
  }
  Value(Value&& other) noexcept { take(other); }
  Value& operator=(const Value& other) noexcept { return *this = Value(other); }
  Value& operator=(Value&& other) noexcept {
    if (this != &other) {
      if (on_heap()) release();
      take(other);
    }
    return *this;
  }
  ~Value() {
    if (on_heap()) release();
  }

  Type type() const { return static_cast<Type>(raw_[15] & 15); }
  bool is_null() const { return type() == Type::kNull; }
  bool is_container() const { return type() == Type::kContainer; }
  bool is_container(ContainerKind kind) const { return is_container() && container_kind() == kind; }
  bool as_bool() const;                ///< the value where type() is kBool, else false
  std::int64_t as_int() const;         ///< where type() is kInt, else 0
  double as_double() const;            ///< where type() is kDouble, else 0
  std::string_view as_string() const;  ///< where type() is kString, else ""
  ByteSpan as_bytes() const;           ///< string, bytes, encoded record or a number's text
  std::uint32_t container_index() const;
  ContainerKind container_kind() const;
  /// Scalars and records as a tree; a container gives null (Document::to_json follows them).
  Json json() const;

  /// Encoded as value_codec.h says; a container is not encodable here.
  void encode(ByteWriter& out) const;
  /// Decodes a value that was validated before (value_codec.h). kNewChild gives kContainer with
  /// index 0xffffffff: the caller makes the child.
  static Value decode_trusted(ByteSpan encoded);

  friend bool operator==(const Value& a, const Value& b) noexcept {
    if (a.raw_[15] != b.raw_[15]) return false;
    return a.on_heap() ? equal_blocks(a, b) : std::memcmp(a.raw_, b.raw_, sizeof raw_) == 0;
  }

 private:
  // raw_[15] holds the type in its low four bits and the inline size in its high four; 15 there means
  // that raw_[0..8) is a Block*. Bytes that are not used are 0, so inline values compare whole.
  struct Block;
  static constexpr std::size_t kInlineMax = 14;
  bool on_heap() const { return (raw_[15] >> 4) == 15; }
  void set_meta(Type type, unsigned size) {
    raw_[15] = static_cast<unsigned char>(static_cast<unsigned>(type) | (size << 4));
  }
  void take(Value& other) noexcept {
    std::memcpy(raw_, other.raw_, sizeof raw_);
    std::memset(other.raw_, 0, sizeof other.raw_);
  }
  void store(Type type, ByteSpan data);
  ByteSpan stored() const;
  Block* block() const;
  void retain() const noexcept;
  void release() noexcept;
  static bool equal_blocks(const Value& a, const Value& b) noexcept;

  alignas(8) unsigned char raw_[16] = {};
};
static_assert(sizeof(Value) == 16);

}  // namespace weft
