#pragma once
// What the parts of LmdbStore (lmdb_open.cc, lmdb_read.cc, lmdb_write.cc, lmdb_change.cc, lmdb_upkeep.cc)
// share.

#include "storage/lmdb/lmdb_store.h"

namespace weft {

// Databases of the log's environment.
inline constexpr std::size_t kLogDatabase = 0;
inline constexpr std::size_t kMetaDatabase = 1;

/// What is added to an environment's name for the copy that will replace it.
inline constexpr const char* kReplacement = ".new";

/// The tail is carried over at this length.
inline constexpr std::uint64_t kTailRecords = 100'000;
inline constexpr std::uint64_t kTailBytes = std::uint64_t{32} << 20;
inline constexpr std::uint64_t kStateBytes = std::uint64_t{16} << 20;

/// With a state that waits, it is carried over at this length: after a crash only what came behind that state has to
/// be applied one by one.
inline constexpr std::uint64_t kTailRecordsWithState = 8192;

template <typename Tail>
bool tail_is_long(const Tail& tail) {
  const std::uint64_t records_max = tail.states.empty() ? kTailRecords : kTailRecordsWithState;
  return tail.end - tail.begin >= records_max || tail.bytes >= kTailBytes ||
         tail.state_bytes >= kStateBytes;
}

inline lmdb::Environment::Options log_options(
    const std::string& folder, bool read_only,
    lmdb::Environment::Sharing sharing = lmdb::Environment::Sharing::kRegistered) {
  lmdb::Environment::Options options;
  options.sharing = sharing;
  options.folder = folder;
  options.read_only = read_only;
  options.databases = {{"log", lmdb::Environment::Keys::kNumbers},
                       {"meta", lmdb::Environment::Keys::kNumbers}};
  return options;
}

struct LmdbStore::Request {
  std::span<const NewRecord> batch;
  std::span<const PeerNote> notes;  ///< of the same transaction
  std::function<Status()> job;      ///< instead of a batch: runs alone on the writer thread
  bool relaxed = false;  ///< nobody waits; `records`, `bytes` and `kept_notes` are its own
  std::vector<NewRecord> records;
  std::vector<PeerNote> kept_notes;
  Bytes bytes;
  std::chrono::steady_clock::time_point since;
  Result<AppendResult> result{AppendResult()};
  bool done = false;

  /// Copies the batch: its owner goes on.
  void keep() {
    std::size_t size = 0;
    for (const NewRecord& record : batch) size += record.payload.size();
    bytes.reserve(size);
    records.assign(batch.begin(), batch.end());
    for (NewRecord& record : records) {
      const std::size_t begin = bytes.size();
      bytes.insert(bytes.end(), record.payload.begin(), record.payload.end());
      record.payload = ByteSpan(bytes).subspan(begin);
    }
    batch = records;
    kept_notes.assign(notes.begin(), notes.end());
    notes = kept_notes;
  }
};

}  // namespace weft
