// Power cuts while a document is edited, compacted, trimmed, rewritten, evicted from memory as state, in both modes: what is
// found afterwards is the document at a version no older than what was acknowledged. The disk is a model
// (disk_model.h); the store, LMDB included, is real.

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/document/json_text.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"
#include "tests/histories/harness.h"
#include "tests/histories/isolate.h"
#include "tests/storage/disk_model.h"
#include "tests/support/folder.h"

namespace weft::test {
namespace {

const ZstdCompressor kZstd;
constexpr ReplicaId kAuthor{10};
constexpr ReplicaId kOther{11};

DocumentOptions options_of() {
  DocumentOptions options;
  options.replica = kAuthor;
  options.id.bytes.fill(3);
  options.compressor = &kZstd;
  return options;
}

/// A program that edits one document; the recording is marked with the operations that are acknowledged.
class Editor {
 public:
  Editor(const std::string& folder, std::uint64_t seed, bool relaxed, DiskRecorder& recorder)
      : document(Document::create(options_of())), random_(seed), recorder_(recorder) {
    options_.folder = folder;
    options_.create = true;
    options_.relaxed = relaxed;
  }
  void open() {
    store = LmdbStore::open(options_).value();
    mark();
  }
  void close() {
    store->close().value();
    store.reset();
    acknowledged_ = document.version().end(kAuthor);
    mark();
  }
  void edit(int commits) {
    for (int i = 0; i < commits; ++i) {
      const std::string text(1 + random_.below(40), static_cast<char>('a' + random_.below(26)));
      const std::uint64_t at = random_.below(1 + size_);
      auto commit = document.transact([&](Transaction& tx) -> Status {
        WEFT_TRY(tx.root().set("k", static_cast<std::int64_t>(at)));
        return tx.root().ensure_text("t").insert({static_cast<std::size_t>(at), Unit::kScalar},
                                                 text);
      });
      commit.value();
      size_ += text.size();
      if (i % 3 == 2 || i + 1 == commits) save();
    }
  }
  void flush() {
    store->flush().value();
    acknowledged_ = document.version().end(kAuthor);
    mark();
  }
  void compact() {
    CompactOptions options;
    options.compressor = &kZstd;
    weft::compact(*store, options).value();
  }
  /// An edit that is stored, as state too, and then taken back; one of our own takes its place.
  void rewrite() {
    Document other = document.fork(kOther);
    const Commit theirs =
        other.transact([](Transaction& tx) { return tx.root().set("k", "used already"); }).value();
    taken_back.assign(theirs.delta.begin(), theirs.delta.end());
    store_document(*store, other).value();
    store->flush().value();
    store_state(*store, other).value();
    const VersionVector keep = document.version();
    const Commit ours =
        document.transact([](Transaction& tx) { return tx.root().set("k", "anew"); }).value();
    NewRecord record;
    record_of(document.id(), ours.delta, record).value();
    store->rewrite(document.id(), keep, &record).value();
    rewritten_at = keep.end(kAuthor);
    acknowledged_ = document.version().end(kAuthor);
    mark();
  }
  void trim() { trim_document(*store, document.id(), document.version(), options_of()).value(); }

  Document document;
  std::unique_ptr<LmdbStore> store;
  Bytes taken_back;
  Seq rewritten_at = 0;

 private:
  void save() {
    store_document(*store, document).value();
    if (!options_.relaxed) acknowledged_ = document.version().end(kAuthor);
    mark();
  }
  void mark() { recorder_.mark(acknowledged_); }

  Random random_;
  DiskRecorder& recorder_;
  LmdbStore::Options options_;
  std::size_t size_ = 0;
  Seq acknowledged_ = 0;
};

void use(Editor& editor) {
  editor.open();
  editor.edit(30);
  editor.flush();
  editor.compact();
  editor.edit(10);
  editor.flush();
  store_state(*editor.store, editor.document).value();
  editor.store->catch_up().value();
  editor.edit(10);
  editor.flush();
  editor.rewrite();
  editor.edit(4);
  editor.flush();
  editor.trim();
  editor.edit(10);
  editor.close();
  editor.open();
  editor.compact();
  editor.store->shrink().value();
  editor.edit(10);
  editor.flush();
  editor.close();
}

/// "" if the store is one that may be found after a cut.
std::string check_image(const std::string& folder, const Editor& editor, Seq acknowledged) {
  const Document& whole = editor.document;
  LmdbStore::Options options;
  options.folder = folder;
  options.create = acknowledged == 0;
  auto store = LmdbStore::open(options);
  if (!store.ok()) return "does not open: " + store.error().message();
  auto bad = (*store)->verify();
  if (!bad.ok()) return "verify: " + bad.error().message();
  if (!bad->empty()) return "verify: " + (*bad)[0].error.message();
  const VersionVector version = (*store)->version(whole.id());
  if (version.end(kAuthor) < acknowledged) return "has only " + version.to_string();
  if (version.empty()) return "";
  if (version.end(kOther) > 0 && version.end(kAuthor) != editor.rewritten_at)
    return "what was taken back is there at " + version.to_string();
  const std::string expected = print_json(whole.at(version).value().to_json().value());
  for (auto open : {open_document, open_latest}) {
    auto document = open(**store, whole.id(), options_of());
    if (!document.ok()) return "the document does not open: " + document.error().message();
    if (!(document->version() == version)) return "the document has another version than the store";
    if (print_json(document->to_json().value()) != expected)
      return "the document holds something else";
  }
  return "";
}

std::string cut_power(bool relaxed, std::uint64_t seed, std::uint64_t count) {
  Outcome outcome = run_isolated([&](Progress& progress) {
    Folder folder(fast_parent());
    DiskRecorder recorder(folder.path());
    Editor editor(folder.path() + "/store", seed, relaxed, recorder);
    {
      bench::FileCallScope scope(recorder);
      use(editor);
    }
    editor.document.apply(editor.taken_back).value();  // so that it can show every version
    Random random(seed);
    std::vector<std::size_t> cuts;
    for (std::uint64_t i = 0; i < count; ++i)
      cuts.push_back(random.below(recorder.events().size() + 1));
    std::ranges::sort(cuts);
    DiskModel model(recorder.events(), DiskModel::Options());
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      progress.store(i + 1);
      model.advance(cuts[i]);
      Folder image(fast_parent());
      model.build(random, image.path());
      std::string wrong =
          check_image(image.path() + "/store", editor, static_cast<Seq>(model.mark()));
      if (!wrong.empty())
        return wrong + "\n(cut before event " + std::to_string(cuts[i]) + " of " +
               std::to_string(recorder.events().size()) + ")";
    }
    return std::string();
  });
  if (outcome.ok) return "";
  return "seed " + std::to_string(seed) + ", image " + std::to_string(outcome.progress) + ": " +
         outcome.report + "\nagain: WEFT_SEED=" + std::to_string(seed) +
         " build/release/weft_crash_tests -sf=*power_cut_document_test.cc";
}

constexpr std::uint64_t kImagesPerRecording = 100;

std::string cut_recordings(bool relaxed, std::uint64_t count) {
  for (std::uint64_t done = 0; done < count; done += kImagesPerRecording) {
    std::string report = cut_power(relaxed, first_seed() + done / kImagesPerRecording,
                                   std::min(count - done, kImagesPerRecording));
    if (!report.empty()) return report;
  }
  return "";
}

TEST_CASE("a document survives power cuts while it is edited, compacted and trimmed") {
  CHECK(cut_recordings(false, scaled_count(1'000)) == "");
}

TEST_CASE("a relaxed store keeps through power cuts what was flushed") {
  CHECK(cut_recordings(true, scaled_count(1'000)) == "");
}

}  // namespace
}  // namespace weft::test
