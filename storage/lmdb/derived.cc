#include "storage/lmdb/derived.h"

#include <algorithm>
#include <utility>

#include "storage/lmdb/checked_value.h"
#include "storage/lmdb/index_chunk.h"

namespace weft::lmdb {
namespace {

constexpr std::size_t kMeta = 0;
constexpr std::size_t kDoc = 1;
constexpr std::size_t kIndex = 2;
constexpr std::size_t kState = 3;

constexpr Key kMetaKey = 1;
constexpr std::uint64_t kFormat = 3;  // 2 had no chain hashes

/// A document's number and, below it, that of a chunk or piece.
constexpr unsigned kPartBits = 24;

ByteSpan key_of(const DocumentId& id) { return std::as_bytes(std::span(id.bytes)); }
std::uint64_t seed_of(const DocumentId& id) { return document_seed(key_of(id)); }

Error damaged(const char* what) {
  return Error(ErrorCode::kCorrupt, std::string("derived data: ") + what);
}

// --- a document ---

void encode_head(const DocumentHead& head, ByteWriter& out) {
  out.u8(static_cast<std::uint8_t>(head.status));
  out.varint(head.mark_position);
  out.varint(head.base_position);
  head.base.encode(out);
  head.last_version.encode(out);
  head.deletion.encode(out);
  out.varint(head.deletion_position);
  out.varint(head.deletion_since_ms);
  out.varint(head.records);
  out.varint(head.history_bytes);
  out.varint(head.held.size());
  for (const DocumentHead::Range& range : head.held) {
    out.u64(range.replica.value);
    out.varint(range.begin);
    out.varint(range.end - range.begin);
    if (range.begin == 0) out.u64(range.chain);
  }
}

Status decode_head(ByteReader& in, DocumentHead& head) {
  head.status = static_cast<DocumentStatus>(in.varint_up_to(3));
  head.mark_position = in.varint();
  head.base_position = in.varint();
  WEFT_ASSIGN(head.base, VersionVector::decode(in));
  WEFT_ASSIGN(head.last_version, VersionVector::decode(in));
  WEFT_ASSIGN(head.deletion, Deletion::decode(in));
  head.deletion_position = in.varint();
  head.deletion_since_ms = in.varint();
  head.records = in.varint();
  head.history_bytes = in.varint();
  const std::uint64_t count = in.varint_up_to(in.remaining() / 10);
  for (std::uint64_t i = 0; i < count; ++i) {
    DocumentHead::Range range;
    range.replica.value = in.u64();
    range.begin = static_cast<Seq>(in.varint_up_to(kMaxSeq));
    range.end = range.begin + static_cast<Seq>(in.varint_up_to(kMaxSeq - range.begin));
    if (range.begin == 0) range.chain = in.u64();
    head.held.push_back(range);
  }
  return {};
}

Bytes encode_document(const DerivedDocument& document) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(document.number);
  out.varint(document.chunks);
  out.varint(document.pieces);
  out.varint(document.live_bytes);
  out.varint(document.tombstone_bytes);
  out.varint(document.state_mark);
  encode_head(document.head, out);
  return payload;
}

}  // namespace

std::uint64_t document_seed(ByteSpan key) { return xxh3_64(key, kFormat); }

Key part_key(std::uint64_t number, std::uint32_t part) { return number << kPartBits | part; }

Result<DerivedDocument> decode_derived_document(const DocumentId& id, ByteSpan value) {
  WEFT_ASSIGN(ByteSpan payload, read_checked(seed_of(id), value));
  ByteReader in(payload);
  DerivedDocument document;
  document.number = in.varint();
  document.chunks = static_cast<std::uint32_t>(in.varint_up_to((1u << kPartBits) - 1));
  document.pieces = static_cast<std::uint32_t>(in.varint_up_to((1u << kPartBits) - 1));
  document.live_bytes = in.varint();
  document.tombstone_bytes = in.varint();
  document.state_mark = in.varint();
  WEFT_TRY(decode_head(in, document.head));
  if (!in.ok()) return in.error("derived data: a document");
  return document;
}

namespace {

Result<std::optional<DerivedDocument>> get_document(const Reading& reading, const DocumentId& id) {
  WEFT_ASSIGN(std::optional<ByteSpan> value, reading.get(kDoc, key_of(id)));
  if (!value) return std::optional<DerivedDocument>();
  WEFT_ASSIGN(DerivedDocument document, decode_derived_document(id, *value));
  return std::optional<DerivedDocument>(std::move(document));
}

// --- the index ---

Status read_chunk(const Reading& reading, Key key, std::vector<IndexEntry>& out) {
  WEFT_ASSIGN(std::optional<ByteSpan> value, reading.get(kIndex, key));
  if (!value) return damaged("a chunk is missing");
  WEFT_ASSIGN(ByteSpan payload, read_checked(key, *value));
  return decode_chunk(payload, out);
}

Status put_checked(Writing& writing, std::size_t database, Key key, ByteSpan payload) {
  return writing.put(database, key, checked_size(payload.size()),
                     [&](std::byte* out) { write_checked(key, payload, out); });
}

/// Appends entries behind those in the document's last chunk.
Status append_entries(Writing& writing, DerivedDocument& document,
                      std::span<const IndexEntry> entries) {
  if (entries.empty()) return {};
  std::vector<IndexEntry> open;
  if (document.chunks > 0) {
    WEFT_TRY(read_chunk(writing, part_key(document.number, document.chunks - 1), open));
    if (open.size() < kChunkEntries) {
      --document.chunks;
    } else {
      open.clear();
    }
  }
  open.insert(open.end(), entries.begin(), entries.end());
  for (std::size_t at = 0; at < open.size(); at += kChunkEntries) {
    const auto count = std::min(kChunkEntries, open.size() - at);
    WEFT_TRY(put_checked(writing, kIndex, part_key(document.number, document.chunks++),
                         encode_chunk(std::span(open).subspan(at, count))));
  }
  return {};
}

Status erase_parts(Writing& writing, std::size_t database, std::uint64_t number,
                   std::uint32_t begin, std::uint32_t end) {
  for (std::uint32_t part = begin; part < end; ++part)
    WEFT_TRY(writing.erase(database, part_key(number, part)));
  return {};
}

// --- a state ---

Status put_state(Writing& writing, DerivedDocument& document, const NewState& made) {
  Bytes payload = state_payload(made.state.version, made.state.snapshot);
  const auto pieces = static_cast<std::uint32_t>((payload.size() + kPieceBytes - 1) / kPieceBytes);
  WEFT_TRY(erase_parts(writing, kState, document.number, pieces, document.pieces));
  for (std::uint32_t piece = 0; piece < pieces; ++piece) {
    const std::size_t at = piece * kPieceBytes;
    WEFT_TRY(
        put_checked(writing, kState, part_key(document.number, piece),
                    ByteSpan(payload).subspan(at, std::min(kPieceBytes, payload.size() - at))));
  }
  document.pieces = pieces;
  document.state_mark = made.mark_position;
  document.live_bytes = made.live_bytes;
  document.tombstone_bytes = made.state.snapshot.size() - made.live_bytes;
  return {};
}

Status erase_state(Writing& writing, DerivedDocument& document) {
  WEFT_TRY(erase_parts(writing, kState, document.number, 0, document.pieces));
  document.pieces = 0;
  document.live_bytes = document.tombstone_bytes = 0;
  return {};
}

// --- meta ---

Bytes encode_meta(const Derived::Meta& meta) {
  Bytes payload;
  ByteWriter out(payload);
  out.u64(kFormat);
  out.u64(meta.stamp.epoch);
  out.u64(meta.stamp.rewrites);
  out.u64(meta.stamp.indexed_to);
  out.u64(meta.totals.records);
  out.u64(meta.totals.history_bytes);
  out.u64(meta.totals.documents);
  out.u64(meta.next_number);
  return payload;
}

Result<Derived::Meta> read_meta(const Reading& reading) {
  WEFT_ASSIGN(std::optional<ByteSpan> value, reading.get(kMeta, kMetaKey));
  if (!value) return Error(ErrorCode::kNotFound, "nothing was derived yet");
  WEFT_ASSIGN(ByteSpan payload, read_checked(kMetaKey, *value));
  ByteReader in(payload);
  if (in.u64() != kFormat) return Error(ErrorCode::kUnknownVersion, "derived by another weft");
  Derived::Meta meta;
  meta.stamp.epoch = in.u64();
  meta.stamp.rewrites = in.u64();
  meta.stamp.indexed_to = in.u64();
  meta.totals.records = in.u64();
  meta.totals.history_bytes = in.u64();
  meta.totals.documents = in.u64();
  meta.next_number = in.u64();
  if (!in.ok()) return damaged("meta ends too early");
  return meta;
}

}  // namespace

Result<std::unique_ptr<Derived>> Derived::open(const std::string& folder, bool read_only,
                                               Environment::Sharing sharing) {
  Environment::Options options;
  options.sharing = sharing;
  options.folder = folder;
  options.read_only = read_only;
  options.databases = {{"meta", Environment::Keys::kNumbers},
                       {"doc", Environment::Keys::kBytes},
                       {"index", Environment::Keys::kNumbers},
                       {"state", Environment::Keys::kNumbers}};
  WEFT_ASSIGN(std::unique_ptr<Environment> environment, Environment::open(std::move(options)));
  return std::unique_ptr<Derived>(new Derived(std::move(environment)));
}

Result<Derived::Meta> Derived::meta() const {
  Meta meta;
  WEFT_TRY(environment_->read([&](const Reading& reading) -> Status {
    WEFT_ASSIGN(meta, read_meta(reading));
    return {};
  }));
  return meta;
}

Result<Derived::Found> Derived::find(const DocumentId& id, bool with_entries,
                                     const VersionVector* since) const {
  Found found;
  WEFT_TRY(environment_->read([&](const Reading& reading) -> Status {
    Result<Meta> meta = read_meta(reading);
    if (!meta.ok() && meta.error().code() == ErrorCode::kNotFound) return {};
    if (!meta.ok()) return meta.take_error();
    found.indexed_to = meta->stamp.indexed_to;
    WEFT_ASSIGN(found.document, get_document(reading, id));
    if (!found.document || !with_entries) return {};
    const std::uint64_t number = found.document->number;
    // From the newest chunk back, until every operation that is held and not in `since` was met.
    std::uint64_t missing = since ? found.document->head.count_beyond(*since) : 0;
    std::uint32_t first = found.document->chunks;
    std::vector<IndexEntry> chunk;
    while (since != nullptr && first > 0 && missing > 0) {
      chunk.clear();
      WEFT_TRY(read_chunk(reading, part_key(number, --first), chunk));
      for (const IndexEntry& entry : chunk)
        missing -= std::min(missing, ops_beyond(entry.begin, entry.end, since->end(entry.replica)));
    }
    if (since == nullptr) first = 0;
    for (; first < found.document->chunks; ++first)
      WEFT_TRY(read_chunk(reading, part_key(number, first), found.entries));
    return {};
  }));
  return found;
}

Status Derived::each_document(
    const std::function<void(const DocumentId&, const DerivedDocument&)>& visit) const {
  return environment_->read([&](const Reading& reading) -> Status {
    Status status;
    WEFT_TRY(reading.each_bytes(kDoc, [&](ByteSpan key, ByteSpan value) {
      DocumentId id;
      if (key.size() != id.bytes.size()) {
        status = damaged("a document's id has another size");
        return false;
      }
      std::memcpy(id.bytes.data(), key.data(), key.size());
      Result<DerivedDocument> document = decode_derived_document(id, value);
      if (document.ok()) {
        visit(id, *document);
      } else {
        status = document.take_error();
      }
      return status.ok();
    }));
    return status;
  });
}

Result<std::optional<KeptState>> Derived::state(const DocumentId& id) const {
  std::optional<Bytes> payload;
  KeptState kept;
  WEFT_TRY(environment_->read([&](const Reading& reading) -> Status {
    WEFT_ASSIGN(std::optional<DerivedDocument> document, get_document(reading, id));
    if (!document || document->pieces == 0) return {};
    payload.emplace();
    kept.mark_position = document->state_mark;
    for (std::uint32_t piece = 0; piece < document->pieces; ++piece) {
      const Key key = part_key(document->number, piece);
      WEFT_ASSIGN(std::optional<ByteSpan> value, reading.get(kState, key));
      if (!value) return damaged("a piece of a state is missing");
      WEFT_ASSIGN(ByteSpan bytes, read_checked(key, *value));
      payload->insert(payload->end(), bytes.begin(), bytes.end());
    }
    return {};
  }));
  if (!payload) return std::optional<KeptState>();
  WEFT_ASSIGN(StateView view, read_state_payload(*payload));
  kept.state.version = std::move(view.version);
  payload->erase(payload->begin(),
                 payload->end() - static_cast<std::ptrdiff_t>(view.snapshot.size()));
  kept.state.snapshot = std::move(*payload);
  return std::optional<KeptState>(std::move(kept));
}

Status Derived::verify() const {
  std::vector<DocumentId> documents;
  WEFT_TRY(each_document(
      [&](const DocumentId& id, const DerivedDocument&) { documents.push_back(id); }));
  for (const DocumentId& id : documents) {
    WEFT_TRY(find(id, true));
    WEFT_TRY(state(id));
  }
  return {};
}

Status Derived::take(const LogIndex& stretch, const NewStates& states, const DocumentSet& dropped,
                     const Stamp& stamp) {
  std::vector<const DocumentId*> ids;
  for (const auto& [id, document] : stretch) ids.push_back(&id);
  for (const auto& [id, state] : states)
    if (!stretch.contains(id)) ids.push_back(&id);
  std::sort(ids.begin(), ids.end(),
            [](const DocumentId* a, const DocumentId* b) { return *a < *b; });
  return environment_->write([&](Writing& writing) -> Status {
    Result<Meta> read = read_meta(writing);
    if (!read.ok() && read.error().code() != ErrorCode::kNotFound) return read.take_error();
    Meta meta = read.ok() ? *read : Meta();
    meta.stamp = stamp;
    for (const DocumentId* id : ids) {
      WEFT_ASSIGN(std::optional<DerivedDocument> known, get_document(writing, *id));
      auto changed = stretch.find(*id);
      auto state = states.find(*id);
      if (!known && changed == stretch.end()) continue;  // a state of what is not indexed yet
      DerivedDocument document = known ? std::move(*known) : DerivedDocument();
      if (document.number == 0) {
        document.number = meta.next_number++;
        ++meta.totals.documents;
      }
      if (changed != stretch.end()) {
        const IndexedDocument& now = changed->second;
        meta.totals.records += now.head.records - document.head.records;
        meta.totals.history_bytes += now.head.history_bytes - document.head.history_bytes;
        if (now.complete) {
          WEFT_TRY(erase_parts(writing, kIndex, document.number, 0, document.chunks));
          document.chunks = 0;
        }
        WEFT_TRY(append_entries(writing, document, now.entries));
        document.head = now.head;
      }
      if (state != states.end() && document.head.covers(state->second.state.version)) {
        WEFT_TRY(put_state(writing, document, state->second));
      } else if (document.head.status != DocumentStatus::kLive || dropped.contains(*id)) {
        WEFT_TRY(erase_state(writing, document));
      }
      WEFT_TRY(
          writing.put(kDoc, key_of(*id), checked_value(seed_of(*id), encode_document(document))));
    }
    return put_checked(writing, kMeta, kMetaKey, encode_meta(meta));
  });
}

}  // namespace weft::lmdb
