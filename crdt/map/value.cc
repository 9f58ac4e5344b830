#include "crdt/map/value.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>

#include "crdt/base/assert.h"
#include "crdt/delta/value_codec.h"

namespace weft {
namespace {

std::uint64_t canonical_bits(double value) {
  return value != value ? kCanonicalNan : std::bit_cast<std::uint64_t>(value);
}

void put_tree(ByteWriter& out, const Json& json);

/// The members in the order in which they are encoded: by key bytes, of equal keys the last alone.
std::vector<const std::pair<std::string, Json>*> sorted_members(const Json::Object& object) {
  std::vector<const std::pair<std::string, Json>*> members;
  members.reserve(object.size());
  for (const auto& member : object) members.push_back(&member);
  std::stable_sort(members.begin(), members.end(),
                   [](const auto* a, const auto* b) { return a->first < b->first; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    bool last_of_key = i + 1 == members.size() || members[i]->first != members[i + 1]->first;
    if (last_of_key) members[kept++] = members[i];
  }
  members.resize(kept);
  return members;
}

void put_object(ByteWriter& out, const Json::Object& object) {
  auto members = sorted_members(object);
  put_object_header(out, members.size());
  for (const auto* member : members) {
    out.sized(as_bytes(member->first));
    put_tree(out, member->second);
  }
}

void put_tree(ByteWriter& out, const Json& json) {
  if (const auto* boolean = json.as_bool()) {
    put_bool(out, *boolean);
  } else if (const auto* integer = json.as_int()) {
    put_int(out, *integer);
  } else if (const auto* number = json.as_double()) {
    put_double(out, *number);
  } else if (const auto* text = json.as_string()) {
    put_string(out, *text);
  } else if (const auto* literal = json.as_number_text()) {
    put_number_text(out, literal->text);
  } else if (const auto* bytes = json.as_bytes()) {
    put_bytes(out, *bytes);
  } else if (const auto* array = json.as_array()) {
    put_array_header(out, array->size());
    for (const Json& element : *array) put_tree(out, element);
  } else if (const auto* object = json.as_object()) {
    put_object(out, *object);
  } else {
    put_null(out);
  }
}

Json read_tree(ByteReader& in);

Json read_object(ByteReader& in) {
  Json::Object object;
  std::uint64_t entries = in.varint();
  for (std::uint64_t i = 0; i < entries && in.ok(); ++i) {
    std::string key(as_text(in.sized()));
    object.emplace_back(std::move(key), read_tree(in));
  }
  return object;
}

Json read_array(ByteReader& in) {
  Json::Array array;
  std::uint64_t entries = in.varint();
  for (std::uint64_t i = 0; i < entries && in.ok(); ++i) array.push_back(read_tree(in));
  return array;
}

/// One node (value_codec.h). The bytes were validated; a fault can only end the reading.
Json read_tree(ByteReader& in) {
  switch (static_cast<ValueTag>(in.u8())) {
    case ValueTag::kFalse:
      return false;
    case ValueTag::kTrue:
      return true;
    case ValueTag::kInt:
      return in.svarint();
    case ValueTag::kDouble:
      return std::bit_cast<double>(in.u64());
    case ValueTag::kString:
      return as_text(in.sized());
    case ValueTag::kBytes: {
      ByteSpan data = in.sized();
      return Bytes(data.begin(), data.end());
    }
    case ValueTag::kNumberText:
      return NumberText{std::string(as_text(in.sized()))};
    case ValueTag::kObject:
      return read_object(in);
    case ValueTag::kArray:
      return read_array(in);
    default:
      return nullptr;
  }
}

}  // namespace

const Json* Json::find(std::string_view key) const {
  const Object* object = as_object();
  if (object == nullptr) return nullptr;
  // From the end: the last of equal keys counts.
  for (auto member = object->rbegin(); member != object->rend(); ++member)
    if (member->first == key) return &member->second;
  return nullptr;
}

bool operator==(const Json& a, const Json& b) {
  if (a.data_.index() != b.data_.index()) return false;
  if (const double* number = a.as_double())
    return canonical_bits(*number) == canonical_bits(*b.as_double());
  return a.data_ == b.data_;
}

Record::Record(std::initializer_list<std::pair<std::string_view, Json>> members) {
  Json::Object object;
  object.reserve(members.size());
  for (const auto& [key, value] : members) object.emplace_back(std::string(key), value);
  json = std::move(object);
}

// What a value holds when it is too long to lie inside it; its bytes follow. Immutable but for the
// count, so threads that each own a copy may read and drop them freely.
struct Value::Block {
  std::atomic<std::uint32_t> count{1};
  std::size_t size;

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
};

Value::Value(double value) noexcept {
  set_meta(Type::kDouble, 0);
  std::uint64_t bits = canonical_bits(value);
  std::memcpy(raw_, &bits, sizeof bits);
}

Value::Value(const Record& record) {
  WEFT_ASSERT(record.json.as_object() != nullptr || record.json.as_array() != nullptr);
  Bytes tree;
  ByteWriter out(tree);
  put_tree(out, record.json);
  store(Type::kRecord, tree);
}

Value Value::bytes(ByteSpan data) {
  Value result;
  result.store(Type::kBytes, data);
  return result;
}

Value Value::number_text(std::string_view text) {
  Value result;
  result.store(Type::kNumberText, weft::as_bytes(text));
  return result;
}

Value Value::container(std::uint32_t index, ContainerKind kind) {
  Value result;
  result.set_meta(Type::kContainer, 0);
  std::memcpy(result.raw_, &index, sizeof index);
  result.raw_[4] = static_cast<unsigned char>(kind);
  return result;
}

Value Value::encoded_record(ByteSpan tree) {
  Value result;
  result.store(Type::kRecord, tree);
  return result;
}

Value Value::from_json(const Json& json) {
  if (const auto* boolean = json.as_bool()) return *boolean;
  if (const auto* integer = json.as_int()) return *integer;
  if (const auto* number = json.as_double()) return *number;
  if (const auto* text = json.as_string()) return *text;
  if (const auto* data = json.as_bytes()) return bytes(*data);
  if (const auto* literal = json.as_number_text()) return number_text(literal->text);
  if (json.is_null()) return nullptr;
  return Record(json);
}

void Value::store(Type type, ByteSpan data) {
  if (data.size() <= kInlineMax) {
    set_meta(type, static_cast<unsigned>(data.size()));
    if (!data.empty()) std::memcpy(raw_, data.data(), data.size());
    return;
  }
  auto* made = new (::operator new(sizeof(Block) + data.size())) Block;
  made->size = data.size();
  std::memcpy(made->data(), data.data(), data.size());
  set_meta(type, 15);
  auto address = reinterpret_cast<std::uintptr_t>(made);
  std::memcpy(raw_, &address, sizeof address);
}

Value::Block* Value::block() const {
  std::uintptr_t address;
  std::memcpy(&address, raw_, sizeof address);
  return reinterpret_cast<Block*>(address);
}

void Value::retain() const noexcept { block()->count.fetch_add(1, std::memory_order_relaxed); }

void Value::release() noexcept {
  Block* held = block();
  // Acquire and release, so that every reader's last read comes before the memory is given back.
  if (held->count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  held->~Block();
  ::operator delete(held);
}

bool Value::equal_blocks(const Value& a, const Value& b) noexcept {
  Block* left = a.block();
  Block* right = b.block();
  return left == right ||
         (left->size == right->size && std::memcmp(left->data(), right->data(), left->size) == 0);
}

ByteSpan Value::stored() const {
  if (on_heap()) return {block()->data(), block()->size};
  return {reinterpret_cast<const std::byte*>(raw_), static_cast<std::size_t>(raw_[15] >> 4)};
}

bool Value::as_bool() const { return type() == Type::kBool && raw_[0] != 0; }

std::int64_t Value::as_int() const {
  std::int64_t result = 0;
  if (type() == Type::kInt) std::memcpy(&result, raw_, sizeof result);
  return result;
}

double Value::as_double() const {
  double result = 0;
  if (type() == Type::kDouble) std::memcpy(&result, raw_, sizeof result);
  return result;
}

std::string_view Value::as_string() const {
  return type() == Type::kString ? as_text(stored()) : std::string_view();
}

ByteSpan Value::as_bytes() const {
  bool has_bytes = type() == Type::kString || type() == Type::kBytes || type() == Type::kRecord ||
                   type() == Type::kNumberText;
  return has_bytes ? stored() : ByteSpan();
}

std::uint32_t Value::container_index() const {
  WEFT_ASSERT(is_container());
  std::uint32_t result;
  std::memcpy(&result, raw_, sizeof result);
  return result;
}

ContainerKind Value::container_kind() const {
  WEFT_ASSERT(is_container());
  return static_cast<ContainerKind>(raw_[4]);
}

Json Value::json() const {
  switch (type()) {
    case Type::kBool:
      return as_bool();
    case Type::kInt:
      return as_int();
    case Type::kDouble:
      return as_double();
    case Type::kString:
      return as_string();
    case Type::kBytes:
      return Bytes(stored().begin(), stored().end());
    case Type::kRecord: {
      ByteReader in(stored());
      return read_tree(in);
    }
    case Type::kNumberText:
      return NumberText{std::string(as_text(stored()))};
    case Type::kNull:
    case Type::kContainer:
      break;
  }
  return nullptr;
}

void Value::encode(ByteWriter& out) const {
  switch (type()) {
    case Type::kNull:
      return put_null(out);
    case Type::kBool:
      return put_bool(out, as_bool());
    case Type::kInt:
      return put_int(out, as_int());
    case Type::kDouble:
      return put_double(out, as_double());
    case Type::kString:
      return put_string(out, as_string());
    case Type::kBytes:
      return put_bytes(out, stored());
    case Type::kRecord:
      return put_record(out, stored());
    case Type::kNumberText:
      return put_number_text(out, as_text(stored()));
    case Type::kContainer:
      break;
  }
  WEFT_ASSERT(!is_container());
}

Value Value::decode_trusted(ByteSpan encoded) {
  ByteReader in(encoded);
  switch (static_cast<ValueTag>(in.u8())) {
    case ValueTag::kFalse:
      return false;
    case ValueTag::kTrue:
      return true;
    case ValueTag::kInt:
      return in.svarint();
    case ValueTag::kDouble:
      return std::bit_cast<double>(in.u64());
    case ValueTag::kString:
      return as_text(in.sized());
    case ValueTag::kBytes:
      return bytes(in.sized());
    case ValueTag::kRecord:
      return encoded_record(in.sized());
    case ValueTag::kNumberText:
      return number_text(as_text(in.sized()));
    case ValueTag::kChild:
      return container(0xffff'ffff, static_cast<ContainerKind>(in.u8()));
    default:
      return nullptr;
  }
}

}  // namespace weft
