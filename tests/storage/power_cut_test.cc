// What a power cut at any moment leaves of a store: it opens without repair, has every batch that was
// acknowledged, and no batch in part. The disk is a model (disk_model.h); the store, LMDB included, is real.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/lmdb_store.h"
#include "tests/histories/harness.h"
#include "tests/histories/isolate.h"
#include "tests/storage/disk_model.h"
#include "tests/storage/written.h"
#include "tests/support/folder.h"

namespace weft::test {
namespace {

constexpr std::uint64_t kImagesPerRecording = 100;

/// A program that uses a store; how many records are acknowledged it marks in the recording.
class Workload {
 public:
  Workload(std::string folder, std::uint64_t seed, DiskRecorder& recorder)
      : random(seed), folder_(std::move(folder)), recorder_(recorder) {}
  void open() {
    LmdbStore::Options options;
    options.folder = folder_;
    options.create = true;
    store = LmdbStore::open(options).value();
    recorder_.mark(written.record_count());
  }
  void append(std::uint64_t records_max, std::uint64_t payload_bytes_max) {
    store->append(written.add_batch(random, records_max, payload_bytes_max)).value();
    recorder_.mark(written.record_count());
  }

  Random random;
  std::unique_ptr<LmdbStore> store;
  Written written;

 private:
  std::string folder_;
  DiskRecorder& recorder_;
};

// --- steps of a workload ---

using Step = std::function<void(Workload&)>;

Step open() {
  return [](Workload& work) { work.open(); };
}
Step close() {
  return [](Workload& work) {
    work.store->close().value();
    work.store.reset();
  };
}
Step append(int batches, std::uint64_t records_max, std::uint64_t payload_bytes_max) {
  return [=](Workload& work) {
    for (int i = 0; i < batches; ++i) work.append(records_max, payload_bytes_max);
  };
}

Step catch_up() {
  return [](Workload& work) { work.store->catch_up().value(); };
}
Step shrink() {
  return [](Workload& work) { work.store->shrink().value(); };
}

/// Commits of keystrokes, of batches and of values on overflow pages; enough that freed pages are used again.
std::vector<Step> usual_steps() {
  return {open(),
          append(30, 1, 60),
          append(10, 4, 600),
          append(5, 2, 20'000),
          close(),
          open(),
          append(20, 20, 300),
          append(5, 3, 9'000),
          close(),
          open(),
          append(20, 2, 2'500),
          close()};
}

/// The same with what a store does besides.
std::vector<Step> upkeep_steps() {
  return {open(),     append(20, 4, 600),  catch_up(), append(5, 3, 300), shrink(),
          catch_up(), append(5, 3, 9'000), shrink(),   close(),           open(),
          catch_up(), append(10, 3, 300),  catch_up(), append(3, 1, 60),  close()};
}

// --- recordings ---

struct Recording {
  std::vector<DiskEvent> events;
  Written written;
};

Recording record(const std::vector<Step>& steps, std::uint64_t seed) {
  Folder folder(fast_parent());
  DiskRecorder recorder(folder.path());
  Workload workload(folder.path() + "/store", seed, recorder);
  {
    bench::FileCallScope scope(recorder);
    for (const Step& step : steps) step(workload);
  }
  return {recorder.events(), std::move(workload.written)};
}

// --- images ---

/// "" if the store in `folder` is one that may be found after a cut.
std::string check_image(const std::string& folder, const Written& written,
                        std::size_t acknowledged) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = acknowledged == 0;
  {
    auto store = LmdbStore::open(options);
    if (!store.ok()) return "does not open: " + store.error().message();
    if (!(*store)->damaged().empty()) return (*store)->damaged()[0].error.message();
    auto bad = (*store)->verify();
    if (!bad.ok()) return "verify: " + bad.error().message();
    if (!bad->empty()) return "verify: " + (*bad)[0].error.message();
    std::string wrong = written.compare(**store, acknowledged);
    if (!wrong.empty()) return wrong;
    const SampleRecord more = sample(99, 9, 0, 1, 5'000);
    const NewRecord view = more.view();
    auto appended = (*store)->append({&view, 1});
    if (!appended.ok()) return "append: " + appended.error().message();
  }
  options.create = false;
  auto store = LmdbStore::open(options);
  if (!store.ok()) return "does not open again: " + store.error().message();
  DocumentId document;
  document.bytes.fill(99);
  if ((*store)->version(document).end({9}) != 1) return "what was appended after the cut is gone";
  return "";
}

enum class Phase : std::uint8_t { kMaking, kInUse };  ///< before and after the first open

std::vector<std::size_t> random_cuts(const std::vector<DiskEvent>& events, Phase phase,
                                     std::uint64_t count, Random& random) {
  const auto first_mark = std::ranges::find(events, DiskEvent::Kind::kMark, &DiskEvent::kind);
  const auto made = static_cast<std::size_t>(first_mark - events.begin()) + 1;
  const std::size_t begin = phase == Phase::kMaking ? 0 : made;
  const std::size_t end = phase == Phase::kMaking ? made : events.size() + 1;
  std::vector<std::size_t> cuts;
  for (std::uint64_t i = 0; i < count; ++i) cuts.push_back(begin + random.below(end - begin));
  std::ranges::sort(cuts);
  return cuts;
}

/// Cuts the power `count` times. "" if every image passes.
std::string cut_power(const std::vector<Step>& steps, Phase phase, std::uint64_t seed,
                      std::uint64_t count, DiskModel::Options options) {
  Outcome outcome = run_isolated([&](Progress& progress) {
    const Recording recording = record(steps, seed);
    Random random(seed);
    const std::vector<std::size_t> cuts = random_cuts(recording.events, phase, count, random);
    DiskModel model(recording.events, options);
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      progress.store(i + 1);
      model.advance(cuts[i]);
      Folder folder(fast_parent());
      model.build(random, folder.path());
      std::string wrong = check_image(folder.path() + "/store", recording.written, model.mark());
      if (!wrong.empty())
        return wrong + "\n(cut before event " + std::to_string(cuts[i]) + " of " +
               std::to_string(recording.events.size()) + ")";
    }
    return std::string();
  });
  if (outcome.ok) return "";
  return "seed " + std::to_string(seed) + ", image " + std::to_string(outcome.progress) + " of " +
         std::to_string(count) + ": " + outcome.report +
         "\nagain: WEFT_SEED=" + std::to_string(seed) +
         " build/release/weft_crash_tests -sf=*power_cut_test.cc";
}

/// "" if every image of `count` passes, from a few recordings.
std::string cut_recordings(const std::vector<Step>& steps, std::uint64_t count) {
  for (std::uint64_t done = 0; done < count; done += kImagesPerRecording) {
    std::string report =
        cut_power(steps, Phase::kInUse, first_seed() + done / kImagesPerRecording,
                  std::min(count - done, kImagesPerRecording), DiskModel::Options());
    if (!report.empty()) return report;
  }
  return "";
}

TEST_CASE("a store survives power cuts at any moment") {
  CHECK(cut_recordings(usual_steps(), scaled_count(1'000)) == "");
}

TEST_CASE("a store survives power cuts while it derives and shrinks") {
  CHECK(cut_recordings(upkeep_steps(), scaled_count(1'000)) == "");
}

// LMDB writes a new file's two head pages without a flush; cut there, the head would look damaged. And what
// ext4, xfs and btrfs do unasked with the entries of folders, POSIX does not promise.
TEST_CASE("a power cut while a store is made leaves one that opens") {
  std::string report = cut_power({open()}, Phase::kMaking, first_seed(), 400, DiskModel::Options());
  CHECK(report == "");
}

TEST_CASE("a store needs no more of a filesystem than POSIX promises") {
  std::string report = cut_power(usual_steps(), Phase::kInUse, first_seed(), 100,
                                 {.names = DiskModel::Names::kStrict});
  CHECK(report == "");
}

TEST_CASE("a disk that ignores flushes loses what was acknowledged, and the model shows it") {
  const std::string report =
      cut_power(usual_steps(), Phase::kInUse, 1, 30, {.flushes_work = false});
  CHECK(report != "");
}

TEST_CASE("a disk that ignores synchronous writes loses what was acknowledged") {
  const std::string report =
      cut_power(usual_steps(), Phase::kInUse, 1, 30, {.synchronous_writes_work = false});
  CHECK(report.find("lost: ") != std::string::npos);
}

TEST_CASE("the recorded workloads use pages again, have values on several pages, replace files") {
  const Recording recording = record(usual_steps(), first_seed());
  std::map<std::uint64_t, int> writes;
  bool is_long = false;
  for (const DiskEvent& event : recording.events) {
    if (event.kind != DiskEvent::Kind::kWrite || !event.path.ends_with("data.mdb")) continue;
    for (std::uint64_t at = event.offset; at < event.offset + event.data.size(); at += 4096)
      ++writes[at / 4096];
    is_long = is_long || event.data.size() > 5 * 4096;
  }
  int reused = 0;
  for (const auto& [page, count] : writes) reused += page >= 2 && count >= 3 ? 1 : 0;
  CHECK(reused > 20);
  CHECK(is_long);
  int replaced = 0;
  for (const DiskEvent& event : record(upkeep_steps(), first_seed()).events)
    replaced +=
        event.kind == DiskEvent::Kind::kRename && event.target.ends_with("data.mdb") ? 1 : 0;
  CHECK(replaced >= 2);
}

}  // namespace
}  // namespace weft::test
