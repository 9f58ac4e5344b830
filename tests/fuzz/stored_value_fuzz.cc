// Fuzzer: what lies in a store. Checksums are set right first, so that the bytes behind them are reached: records,
// payloads of marks and states, chunks of an index. What is accepted encodes to the same again.

#include <cstring>

#include "crdt/base/checksum.h"
#include "storage/lmdb/checked_value.h"
#include "storage/lmdb/index_chunk.h"
#include "storage/record.h"
#include "tests/fuzz/codec_checks.h"

namespace weft {
namespace {

void check_record(ByteSpan input) {
  if (input.size() < 16) return;
  Bytes value(input.begin(), input.end());
  value.resize((value.size() + 7) / 8 * 8);
  const LogPosition position = std::to_integer<LogPosition>(input[0]);
  const std::uint64_t checksum = xxh3_64(ByteSpan(value).subspan(8), position);
  std::memcpy(value.data(), &checksum, sizeof checksum);
  Result<RecordView> record = decode_record(position, value);
  if (!record.ok()) return;
  Bytes again(record_size(record->payload.size()));
  encode_record(position, *record, record->payload, again.data());
  // Bytes 14 and 15 and those behind the payload are for later versions.
  if (std::memcmp(again.data() + 16, value.data() + 16, kRecordHeadBytes - 16) != 0)
    test::report("a record encodes to another head");
  (void)read_status_payload(record->payload);
  (void)read_state_payload(record->payload);
}

void check_payloads(ByteSpan input) {
  Result<StatusMark> mark = read_status_payload(input);
  if (mark.ok()) {
    Result<StatusMark> again = read_status_payload(status_payload(mark->status, mark->version));
    if (!again.ok() || again->status != mark->status || !(again->version == mark->version))
      test::report("a mark says something else");
  }
  Result<StateView> state = read_state_payload(input);
  if (state.ok()) {
    const Bytes again = state_payload(state->version, state->snapshot);
    if (!std::equal(again.begin(), again.end(), input.begin(), input.end()))
      test::report("a state encodes to other bytes");
  }
}

void check_chunk(ByteSpan input) {
  std::vector<IndexEntry> entries;
  if (!lmdb::decode_chunk(input, entries).ok()) return;
  for (std::size_t i = 1; i < entries.size(); ++i)
    if (entries[i].position < entries[i - 1].position) return;  // it wrapped: never written so
  std::vector<IndexEntry> again;
  if (!lmdb::decode_chunk(lmdb::encode_chunk(entries), again).ok() || again != entries)
    test::report("a chunk says something else");
  (void)lmdb::read_checked(7, input);
}

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  check_record(input);
  check_payloads(input);
  check_chunk(input);
  return 0;
}
