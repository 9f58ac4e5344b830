#pragma once
// Single values in Boost's archives: in XML as text that people can read, in binary as the bytes. For
// boost_form.cc only.

#include <boost/archive/xml_iarchive.hpp>
#include <boost/archive/xml_oarchive.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/version.hpp>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "crdt/delta/batch.h"
#include "crdt/document/base64.h"
#include "storage/archive/archive.h"

namespace weft::boost_form {

using boost::serialization::make_nvp;

/// Carries an error of ours through Boost's functions, which can't return one.
struct Refusal {
  Error error;
};
[[noreturn]] inline void refuse(ErrorCode code, std::string context) {
  throw Refusal{Error(code, std::move(context))};
}

template <typename Form>
inline constexpr bool kIsXml = std::is_same_v<Form, boost::archive::xml_iarchive> ||
                               std::is_same_v<Form, boost::archive::xml_oarchive>;

/// Boost takes a class of a newer version without a word.
template <typename T>
void check_class_version(unsigned version, const char* name) {
  constexpr unsigned kKnown = boost::serialization::version<T>::value;
  if (version > kKnown)
    refuse(ErrorCode::kUnknownVersion, std::string("an archive with a ") + name + " of version " +
                                           std::to_string(version) + "; this weft reads up to " +
                                           std::to_string(kKnown) + ": update it");
}

inline constexpr std::string_view kStatusNames[] = {"live", "evicted", "deleted", "purged"};

template <typename Value, typename Form>
Value get(Form& in, const char* name) {
  Value value{};
  in >> make_nvp(name, value);
  return value;
}

/// In XML base64; in binary a size and the bytes.
template <typename Form>
void put_bytes(Form& out, const char* name, ByteSpan bytes) {
  if constexpr (kIsXml<Form>) {
    const std::string text = base64_encode(bytes);
    out << make_nvp(name, text);
  } else {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    out << size;
    out.save_binary(bytes.data(), bytes.size());
  }
}
template <typename Form>
Bytes get_bytes(Form& in, const char* name) {
  if constexpr (kIsXml<Form>) {
    std::optional<Bytes> bytes = base64_decode(get<std::string>(in, name));
    if (!bytes) refuse(ErrorCode::kCorrupt, std::string("its ") + name + " is not base64");
    return *std::move(bytes);
  } else {
    const auto size = get<std::uint32_t>(in, name);
    if (size > DecodeLimits{}.input_bytes)
      refuse(ErrorCode::kLimit, std::string("its ") + name + " is larger than a delta can be");
    Bytes bytes(size);
    in.load_binary(bytes.data(), size);
    return bytes;
  }
}

/// In XML 16 hexadecimal digits; in binary a number.
template <typename Form>
void put_hex(Form& out, const char* name, std::uint64_t value) {
  if constexpr (kIsXml<Form>) {
    const std::string text = to_string(ReplicaId{value});
    out << make_nvp(name, text);
  } else {
    out << value;
  }
}
/// @param what  for people: "no replica's id"
template <typename Form>
std::uint64_t get_hex(Form& in, const char* name, const char* what) {
  if constexpr (kIsXml<Form>) {
    const auto text = get<std::string>(in, name);
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (to_string(ReplicaId{value}) != text)
      refuse(ErrorCode::kCorrupt, "'" + text + "' is " + what);
    return value;
  } else {
    return get<std::uint64_t>(in, name);
  }
}
template <typename Form>
void put_replica(Form& out, const char* name, ReplicaId replica) {
  put_hex(out, name, replica.value);
}
template <typename Form>
ReplicaId get_replica(Form& in, const char* name) {
  return {get_hex(in, name, "no replica's id")};
}

/// In XML hexadecimal digits; in binary the bytes.
template <typename Form>
void put_id(Form& out, const DocumentId& id) {
  if constexpr (kIsXml<Form>) {
    const std::string text = to_string(id);
    out << make_nvp("id", text);
  } else {
    out.save_binary(id.bytes.data(), id.bytes.size());
  }
}
template <typename Form>
DocumentId get_id(Form& in) {
  DocumentId id;
  if constexpr (kIsXml<Form>) {
    const auto text = get<std::string>(in, "id");
    const char* digits = text.c_str();
    if (text.size() == 2 * id.bytes.size())
      for (std::uint8_t& byte : id.bytes) {
        std::from_chars(digits, digits + 2, byte, 16);
        digits += 2;
      }
    if (to_string(id) != text) refuse(ErrorCode::kCorrupt, "'" + text + "' is no document's id");
  } else {
    in.load_binary(id.bytes.data(), id.bytes.size());
  }
  return id;
}

template <typename Form>
void put_status(Form& out, ArchivedStatus status) {
  const auto number = static_cast<std::uint8_t>(status);
  if (number >= std::size(kStatusNames))
    refuse(ErrorCode::kInvalidArgument, "no document has status " + std::to_string(number));
  if constexpr (kIsXml<Form>) {
    const std::string name(kStatusNames[number]);
    out << make_nvp("status", name);
  } else {
    out << number;
  }
}
/// @param count  how many there were when it was written
template <typename Form>
ArchivedStatus get_status(Form& in, const DocumentId& document, std::size_t count) {
  std::size_t number = 0;
  if constexpr (kIsXml<Form>) {
    const auto name = get<std::string>(in, "status");
    while (number < count && kStatusNames[number] != name) ++number;
  } else {
    number = get<std::uint8_t>(in, "status");
  }
  if (number >= count)
    refuse(ErrorCode::kCorrupt, "document " + to_string(document) + ": its status is none");
  return static_cast<ArchivedStatus>(number);
}

}  // namespace weft::boost_form
