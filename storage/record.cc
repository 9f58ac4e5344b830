#include "storage/record.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "crdt/base/checksum.h"

namespace weft {
namespace {

constexpr std::uint8_t kLayout = 1;

template <typename T>
void put(std::byte* out, std::size_t at, const T& value) {
  std::memcpy(out + at, &value, sizeof value);
}
template <typename T>
T get(ByteSpan from, std::size_t at) {
  T value;
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}

/// What stands in front of a mark's and a state's payload. @return its end, for the reader of a state
Result<VersionVector> read_version(ByteReader& in, const char* what) {
  Result<VersionVector> version = VersionVector::decode(in);
  if (!in.ok()) return in.error(what);
  return version;
}

}  // namespace

const char* status_name(DocumentStatus status) {
  switch (status) {
    case DocumentStatus::kLive:
      return "live";
    case DocumentStatus::kEvicted:
      return "evicted";
    case DocumentStatus::kDeleted:
      return "deleted";
    case DocumentStatus::kPurged:
      return "purged";
  }
  return "unknown";
}

Bytes status_payload(DocumentStatus status, const VersionVector& version) {
  Bytes payload;
  ByteWriter out(payload);
  out.u8(static_cast<std::uint8_t>(status));
  version.encode(out);
  return payload;
}

Result<StatusMark> read_status_payload(ByteSpan payload) {
  ByteReader in(payload);
  StatusMark mark;
  const std::uint8_t status = in.u8();
  if (status > static_cast<std::uint8_t>(DocumentStatus::kPurged)) in.fail("a status that is none");
  mark.status = static_cast<DocumentStatus>(status);
  WEFT_ASSIGN(mark.version, read_version(in, "a mark"));
  return mark;
}

Bytes deletion_payload(const DeletionNote& note) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(note.since_ms);
  note.deletion.encode(out);
  return payload;
}

Result<DeletionNote> read_deletion_payload(ByteSpan payload) {
  ByteReader in(payload);
  DeletionNote note;
  note.since_ms = in.varint();
  WEFT_ASSIGN(note.deletion, Deletion::decode(in));
  return note;
}

Bytes state_payload(const VersionVector& version, ByteSpan snapshot) {
  Bytes payload;
  ByteWriter out(payload);
  version.encode(out);
  out.bytes(snapshot);
  return payload;
}

Result<StateView> read_state_payload(ByteSpan payload) {
  ByteReader in(payload);
  StateView state;
  WEFT_ASSIGN(state.version, read_version(in, "a state"));
  state.snapshot = in.bytes(in.remaining());
  return state;
}

void encode_record(LogPosition position, const RecordHead& head, ByteSpan payload, std::byte* out) {
  const std::size_t size = record_size(payload.size());
  put(out, 8, static_cast<std::uint32_t>(payload.size()));
  put(out, 12, static_cast<std::uint8_t>(head.kind));
  put(out, 13, kLayout);
  put(out, 14, std::uint16_t{0});
  put(out, 16, head.document.bytes);
  put(out, 32, head.replica.value);
  put(out, 40, head.first_seq);
  put(out, 44, head.op_count);
  if (!payload.empty()) std::memcpy(out + kRecordHeadBytes, payload.data(), payload.size());
  std::memset(out + kRecordHeadBytes + payload.size(), 0, size - kRecordHeadBytes - payload.size());
  put(out, 0, xxh3_64({out + 8, size - 8}, position));
}

Result<RecordView> decode_record(LogPosition position, ByteSpan value) {
  auto corrupt = [&](const char* what, std::size_t offset) {
    return Error(ErrorCode::kCorrupt, "record " + std::to_string(position) + ": " + what, offset);
  };
  if (value.size() < kRecordHeadBytes || value.size() % 8 != 0)
    return corrupt("its size can't be", value.size());
  if (get<std::uint64_t>(value, 0) != xxh3_64(value.subspan(8), position))
    return corrupt("its checksum is wrong", 0);
  if (get<std::uint8_t>(value, 13) != kLayout)
    return Error(ErrorCode::kUnknownVersion,
                 "record " + std::to_string(position) + ": written by a newer weft", 13);
  RecordView record;
  record.position = position;
  const auto kind = get<std::uint8_t>(value, 12);
  if (kind < static_cast<std::uint8_t>(RecordKind::kDelta) ||
      kind > static_cast<std::uint8_t>(RecordKind::kDeletion))
    return corrupt("it is of no kind", 12);
  record.kind = static_cast<RecordKind>(kind);
  record.document.bytes = get<std::array<std::uint8_t, 16>>(value, 16);
  record.replica.value = get<std::uint64_t>(value, 32);
  record.first_seq = get<std::uint32_t>(value, 40);
  record.op_count = get<std::uint32_t>(value, 44);
  const auto size = get<std::uint32_t>(value, 8);
  if (size > value.size() - kRecordHeadBytes || record_size(size) != value.size())
    return corrupt("its payload has another size", 8);
  if ((record.op_count == 0) == record.has_operations() || record.op_count > kMaxSeq ||
      record.first_seq > kMaxSeq - record.op_count)
    return corrupt("its operations can't be", 40);
  record.payload = value.subspan(kRecordHeadBytes, size);
  return record;
}

}  // namespace weft
