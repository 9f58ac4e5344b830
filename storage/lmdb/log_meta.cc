#include "storage/lmdb/log_meta.h"

#include <optional>
#include <string>
#include <utility>

#include "crdt/base/checksum.h"
#include "storage/lmdb/checked_value.h"
#include "storage/lmdb/page_scan.h"

namespace weft::lmdb {
namespace {

constexpr Key kFormatKey = 1;
constexpr Key kAllKey = 5;
// Of format 1.
constexpr Key kEpochKey = 2;
constexpr Key kReplicaKey = 3;
constexpr Key kEndKey = 4;
constexpr Key kPeerNotes = Key{1} << 63;

Key key_of(ReplicaId peer) { return kPeerNotes | peer.value; }

Error damaged() {
  return Error(ErrorCode::kCorrupt,
               "what the store says of itself is damaged; `weft store salvage` copies out what is "
               "whole");
}

Result<std::uint64_t> get_u64(const Reading& reading, std::size_t database, Key key) {
  WEFT_ASSIGN(std::optional<ByteSpan> value, reading.get(database, key));
  if (!value || value->size() != 8) return damaged();
  return ByteReader(*value).u64();
}

Result<LogMeta> read_format_1(const Reading& reading, std::size_t database) {
  LogMeta meta;
  meta.format = 1;
  WEFT_ASSIGN(meta.epoch, get_u64(reading, database, kEpochKey));
  WEFT_ASSIGN(meta.replica.value, get_u64(reading, database, kReplicaKey));
  WEFT_ASSIGN(meta.end, get_u64(reading, database, kEndKey));
  return meta;
}

Bytes encode_all(const LogMeta& meta) {
  Bytes payload;
  ByteWriter out(payload);
  out.u32(kStoreFormat);
  out.u32(meta.may_lack_own ? 1 : 0);
  for (std::uint64_t word :
       {meta.epoch, meta.replica.value, meta.end, meta.rewrites, meta.home.machine, meta.home.inode,
        meta.home.birth_s, meta.home.birth_ns, meta.retention.elapsed_ms,
        meta.retention.noted_wall_ms})
    out.u64(word);
  for (std::uint64_t incarnation : meta.incarnations) out.u64(incarnation);
  return payload;
}

Result<LogMeta> decode_all(ByteSpan value) {
  Result<ByteSpan> payload = read_checked(kAllKey, value);
  if (!payload.ok()) return damaged();
  ByteReader in(*payload);
  LogMeta meta;
  meta.format = in.u32();
  meta.may_lack_own = in.u32() != 0;
  meta.epoch = in.u64();
  meta.replica.value = in.u64();
  meta.end = in.u64();
  meta.rewrites = in.u64();
  meta.home = {in.u64(), in.u64(), in.u64(), in.u64()};
  if (meta.format >= 3) meta.retention = {in.u64(), in.u64()};
  while (in.ok() && !in.at_end()) meta.incarnations.push_back(in.u64());
  if (!in.ok()) return damaged();
  return meta;
}

}  // namespace

Result<LogMeta> read_log_meta(const Reading& reading, std::size_t database) {
  WEFT_ASSIGN(std::optional<ByteSpan> format, reading.get(database, kFormatKey));
  WEFT_ASSIGN(std::optional<ByteSpan> all, reading.get(database, kAllKey));
  if (!format && !all) return Error(ErrorCode::kNotFound, "an environment without a store");
  if (!format || format->size() != 8) return damaged();
  const std::uint64_t number = ByteReader(*format).u64();
  if (number > kStoreFormat)
    return Error(ErrorCode::kUnknownVersion,
                 "the store has format " + std::to_string(number) +
                     ", made by a newer weft; this one knows formats up to " +
                     std::to_string(kStoreFormat));
  if (number == 1 && !all) return read_format_1(reading, database);
  if (!all) return damaged();
  WEFT_ASSIGN(LogMeta meta, decode_all(*all));
  if (meta.format != number) return damaged();
  return meta;
}

std::optional<LogMeta> find_log_meta(ByteSpan file) {
  std::optional<LogMeta> newest;
  each_value(file, sizeof(Key), [&](const FoundValue& found) -> std::size_t {
    if (ByteReader(found.key).u64() != kAllKey || found.value.size() < kCheckedHeadBytes) return 0;
    ByteReader head(found.value.subspan(8));
    const std::size_t size = checked_size(head.u32());
    if (size > found.value.size()) return 0;
    Result<LogMeta> meta = decode_all(found.value.first(size));
    if (!meta.ok()) return 0;
    const bool is_newer =
        !newest || std::pair(meta->end, meta->rewrites) > std::pair(newest->end, newest->rewrites);
    if (is_newer) newest = *std::move(meta);
    return size;
  });
  return newest;
}

Status write_log_meta(Writing& writing, std::size_t database, const LogMeta& meta) {
  const Bytes payload = encode_all(meta);
  if (meta.format != kStoreFormat) {  // of an older weft, or of none yet
    Bytes format;
    ByteWriter(format).u64(kStoreFormat);
    WEFT_TRY(writing.put(database, kFormatKey, format));
    for (Key old : {kEpochKey, kReplicaKey, kEndKey}) WEFT_TRY(writing.erase(database, old));
  }
  return writing.put(database, kAllKey, checked_value(kAllKey, payload));
}

Result<PeerNotes> read_peer_notes(const Reading& reading, std::size_t database) {
  PeerNotes notes;
  WEFT_TRY(reading.each(database, kPeerNotes, [&](Key key, ByteSpan value) {
    Result<ByteSpan> payload = read_checked(key, value);
    if (!payload.ok()) return true;
    ByteReader in(*payload);
    const PeerNote note{{in.u64()}, in.u64(), in.u64(), in.u64(), in.u64()};
    if (in.ok() && key_of(note.replica) == key) notes.put({&note, 1});
    return true;
  }));
  return notes;
}

Status put_peer_notes(Writing& writing, std::size_t database, std::span<const PeerNote> notes) {
  WEFT_ASSIGN(PeerNotes all, read_peer_notes(writing, database));
  for (ReplicaId replica : all.put(notes)) {
    const Key key = key_of(replica);
    const PeerNote* note = all.find(replica);
    if (note == nullptr) {
      WEFT_TRY(writing.erase(database, key));
      continue;
    }
    Bytes payload;
    ByteWriter out(payload);
    for (std::uint64_t word :
         {replica.value, note->epoch, note->position, note->incarnation, note->seen_ms})
      out.u64(word);
    WEFT_TRY(writing.put(database, key, checked_value(key, payload)));
  }
  return {};
}

}  // namespace weft::lmdb
