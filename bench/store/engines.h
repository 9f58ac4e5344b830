#pragma once
// LogEngine: one store of deltas beside the others: a log in the order of arrival, and an index that finds the
// records of a document, replica and seq. Settings of each are told in bench/README.md.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"
#include "storage/store.h"

namespace weft::bench {

class LogEngine {
 public:
  virtual ~LogEngine() = default;

  /// Returns when the batch is durable; the index may follow later.
  virtual Status append(std::span<const NewRecord> batch) = 0;
  /// Brings the index to the disk as well, and closes.
  virtual Status finish() = 0;
  /// Opens again what was finished and reads every record of these documents through the index.
  /// @return the sum of their digest_of()
  virtual Result<std::uint64_t> digest(std::span<const DocumentId> documents) = 0;

  /// Durable transactions so far.
  virtual std::uint64_t commit_count() const = 0;
  /// Whether append() waits for the flushes of this file. Others run beside it.
  virtual bool is_log(std::string_view path) const = 0;
};

enum class EngineKind : std::uint8_t { kWeft, kSqlite, kRocksdb };
inline constexpr EngineKind kEngineKinds[] = {EngineKind::kWeft, EngineKind::kSqlite,
                                              EngineKind::kRocksdb};

const char* engine_name(EngineKind kind);
/// SQLite and RocksDB are there where their libraries were found when this was built.
bool is_built_in(EngineKind kind);
/// A new, empty one in a folder that is there.
/// @errors kNotFound: not built in; what the engine says
Result<std::unique_ptr<LogEngine>> make_engine(EngineKind kind, const std::string& folder);

// For make_engine().
Result<std::unique_ptr<LogEngine>> make_weft_engine(const std::string& folder);
Result<std::unique_ptr<LogEngine>> make_sqlite_engine(const std::string& folder);
Result<std::unique_ptr<LogEngine>> make_rocksdb_engine(const std::string& folder);

}  // namespace weft::bench
