// Fuzzer: what lies in a store. Checksums are set right first, so that the bytes behind them are reached: records,
// payloads of marks and states, chunks of an index. What is accepted encodes to the same again. An input counts as
// accepted where it is any of these.

#include "tests/fuzz/read_documents.h"
#include "tests/fuzz/real_documents.h"
#include "tests/fuzz/stored_value_checks.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  const auto add = [&](const char* kind, Bytes bytes) {
    all.push_back({kind + std::to_string(all.size()), std::move(bytes)});
  };
  VersionVector version;
  version.set({0xa1}, 7);
  version.set({0xb2}, 300);
  const auto add_record = [&](RecordKind kind, ByteSpan payload) {
    RecordHead head;
    head.kind = kind;
    head.document.bytes[0] = 0x4f;
    head.replica = {0xa1};
    head.op_count = head.has_operations() ? 3 : 0;
    Bytes value(record_size(payload.size()));
    encode_record(5, head, payload, value.data());
    value[0] = std::byte{5};  // what the check takes for the position
    add("record_", std::move(value));
  };
  for (const Bytes& delta : real_histories()[2]) add_record(RecordKind::kDelta, delta);
  const Bytes snapshot = read_histories()[3].snapshot();
  const Bytes state = state_payload(version, snapshot);
  add_record(RecordKind::kState, state);
  add("state_", state);
  for (const DocumentStatus status :
       {DocumentStatus::kLive, DocumentStatus::kEvicted, DocumentStatus::kDeleted}) {
    add_record(RecordKind::kMark, status_payload(status, version));
    add("mark_", status_payload(status, version));
  }
  std::vector<IndexEntry> entries;
  for (std::uint32_t i = 0; i < 40; ++i)
    entries.push_back({10 + 3 * i, {i % 3}, 5 * i, 5 * i + 1 + i % 4});
  add("chunk_", lmdb::encode_chunk(entries));
  return all;
}

}  // namespace

const Fuzzer kStoredValueFuzz{"stored_value_fuzz",
                              [](ByteSpan input) { return check_stored_value(input); }, seeds};

}  // namespace weft::test
