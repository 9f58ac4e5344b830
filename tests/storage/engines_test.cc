// Random use of a store on disk and of one in memory, side by side: they answer alike after every step, however
// often the one on disk is opened anew, carries its tail over, shrinks or loses what it derived.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/lmdb_store.h"
#include "storage/memory/memory_store.h"
#include "tests/storage/store_contract.h"
#include "tests/support/folder.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

/// All that a store says, as text.
std::string answers_of(const Store& store, bool with_states) {
  std::string text;
  auto add = [&](std::uint64_t value) { text += std::to_string(value) + " "; };
  for (const DocumentUsage& usage : store.documents().value()) {
    add(usage.document.bytes[0]);
    text += status_name(usage.status);
    text += " " + usage.version.to_string() + " base " + usage.base.to_string() + " ";
    add(usage.records);
    add(usage.history_bytes);
    text += store.version(usage.document).to_string() + " state ";
    std::optional<StoredState> state;
    if (with_states) state = store.state(usage.document);
    text +=
        state ? state->version.to_string() + " " + std::to_string(state->snapshot.size()) : "none";
    VersionVector since;
    for (const VersionVector::Entry& entry : usage.version.entries())
      since.set(entry.replica, entry.end / 2);
    for (const VersionVector& from : {VersionVector(), since}) {
      text += " records ";
      Status status = store.scan_document(usage.document, from, [&](const RecordView& record) {
        add(record.position);
        return true;
      });
      REQUIRE_MESSAGE(status.ok(), status.error().message());
    }
    text += "\n";
  }
  Status status = store.scan(1, [&](const RecordView& record) {
    add(record.position);
    add(static_cast<std::uint64_t>(record.kind));
    add(record.payload.size());
    return true;
  });
  REQUIRE_MESSAGE(status.ok(), status.error().message());
  add(store.info().records);
  add(store.info().payload_bytes);
  add(store.info().end);
  add(store.late_records().size());
  for (const PeerNote& note : store.peer_notes().value()) {
    add(note.replica.value);
    add(note.position);
  }
  return text;
}

class Both {
 public:
  explicit Both(std::uint64_t seed)
      : random_(seed),
        loses_derived_(seed % 2 == 0),
        folder_(fast_parent()),
        memory_({{77}, 1, nullptr}) {
    open();
  }

  void step() {
    switch (random_.below(16)) {
      case 0:
        return reopen();
      case 1:
        return set_status();
      case 2:
        return trim();
      case 3:
      case 4:
        return seal();
      case 5:
        return put_state();
      case 6:
        REQUIRE(disk_->catch_up().ok());
        return;
      case 7:
        if (random_.chance(1, 4)) REQUIRE(disk_->shrink().ok());
        return;
      case 8:
        return rewrite();
      case 9:
        return adopt_state();
      case 10:
        return note_peers();
      default:
        return append();
    }
  }
  void compare() const {
    REQUIRE(answers_of(*disk_, !loses_derived_) == answers_of(memory_, !loses_derived_));
  }
  void verify() const { CHECK(disk_->verify()->empty()); }
  int rewrites() const { return rewrites_; }

 private:
  void open() {
    LmdbStore::Options options;
    options.folder = folder_.path() + "/store";
    options.create = true;
    disk_ = LmdbStore::open(options).value();
  }

  void reopen() {
    const std::size_t late = memory_.late_records().size();
    if (late > 0) return;  // these are of one opening
    disk_.reset();
    if (loses_derived_ && random_.chance(1, 2))
      std::filesystem::remove_all(folder_.path() + "/store/derived");
    open();
  }

  DocumentId any_document() {
    return sample(static_cast<std::uint8_t>(1 + random_.below(4)), 7, 0, 1).head.document;
  }

  /// Records of any replica; sometimes with a gap, known ones, or cut in another way.
  void append() {
    std::vector<SampleRecord> batch;
    const std::uint64_t count = 1 + random_.below(6);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto document = static_cast<std::uint8_t>(1 + random_.below(4));
      const std::uint64_t replica = 1 + random_.below(3);
      Seq& end = ends_[{document, replica}];
      Seq begin = end + static_cast<Seq>(random_.chance(1, 10) ? random_.below(3) : 0);
      if (random_.chance(1, 12)) begin = static_cast<Seq>(random_.below(end + 1));
      const auto ops = static_cast<Seq>(1 + random_.below(3));
      batch.push_back(sample(document, replica, begin, ops, random_.below(300)));
      end = std::max(end, begin + ops);
    }
    auto on_disk = disk_->append(views(batch));
    auto in_memory = memory_.append(views(batch));
    REQUIRE(on_disk.ok() == in_memory.ok());
    if (!on_disk.ok()) {
      CHECK(on_disk.error().code() == in_memory.error().code());
      return;
    }
    CHECK(on_disk->first == in_memory->first);
    CHECK(on_disk->known == in_memory->known);
    CHECK(on_disk->late == in_memory->late);
  }

  void set_status() {
    if (!random_.chance(1, 3)) return;
    const DocumentId document = any_document();
    const auto status = static_cast<DocumentStatus>(random_.below(3));
    if (random_.chance(1, 3)) return remove();
    const Status on_disk = disk_->set_status(document, status);
    const Status in_memory = memory_.set_status(document, status);
    CHECK(on_disk.ok() == in_memory.ok());
    if (!on_disk.ok()) CHECK(on_disk.error().code() == ErrorCode::kInvalidArgument);
  }

  /// Deletions of what is there or comes later, time, purging.
  void remove() {
    const DocumentId document = any_document();
    if (random_.chance(1, 2)) {
      Deletion deletion;
      for (std::uint64_t replica = 1; replica <= 3; ++replica)
        deletion.raise({replica}, static_cast<Seq>(random_.below(30)), random_.below(3));
      if (random_.chance(1, 5)) deletion.set_void({1});
      REQUIRE(disk_->mark_deleted(document, deletion).ok());
      REQUIRE(memory_.mark_deleted(document, deletion).ok());
    }
    for (int day = 0; day < 20; ++day) {
      wall_ms_ += kRetentionStepMaxMs;
      CHECK(disk_->note_time(wall_ms_).value() == memory_.note_time(wall_ms_).value());
    }
    CHECK(disk_->purge(document).ok() == memory_.purge(document).ok());
  }

  /// A version that the store covers, or about so.
  VersionVector any_version(const DocumentId& document) {
    VersionVector version;
    const VersionVector whole = memory_.version(document);
    for (const VersionVector::Entry& entry : whole.entries())
      version.set(entry.replica,
                  static_cast<Seq>(random_.below(entry.end + (random_.chance(1, 10) ? 2 : 1))));
    return version;
  }

  void trim() {
    const DocumentId document = any_document();
    const StoredState state{any_version(document), Bytes(random_.below(100))};
    CHECK(disk_->trim(document, state).ok() == memory_.trim(document, state).ok());
  }

  void adopt_state() {
    const DocumentId document = any_document();
    StoredState state{any_version(document), Bytes(random_.below(100))};
    for (std::uint64_t replica = 1; replica <= 3; ++replica)
      if (random_.chance(1, 4))
        state.version.set({replica},
                          state.version.end({replica}) + static_cast<Seq>(random_.below(9)));
    const bool was_adopted = memory_.adopt_state(document, state).ok();
    CHECK(disk_->adopt_state(document, state).ok() == was_adopted);
    if (!was_adopted) return;
    for (std::uint64_t replica = 1; replica <= 3; ++replica) {
      Seq& end = ends_[{document.bytes[0], replica}];
      end = std::max(end, state.version.end({replica}));
    }
  }

  /// Back to a version that cuts no record, or about so.
  void rewrite() {
    const DocumentId document = any_document();
    VersionVector keep = any_version(document);
    if (!random_.chance(1, 4)) {
      const VersionVector cut = keep;
      Status status = memory_.scan_document(document, cut, [&](const RecordView& record) {
        if (record.has_operations() && record.first_seq < cut.end(record.replica))
          keep.set(record.replica, random_.chance(1, 2) ? record.first_seq : record.end());
        return true;
      });
      REQUIRE(status.ok());
    }
    const std::uint64_t replica = 1 + random_.below(3);
    const SampleRecord delta = sample(document.bytes[0], replica, keep.end({replica}),
                                      1 + static_cast<Seq>(random_.below(4)), random_.below(300));
    const SampleRecord next = sample(document.bytes[0], replica, delta.head.end(), 2, 40);
    std::vector<NewRecord> instead{delta.view(), next.view()};
    instead.resize(random_.below(3));
    const bool was_rewritten = memory_.rewrite(document, keep, instead).ok();
    CHECK(disk_->rewrite(document, keep, instead).ok() == was_rewritten);
    if (!was_rewritten) return;
    for (std::uint64_t each = 1; each <= 3; ++each)
      ends_[{document.bytes[0], each}] = memory_.version(document).end({each});
    ++rewrites_;
  }

  void note_peers() {
    std::vector<PeerNote> notes;
    for (std::uint64_t count = random_.below(4); count > 0; --count) {
      const std::uint64_t replica = random_.below(5);
      const std::uint64_t seen_ms = random_.below(1'000);
      notes.push_back({{replica}, random_.next(), random_.next(), random_.next(), seen_ms});
    }
    REQUIRE(disk_->append({}, notes).ok());
    REQUIRE(memory_.append({}, notes).ok());
  }

  void put_state() {
    const DocumentId document = any_document();
    const StoredState state{any_version(document), Bytes(random_.below(5000))};
    const std::uint64_t live = random_.below(state.snapshot.size() + 1);
    const bool was_known = memory_.put_state(document, state, live).ok();
    CHECK(disk_->put_state(document, state, live).ok() == was_known);
  }

  /// A run of records that lie side by side, or of what is none.
  void seal() {
    const DocumentId document = any_document();
    std::map<std::pair<ReplicaId, Seq>, Seq> records;
    REQUIRE(memory_
                .scan_document(document, {},
                               [&](const RecordView& record) {
                                 if (record.has_operations())
                                   records[{record.replica, record.first_seq}] = record.end();
                                 return true;
                               })
                .ok());
    if (records.empty()) return;
    auto first = records.begin();
    std::advance(first, random_.below(records.size()));
    SampleRecord bundle = sample(document.bytes[0], first->first.first.value, first->first.second,
                                 1, random_.below(400));
    bundle.head.kind = RecordKind::kBundle;
    Seq end = first->second;
    for (std::uint64_t more = random_.below(5); more > 0; --more) {
      auto next = records.find({first->first.first, end});
      if (next == records.end()) break;
      end = next->second;
    }
    bundle.head.op_count = end - bundle.head.first_seq + (random_.chance(1, 10) ? 1 : 0);
    CHECK(disk_->seal(bundle.view()).ok() == memory_.seal(bundle.view()).ok());
  }

  Random random_;
  bool loses_derived_;  ///< and with it the states
  Folder folder_;
  MemoryStore memory_;
  std::uint64_t wall_ms_ = 1'700'000'000'000;
  std::unique_ptr<LmdbStore> disk_;
  std::map<std::pair<std::uint8_t, std::uint64_t>, Seq> ends_;
  int rewrites_ = 0;
};

TEST_CASE("a store on disk and one in memory answer alike") {
  const char* given = std::getenv("WEFT_SEED");
  const std::uint64_t first =
      given != nullptr && *given != 0 ? std::strtoull(given, nullptr, 10) : 1;
  int rewrites = 0;
  for (std::uint64_t seed = first; seed < first + 12; ++seed) {
    CAPTURE(seed);
    Both both(seed);
    for (int step = 0; step < 150; ++step) {
      CAPTURE(step);
      both.step();
      both.compare();
    }
    both.verify();
    rewrites += both.rewrites();
  }
  CHECK(rewrites > 12);
}

}  // namespace
}  // namespace weft::test
