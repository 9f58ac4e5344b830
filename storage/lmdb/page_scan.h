#pragma once
// What the pages of an LMDB file still prove, without LMDB and without its trees: a value with a checksum that
// fits its key is whole, wherever it lies.
//
//   1  Leaf pages whose table of nodes is sound are read as such.
//   2  Of a page that makes no sense, each place at which a node may begin is tried.
//   3  A value that fits no key it was found with is an orphan: its key, or what pointed to it, is damaged. It is
//      tried with every key that one flipped bit makes of it, and with those that were found nowhere.
//
// Pages that LMDB has freed are read like others: they hold older copies.
//
// Threads: none of its own.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "storage/record.h"

namespace weft::lmdb {

/// A file in memory, to be read anywhere.
class MappedFile {
 public:
  /// @errors kNotFound, kIoError
  static Result<std::unique_ptr<MappedFile>> open(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  ByteSpan bytes() const { return {static_cast<const std::byte*>(address_), size_}; }

 private:
  MappedFile(void* address, std::size_t size) : address_(address), size_(size) {}
  void* address_;
  std::size_t size_;
};

/// A key and a value that lie in some page. Neither is checked yet.
struct FoundValue {
  ByteSpan key;
  ByteSpan value;
  bool is_in_node = false;  ///< of a leaf page that is sound in itself
};
/// Visits what may be a key of `key_bytes` and its value, in sound leaf pages and in pages that make no sense. A
/// value in the latter is the rest of the file from where it may begin.
/// @param visit  how many bytes of the value were recognized; 0: it is none
void each_value(ByteSpan file, std::size_t key_bytes,
                const std::function<std::size_t(const FoundValue&)>& visit);

/// Visits what lies on pages of its own, whatever leads to it: from where the value begins to the file's end.
void each_overflow(ByteSpan file, const std::function<void(ByteSpan)>& visit);

/// A record that is there, and damaged: what its head says, which may be damaged itself.
struct DamagedRecord {
  LogPosition position = 0;
  RecordHead head;
};

struct FoundRecords {
  /// Of several at one position a bundle, which has replaced what lay there.
  std::map<LogPosition, RecordView> whole;
  /// Copies of records that have none in `whole`.
  std::vector<DamagedRecord> damaged;
};
/// @param end  positions from here on were never given, as far as that is known; 0: it isn't
FoundRecords find_records(ByteSpan file, LogPosition end);

}  // namespace weft::lmdb
