// Opening a store: its files, who it is, and the stretch of the log that is not derived from yet.
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

#include "storage/lmdb/lmdb_store_parts.h"
#include "storage/lmdb/page_check.h"

namespace weft {

using lmdb::Derived;
using lmdb::Environment;
using lmdb::LogMeta;
using lmdb::Reading;

namespace {

/// Of a log's file this large every page is checked at open, which takes a millisecond; of a larger one
/// verify() does it.
constexpr std::uintmax_t kSmallFileBytes = std::uintmax_t{4} << 20;

std::uint64_t system_random() {
  std::random_device device;
  const std::uint64_t high = device();
  return high << 32 | device();
}

}  // namespace

Result<std::unique_ptr<LmdbStore>> LmdbStore::open(Options options) {
  if (!options.random) options.random = system_random;
  std::unique_ptr<LmdbStore> store(new LmdbStore(std::move(options)));
  const bool writes = !store->options_.read_only;
  Status is_there = store->folder_.find_store();
  const bool makes = writes && store->options_.create;
  if (!is_there.ok() && !(makes && is_there.error().code() == ErrorCode::kNotFound))
    return is_there.take_error();
  if (!writes) {
    WEFT_ASSIGN(store->sharing_, store->folder_.prepare_reading());
  }
  if (writes) {
    WEFT_TRY(lmdb::make_folder(store->folder_.path()));
    WEFT_TRY(store->folder_.lock());
    for (const std::string& folder : {store->folder_.log(), store->folder_.derived()})
      WEFT_TRY(lmdb::remove_environment(folder + kReplacement));  // of a shrink() that was cut off
  }
  {
    WEFT_ASSIGN(lmdb::FileLock opening, store->folder_.lock_opening(false));
    WEFT_TRY(store->open_log());
    WEFT_TRY(store->open_derived());
  }
  WEFT_TRY(store->index_tail());
  if (writes && !store->damaged_.empty())
    store->take_identity("records of its log are damaged, which may be its own", false);
  if (writes) store->note_opening();
  if (!writes) return store;
  std::lock_guard lock(store->mutex_);  // the threads look at these two, and wait here first
  store->writer_ = std::thread([&self = *store] { self.run_writer(); });
  store->catching_up_ = std::thread([&self = *store] { self.run_catching_up(); });
  return store;
}

Status LmdbStore::open_log() {
  // LMDB would follow a damaged page number to anywhere. (What another process writes is its to check.)
  const bool is_still = !options_.read_only || sharing_ == Environment::Sharing::kNobodyWrites;
  if (is_still && folder_.has_store()) {
    std::error_code ignored;
    const bool is_small =
        std::filesystem::file_size(folder_.log_file(), ignored) <= kSmallFileBytes;
    WEFT_TRY(lmdb::check_pages(
        folder_.log_file(), is_small ? lmdb::PageDepth::kEverything : lmdb::PageDepth::kBranches));
  }
  WEFT_ASSIGN(log_, Environment::open(log_options(folder_.log(), options_.read_only, sharing_)));
  Status read = log_->read([&](const Reading& reading) -> Status {
    WEFT_ASSIGN(meta_, lmdb::read_log_meta(reading, kMetaDatabase));
    return {};
  });
  if (read.ok()) return {};
  if (read.error().code() != ErrorCode::kNotFound) return read;
  if (!options_.create || options_.read_only)
    return Error(ErrorCode::kNotFound, "there is no store in " + folder_.path());
  meta_ = LogMeta();
  meta_.format = 0;
  meta_.epoch = options_.random();
  meta_.replica = device_replica(options_.random());
  WEFT_ASSIGN(meta_.home, folder_.home(folder_.log_file()));
  WEFT_TRY(log_->write(
      [&](lmdb::Writing& writing) { return lmdb::write_log_meta(writing, kMetaDatabase, meta_); }));
  meta_.format = lmdb::kStoreFormat;
  return lmdb::sync_folder(folder_.path());
}

void LmdbStore::take_identity(std::string why, bool new_epoch) {
  new_identity_ = std::move(why);
  meta_.replica = device_replica(options_.random());
  if (new_epoch) meta_.epoch = options_.random();
  meta_.incarnations.clear();
}

/// What this decides is written with the first commit, before anything is acknowledged.
Status LmdbStore::check_identity(bool rolled_back) {
  WEFT_ASSIGN(lmdb::Home home, folder_.home(folder_.log_file()));
  WEFT_ASSIGN(bool changed, folder_.changed_since_close());
  const bool moved = meta_.format >= 2 && meta_.home != home;
  if (moved) {
    take_identity("it was copied or moved to here", true);
  } else if (changed || rolled_back) {
    take_identity("its log was changed from outside, as when a backup is put back", true);
  } else if (meta_.may_lack_own) {
    take_identity("some of what it had acknowledged may be lost", false);
  }
  meta_.home = home;
  return {};
}

void LmdbStore::note_opening() {
  meta_.incarnations.push_back(options_.random());
  if (meta_.incarnations.size() > lmdb::kIncarnationsMax)
    meta_.incarnations.erase(meta_.incarnations.begin());
  meta_.may_lack_own = options_.relaxed;
  meta_is_new_ = true;
}

Result<std::unique_ptr<Derived>> LmdbStore::open_checked_derived() const {
  // A copy may be of another moment than the log's: that can as well be read by itself.
  if (sharing_ == Environment::Sharing::kCopied)
    return Error(ErrorCode::kInUse, "not read beside a writer");
  if (!options_.read_only || sharing_ == Environment::Sharing::kNobodyWrites) {
    Status sound = lmdb::check_pages(folder_.derived() + "/data.mdb", lmdb::PageDepth::kEverything);
    if (!sound.ok() && sound.error().code() != ErrorCode::kNotFound) return sound.take_error();
  }
  return Derived::open(folder_.derived(), options_.read_only, sharing_);
}

/// Derived data is thrown away where it was derived from another log than this.
Status LmdbStore::open_derived() {
  Result<std::unique_ptr<Derived>> opened = open_checked_derived();
  Result<Derived::Meta> meta = Derived::Meta();
  if (opened.ok()) {
    derived_ = *std::move(opened);
    meta = derived_->meta();
  }
  const bool is_new =
      meta.ok() ? meta->stamp == lmdb::Stamp() : meta.error().code() == ErrorCode::kNotFound;
  const bool rolled_back =
      meta.ok() && meta->stamp.epoch == meta_.epoch &&
      (meta->stamp.indexed_to > meta_.end || meta->stamp.rewrites > meta_.rewrites);
  // A new identity gives the log another epoch; what was derived from it stays true.
  const std::uint64_t derived_epoch = meta_.epoch;
  if (!options_.read_only) WEFT_TRY(check_identity(rolled_back));
  if (opened.ok() && is_new) return {};
  const bool fits = opened.ok() && meta.ok() && meta->stamp.epoch == derived_epoch &&
                    meta->stamp.rewrites == meta_.rewrites && meta->stamp.indexed_to <= meta_.end;
  if (fits) {
    stamp_ = meta->stamp;
    totals_ = meta->totals;
    return {};
  }
  if (options_.read_only) {
    derived_lost_ = true;
    return {};
  }
  if (!opened.ok()) return recreate_derived(opened.error().message());
  return recreate_derived(meta.ok() ? std::string() : meta.error().message());
}

Status LmdbStore::recreate_derived(std::string why) {
  derived_fault_ = std::move(why);
  derived_.reset();
  Status removed = lmdb::remove_environment(folder_.derived());
  Result<std::unique_ptr<Derived>> opened =
      removed.ok() ? Derived::open(folder_.derived(), false)
                   : Result<std::unique_ptr<Derived>>(removed.take_error());
  if (opened.ok()) {
    derived_ = *std::move(opened);
  } else {  // then everything stays in memory, until the next opening
    derived_lost_ = true;
    derived_fault_ = opened.error().message();
  }
  return {};
}

Status LmdbStore::index_tail() {
  auto index = [this]() -> Status {
    const bool in_parts = !options_.read_only && !derived_lost_;
    tail_.begin = tail_.end = stamp_.indexed_to;
    tail_.rewrites = meta_.rewrites;
    while (tail_.end < meta_.end) {
      WEFT_TRY(index_log(tail_.end, in_parts));
      if (in_parts && tail_is_long(tail_)) WEFT_TRY(carry_tail());
    }
    return {};
  };
  Status status = index();
  if (status.ok() || status.error().code() != ErrorCode::kCorrupt) return status;
  // Damaged records would have been left out: it is the derived data that can't be read.
  if (options_.read_only) return index_whole_log();
  WEFT_TRY(recreate_derived(status.error().message()));
  forget_index();
  return index();
}

/// The tail begins at the log's begin, and nothing is derived.
void LmdbStore::forget_index() const {
  taking_.reset();
  stamp_ = lmdb::Stamp();
  totals_ = lmdb::Totals();
  lmdb::NewStates states = std::move(tail_.states);
  tail_ = Tail();
  tail_.states = std::move(states);
  tail_.rewrites = meta_.rewrites;
  damaged_.clear();
}

/// Reads the log from `from` on into the tail; damaged records are left out and remembered.
/// @param in_parts  stop where the tail has become long
/// @errors kCorrupt: derived data can't be read
Status LmdbStore::index_log(LogPosition from, bool in_parts) const {
  Status status;
  bool is_cut = false;
  WEFT_TRY(log_->read([&](const Reading& reading) -> Status {
    return reading.each(kLogDatabase, from, [&](lmdb::Key position, ByteSpan value) {
      if (position >= meta_.end) return false;
      Result<RecordView> record = decode_record(position, value);
      if (record.ok()) {
        status = index_record(*record);
      } else {
        damaged_.push_back({position, record.take_error()});
      }
      tail_.end = position + 1;
      is_cut = in_parts && tail_is_long(tail_);
      return status.ok() && !is_cut;
    });
  }));
  WEFT_TRY(std::move(status));
  if (!is_cut) tail_.end = meta_.end;
  return {};
}

Status LmdbStore::index_record(const RecordView& record) const {
  auto [found, is_new] = tail_.documents.try_emplace(record.document);
  IndexedDocument& document = found->second;
  // What changes records that lie before the tail needs to know them all.
  const bool needs_all = !record.has_operations() && !document.complete;
  if (is_new || needs_all) {
    Result<Derived::Found> known = Derived::Found();
    if (!derived_lost_ && derived_) known = derived_->find(record.document, needs_all);
    if (!known.ok()) {
      if (is_new) tail_.documents.erase(found);
      return known.take_error();
    }
    if (is_new && known->document) document.head = std::move(known->document->head);
    if (is_new && !known->document) ++totals_.documents;
    document.entries.insert(document.entries.begin(), known->entries.begin(), known->entries.end());
  }
  totals_.records -= document.head.records;
  totals_.history_bytes -= document.head.history_bytes;
  Status status = document.replay(record);
  totals_.records += document.head.records;
  totals_.history_bytes += document.head.history_bytes;
  tail_.bytes += record.payload.size();
  if (!status.ok()) damaged_.push_back({record.position, status.take_error()});
  return {};
}

}  // namespace weft
