// Versions of the classes; whoever adds a field raises one and reads the older ones on:
//
//   Archive            1
//   ArchivedDocument   1
//   DeltaEntry         1
//
// Lists are written as a count and then the elements, not through Boost's vectors, which make room for
// whatever count they read.

#include "storage/archive/boost_form.h"

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/archive/xml_iarchive.hpp>
#include <boost/archive/xml_oarchive.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/split_free.hpp>
#include <boost/serialization/tracking.hpp>
#include <boost/serialization/version.hpp>
#include <charconv>
#include <locale>
#include <new>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string_view>
#include <type_traits>
#include <utility>

#include "crdt/document/base64.h"
#include "storage/archive/delta_info.h"

namespace weft::boost_form {

using boost::serialization::make_nvp;

/// A delta as it lies in an archive.
struct DeltaEntry {
  Bytes row;
};

/// Carries an error of ours through Boost's functions, which can't return one.
struct Refusal {
  Error error;
};
[[noreturn]] void refuse(ErrorCode code, std::string context) {
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
void put_replica(Form& out, const char* name, ReplicaId replica) {
  if constexpr (kIsXml<Form>) {
    const std::string text = to_string(replica);
    out << make_nvp(name, text);
  } else {
    out << replica.value;
  }
}
template <typename Form>
ReplicaId get_replica(Form& in, const char* name) {
  if constexpr (kIsXml<Form>) {
    const auto text = get<std::string>(in, name);
    ReplicaId replica;
    std::from_chars(text.data(), text.data() + text.size(), replica.value, 16);
    if (to_string(replica) != text)
      refuse(ErrorCode::kCorrupt, "'" + text + "' is no replica's id");
    return replica;
  } else {
    return {get<std::uint64_t>(in, name)};
  }
}

/// The `index`-th delta of a document is one.
void check_delta(const DeltaEntry& entry, const DocumentId& document, std::uint64_t index,
                 Batch& scratch) {
  const Result<DeltaInfo> info = read_delta_info(entry.row, scratch);
  if (!info.ok())
    refuse(info.error().code(), "document " + to_string(document) + ", delta " +
                                    std::to_string(index) + ": " + info.error().context());
}

}  // namespace weft::boost_form

BOOST_CLASS_VERSION(weft::Archive, 1)
BOOST_CLASS_VERSION(weft::ArchivedDocument, 1)
BOOST_CLASS_VERSION(weft::boost_form::DeltaEntry, 1)
BOOST_CLASS_TRACKING(weft::Archive, boost::serialization::track_never)
BOOST_CLASS_TRACKING(weft::ArchivedDocument, boost::serialization::track_never)
BOOST_CLASS_TRACKING(weft::boost_form::DeltaEntry, boost::serialization::track_never)
BOOST_SERIALIZATION_SPLIT_FREE(weft::Archive)
BOOST_SERIALIZATION_SPLIT_FREE(weft::ArchivedDocument)
BOOST_SERIALIZATION_SPLIT_FREE(weft::boost_form::DeltaEntry)

namespace boost::serialization {

using namespace weft::
    boost_form;  // NOLINT: this namespace is where Boost looks for these functions
using weft::Bytes;
using weft::ErrorCode;

template <typename Form>
void save(Form& out, const DeltaEntry& entry, unsigned) {
  put_bytes(out, "payload", entry.row);
}

template <typename Form>
void load(Form& in, DeltaEntry& entry, unsigned version) {
  check_class_version<DeltaEntry>(version, "delta");
  entry.row = get_bytes(in, "payload");
}

template <typename Form>
void save(Form& out, const weft::ArchivedDocument& document, unsigned) {
  put_id(out, document.id);
  const std::uint64_t count = document.deltas.size();
  out << make_nvp("delta_count", count);
  weft::Batch scratch;
  for (std::uint64_t i = 0; i < count; ++i) {
    const DeltaEntry entry{document.deltas[i]};
    check_delta(entry, document.id, i, scratch);
    out << make_nvp("delta", entry);
  }
}

template <typename Form>
void load(Form& in, weft::ArchivedDocument& document, unsigned version) {
  check_class_version<weft::ArchivedDocument>(version, "document");
  document.id = get_id(in);
  const auto count = get<std::uint64_t>(in, "delta_count");
  weft::Batch scratch;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto entry = get<DeltaEntry>(in, "delta");
    check_delta(entry, document.id, i, scratch);
    document.deltas.push_back(std::move(entry.row));
  }
}

template <typename Form>
void save(Form& out, const weft::Archive& archive, unsigned) {
  const std::uint64_t count = archive.documents.size();
  out << make_nvp("origin_epoch", archive.origin.epoch);
  put_replica(out, "origin_replica", archive.origin.replica);
  out << make_nvp("document_count", count);
  for (const weft::ArchivedDocument& document : archive.documents)
    out << make_nvp("document", document);
}

template <typename Form>
void load(Form& in, weft::Archive& archive, unsigned version) {
  check_class_version<weft::Archive>(version, "archive");
  archive.origin.epoch = get<std::uint64_t>(in, "origin_epoch");
  archive.origin.replica = get_replica(in, "origin_replica");
  const auto count = get<std::uint64_t>(in, "document_count");
  for (std::uint64_t i = 0; i < count; ++i)
    archive.documents.push_back(get<weft::ArchivedDocument>(in, "document"));
}

}  // namespace boost::serialization

namespace weft {
namespace {

using boost::archive::archive_exception;
using boost_form::Refusal;

Error error_of(const archive_exception& exception) {
  const std::string what = std::string("inside the archive: ") + exception.what();
  switch (exception.code) {
    case archive_exception::unsupported_version:
    case archive_exception::unsupported_class_version:
      return {ErrorCode::kUnknownVersion, what};
    case archive_exception::incompatible_native_format:
      return {ErrorCode::kUnknownKind, what};
    default:
      return {ErrorCode::kCorrupt, what};
  }
}

/// Where exceptions end: nothing that Boost or memory throws goes further.
template <typename Body>
Status guarded(Body&& body) {
  try {
    body();
    return {};
  } catch (Refusal& refusal) {
    return std::move(refusal.error);
  } catch (const archive_exception& exception) {
    return error_of(exception);
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::kLimit, "the archive is larger than memory");
  } catch (const std::exception& exception) {
    return Error(ErrorCode::kCorrupt, std::string("inside the archive: ") + exception.what());
  }
}

/// What Boost would not answer with an exception that can be caught: it makes room for a signature of any
/// length, and the destructor of its XML reader throws where the last tag is missing.
Status check_frame(std::string_view body, ArchiveFormat format) {
  const std::string_view signature = boost::archive::BOOST_ARCHIVE_SIGNATURE();
  const std::size_t length = signature.size();
  bool is_whole = false;
  if (format == ArchiveFormat::kXml) {
    is_whole = body.find("</boost_serialization>") != std::string_view::npos;
  } else {
    is_whole = body.starts_with(as_text(std::as_bytes(std::span(&length, 1)))) &&
               body.substr(sizeof length).starts_with(signature);
  }
  if (is_whole) return {};
  return Error(ErrorCode::kCorrupt, "inside the archive: what begins or ends it is missing");
}

/// @tparam Form  one of Boost's readers; of a newer format of theirs only the binary one refuses to read
template <typename Form>
void read(std::istream& in, Archive& archive) {
  Form form(in);
  const auto version = form.get_library_version();
  const auto known = boost::archive::BOOST_ARCHIVE_VERSION();
  if (version > known)
    boost_form::refuse(ErrorCode::kUnknownVersion, "an archive of a newer Boost: update weft");
  form >> boost::serialization::make_nvp("archive", archive);
}

/// @tparam Form  one of Boost's writers; it writes its end when it is destroyed
template <typename Form>
void write(std::ostream& out, const Archive& archive) {
  Form(out) << boost::serialization::make_nvp("archive", archive);
}

/// A stream's buffer over bytes that are there already.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(ByteSpan bytes) {
    // A streambuf wants them writable and never writes here.
    char* begin = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    setg(begin, begin, begin + bytes.size());
  }
};

}  // namespace

Result<std::string> write_boost_form(const Archive& archive, ArchiveFormat format) {
  std::ostringstream out;
  out.imbue(std::locale::classic());  // a program's own would group the digits of numbers
  WEFT_TRY(guarded([&] {
    if (format == ArchiveFormat::kXml)
      write<boost::archive::xml_oarchive>(out, archive);
    else
      write<boost::archive::binary_oarchive>(out, archive);
  }));
  return std::move(out).str();
}

Result<Archive> read_boost_form(ByteSpan body, ArchiveFormat format) {
  WEFT_TRY(check_frame(as_text(body), format));
  Archive archive;
  ViewBuffer buffer(body);
  std::istream in(&buffer);
  in.imbue(std::locale::classic());
  WEFT_TRY(guarded([&] {
    if (format == ArchiveFormat::kXml)
      read<boost::archive::xml_iarchive>(in, archive);
    else
      read<boost::archive::binary_iarchive>(in, archive);
  }));
  return archive;
}

}  // namespace weft
