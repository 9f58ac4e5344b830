// Messages out of segments. Everything in a segment was chosen by somebody else: libcapnp keeps its pointers inside, the
// limits below keep what it says small, and nothing gets room before both were asked.
//
// libcapnp checks an index of a list in debug builds only, so every loop here ends at the list's own size.

#include <capnp/any.h>
#include <capnp/message.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/base/utf8.h"
#include "transport/wire/body.h"
#include "transport/wire/kj_errors.h"
#include "transport/wire/schema_types.h"

namespace weft::wire {
namespace {

using Limits = sync::Limits;

/// Attack: pointers that lead back, or a thousand of them to one list, are work without end. What a writer makes is
/// visited once; twice leaves room for a later version that looks at something twice.
constexpr std::uint64_t kVisits = 2;
/// Attack: the stack of a reader that follows pointers as deep as they go. Ours go 3 deep.
constexpr int kNesting = 16;

class BodyReader {
 public:
  BodyReader(ByteSpan body, std::uint64_t offset) : body_(body), offset_(offset) {}

  Status read(schema::Hello::Reader in, sync::Hello& out) const {
    out.version_min = in.getVersionMin();
    out.version_max = in.getVersionMax();
    out.replica.value = in.getReplica();
    out.epoch = in.getEpoch();
    out.log_end = in.getLogEnd();
    out.set_key = in.getSetKey();
    out.time_ms = in.getTimeMs();
    out.credit_bytes = in.getCreditBytes();
    out.document_count = in.getDocumentCount();
    out.sum = {in.getSum().getLow(), in.getSum().getHigh()};
    WEFT_TRY(read_numbers(in, in.getIncarnations(), Limits::kIncarnations, "incarnations",
                          out.incarnations));
    return read_text(in, in.getAgent(), Limits::kAgentBytes, "agent", out.agent);
  }

  Status read(schema::Welcome::Reader in, sync::Welcome& out) const {
    out.version = in.getVersion();
    out.known_incarnation = in.getKnownIncarnation();
    out.cursor = in.getCursor();
    const auto list = in.getResumable();
    WEFT_TRY(check_list<schema::Resumable>(in, list, Limits::kTransfers, "transfers"));
    out.resumable.reserve(list.size());
    for (const auto element : list) {
      WEFT_TRY(check_number(element, element.getReceivedBytes(), Limits::kStateBytes,
                            "bytes of a transfer"));
      out.resumable.push_back({element.getTransfer(), element.getReceivedBytes()});
    }
    return {};
  }

  Status read(schema::Bye::Reader in, sync::Bye& out) const {
    WEFT_TRY(read_enumerator(in, in.getReason(), sync::ByeReason::kDouble, "reason", out.reason));
    return read_text(in, in.getText(), Limits::kTextBytes, "text", out.text);
  }

  Status read(schema::SymbolRequest::Reader in, sync::SymbolRequest& out) const {
    // Attack: a request of 40 bytes for 2^32 symbols of 32 bytes.
    WEFT_TRY(check_number(in, in.getCount(), Limits::kSymbols, "symbols asked for"));
    out.begin = in.getBegin();
    out.count = in.getCount();
    return {};
  }

  Status read(schema::Symbols::Reader in, sync::Symbols& out) const {
    out.begin = in.getBegin();
    out.set_size = in.getSetSize();
    const auto sums = in.getSums();
    const auto counts = in.getCounts();
    WEFT_TRY(check_count(in, counts.size(), Limits::kSymbols, sizeof(std::int32_t), "symbols"));
    // Attack: counts of 4 bytes each that make room for symbols of 32.
    if (sums.size() != std::uint64_t{kSumsOfSymbol} * counts.size())
      return fault(ErrorCode::kCorrupt, "not three sums for each symbol", in);
    WEFT_TRY(check_count(in, sums.size(), kSumsOfSymbol * Limits::kSymbols, kWordBytes, "sums"));
    out.symbols.reserve(counts.size());
    for (unsigned i = 0; i < counts.size(); ++i)
      out.symbols.push_back({sums[kSumsOfSymbol * i], sums[kSumsOfSymbol * i + 1],
                             sums[kSumsOfSymbol * i + 2], counts[i]});
    return {};
  }

  Status read(schema::NameRequest::Reader in, sync::NameRequest& out) const {
    return read_numbers(in, in.getNames(), Limits::kNames, "names", out.names);
  }

  Status read(schema::Have::Reader in, sync::Have& out) const {
    const auto list = in.getDocuments();
    WEFT_TRY(check_list<schema::HeldDocument>(in, list, Limits::kDocuments, "documents"));
    out.documents.reserve(list.size());
    std::size_t replicas_left = Limits::kReplicas;
    for (const auto element : list)
      WEFT_TRY(read_held(element, replicas_left, out.documents.emplace_back()));
    return {};
  }

  Status read(schema::AllAnnounced::Reader, sync::AllAnnounced&) const { return {}; }

  Status read(schema::NameDocument::Reader in, sync::NameDocument& out) const {
    read_id(in.getDocument(), out.document);
    return read_document_number(in, out.number);
  }

  Status read(schema::Deltas::Reader in, sync::Deltas& out) const {
    WEFT_TRY(read_document_number(in, out.number));
    out.chain = in.getChain();
    const auto list = in.getDeltas();
    WEFT_TRY(check_count(in, list.size(), Limits::kDeltas, kWordBytes, "deltas"));
    out.deltas.reserve(list.size());
    for (const capnp::Data::Reader delta : list)
      WEFT_TRY(read_data(in, delta, Limits::kPartBytes, "delta", out.deltas.emplace_back()));
    return {};
  }

  Status read(schema::State::Reader in, sync::State& out) const {
    WEFT_TRY(read_document_number(in, out.number));
    return read_data(in, in.getPayload(), Limits::kPartBytes, "state", out.payload);
  }

  Status read(schema::Part::Reader in, sync::Part& out) const {
    WEFT_TRY(read_document_number(in, out.number));
    out.is_state = in.getIsState();
    out.transfer = in.getTransfer();
    out.offset = in.getOffset();
    out.total = in.getTotal();
    // Attack: a number that makes the receiver set 2^64 bytes aside.
    WEFT_TRY(
        check_number(in, out.total, sync::transfer_bytes_max(out.is_state), "bytes of a transfer"));
    WEFT_TRY(read_data(in, in.getBytes(), Limits::kPartBytes, "part", out.bytes));
    // Attack: a part that would be written behind the end of what was set aside, maybe by way of an overflow.
    if (out.offset > out.total || out.bytes.size() > out.total - out.offset)
      return fault(ErrorCode::kCorrupt, "a part lies beyond the end of its transfer", in);
    return {};
  }

  Status read(schema::Credit::Reader in, sync::Credit& out) const {
    out.total_bytes = in.getTotalBytes();
    return {};
  }

  Status read(schema::Ack::Reader in, sync::Ack& out) const {
    const auto list = in.getEnds();
    WEFT_TRY(check_list<schema::AckedEnd>(in, list, Limits::kAcks, "acknowledged ends"));
    out.ends.reserve(list.size());
    for (const auto element : list) {
      sync::AckedEnd& end = out.ends.emplace_back();
      WEFT_TRY(read_document_number(element, end.number));
      end.replica.value = element.getReplica();
      WEFT_TRY(read_seq(element, element.getEnd(), end.end));
    }
    return {};
  }

  Status read(schema::Mark::Reader in, sync::Mark& out) const {
    out.position = in.getPosition();
    out.document_count = in.getDocumentCount();
    out.sum = {in.getSum().getLow(), in.getSum().getHigh()};
    out.time_ms = in.getTimeMs();
    return {};
  }

  Status read(schema::LogRequest::Reader in, sync::LogRequest& out) const {
    read_id(in.getDocument(), out.document);
    out.replica.value = in.getReplica();
    return read_seq(in, in.getBegin(), out.begin);
  }

  Status read(schema::Presence::Reader in, sync::Presence& out) const {
    read_id(in.getDocument(), out.document);
    out.replica.value = in.getReplica();
    out.age = in.getAge();
    out.ttl_ms = in.getTtlMs();
    return read_data(in, in.getData(), Limits::kPresenceBytes, "presence", out.data);
  }

  Status read(schema::Prune::Reader in, sync::Prune& out) const {
    out.replica.value = in.getReplica();
    return {};
  }

 private:
  Status read_held(schema::HeldDocument::Reader in, std::size_t& replicas_left,
                   sync::HeldDocument& out) const {
    read_id(in.getDocument(), out.document);
    WEFT_TRY(read_enumerator(in, in.getAs(), sync::HeldAs::kPurged, "document status", out.as));
    out.answer = in.getAnswer();
    WEFT_TRY(read_ends(in, in.getLogEnds(), replicas_left, out.log_ends));
    if (!in.hasDeletion()) return {};
    const auto deletion = in.getDeletion();
    // Attack: a deletion takes room of its own, so that a frame of many would be too large.
    if (replicas_left < Limits::kReplicasOfDeletion)
      return fault(ErrorCode::kLimit, "too many deletions", deletion);
    replicas_left -= Limits::kReplicasOfDeletion;
    std::vector<sync::LogEnd> ends;
    WEFT_TRY(read_ends(deletion, deletion.getEnds(), replicas_left, ends));
    if (ends.empty()) return fault(ErrorCode::kNotCanonical, "a deletion of nothing", deletion);
    for (const sync::LogEnd& end : ends) out.deletion.raise(end.replica, end.end, end.chain);
    out.deletion.set_author({deletion.getBy()}, deletion.getAtMs());
    return {};
  }

  template <typename Reader>
  Status read_ends(const Reader& in, capnp::List<schema::LogEnd>::Reader list,
                   std::size_t& replicas_left, std::vector<sync::LogEnd>& out) const {
    WEFT_TRY(check_list<schema::LogEnd>(in, list, replicas_left, "log ends"));
    replicas_left -= list.size();
    out.reserve(list.size());
    for (const auto element : list) {
      sync::LogEnd end{{element.getReplica()}, 0, element.getChain()};
      WEFT_TRY(read_seq(element, element.getEnd(), end.end));
      if (end.end == 0) return fault(ErrorCode::kCorrupt, "a log end without operations", element);
      if (!out.empty() && !(out.back().replica < end.replica))
        return fault(ErrorCode::kNotCanonical, "log ends out of order", element);
      out.push_back(end);
    }
    return {};
  }

  // Each names the struct `in` in its errors; `what` is a plural or a name.

  /// @param element_bytes  what an element takes in a segment at least
  /// Attack: elements without size, 2^29 of them, or one byte each where ours have 32.
  template <typename Reader>
  Status check_count(const Reader& in, std::size_t count, std::size_t count_max,
                     std::size_t element_bytes, const char* what) const {
    WEFT_TRY(check_number(in, count, count_max, what));
    if (count > body_.size() / element_bytes) [[unlikely]]
      return fault(ErrorCode::kCorrupt, std::string("more ") + what + " than bytes", in);
    return {};
  }
  template <typename Element, typename Reader, typename List>
  Status check_list(const Reader& in, const List& list, std::size_t count_max,
                    const char* what) const {
    return check_count(in, list.size(), count_max, kWordBytes * capnp::sizeInWords<Element>(),
                       what);
  }

  template <typename Reader>
  Status check_number(const Reader& in, std::uint64_t value, std::uint64_t max,
                      const char* what) const {
    if (value > max) [[unlikely]]
      return fault(ErrorCode::kLimit,
                   std::to_string(value) + " " + what + "; at most " + std::to_string(max), in);
    return {};
  }

  template <typename Reader>
  Status read_seq(const Reader& in, std::uint32_t value, Seq& out) const {
    // Attack: sums of seqs that overflow 32 bits.
    out = value;
    return check_number(in, value, kMaxSeq, "as a sequence number");
  }

  template <typename Reader>
  Status read_document_number(const Reader& in, std::uint32_t& out) const {
    // Attack: a table of documents that grows to the largest number named.
    out = in.getNumber();
    return check_number(in, out, Limits::kNumberedDocuments - 1, "as a document's number");
  }

  template <typename Reader, typename List>
  Status read_numbers(const Reader& in, const List& list, std::size_t count_max, const char* what,
                      std::vector<std::uint64_t>& out) const {
    WEFT_TRY(check_count(in, list.size(), count_max, sizeof(std::uint64_t), what));
    out.reserve(list.size());
    for (const std::uint64_t number : list) out.push_back(number);
    return {};
  }

  template <typename Reader>
  Status read_data(const Reader& in, capnp::Data::Reader data, std::size_t size_max,
                   const char* what, Bytes& out) const {
    if (data.size() > size_max) [[unlikely]]
      return too_long(in, data.size(), size_max, what);
    const auto* begin = reinterpret_cast<const std::byte*>(data.begin());
    out.assign(begin, begin + data.size());
    return {};
  }

  template <typename Reader>
  Status read_text(const Reader& in, capnp::Text::Reader text, std::size_t size_max,
                   const char* what, std::string& out) const {
    if (text.size() > size_max) [[unlikely]]
      return too_long(in, text.size(), size_max, what);
    const std::string_view view(text.begin(), text.size());
    if (!valid_utf8(view)) [[unlikely]]
      return fault(ErrorCode::kInvalidUtf8, std::string(what) + " is not UTF-8", in);
    out = view;
    return {};
  }

  template <typename Reader>
  Error too_long(const Reader& in, std::size_t size, std::size_t size_max, const char* what) const {
    return fault(ErrorCode::kLimit,
                 std::string(what) + " of " + std::to_string(size) + " bytes; at most " +
                     std::to_string(size_max),
                 in);
  }

  template <typename Reader, typename From, typename To>
  Status read_enumerator(const Reader& in, From value, To last, const char* what, To& out) const {
    if (static_cast<std::uint16_t>(value) > static_cast<std::uint16_t>(last)) [[unlikely]]
      return fault(ErrorCode::kUnknownVersion,
                   std::string(what) + " " + std::to_string(static_cast<std::uint16_t>(value)) +
                       " is not known",
                   in);
    out = static_cast<To>(value);
    return {};
  }

  template <typename Reader>
  static void read_id(Reader in, DocumentId& out) {
    for (std::size_t i = 0; i < 8; ++i) {
      out.bytes[i] = static_cast<std::uint8_t>(in.getLow() >> (8 * i));
      out.bytes[8 + i] = static_cast<std::uint8_t>(in.getHigh() >> (8 * i));
    }
  }

  template <typename Reader>
  Error fault(ErrorCode code, std::string context, const Reader& in) const {
    const capnp::AnyStruct::Reader any = in;
    const auto* at = reinterpret_cast<const std::byte*>(any.getDataSection().begin());
    // A struct that isn't there reads as one of zeros, elsewhere.
    const bool inside = at >= body_.data() && at <= body_.data() + body_.size();
    const auto begin = inside ? static_cast<std::uint64_t>(at - body_.data()) : 0;
    return Error(code, std::move(context), offset_ + begin);
  }

  ByteSpan body_;
  std::uint64_t offset_;
};

template <std::size_t index>
Status read_root(capnp::MessageReader& segment, const BodyReader& reader, sync::Message& message) {
  return reader.read(segment.getRoot<SchemaType<index>>(), message.emplace<index>());
}

using ReadRoot = Status (*)(capnp::MessageReader&, const BodyReader&, sync::Message&);

template <std::size_t... indices>
constexpr std::array<ReadRoot, kTypeCount> read_roots(std::index_sequence<indices...>) {
  return {read_root<indices>...};
}
constexpr std::array<ReadRoot, kTypeCount> kReadRoots =
    read_roots(std::make_index_sequence<kTypeCount>());

}  // namespace

Status read_body(std::uint16_t type, ByteSpan body, std::uint64_t offset, sync::Message& message) {
  const kj::ArrayPtr<const capnp::word> segment =
      kj::arrayPtr(reinterpret_cast<const capnp::word*>(body.data()), body.size() / kWordBytes);
  capnp::ReaderOptions options;
  options.traversalLimitInWords = kVisits * segment.size();
  options.nestingLimit = kNesting;
  WEFT_TRY(catch_kj(offset, [&]() -> Status {
    capnp::SegmentArrayMessageReader reader(kj::arrayPtr(&segment, 1), options);
    return kReadRoots[type - 1u](reader, BodyReader(body, offset), message);
  }));
  // Attack: pointers that share bytes, so that what is sent once arrives many times. This is also what refuses structs
  // that lack fields; a later version, which knows more of them, has to count with the sizes of this one.
  if (body_bytes(message) > body.size()) [[unlikely]]
    return Error(ErrorCode::kCorrupt, "the segment is smaller than what it names", offset);
  return {};
}

}  // namespace weft::wire
