// RocksDB: one write batch a batch, flushed (WriteOptions::sync), log and index in one column family. No compression,
// since the payloads don't compress; everything else as RocksDB sets it.
//
//   log     'l', position (8, big-endian)                               ->  head (32), payload
//   index   'i', document (16), replica (8), seq (4), both big-endian   ->  position (8, big-endian)

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <cstring>
#include <utility>

#include "bench/store/engines.h"
#include "bench/store/workload.h"

namespace weft::bench {
namespace {

constexpr std::size_t kHeadBytes = 32;

Status status_of(const rocksdb::Status& status) {
  if (status.ok()) return {};
  return Error(ErrorCode::kIoError, "rocksdb: " + status.ToString());
}

rocksdb::Slice slice_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
void put_big_endian(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift));
}

template <typename T>
void put_raw(char* out, std::size_t at, const T& value) {
  std::memcpy(out + at, &value, sizeof value);
}
template <typename T>
T get_raw(const char* from, std::size_t at) {
  T value;
  std::memcpy(&value, from + at, sizeof value);
  return value;
}

class RocksdbEngine final : public LogEngine {
 public:
  explicit RocksdbEngine(std::string folder) : folder_(std::move(folder)) {}

  Status open() {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    rocksdb::DB* database = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options, folder_ + "/rocksdb", &database);
    database_.reset(database);
    return status_of(status);
  }

  Status append(std::span<const NewRecord> batch) override {
    write_batch_.Clear();
    for (const NewRecord& record : batch) add(record);
    rocksdb::WriteOptions options;
    options.sync = true;
    WEFT_TRY(status_of(database_->Write(options, &write_batch_)));
    ++commits_;
    return {};
  }

  Status finish() override {
    WEFT_TRY(status_of(database_->Flush(rocksdb::FlushOptions())));
    return close();
  }

  Result<std::uint64_t> digest(std::span<const DocumentId> documents) override {
    WEFT_TRY(open());
    std::uint64_t sum = 0;
    for (const DocumentId& document : documents) {
      WEFT_ASSIGN(const std::uint64_t digest, digest_of_document(document));
      sum += digest;
    }
    WEFT_TRY(close());
    return sum;
  }

  std::uint64_t commit_count() const override { return commits_; }
  /// The write-ahead log is <number>.log; tables and manifest are written by another thread.
  bool is_log(std::string_view path) const override { return path.ends_with(".log"); }

 private:
  void add(const NewRecord& record) {
    ++position_;
    key_.assign(1, 'l');
    put_big_endian(key_, position_);
    char head[kHeadBytes];
    put_raw(head, 0, record.document.bytes);
    put_raw(head, 16, record.replica.value);
    put_raw(head, 24, record.first_seq);
    put_raw(head, 28, record.op_count);
    const rocksdb::Slice key(key_);
    const rocksdb::Slice values[] = {{head, kHeadBytes}, slice_of(record.payload)};
    write_batch_.Put(rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(values, 2));

    const rocksdb::Slice position(key_.data() + 1, sizeof position_);
    index_key_.assign(1, 'i');
    index_key_.append(reinterpret_cast<const char*>(record.document.bytes.data()),
                      record.document.bytes.size());
    put_big_endian(index_key_, record.replica.value);
    put_big_endian(index_key_, record.first_seq);
    write_batch_.Put(index_key_, position);
  }

  Result<std::uint64_t> digest_of_document(const DocumentId& document) {
    std::string prefix(1, 'i');
    prefix.append(reinterpret_cast<const char*>(document.bytes.data()), document.bytes.size());
    std::uint64_t sum = 0;
    std::string value;
    const std::unique_ptr<rocksdb::Iterator> at(database_->NewIterator(rocksdb::ReadOptions()));
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      WEFT_TRY(
          status_of(database_->Get(rocksdb::ReadOptions(), "l" + at->value().ToString(), &value)));
      if (value.size() < kHeadBytes) return Error(ErrorCode::kCorrupt, "rocksdb: a short record");
      RecordHead head;
      head.document.bytes = get_raw<decltype(head.document.bytes)>(value.data(), 0);
      head.replica.value = get_raw<std::uint64_t>(value.data(), 16);
      head.first_seq = get_raw<Seq>(value.data(), 24);
      head.op_count = get_raw<Seq>(value.data(), 28);
      sum += digest_of(head, as_bytes(std::string_view(value).substr(kHeadBytes)));
    }
    WEFT_TRY(status_of(at->status()));
    return sum;
  }

  Status close() {
    const rocksdb::Status status = database_->Close();
    database_.reset();
    return status_of(status);
  }

  std::string folder_;
  std::unique_ptr<rocksdb::DB> database_;
  rocksdb::WriteBatch write_batch_;
  std::string key_;
  std::string index_key_;
  std::uint64_t position_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace

Result<std::unique_ptr<LogEngine>> make_rocksdb_engine(const std::string& folder) {
  auto engine = std::make_unique<RocksdbEngine>(folder);
  WEFT_TRY(engine->open());
  return std::unique_ptr<LogEngine>(std::move(engine));
}

}  // namespace weft::bench
