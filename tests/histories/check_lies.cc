#include "tests/histories/check_lies.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "crdt/document/document.h"
#include "tests/histories/delta_log.h"
#include "tests/histories/editor.h"
#include "tests/histories/failure.h"
#include "tests/histories/lie.h"
#include "tests/histories/world.h"
#include "tests/oracle/validity.h"

namespace weft::test {
namespace {

/// A delta as it went out to the others.
struct Sent {
  Bytes bytes;
  Dot first;
  std::string lie;        ///< what was changed; "" for an honest one
  std::string invalid;    ///< why the oracle refuses it
  bool stranded = false;  ///< follows on something that is refused or never comes
  bool disowned = false;  ///< the truth came later, under the same dots
};

/// Who reads deltas and keeps book of what became of them.
class Reader {
 public:
  explicit Reader(DocumentOptions options) : document(Document::create(std::move(options))) {}

  void receive(const Sent& sent) {
    Bytes before = document.snapshot();
    std::size_t waiting = document.pending().size();
    Result<ApplyReport> report = document.apply(sent.bytes);
    if (report.ok()) return;
    expect(document.snapshot() == before && document.pending().size() == waiting,
           "a refused delta changes the document: " + sent.lie + ", " + report.error().message());
    ErrorCode code = report.error().code();
    expect(code == ErrorCode::kInvalidDelta || code == ErrorCode::kForkedReplica,
           "refused with another code: " + report.error().message());
  }
  /// "applied", "waits" or "refused".
  std::string fate(const Sent& sent) const {
    if (document.version().contains(sent.first)) return "applied";
    for (const PendingDelta& pending : document.pending())
      if (pending.first == sent.first) return "waits";
    return "refused";
  }

  Document document;
};

class LyingWorld {
 public:
  LyingWorld(const Script& script, AfterRefusal after)
      : script_(script), after_(after), random_(script.seed ^ 0x11e5) {
    for (std::uint32_t i = 0; i < script.replicas; ++i) {
      DocumentOptions options = reader_options(0);
      options.replica = script_replica(i);
      options.undo_depth = 100;
      readers_.push_back(std::make_unique<Reader>(options));
      received_.emplace_back();
    }
  }

  void run() {
    for (const Action& action : script_.actions) run_action(action);
  }

  const LieCounts& counts() const { return counts_; }

  void check() {
    std::vector<std::unique_ptr<Reader>> all;
    for (std::uint32_t i = 1; i < script_.replicas; ++i) {
      deliver_rest(*readers_[i], received_[i]);
      all.push_back(std::move(readers_[i]));
    }
    for (std::uint64_t i = 0; i < 3; ++i) {
      all.push_back(std::make_unique<Reader>(reader_options(0x100 + i)));
      deliver_rest(*all.back(), {});
    }
    // And one that meets everything in the order in which it was made.
    all.push_back(std::make_unique<Reader>(reader_options(0x200)));
    for (const Sent& sent : sent_) all.back()->receive(sent);
    for (const auto& reader : all) check_reader(*reader, *all.front());
    check_relayed(*all.front());
  }

 private:
  static constexpr std::uint32_t kLiar = 0;

  void run_action(const Action& action) {
    Reader& reader = *readers_[action.replica];
    VersionVector before = reader.document.version();
    switch (action.kind) {
      case ActionKind::kEdit:
      case ActionKind::kEditEach:
        return edit(action);
      case ActionKind::kUndo:
        (void)reader.document.undo();
        break;
      case ActionKind::kRedo:
        (void)reader.document.redo();
        break;
      case ActionKind::kSync:
        sync(action);
        return;
      default:
        return;
    }
    send(action.replica, before);
  }

  void edit(const Action& action) {
    for (const Edit& edit : action.edits) {
      Document& document = readers_[action.replica]->document;  // a lie puts another in its place
      VersionVector before = document.version();
      Result<Commit> commit = document.transact([&](Transaction& tx) {
        Editor editor(edit);
        for (std::size_t i = editor.steps(); i > 0; --i) editor.step(tx);
      });
      expect(commit.ok(), "a commit fails");
      send(action.replica, before);
    }
  }

  /// What `replica` has made since `before` goes out, or a lie about it.
  void send(std::uint32_t replica, const VersionVector& before) {
    Result<std::vector<Bytes>> made = readers_[replica]->document.deltas_since(before);
    expect(made.ok(), "deltas_since fails");
    for (const Bytes& bytes : *made) {
      std::optional<Lie> lie;
      if (replica == kLiar && !ended_ && random_.chance(1, 2))
        for (int tries = 0; tries < 4 && !lie.has_value(); ++tries)
          lie = tell_lie(bytes, log_, random_);
      Sent sent;
      sent.bytes = lie.has_value() ? lie->bytes : bytes;
      if (lie.has_value()) sent.lie = lie->what;
      judge(sent, replica == kLiar && ended_);
      std::size_t number = sent_.size();
      sent_.push_back(sent);
      received_[replica].insert(number);
      bool taken = sent.invalid.empty() && !sent.stranded;
      if (lie.has_value()) {
        ++(taken ? counts_.valid : sent.stranded ? counts_.stranded : counts_.invalid);
        if (taken) {
          go_on_from_lie();
        } else if (!sent.stranded && after_ == AfterRefusal::kTellsTruth) {
          send_truth(bytes);
          continue;
        }
      }
      if (replica == kLiar && !taken) ended_ = true;
    }
  }

  void send_truth(const Bytes& bytes) {
    sent_.back().disowned = true;
    Sent sent;
    sent.bytes = bytes;
    judge(sent, false);
    received_[kLiar].insert(sent_.size());
    sent_.push_back(sent);
  }

  void judge(Sent& sent, bool stranded) {
    Result<Batch> batch = decode_delta(sent.bytes);
    sent.first = {batch->author(), batch->first_seq};
    sent.stranded = stranded;
    if (stranded) return;
    try {
      KnownDelta delta = log_.read(sent.bytes);
      sent.invalid = why_invalid(log_.oracle(), delta.ops);
      if (sent.invalid.empty()) log_.add(sent.bytes);
    } catch (const Failure& failure) {
      expect(!sent.lie.empty(), std::string("an honest delta is not readable: ") + failure.what());
      sent.stranded = true;  // a dependency that will never be, or a gap
    }
  }

  /// The liar forgets what it really did and reads its own lie.
  void go_on_from_lie() {
    DocumentOptions options = reader_options(0);
    options.replica = script_replica(kLiar);
    options.undo_depth = 100;
    auto reader = std::make_unique<Reader>(options);
    for (std::size_t number : received_[kLiar]) reader->receive(sent_[number]);
    readers_[kLiar] = std::move(reader);
  }

  void sync(const Action& action) {
    Reader& to = *readers_[action.replica];
    std::vector<std::size_t> numbers;
    for (std::size_t number : received_[action.from]) {
      // Nobody but its author passes on what it has refused or keeps waiting.
      bool passes = action.from == kLiar || readers_[action.from]->fate(sent_[number]) == "applied";
      if (passes && !received_[action.replica].contains(number)) numbers.push_back(number);
    }
    if (action.mode == SyncMode::kPrefix) numbers.resize(action.amount % (numbers.size() + 1));
    if (action.mode == SyncMode::kShuffled) shuffle_and_repeat(numbers, random_);
    for (std::size_t number : numbers) {
      to.receive(sent_[number]);
      received_[action.replica].insert(number);
    }
  }

  void deliver_rest(Reader& reader, const std::set<std::size_t>& received) {
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < sent_.size(); ++i)
      if (!received.contains(i)) numbers.push_back(i);
    shuffle_and_repeat(numbers, random_);
    for (std::size_t number : numbers) reader.receive(sent_[number]);
  }

  void check_reader(const Reader& reader, const Reader& first) const {
    for (const Sent& sent : sent_) {
      if (sent.disowned) continue;
      std::string expected = !sent.invalid.empty() ? "refused"
                             : sent.stranded       ? "waits"
                                                   : "applied";
      std::string what = to_string(sent.first) +
                         (sent.lie.empty() ? "" : " with a lie about its " + sent.lie) +
                         (sent.invalid.empty() ? "" : " (" + sent.invalid + ")");
      expect_equal(expected, reader.fate(sent), "fate of " + what);
    }
    expect_equal(render(log_.oracle().to_json()), render(reader.document.to_json().value()),
                 "JSON among lies");
    expect(reader.document.snapshot() == first.document.snapshot(), "snapshots differ among lies");
    reader.document.check_invariants();
  }

  /// What an honest replica passes on is taken whole by the next.
  void check_relayed(const Reader& from) const {
    Document bundled = Document::create(reader_options(0x300));
    std::vector<Bytes> bundles = from.document.bundles_since({}).value();
    std::vector<ByteSpan> spans(bundles.begin(), bundles.end());
    Result<ApplyReport> report = bundled.apply_bundles(spans);
    expect(report.ok() && report->refused == 0, "bundles of an honest replica are refused");
    expect(bundled.snapshot() == from.document.snapshot(),
           "bundles of an honest replica lead elsewhere");
  }

  Script script_;
  AfterRefusal after_;
  LieCounts counts_;
  Random random_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::set<std::size_t>> received_;  ///< by replica: numbers in sent_
  std::vector<Sent> sent_;
  DeltaLog log_;        ///< what is valid
  bool ended_ = false;  ///< nobody takes more of the liar's log
};

}  // namespace

LieCounts check_lies(const Script& script, AfterRefusal after) {
  LyingWorld world(script, after);
  world.run();
  world.check();
  return world.counts();
}

namespace {

/// What is comparable about a document that refused something. Not what waits: of a bundle nothing
/// behind a refused member is kept.
std::string state_of(const Document& document) {
  VersionVector version = document.version();
  std::string chains;
  for (const VersionVector::Entry& entry : version.entries())
    chains += " " + std::to_string(document.chain(entry.replica));
  return version.to_string() + ", chains" + chains + ", " + render(document.to_json().value());
}

}  // namespace

void check_lying_bundle(const Script& script) {
  World world(script, {});
  world.run();
  const DeltaLog& log = world.log();
  Random random(script.seed ^ 0xb0d1e);
  if (log.deltas().empty()) return;
  Document full = Document::create(reader_options(1));
  for (const KnownDelta& delta : log.deltas()) full.apply(delta.bytes).value();

  std::vector<Bytes> bundles = full.bundles_since({}).value();
  std::vector<Bytes> rows;
  std::string lies;
  const std::size_t surely = random.below(bundles.size());
  for (std::size_t i = 0; i < bundles.size(); ++i) {
    std::optional<LyingBundle> lie;
    if (i == surely || random.chance(1, 2)) lie = tell_lie_in_bundle(bundles[i], log, random);
    if (lie.has_value()) {
      lies += (lies.empty() ? "" : "; ") + lie->what;
      bundles[i] = lie->bundle;
      rows.insert(rows.end(), lie->rows.begin(), lie->rows.end());
      continue;
    }
    const ReplicaId author = read_bundle_info(bundles[i])->author;
    for (const KnownDelta& delta : log.deltas())
      if (delta.first.replica == author) rows.push_back(delta.bytes);
  }
  if (lies.empty()) return;

  Document one_by_one = Document::create(reader_options(2));
  for (const Bytes& row : rows) (void)one_by_one.apply(row);
  one_by_one.check_invariants();
  std::string expected = state_of(one_by_one);

  std::vector<ByteSpan> spans(bundles.begin(), bundles.end());
  auto check = [&](Document& document, const std::string& who) {
    document.check_invariants();
    expect_equal(expected, state_of(document), who + ", lies about " + lies);
    expect(document.snapshot() == one_by_one.snapshot(), who + ": snapshot, lies about " + lies);
  };
  Document shuffled = Document::create(reader_options(6));
  std::vector<Bytes> any_order = rows;
  shuffle_and_repeat(any_order, random);
  for (const Bytes& row : any_order) (void)shuffled.apply(row);
  check(shuffled, "deltas with a lie, in any order");
  Document empty = Document::create(reader_options(3));
  (void)empty.apply_bundles(spans);
  for (ByteSpan bundle : spans) (void)empty.apply_bundle(bundle);
  check(empty, "bundles with a lie, together");
  Document singly = Document::create(reader_options(4));
  shuffle_and_repeat(spans, random);
  for (ByteSpan bundle : spans) (void)singly.apply_bundle(bundle);
  check(singly, "bundles with a lie, one after the other");
  Document begun = Document::create(reader_options(5));
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (random.chance(1, 4)) (void)begun.apply(rows[i]);
  (void)begun.apply_bundles(spans);
  for (ByteSpan bundle : spans) (void)begun.apply_bundle(bundle);
  check(begun, "bundles with a lie, on top of some deltas");
}

}  // namespace weft::test
