#include "tests/histories/check_time.h"

#include <algorithm>
#include <string>
#include <utility>

#include "crdt/document/apply_patches.h"
#include "tests/histories/check_views.h"
#include "tests/histories/editor.h"
#include "tests/histories/failure.h"
#include "tests/histories/mirror.h"

namespace weft::test {
namespace {

class TimeCheck {
 public:
  TimeCheck(const World& world, const Document& full, Random& random)
      : log_(world.log()), full_(full), random_(random) {
    versions_.push_back({});
    versions_.push_back(log_.version());
    for (const World::Moment& moment : world.moments()) versions_.push_back(moment.version);
    for (int i = 0; i < 3; ++i) {  // ones that nobody was at
      Past merged = pick_version();
      merged.merge(pick_version());
      versions_.push_back(merged);
    }
    std::size_t deltas = log_.deltas().size();
    for (int i = 0; i < 3 && deltas != 0; ++i)
      versions_.push_back(log_.deltas()[random_.below(deltas)].version);
  }

  void run() {
    for (int i = 0; i < 5; ++i) check_checkout(pick_version());
    for (int i = 0; i < 5; ++i) {
      Past from = pick_version();
      Past to = pick_version();
      check_diff(from, to);
      check_made_anew(from, to);
    }
    check_no_version();
    check_log();
    check_causality();
    check_register_history();
  }

 private:
  Past pick_version() { return versions_[random_.below(versions_.size())]; }
  Oracle oracle_at(const Past& version) const { return log_.oracle().restricted_to(version); }

  void check_checkout(const Past& version) {
    std::string where = "checkout at " + to_string(version);
    Document document = must(full_.at(vector_of(version)), where);
    expect(past_of(document.version()) == version, where + ": its version");
    expect_equal(render(oracle_at(version).to_json()), render(document.to_json().value()), where);
    check_views(document, oracle_at(version), random_, where);
    Document direct = Document::create(reader_options(1));
    for (const KnownDelta* delta : log_.missing({}, version))
      must(direct.apply(delta->bytes), "apply");
    expect(direct.snapshot() == document.snapshot(), where + ": its snapshot");
    Result<Transaction> begun = document.begin();
    expect(!begun.ok() && begun.error().code() == ErrorCode::kReadOnly, where + " can be edited");
  }

  /// Deltas are never cut, and nothing comes without its past.
  void check_no_version() {
    for (const KnownDelta& delta : log_.deltas()) {
      Past cut = delta.past;
      cut.add_up_to(delta.first.replica, delta.first.seq + 1);
      if (delta.op_count > 1) expect_no_version(cut);
      Past alone;
      alone.add_up_to(delta.first.replica, delta.first.seq + delta.op_count);
      if (alone != delta.version) expect_no_version(alone);
    }
    Past unknown = log_.version();
    unknown.add_up_to({0x77}, 1);
    expect_no_version(unknown);
  }
  void expect_no_version(const Past& version) {
    Result<Document> document = full_.at(vector_of(version));
    expect(!document.ok(), "a checkout of what is no version: " + to_string(version));
    expect(document.error().code() == ErrorCode::kNotFound,
           "a checkout of what is no version: " + document.error().message());
  }

  void check_diff(const Past& from, const Past& to) {
    std::string what = "diff from " + to_string(from) + " to " + to_string(to);
    auto unit = static_cast<Unit>(random_.below(3));
    Mirror mirror(must(full_.at(vector_of(from)), what), unit);
    for (const Patch& patch : must(full_.diff(vector_of(from), vector_of(to), unit), what))
      mirror.apply(patch);
    Document target = must(full_.at(vector_of(to)), what);
    mirror.settle_by_path(target);
    expect_equal(render(oracle_at(to).to_json()), render(mirror.json()), what);
  }

  /// What a diff reports, written by another replica, leads to the same; everyone takes what it wrote.
  void check_made_anew(const Past& from, const Past& to) {
    const std::string what = "changes from " + to_string(from) + " to " + to_string(to) + " anew";
    const Document before = must(full_.at(vector_of(from)), what);
    const Document after = must(full_.at(vector_of(to)), what);
    std::vector<Patch> patches = must(full_.diff(vector_of(from), vector_of(to)), what);
    if (random_.chance(1, 2)) patches = must(after.diff(before), what);
    Document copy = before.fork({0x99});
    const Result<Commit> commit =
        copy.transact([&](Transaction& tx) { return apply_patches(tx, patches, after); });
    expect(commit.ok(), what + ": " + (commit.ok() ? "" : commit.error().message()));
    expect((commit->op_count == 0) == patches.empty(), what + ": nothing for patches");
    expect_equal(render(after.to_json().value()), render(copy.to_json().value()), what);
    const std::vector<FoundContainer> expected = reachable_containers(after.root());
    const std::vector<FoundContainer> made = reachable_containers(copy.root());
    const bool alike = std::ranges::equal(expected, made, [](const auto& a, const auto& b) {
      return a.path == b.path && a.kind == b.kind;
    });
    expect(alike, what + ": containers of other kinds");
    copy.check_invariants();
    Document reader = full_.fork({0x98});
    if (commit->op_count > 0) must(reader.apply(commit->delta), what + ": another replica");
  }

  void check_log() {
    std::vector<const KnownDelta*> expected = log_.missing({}, log_.version());
    std::sort(expected.begin(), expected.end(), [](const KnownDelta* a, const KnownDelta* b) {
      return Stamp{a->first_hlc, a->first.replica} < Stamp{b->first_hlc, b->first.replica};
    });
    std::vector<DeltaInfo> listed = full_.log();
    expect(listed.size() == expected.size(), "log() has another length");
    for (std::size_t i = 0; i < listed.size(); ++i) {
      const DeltaInfo& info = listed[i];
      const KnownDelta& delta = *expected[i];
      expect(info.first == delta.first && info.op_count == delta.op_count,
             "log() has another order than the stamps: at " + to_string(delta.first));
      expect(info.stamp == Stamp{delta.first_hlc, delta.first.replica} &&
                 info.committed_at_ms == delta.committed_at_ms && info.message == delta.message,
             "log() tells another stamp, time or message of " + to_string(delta.first));
    }
  }

  void check_causality() {
    for (int i = 0; i < 3; ++i) {
      Past version = pick_version();
      Frontier frontier = full_.frontier_of(vector_of(version)).value();
      for (const Dot& a : frontier)
        for (const Dot& b : frontier)
          expect(a == b || !log_.oracle().ops().at(a).past.contains(b),
                 "a frontier is no antichain");
      Past back = past_of(must(full_.version_of(frontier), "version_of"));
      expect(back == version,
             "version_of(frontier_of(" + to_string(version) + ")) is " + to_string(back));
    }
    const auto& ops = log_.oracle().ops();
    for (int i = 0; i < 10 && !ops.empty(); ++i) {
      const OracleOp& a =
          std::next(ops.begin(), static_cast<std::ptrdiff_t>(random_.below(ops.size())))->second;
      const OracleOp& b =
          std::next(ops.begin(), static_cast<std::ptrdiff_t>(random_.below(ops.size())))->second;
      bool before = must(full_.happened_before(a.dot, b.dot), "happened_before");
      expect(before == b.past.contains(a.dot),
             "happened_before(" + to_string(a.dot) + ", " + to_string(b.dot) + ")");
    }
    if (!ops.empty()) {
      Result<bool> unknown = full_.happened_before({{0x77}, 0}, ops.begin()->first);
      expect(!unknown.ok() && unknown.error().code() == ErrorCode::kNotFound,
             "an unknown dot is known");
    }
  }

  void check_register_history() {
    const Oracle& oracle = log_.oracle();
    for (const ReachableContainer& container : oracle.containers()) {
      if (container.kind != ContainerKind::kMap) continue;
      for (const std::string& key : oracle.keys(container.name)) {
        if (!random_.chance(1, 4)) continue;
        std::string path = container.path + "/" + pointer_token(key);
        std::string expected, got;
        for (const OracleOp* write : oracle.key_writes(container.name, key))
          expected += to_string(write->dot) + " ";
        for (const WriteInfo& write : must(full_.history(path), "history of " + path))
          got += to_string(write.dot) + " ";
        expect_equal(expected, got, "history of " + path);
      }
    }
  }

  const DeltaLog& log_;
  const Document& full_;
  Random& random_;
  std::vector<Past> versions_;
};

}  // namespace

void check_time(const World& world, const Document& full, Random& random) {
  TimeCheck(world, full, random).run();
}

}  // namespace weft::test
