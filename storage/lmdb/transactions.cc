// Reading and Writing: what is done inside a transaction.

#include <lmdb.h>

#include "crdt/base/assert.h"
#include "storage/lmdb/environment.h"

namespace weft::lmdb {
namespace {

/// What an entry takes beside its value.
constexpr std::uint64_t kEntryBytes = 32;

MDB_val value_of(ByteSpan bytes) {
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};  // LMDB does not write to it
}
MDB_val value_of(Key& key) { return {sizeof key, &key}; }
ByteSpan bytes_of(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

/// Ends with the transaction that it reads in still there.
class Cursor {
 public:
  Cursor(MDB_txn* txn, unsigned database) : code_(mdb_cursor_open(txn, database, &cursor_)) {}
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor() {
    if (code_ == 0) mdb_cursor_close(cursor_);
  }
  /// Of opening it.
  int code() const { return code_; }
  int get(MDB_val& name, MDB_val& value, MDB_cursor_op op) {
    return mdb_cursor_get(cursor_, &name, &value, op);
  }

 private:
  MDB_cursor* cursor_ = nullptr;
  int code_;
};

Error bad_key() { return Error(ErrorCode::kCorrupt, "a key of another size than 8 bytes"); }

}  // namespace

// --- reading ---

Result<std::optional<ByteSpan>> Reading::get_value(std::size_t database, MDB_val& key) const {
  MDB_val value{};
  int code = mdb_get(txn_, environment_.databases_[database], &key, &value);
  if (code == MDB_NOTFOUND) return std::optional<ByteSpan>();
  if (code != 0) return error_of(code, "reading");
  return std::optional<ByteSpan>(bytes_of(value));
}

Result<std::optional<ByteSpan>> Reading::get(std::size_t database, Key key) const {
  MDB_val name = value_of(key);
  return get_value(database, name);
}

Result<std::optional<ByteSpan>> Reading::get(std::size_t database, ByteSpan key) const {
  MDB_val name = value_of(key);
  return get_value(database, name);
}

Status Reading::visit_entries(std::size_t database, MDB_val* from,
                              const std::function<bool(ByteSpan, ByteSpan)>& visit) const {
  Cursor cursor(txn_, environment_.databases_[database]);
  int code = cursor.code();
  if (code != 0) return error_of(code, "reading");
  MDB_val name = from != nullptr ? *from : MDB_val{};
  MDB_val value{};
  for (code = cursor.get(name, value, from != nullptr ? MDB_SET_RANGE : MDB_FIRST); code == 0;
       code = cursor.get(name, value, MDB_NEXT))
    if (!visit(bytes_of(name), bytes_of(value))) break;
  if (code != 0 && code != MDB_NOTFOUND) return error_of(code, "reading");
  return {};
}

Status Reading::each(std::size_t database, Key from,
                     const std::function<bool(Key, ByteSpan)>& visit) const {
  Status status;
  MDB_val first = value_of(from);
  WEFT_TRY(visit_entries(database, &first, [&](ByteSpan name, ByteSpan value) {
    if (name.size() != sizeof(Key)) {
      status = bad_key();
      return false;
    }
    return visit(ByteReader(name).u64(), value);
  }));
  return status;
}

Status Reading::each_of(std::size_t database, std::span<const Key> keys,
                        const std::function<bool(ByteSpan)>& visit) const {
  Cursor cursor(txn_, environment_.databases_[database]);
  int code = cursor.code();
  if (code != 0) return error_of(code, "reading");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Key key = keys[i];
    const bool is_next = i > 0 && key == keys[i - 1] + 1;
    MDB_val name = value_of(key);
    MDB_val value{};
    code = cursor.get(name, value, is_next ? MDB_NEXT : MDB_SET_KEY);
    if (code != 0) break;
    const ByteSpan found = bytes_of(name);
    if (found.size() != sizeof(Key) || ByteReader(found).u64() != key) break;
    if (!visit(bytes_of(value))) break;
  }
  if (code != 0 && code != MDB_NOTFOUND) return error_of(code, "reading");
  return {};
}

Status Reading::each_bytes(std::size_t database,
                           const std::function<bool(ByteSpan, ByteSpan)>& visit) const {
  return visit_entries(database, nullptr, visit);
}

/// LMDB keeps lists of free pages in its database 0; each begins with its length.
Result<std::uint64_t> Reading::free_pages() const {
  Cursor cursor(txn_, 0);
  int code = cursor.code();
  std::uint64_t count = 0;
  MDB_val name{};
  MDB_val value{};
  while (code == 0) {
    code = cursor.get(name, value, MDB_NEXT);
    if (code == 0 && value.mv_size >= sizeof(std::uint64_t))
      count += ByteReader(bytes_of(value)).u64();
  }
  if (code != MDB_NOTFOUND) return error_of(code, "reading the free pages");
  return count;
}

// --- writing ---

Status Writing::put_value(std::size_t database, MDB_val& key, MDB_val& value, unsigned flags) {
  WEFT_ASSERT(value.mv_size % 8 == 0 && key.mv_size % 8 == 0);
  value_bytes_ += value.mv_size + kEntryBytes;
  ++changes_;
  int code = mdb_put(txn_, environment_.databases_[database], &key, &value, flags);
  map_full_ = map_full_ || code == MDB_MAP_FULL;
  if (code != 0) return error_of(code, "writing");
  return {};
}

Status Writing::put(std::size_t database, Key key, ByteSpan bytes) {
  MDB_val name = value_of(key);
  MDB_val value = value_of(bytes);
  return put_value(database, name, value, 0);
}

Status Writing::put(std::size_t database, ByteSpan key, ByteSpan bytes) {
  MDB_val name = value_of(key);
  MDB_val value = value_of(bytes);
  return put_value(database, name, value, 0);
}

Status Writing::put(std::size_t database, Key key, std::size_t size,
                    const std::function<void(std::byte*)>& fill) {
  MDB_val name = value_of(key);
  MDB_val value{size, nullptr};
  WEFT_TRY(put_value(database, name, value, MDB_RESERVE));
  fill(static_cast<std::byte*>(value.mv_data));
  return {};
}

Status Writing::append(std::size_t database, Key key, std::size_t size,
                       const std::function<void(std::byte*)>& fill) {
  MDB_val name = value_of(key);
  MDB_val value{size, nullptr};
  WEFT_TRY(put_value(database, name, value, MDB_APPEND | MDB_RESERVE));
  fill(static_cast<std::byte*>(value.mv_data));
  return {};
}

Status Writing::erase(std::size_t database, Key key) {
  ++changes_;
  MDB_val name = value_of(key);
  int code = mdb_del(txn_, environment_.databases_[database], &name, nullptr);
  map_full_ = map_full_ || code == MDB_MAP_FULL;
  if (code != 0 && code != MDB_NOTFOUND) return error_of(code, "erasing");
  return {};
}

}  // namespace weft::lmdb
