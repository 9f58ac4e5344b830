#include "bench/store/engines.h"

#include "crdt/base/assert.h"

namespace weft::bench {

const char* engine_name(EngineKind kind) {
  switch (kind) {
    case EngineKind::kWeft:
      return "weft";
    case EngineKind::kSqlite:
      return "sqlite";
    case EngineKind::kRocksdb:
      return "rocksdb";
  }
  WEFT_ASSERT(false);
}

bool is_built_in(EngineKind kind) {
  switch (kind) {
    case EngineKind::kWeft:
      return true;
    case EngineKind::kSqlite:
#ifdef WEFT_BENCH_SQLITE
      return true;
#else
      return false;
#endif
    case EngineKind::kRocksdb:
#ifdef WEFT_BENCH_ROCKSDB
      return true;
#else
      return false;
#endif
  }
  WEFT_ASSERT(false);
}

Result<std::unique_ptr<LogEngine>> make_engine(EngineKind kind, const std::string& folder) {
  if (kind == EngineKind::kWeft) return make_weft_engine(folder);
#ifdef WEFT_BENCH_SQLITE
  if (kind == EngineKind::kSqlite) return make_sqlite_engine(folder);
#endif
#ifdef WEFT_BENCH_ROCKSDB
  if (kind == EngineKind::kRocksdb) return make_rocksdb_engine(folder);
#endif
  return Error(ErrorCode::kNotFound,
               std::string(engine_name(kind)) + " was not found when this was built");
}

}  // namespace weft::bench
