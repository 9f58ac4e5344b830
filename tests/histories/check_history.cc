#include "tests/histories/check_history.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tests/histories/check_time.h"
#include "tests/histories/check_views.h"
#include "tests/histories/failure.h"

namespace weft::test {
namespace {

/// What the oracle says about the whole history.
struct Expected {
  explicit Expected(const Oracle& oracle) : json(render(oracle.to_json())) {
    for (const OracleConflict& conflict : oracle.conflicts()) conflicts += line(conflict);
  }
  static std::string line(const OracleConflict& conflict) {
    std::string result = conflict.path + ": " + to_string(conflict.winner) + " over";
    for (const Dot& loser : conflict.losers) result += " " + to_string(loser);
    return result + "; ";
  }

  std::string json;
  std::string conflicts;
  std::string all_conflicts;  ///< of all kinds, as the first document that was looked at lists them
  Bytes snapshot;             ///< of the first document that was looked at
};

void check_write(const WriteInfo& info, const Oracle& oracle, const std::string& who) {
  const OracleOp& op = oracle.ops().at(info.dot);
  expect(info.stamp == op.stamp(), who + ": a write's stamp is not the oracle's: " + describe(op));
  expect(info.weight == Weight{op.weight(), op.dot.replica},
         who + ": a write's weight is not the oracle's: " + describe(op));
  expect(info.erased == (op.kind == OracleKind::kMapErase),
         who + ": a write says erased: " + describe(op));
  expect(info.committed_at_ms == op.committed_at_ms,
         who + ": a write's time is wrong: " + describe(op));
  expect(info.message == op.message, who + ": a write's message is wrong: " + describe(op));
  bool plain = op.kind == OracleKind::kMapSet || op.kind == OracleKind::kListInsert ||
               op.kind == OracleKind::kListSet;
  if (plain && !op.value.child.has_value())
    expect_equal(render(op.value.json), render(info.json), who + ": a write's value");
}

void check_conflicts(const Document& document, Expected& expected, const DeltaLog& log,
                     const std::string& who) {
  std::vector<OracleConflict> found;
  bool whole_history = document.base().empty();
  for (const Conflict& conflict : document.conflicts().value()) {
    if (conflict.kind != Conflict::Kind::kConcurrentWrites) continue;
    if (whole_history) check_write(conflict.winner, log.oracle(), who);
    OracleConflict& same = found.emplace_back();
    same.path = conflict.path;
    same.winner = conflict.winner.dot;
    for (const WriteInfo& loser : conflict.losers) {
      if (whole_history) check_write(loser, log.oracle(), who);
      same.losers.push_back(loser.dot);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  std::string lines;
  for (const OracleConflict& conflict : found) lines += Expected::line(conflict);
  expect_equal(expected.conflicts, lines, who + ": conflicts");
  std::string all;
  for (const Conflict& conflict : document.conflicts().value()) {
    all += std::to_string(static_cast<int>(conflict.kind)) + " " + conflict.path + " " +
           to_string(conflict.winner.dot);
    for (const WriteInfo& loser : conflict.losers) all += " " + to_string(loser.dot);
    all += "; ";
  }
  if (expected.all_conflicts.empty()) expected.all_conflicts = all;
  expect_equal(expected.all_conflicts, all, who + ": conflicts of all kinds");
}

void check_document(const Document& document, Expected& expected, const DeltaLog& log,
                    const std::string& who) {
  expect(past_of(document.version()) == log.version(), who + ": is at another version");
  expect(document.pending().empty(), who + ": deltas still wait");
  expect_equal(expected.json, render(document.to_json().value()), who + ": JSON");
  check_conflicts(document, expected, log, who);
  document.check_invariants();
  Bytes snapshot = document.snapshot();
  if (expected.snapshot.empty()) expected.snapshot = snapshot;
  expect(snapshot == expected.snapshot, who + ": snapshot bytes differ from the first replica's");
}

Document read_deltas(const std::vector<const KnownDelta*>& deltas) {
  Document document = Document::create(reader_options(1));
  for (const KnownDelta* delta : deltas) must(document.apply(delta->bytes), "apply");
  return document;
}

std::vector<const KnownDelta*> all_deltas(const DeltaLog& log) {
  return log.missing({}, log.version());
}

void apply_bundles(Document& document, const std::vector<Bytes>& bundles) {
  std::vector<ByteSpan> spans(bundles.begin(), bundles.end());
  must(document.apply_bundles(spans), "apply_bundles");
}

/// Fresh documents that get everything, each in its own way.
class Deliveries {
 public:
  Deliveries(World& world, const Document& full, Expected& expected, Random& random)
      : world_(world), log_(world.log()), full_(full), expected_(expected), random_(random) {}

  void run() {
    check(read_deltas(all_deltas(log_)), "one by one");
    bundled();
    bundled_from_a_moment();
    from_snapshots();
    by_file();
    forked();
    deltas_are_given_back();
  }
  void shuffled() {
    auto deltas = all_deltas(log_);
    shuffle_and_repeat(deltas, random_);
    check(read_deltas(deltas), "shuffled and repeated");
  }

 private:
  void check(const Document& document, const std::string& who) {
    check_document(document, expected_, log_, who);
  }

  void bundled() {
    Document document = Document::create(reader_options(2));
    apply_bundles(document, must(full_.bundles_since({}), "bundles_since"));
    check(document, "all bundles at once");
    Document singly = Document::create(reader_options(2));
    for (const Bytes& bundle : must(full_.bundles_since({}), "bundles_since"))
      must(singly.apply_bundle(bundle), "apply_bundle");
    // A bundle may end in deltas that wait for a bundle that comes later; they must not be lost.
    check(singly, "bundle after bundle");
  }

  void bundled_from_a_moment() {
    for (const World::Moment& moment : world_.moments()) {
      if (!random_.chance(1, 3)) continue;
      Document document = read_deltas(log_.missing({}, moment.version));
      apply_bundles(document, must(full_.bundles_since(document.version()), "bundles_since"));
      check(document, "bundles on top of " + to_string(moment.version));
    }
  }

  void from_snapshots() {
    Document loaded = must(Document::load(full_.snapshot(), reader_options(3)), "load");
    expect(past_of(loaded.base()) == log_.version(),
           "base() of a loaded snapshot is not its version");
    check(loaded, "loaded snapshot");
    Result<Bytes> history = loaded.export_history();
    expect(history.ok() ? log_.deltas().empty() : history.error().code() == ErrorCode::kNeedHistory,
           "a loaded snapshot exports a history");
    for (const World::Moment& moment : world_.moments()) {
      if (!random_.chance(1, 3)) continue;
      Document document = must(Document::load(moment.snapshot, reader_options(3)), "load");
      expect(past_of(document.version()) == moment.version, "a snapshot's version");
      auto rest = log_.missing(moment.version, log_.version());
      shuffle_and_repeat(rest, random_);
      if (apply_unless_history_is_needed(document, rest))
        check(document, "snapshot at " + to_string(moment.version) + " and deltas");
    }
  }

  /// What was erased before a snapshot is not in it; a revoke can't bring it back there.
  static bool apply_unless_history_is_needed(Document& document,
                                             const std::vector<const KnownDelta*>& deltas) {
    for (const KnownDelta* delta : deltas) {
      Result<ApplyReport> report = document.apply(delta->bytes);
      bool revokes = std::any_of(delta->ops.begin(), delta->ops.end(),
                                 [](const OracleOp& op) { return op.kind == OracleKind::kRevoke; });
      if (!report.ok() && report.error().code() == ErrorCode::kNeedHistory && revokes) return false;
      expect(must(std::move(report), "apply on a snapshot").refused == 0,
             "an honest delta that waited is refused on a snapshot");
    }
    return true;
  }

  void by_file() {
    Bytes file = must(full_.export_history(), "export_history");
    Document opened = must(Document::open_file(file, reader_options(4)), "open_file");
    check(opened, "history file");
    expect(must(opened.export_history(), "export_history") == file,
           "a history file changes by opening");
    auto deltas = all_deltas(log_);
    shuffle_and_repeat(deltas, random_);
    deltas.resize(random_.below(deltas.size() + 1));
    Document half = read_deltas(deltas);
    must(half.apply_history(file), "apply_history");
    check(half, "history file on top of some deltas");
    Document snapshot = must(Document::open_file(full_.snapshot(), reader_options(4)), "open_file");
    check(snapshot, "snapshot file");
  }

  void forked() {
    Document fork = full_.fork({0xf0});
    expect(fork.replica() == ReplicaId{0xf0}, "a fork's replica");
    check(fork, "fork");
    Result<Commit> commit = fork.transact([](Transaction& tx) {
      (void)tx.root().ensure_text("t").insert(scalar(0), "fork");
      (void)tx.root().set("fork", 1);
    });
    Document other = read_deltas(all_deltas(log_));
    must(other.apply(must(std::move(commit), "a fork's commit").delta), "a fork's delta");
    expect_equal(render(fork.to_json().value()), render(other.to_json().value()), "a fork goes on");
    expect(fork.snapshot() == other.snapshot(), "a fork's snapshot after an edit");
    check(full_, "the document that was forked");
  }

  void deltas_are_given_back() {
    std::vector<Bytes> given = must(full_.deltas_since({}), "deltas_since");
    std::vector<Bytes> known;
    for (const KnownDelta& delta : log_.deltas()) known.push_back(delta.bytes);
    Document in_order = Document::create(reader_options(5));
    for (const Bytes& bytes : given)
      expect(must(in_order.apply(bytes), "apply").pending == 0,
             "deltas_since is not in causal order");
    std::sort(given.begin(), given.end());
    std::sort(known.begin(), known.end());
    expect(given == known, "deltas_since gives other bytes than were committed");
  }

  World& world_;
  const DeltaLog& log_;
  const Document& full_;
  Expected& expected_;
  Random& random_;
};

}  // namespace

void check_history(const Script& script, WorldOptions options) {
  World world(script, options);
  world.run();
  const DeltaLog& log = world.log();
  Expected expected(log.oracle());
  Random random(script.seed ^ 0xde11);
  for (std::size_t i = 0; i < world.size(); ++i) {
    world.complete(i);
    check_document(world.document(i), expected, log, "replica " + std::to_string(i));
  }
  Document full = read_deltas(all_deltas(log));
  Deliveries deliveries(world, full, expected, random);
  deliveries.shuffled();
  if (!options.thorough) return;
  deliveries.run();
  check_views(full, log.oracle(), random, "views");
  check_time(world, full, random);
}

}  // namespace weft::test
