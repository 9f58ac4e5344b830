// Versions of the classes; whoever adds a field raises one and reads the older ones on:
//
//   Archive            1
//   ArchivedDocument   1 id, deltas; 2 also its status; 3 also what deletions had seen of it, and the status "purged"
//   SeenEnd            1
//   DeltaEntry         1 payload; 2 in XML also what it shows to people
//
// Lists are written as a count and then the elements, not through Boost's vectors, which make room for
// whatever count they read.

#include "storage/archive/boost_form.h"

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/split_free.hpp>
#include <boost/serialization/tracking.hpp>
#include <boost/serialization/version.hpp>
#include <locale>
#include <new>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string_view>
#include <utility>

#include "crdt/document/json_text.h"
#include "storage/archive/boost_fields.h"
#include "storage/archive/delta_info.h"

namespace weft::boost_form {

/// What XML shows of a delta.
struct Shown {
  std::string author;
  Seq first_seq = 0;
  Seq op_count = 0;
  std::uint64_t committed_at_ms = 0;
  std::string message;  ///< as in JSON text: XML has no control characters
};

/// A delta as it lies in an archive.
struct DeltaEntry {
  Bytes row;
  std::optional<Shown> shown;
};

/// How much may be written; Boost keeps it for whoever writes a part.
struct Room {
  std::streambuf* written = nullptr;
  std::uint64_t bytes_max = 0;
};
template <typename Form>
void check_room(Form& out, const DocumentId& document) {
  const Room& room = out.template get_helper<Room>();
  const std::streamoff size = room.written->pubseekoff(0, std::ios::cur, std::ios::out);
  if (size < 0 || static_cast<std::uint64_t>(size) <= room.bytes_max) return;
  throw Refusal{archive_too_large(document, room.bytes_max)};
}

/// Where a deletion ends in one replica's log.
struct SeenEnd {
  Deletion::Entry entry;
};

Shown shown_of(const DeltaInfo& info) {
  const std::string quoted = print_json(Json(info.message));
  return {to_string(info.first.replica), info.first.seq, info.op_count, info.committed_at_ms,
          quoted.substr(1, quoted.size() - 2)};
}

/// Both ways. @tparam Fields  Shown, const where it is written
template <typename Form, typename Fields>
void exchange_shown(Form& form, Fields& shown) {
  form& make_nvp("author", shown.author);
  form& make_nvp("first_seq", shown.first_seq);
  form& make_nvp("op_count", shown.op_count);
  form& make_nvp("committed_at_ms", shown.committed_at_ms);
  form& make_nvp("message", shown.message);
}

/// What `a` says in another way than `b`; null where they agree.
const char* difference(const Shown& a, const Shown& b) {
  if (a.author != b.author) return "author";
  if (a.first_seq != b.first_seq) return "first_seq";
  if (a.op_count != b.op_count) return "op_count";
  if (a.committed_at_ms != b.committed_at_ms) return "committed_at_ms";
  if (a.message != b.message) return "message";
  return nullptr;
}

/// What the payload of the `index`-th delta says; what is shown has to agree with it.
DeltaInfo check_delta(const DeltaEntry& entry, const DocumentId& document, std::uint64_t index,
                      Batch& scratch) {
  auto where = [&] {
    return "document " + to_string(document) + ", delta " + std::to_string(index) + ": ";
  };
  Result<DeltaInfo> info = read_delta_info(entry.row, scratch);
  if (!info.ok()) refuse(info.error().code(), where() + info.error().context());
  if (entry.shown)
    if (const char* name = difference(*entry.shown, shown_of(*info)))
      refuse(ErrorCode::kCorrupt, where() + "its payload has another " + name + " than is shown");
  return *std::move(info);
}

}  // namespace weft::boost_form

BOOST_CLASS_VERSION(weft::Archive, 1)
BOOST_CLASS_VERSION(weft::ArchivedDocument, 3)
BOOST_CLASS_VERSION(weft::boost_form::SeenEnd, 1)
BOOST_CLASS_VERSION(weft::boost_form::DeltaEntry, 2)
BOOST_CLASS_TRACKING(weft::Archive, boost::serialization::track_never)
BOOST_CLASS_TRACKING(weft::ArchivedDocument, boost::serialization::track_never)
BOOST_CLASS_TRACKING(weft::boost_form::SeenEnd, boost::serialization::track_never)
BOOST_CLASS_TRACKING(weft::boost_form::DeltaEntry, boost::serialization::track_never)
BOOST_SERIALIZATION_SPLIT_FREE(weft::Archive)
BOOST_SERIALIZATION_SPLIT_FREE(weft::ArchivedDocument)
BOOST_SERIALIZATION_SPLIT_FREE(weft::boost_form::SeenEnd)
BOOST_SERIALIZATION_SPLIT_FREE(weft::boost_form::DeltaEntry)

namespace boost::serialization {

// This namespace is where Boost looks for the functions below.
using namespace weft::boost_form;  // NOLINT
using weft::Bytes;
using weft::ErrorCode;

template <typename Form>
void save(Form& out, const DeltaEntry& entry, unsigned) {
  if constexpr (kIsXml<Form>) exchange_shown(out, *entry.shown);
  put_bytes(out, "payload", entry.row);
}

template <typename Form>
void load(Form& in, DeltaEntry& entry, unsigned version) {
  check_class_version<DeltaEntry>(version, "delta");
  if constexpr (kIsXml<Form>)
    if (version >= 2) exchange_shown(in, entry.shown.emplace());
  entry.row = get_bytes(in, "payload");
}

template <typename Form>
void save(Form& out, const SeenEnd& seen, unsigned) {
  put_replica(out, "replica", seen.entry.replica);
  out << make_nvp("end", seen.entry.end);
  put_hex(out, "chain", seen.entry.chain);
  const auto is_void = static_cast<std::uint8_t>(seen.entry.is_void);  // Boost asserts about bools
  out << make_nvp("is_void", is_void);
}

template <typename Form>
void load(Form& in, SeenEnd& seen, unsigned version) {
  check_class_version<SeenEnd>(version, "deletion's end");
  seen.entry.replica = get_replica(in, "replica");
  seen.entry.end = get<weft::Seq>(in, "end");
  seen.entry.chain = get_hex(in, "chain", "no chain hash");
  const auto is_void = get<std::uint8_t>(in, "is_void");
  if (is_void > 1)
    refuse(ErrorCode::kCorrupt, "the end of a deletion that is neither void nor not");
  seen.entry.is_void = is_void == 1;
}

template <typename Form>
void save_deletion(Form& out, const weft::Deletion& deletion) {
  put_replica(out, "deleted_by", deletion.by());
  const std::uint64_t at_ms = deletion.at_ms();
  out << make_nvp("deleted_at_ms", at_ms);
  const std::uint64_t count = deletion.entries().size();
  out << make_nvp("seen_count", count);
  for (const weft::Deletion::Entry& entry : deletion.entries()) {
    const SeenEnd seen{entry};
    out << make_nvp("seen", seen);
  }
}

template <typename Form>
weft::Deletion load_deletion(Form& in, const weft::DocumentId& document) {
  weft::Deletion deletion;
  const weft::ReplicaId by = get_replica(in, "deleted_by");
  deletion.set_author(by, get<std::uint64_t>(in, "deleted_at_ms"));
  const auto count = get<std::uint64_t>(in, "seen_count");
  for (std::uint64_t i = 0; i < count; ++i) {
    const weft::Deletion::Entry entry = get<SeenEnd>(in, "seen").entry;
    const bool ascends =
        deletion.entries().empty() || deletion.entries().back().replica < entry.replica;
    if (!ascends || entry.end == 0 || entry.end > weft::kMaxSeq)
      refuse(ErrorCode::kCorrupt,
             "document " + to_string(document) + ": what its deletion had seen can't be");
    deletion.raise(entry.replica, entry.end, entry.chain);
    if (entry.is_void) deletion.set_void(entry.replica);
  }
  return deletion;
}

template <typename Form>
void save(Form& out, const weft::ArchivedDocument& document, unsigned) {
  put_id(out, document.id);
  put_status(out, document.status);
  save_deletion(out, document.deletion);
  const std::uint64_t count = document.deltas.size();
  out << make_nvp("delta_count", count);
  weft::Batch scratch;
  for (std::uint64_t i = 0; i < count; ++i) {
    DeltaEntry entry{document.deltas[i], std::nullopt};
    const weft::DeltaInfo info = check_delta(entry, document.id, i, scratch);
    if constexpr (kIsXml<Form>) entry.shown = shown_of(info);
    out << make_nvp("delta", std::as_const(entry));
    check_room(out, document.id);
  }
  check_room(out, document.id);
}

template <typename Form>
void load(Form& in, weft::ArchivedDocument& document, unsigned version) {
  check_class_version<weft::ArchivedDocument>(version, "document");
  document.id = get_id(in);
  constexpr std::size_t kStatusCount2 = 3;  // of version 2
  if (version >= 2)
    document.status =
        get_status(in, document.id, version == 2 ? kStatusCount2 : std::size(kStatusNames));
  if (version >= 3) document.deletion = load_deletion(in, document.id);
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
void write(std::ostream& out, const Archive& archive, std::uint64_t bytes_max) {
  Form form(out);
  form.template get_helper<boost_form::Room>() = {out.rdbuf(), bytes_max};
  form << boost::serialization::make_nvp("archive", archive);
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

Error archive_too_large(const DocumentId& document, std::uint64_t bytes_max) {
  return Error(ErrorCode::kLimit,
               "document " + to_string(document) + ": with it the archive has more than " +
                   std::to_string(bytes_max) +
                   " bytes, and would not be read; archive documents one at a time (`weft store "
                   "export STORE DOCUMENT FILE`), or copy the whole store (`weft store backup`)");
}

Result<std::string> write_boost_form(const Archive& archive, ArchiveFormat format,
                                     std::uint64_t bytes_max) {
  std::ostringstream out;
  out.imbue(std::locale::classic());  // a program's own would group the digits of numbers
  WEFT_TRY(guarded([&] {
    if (format == ArchiveFormat::kXml)
      write<boost::archive::xml_oarchive>(out, archive, bytes_max);
    else
      write<boost::archive::binary_oarchive>(out, archive, bytes_max);
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
