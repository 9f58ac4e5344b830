// SQLite: write-ahead log, synchronous=FULL, one transaction a batch, statements prepared once. Its cache holds the
// whole index (SQLite's own 2 MB would not), so that it is measured at its best.

#include <sqlite3.h>

#include <utility>

#include "bench/store/engines.h"
#include "bench/store/workload.h"

namespace weft::bench {
namespace {

constexpr const char* kSchema =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA cache_size=-131072;"
    "CREATE TABLE IF NOT EXISTS log(position INTEGER PRIMARY KEY, document BLOB, replica INTEGER,"
    "                               seq INTEGER, ops INTEGER, payload BLOB);"
    "CREATE INDEX IF NOT EXISTS by_seq ON log(document, replica, seq);";
constexpr const char* kInsert =
    "INSERT INTO log(position, document, replica, seq, ops, payload) VALUES(?, ?, ?, ?, ?, ?)";
constexpr const char* kSelect =
    "SELECT replica, seq, ops, payload FROM log WHERE document = ? ORDER BY replica, seq";

class SqliteEngine final : public LogEngine {
 public:
  explicit SqliteEngine(std::string folder) : path_(std::move(folder) + "/log.sqlite") {}
  SqliteEngine(const SqliteEngine&) = delete;
  SqliteEngine& operator=(const SqliteEngine&) = delete;
  ~SqliteEngine() override { (void)close(); }

  Status open() {
    if (sqlite3_open(path_.c_str(), &database_) != SQLITE_OK) return error("open");
    WEFT_TRY(execute(kSchema));
    const std::pair<const char*, sqlite3_stmt**> statements[] = {{"BEGIN IMMEDIATE", &begin_},
                                                                 {"COMMIT", &commit_},
                                                                 {kInsert, &insert_},
                                                                 {kSelect, &select_}};
    for (const auto& [text, statement] : statements) {
      if (sqlite3_prepare_v2(database_, text, -1, statement, nullptr) != SQLITE_OK)
        return error(text);
    }
    return {};
  }

  Status append(std::span<const NewRecord> batch) override {
    WEFT_TRY(step(begin_));
    for (const NewRecord& record : batch) {
      sqlite3_bind_int64(insert_, 1, ++position_);
      bind_bytes(insert_, 2, std::as_bytes(std::span(record.document.bytes)));
      sqlite3_bind_int64(insert_, 3, static_cast<sqlite3_int64>(record.replica.value));
      sqlite3_bind_int64(insert_, 4, record.first_seq);
      sqlite3_bind_int64(insert_, 5, record.op_count);
      bind_bytes(insert_, 6, record.payload);
      WEFT_TRY(step(insert_));
    }
    WEFT_TRY(step(commit_));
    ++commits_;
    return {};
  }

  /// The last connection to close moves the write-ahead log into the database.
  Status finish() override { return close(); }

  Result<std::uint64_t> digest(std::span<const DocumentId> documents) override {
    WEFT_TRY(open());
    std::uint64_t sum = 0;
    for (const DocumentId& document : documents) {
      bind_bytes(select_, 1, std::as_bytes(std::span(document.bytes)));
      int code = sqlite3_step(select_);
      for (; code == SQLITE_ROW; code = sqlite3_step(select_)) sum += digest_of_row(document);
      if (code != SQLITE_DONE) return error("reading");
      sqlite3_reset(select_);
    }
    WEFT_TRY(close());
    return sum;
  }

  std::uint64_t commit_count() const override { return commits_; }
  /// A checkpoint runs inside the commit that makes the write-ahead log too long.
  bool is_log(std::string_view) const override { return true; }

 private:
  Error error(const char* what) const {
    return Error(ErrorCode::kIoError, std::string("sqlite: ") + what + ": " +
                                          (database_ ? sqlite3_errmsg(database_) : "no memory"));
  }

  static void bind_bytes(sqlite3_stmt* statement, int at, ByteSpan bytes) {
    sqlite3_bind_blob(statement, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  }

  Status execute(const char* text) {
    if (sqlite3_exec(database_, text, nullptr, nullptr, nullptr) != SQLITE_OK) return error(text);
    return {};
  }

  Status step(sqlite3_stmt* statement) {
    const int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (code != SQLITE_DONE) return error("append");
    return {};
  }

  std::uint64_t digest_of_row(const DocumentId& document) const {
    RecordHead head;
    head.document = document;
    head.replica.value = static_cast<std::uint64_t>(sqlite3_column_int64(select_, 0));
    head.first_seq = static_cast<Seq>(sqlite3_column_int64(select_, 1));
    head.op_count = static_cast<Seq>(sqlite3_column_int64(select_, 2));
    const auto* payload = static_cast<const std::byte*>(sqlite3_column_blob(select_, 3));
    return digest_of(head, {payload, static_cast<std::size_t>(sqlite3_column_bytes(select_, 3))});
  }

  Status close() {
    for (sqlite3_stmt** statement : {&begin_, &commit_, &insert_, &select_}) {
      sqlite3_finalize(*statement);
      *statement = nullptr;
    }
    if (sqlite3_close(database_) != SQLITE_OK) return error("close");
    database_ = nullptr;
    return {};
  }

  std::string path_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* select_ = nullptr;
  sqlite3_int64 position_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace

Result<std::unique_ptr<LogEngine>> make_sqlite_engine(const std::string& folder) {
  auto engine = std::make_unique<SqliteEngine>(folder);
  WEFT_TRY(engine->open());
  return std::unique_ptr<LogEngine>(std::move(engine));
}

}  // namespace weft::bench
