#pragma once
// What has to hold of the values in a store; see stored_value_fuzz.cc.

#include <algorithm>
#include <cstring>
#include <vector>

#include "crdt/base/checksum.h"
#include "storage/lmdb/checked_value.h"
#include "storage/lmdb/index_chunk.h"
#include "storage/record.h"
#include "tests/fuzz/fuzzer.h"

namespace weft::test {

/// What is under test; a canary puts something faulty in its place.
struct StoredForm {
  void (*encode_record)(LogPosition, const RecordHead&, ByteSpan, std::byte*) = weft::encode_record;
  Bytes (*status_payload)(DocumentStatus, const VersionVector&) = weft::status_payload;
  Bytes (*encode_chunk)(std::span<const IndexEntry>) = lmdb::encode_chunk;
};

inline Verdict check_record(ByteSpan input, const StoredForm& form) {
  if (input.size() < 16) return accepted_if(false);
  Bytes value(input.begin(), input.end());
  value.resize((value.size() + 7) / 8 * 8);
  const LogPosition position = std::to_integer<LogPosition>(input[0]);
  const std::uint64_t checksum = xxh3_64(ByteSpan(value).subspan(8), position);
  std::memcpy(value.data(), &checksum, sizeof checksum);
  const Result<RecordView> record = decode_record(position, value);
  if (!record.ok()) return accepted_if(false);
  Bytes again(record_size(record->payload.size()));
  form.encode_record(position, *record, record->payload, again.data());
  // Bytes 14 and 15 and those behind the payload are for later versions.
  if (std::memcmp(again.data() + 16, value.data() + 16, kRecordHeadBytes - 16) != 0)
    return faulty("a record encodes to another head");
  (void)read_status_payload(record->payload);
  (void)read_state_payload(record->payload);
  return accepted_if(true);
}

inline Verdict check_payloads(ByteSpan input, const StoredForm& form) {
  const Result<StatusMark> mark = read_status_payload(input);
  if (mark.ok()) {
    const Result<StatusMark> again =
        read_status_payload(form.status_payload(mark->status, mark->version));
    if (!again.ok() || again->status != mark->status || !(again->version == mark->version))
      return faulty("a mark says something else");
  }
  const Result<StateView> state = read_state_payload(input);
  if (state.ok()) {
    const Bytes again = state_payload(state->version, state->snapshot);
    if (!std::equal(again.begin(), again.end(), input.begin(), input.end()))
      return faulty("a state encodes to other bytes");
  }
  return accepted_if(mark.ok() || state.ok());
}

inline Verdict check_chunk(ByteSpan input, const StoredForm& form) {
  (void)lmdb::read_checked(7, input);
  std::vector<IndexEntry> entries;
  if (!lmdb::decode_chunk(input, entries).ok()) return accepted_if(false);
  for (std::size_t i = 1; i < entries.size(); ++i)  // it wrapped: never written so
    if (entries[i].position < entries[i - 1].position) return accepted_if(false);
  std::vector<IndexEntry> again;
  if (!lmdb::decode_chunk(form.encode_chunk(entries), again).ok() || again != entries)
    return faulty("a chunk says something else");
  return accepted_if(true);
}

inline Verdict check_stored_value(ByteSpan input, const StoredForm& form = {}) {
  bool accepted = false;
  for (const Verdict& verdict :
       {check_record(input, form), check_payloads(input, form), check_chunk(input, form)}) {
    if (verdict.fault != nullptr) return verdict;
    accepted = accepted || verdict.accepted != 0;
  }
  return accepted_if(accepted);
}

}  // namespace weft::test
