#include "storage/lmdb/salvage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "storage/lmdb/environment.h"
#include "storage/lmdb/lmdb_store_parts.h"
#include "storage/lmdb/log_meta.h"
#include "storage/lmdb/page_check.h"
#include "storage/lmdb/page_format.h"
#include "storage/lmdb/store_folder.h"
#include "storage/log_index.h"

namespace weft {
namespace {

constexpr std::size_t kUsualPageBytes = 4096;
/// What one transaction of the new store takes.
constexpr std::size_t kBatchBytes = std::size_t{16} << 20;

/// A file in memory, to be read anywhere.
class MappedFile {
 public:
  static Result<std::unique_ptr<MappedFile>> open(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0)
      return errno == ENOENT ? Error(ErrorCode::kNotFound, "there is no " + path)
                             : lmdb::error_of(errno, path);
    struct stat info {};
    void* address = nullptr;
    int code = fstat(file, &info) == 0 ? 0 : errno;
    const auto size = static_cast<std::size_t>(info.st_size);
    if (code == 0 && size > 0) {
      address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
      if (address == MAP_FAILED) code = errno;
    }
    ::close(file);
    if (code != 0) return lmdb::error_of(code, path);
    return std::unique_ptr<MappedFile>(new MappedFile(address, size));
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (address_ != nullptr) munmap(address_, size_);
  }
  ByteSpan bytes() const { return {static_cast<const std::byte*>(address_), size_}; }

 private:
  MappedFile(void* address, std::size_t size) : address_(address), size_(size) {}
  void* address_;
  std::size_t size_;
};

std::size_t page_bytes_of(ByteSpan file) {
  constexpr std::size_t kAt = lmdb::kHeadBytes + 24;  // in the record of the first tree
  if (file.size() < kAt + 4) return kUsualPageBytes;
  const auto size = lmdb::number_at<std::uint32_t>(file, kAt);
  const bool can_be = size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
  return can_be ? size : kUsualPageBytes;
}

/// The value of a leaf's node, wherever it lies; empty: it can't be there.
ByteSpan value_of(ByteSpan file, std::size_t page_bytes, const lmdb::Node& node) {
  if ((node.flags & lmdb::kBigData) == 0) return node.data;
  if (node.data.size() < 8) return {};
  const auto page = lmdb::number_at<std::uint64_t>(node.data, 0);
  if (page >= file.size() / page_bytes) return {};
  const std::size_t begin = static_cast<std::size_t>(page) * page_bytes + lmdb::kHeadBytes;
  if (node.data_size > file.size() - begin) return {};
  return file.subspan(begin, static_cast<std::size_t>(node.data_size));
}

/// Every whole record in the file, in whatever page; of several at one position a bundle, which has
/// replaced what lay there.
std::map<LogPosition, RecordView> find_records(ByteSpan file) {
  std::map<LogPosition, RecordView> found;
  const std::size_t page_bytes = page_bytes_of(file);
  std::vector<lmdb::Node> nodes;
  for (std::size_t at = 0; at + page_bytes <= file.size(); at += page_bytes) {
    ByteSpan page = file.subspan(at, page_bytes);
    if (lmdb::number_at<std::uint16_t>(page, 10) != lmdb::kLeaf) continue;
    nodes.clear();
    if (lmdb::read_nodes(page, true, nodes) != nullptr) continue;
    for (const lmdb::Node& node : nodes) {
      if (node.key.size() != sizeof(LogPosition)) continue;
      const auto position = lmdb::number_at<LogPosition>(node.key, 0);
      Result<RecordView> record = decode_record(position, value_of(file, page_bytes, node));
      if (!record.ok()) continue;
      auto [known, is_new] = found.emplace(position, *record);
      if (!is_new && record->kind == RecordKind::kBundle) known->second = *record;
    }
  }
  return found;
}

/// What of a document's records belongs to it now: older copies may be of records that were given up or
/// sealed since.
IndexedDocument current_document(const std::vector<const RecordView*>& records) {
  LogPosition mark = 0;
  for (const RecordView* record : records)
    if (record->kind == RecordKind::kMark) mark = std::max(mark, record->position);
  std::vector<const RecordView*> order;
  for (const RecordView* record : records)
    if (record->position >= mark) order.push_back(record);
  // A bundle before what is sealed in it, the largest first; states last.
  auto rank = [](const RecordView* record) {
    return record->kind == RecordKind::kBundle  ? 1
           : record->kind == RecordKind::kDelta ? 2
           : record->kind == RecordKind::kState ? 3
                                                : 0;
  };
  std::sort(order.begin(), order.end(), [&](const RecordView* a, const RecordView* b) {
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    if (a->op_count != b->op_count) return a->op_count > b->op_count;
    return a->position > b->position;  // the later one, where a rewrite took the other back
  });
  IndexedDocument document;
  for (const RecordView* record : order) (void)document.replay(*record);
  return document;
}

bool has_gap(const DocumentHead& head) {
  return std::any_of(head.held.begin(), head.held.end(),
                     [](const DocumentHead::Range& range) { return range.begin != 0; });
}

/// The states that were kept beside the log, where they can still be read.
std::unique_ptr<lmdb::Derived> open_states(const lmdb::StoreFolder& folder) {
  const Status sound =
      lmdb::check_pages(folder.derived() + "/data.mdb", lmdb::PageDepth::kEverything);
  if (!sound.ok()) return nullptr;
  Result<std::unique_ptr<lmdb::Derived>> derived = lmdb::Derived::open(folder.derived(), true);
  return derived.ok() ? *std::move(derived) : nullptr;
}

/// A state with operations that the log has lost: it takes the place of the history up to there.
std::optional<Bytes> rescue_state(const lmdb::Derived* derived, const DocumentId& id,
                                  IndexedDocument& document) {
  if (derived == nullptr || document.head.status != DocumentStatus::kLive) return std::nullopt;
  Result<std::optional<lmdb::KeptState>> kept = derived->state(id);
  if (!kept.ok() || !*kept) return std::nullopt;
  const StoredState& state = (*kept)->state;
  if ((*kept)->mark_position != document.head.mark_position ||
      document.head.covers(state.version) || !state.version.covers(document.head.base))
    return std::nullopt;
  (void)document.set_base(0, state.version);
  return state_payload(state.version, state.snapshot);
}

Status write_store(const std::string& to, const std::vector<const RecordView*>& records,
                   const std::function<std::uint64_t()>& random) {
  const lmdb::StoreFolder folder(to);
  WEFT_ASSIGN(std::unique_ptr<lmdb::Environment> log,
              lmdb::Environment::open(log_options(folder.log(), false)));
  lmdb::LogMeta meta;
  meta.format = 0;
  meta.epoch = random();
  meta.replica = device_replica(random());
  WEFT_ASSIGN(meta.home, folder.home(folder.log_file()));
  std::size_t next = 0;
  do {
    std::size_t end = next;
    const LogPosition first = meta.end;
    for (std::size_t bytes = 0; end < records.size() && bytes < kBatchBytes; ++end)
      bytes += record_size(records[end]->payload.size());
    meta.end = first + (end - next);
    WEFT_TRY(log->write([&](lmdb::Writing& writing) -> Status {
      for (std::size_t i = next; i < end; ++i) {
        const RecordView& record = *records[i];
        const LogPosition position = first + (i - next);
        WEFT_TRY(writing.append(
            kLogDatabase, position, record_size(record.payload.size()),
            [&](std::byte* out) { encode_record(position, record, record.payload, out); }));
      }
      return lmdb::write_log_meta(writing, kMetaDatabase, meta);
    }));
    meta.format = lmdb::kStoreFormat;
    next = end;
  } while (next < records.size());
  return lmdb::sync_folder(to);
}

}  // namespace

Result<SalvageReport> salvage(const std::string& from, const std::string& to,
                              const std::function<std::uint64_t()>& random) {
  lmdb::StoreFolder source(from);
  if (!source.has_store()) return Error(ErrorCode::kNotFound, "there is no store in " + from);
  WEFT_TRY(source.lock());
  if (mkdir(to.c_str(), 0700) != 0)
    return errno == EEXIST
               ? Error(ErrorCode::kInvalidArgument, to + " is there already; name a new folder")
               : lmdb::error_of(errno, to);
  WEFT_ASSIGN(std::unique_ptr<MappedFile> file, MappedFile::open(source.log_file()));
  const std::map<LogPosition, RecordView> found = find_records(file->bytes());
  std::map<DocumentId, std::vector<const RecordView*>> documents;
  for (const auto& [position, record] : found) documents[record.document].push_back(&record);
  const std::unique_ptr<lmdb::Derived> derived = open_states(source);
  SalvageReport report;
  std::vector<LogPosition> positions;
  std::deque<Bytes> payloads;
  std::deque<RecordView> states;
  for (const auto& [id, records] : documents) {
    IndexedDocument document = current_document(records);
    if (std::optional<Bytes> payload = rescue_state(derived.get(), id, document)) {
      RecordView& state = states.emplace_back();
      state.kind = RecordKind::kState;
      state.document = id;
      state.payload = payloads.emplace_back(std::move(*payload));
      report.from_state.push_back(id);
    }
    for (const IndexEntry& entry : document.entries) positions.push_back(entry.position);
    for (LogPosition at : {document.head.base_position, document.head.mark_position})
      if (at != 0) positions.push_back(at);
    if (has_gap(document.head)) report.incomplete.push_back(id);
  }
  std::sort(positions.begin(), positions.end());
  std::vector<const RecordView*> kept;
  for (LogPosition position : positions) kept.push_back(&found.at(position));
  for (const RecordView& state : states) kept.push_back(&state);
  WEFT_TRY(write_store(to, kept, random));
  report.records = kept.size();
  return report;
}

}  // namespace weft
