#pragma once
// LogMeta: what the log's environment says of itself. Written in the transaction that it belongs to.
//
// In the database `meta`: key 1 the format as a plain u64, for every weft to read; key 5 all of it as a
// checked value. (Format 1 had the epoch, the replica and the end under the keys 2, 3 and 4, unchecked; format 2 had
// no retention time and no deletion records, and gave up what was deleted.)
//
// Keys with the top bit set are notes of peers, each under the low bits of its replica: an older weft looks
// only for the keys it knows. One that is damaged is as good as none, and is written over.

#include <cstdint>
#include <optional>
#include <vector>

#include "crdt/clock/ids.h"
#include "storage/lmdb/environment.h"
#include "storage/lmdb/store_folder.h"
#include "storage/peer_notes.h"
#include "storage/record.h"
#include "storage/store.h"

namespace weft::lmdb {

inline constexpr std::uint32_t kStoreFormat = 3;
inline constexpr std::size_t kIncarnationsMax = 64;

struct LogMeta {
  std::uint32_t format = kStoreFormat;
  std::uint64_t epoch = 0;
  ReplicaId replica;
  LogPosition end = 1;         ///< behind the last position that was ever given
  std::uint64_t rewrites = 0;  ///< how often records were replaced
  /// Own operations may have been seen that are not here: it is open in relaxed mode, or records are damaged.
  bool may_lack_own = false;
  Home home;
  Retention retention;                      ///< from format 3 on
  std::vector<std::uint64_t> incarnations;  ///< the newest last
};

/// @param database  the number of `meta`
/// @errors kNotFound: a new environment; kUnknownVersion: of a newer weft; kCorrupt
Result<LogMeta> read_log_meta(const Reading& reading, std::size_t database);
/// The newest that any page of a log's file still holds whole.
std::optional<LogMeta> find_log_meta(ByteSpan file);
/// Writes the newest format.
Status write_log_meta(Writing& writing, std::size_t database, const LogMeta& meta);

/// Those that are whole.
Result<PeerNotes> read_peer_notes(const Reading& reading, std::size_t database);
Status put_peer_notes(Writing& writing, std::size_t database, std::span<const PeerNote> notes);

}  // namespace weft::lmdb
