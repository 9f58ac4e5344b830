#include "tests/sim/lives.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "storage/documents.h"
#include "tests/sim/ledger.h"
#include "tests/sim/scribble.h"
#include "tests/sim/world/failure.h"
#include "tests/sim/world/world.h"

namespace weft::sim {
namespace {

constexpr std::uint32_t kUids = 2;
constexpr std::uint64_t kConvergeMs = 240'000;

/// What a uid means after so many purges.
DocumentId document_of(std::uint32_t uid, std::uint32_t generation) {
  test::Random random(derived_seed(uid * 1000 + generation, 77));
  DocumentId id;
  for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random.next());
  return id;
}

/// What the file says that jobs import: the same dots wherever it is done.
Bytes seed_of(const DocumentId& id) {
  DocumentOptions options;
  options.id = id;
  options.replica = {std::uint64_t{0x5eed'0000'0000'0000} |
                     static_cast<std::uint64_t>(id.bytes[0])};
  Document document = Document::create(options);
  const Commit commit =
      document.transact([](Transaction& tx) { return tx.root().set("title", "CPU"); }).value();
  return Bytes(commit.delta.begin(), commit.delta.end());
}

class Lived {
 public:
  explicit Lived(const Life& life) : world_(options_of(life)), random_(life.seed + 1) {
    for (std::size_t a = 0; a < world_.size(); ++a)
      for (std::size_t b = a + 1; b < world_.size(); ++b) world_.add_edge(a, b);
  }

  void act(const LifeAction& action);
  void check(LifeOutcome& outcome);

 private:
  struct Edit {
    DocumentId document;
    Dot first;
    bool is_acknowledged = false;
  };

  static World::Options options_of(const Life& life) {
    World::Options options;
    options.seed = life.seed;
    options.peers = life.peers;
    return options;
  }
  std::size_t peer_of(const LifeAction& action) const { return action.peer % world_.size(); }
  DocumentStatus status_of(std::size_t peer, const DocumentId& id, bool& is_known);
  DocumentId target(std::size_t peer, std::uint32_t uid);
  void edit(std::size_t peer, const DocumentId& id);
  void import(std::size_t peer, std::uint32_t uid);
  void remove(std::size_t peer, const DocumentId& id);
  void age(std::size_t peer, std::uint32_t days);
  std::string why_not_converged();
  std::set<Mark> reachable(const DocumentId& id) const;

  World world_;
  test::Random random_;
  std::vector<std::unique_ptr<Edit>> edits_;  ///< by mark, from 1 on
  std::map<std::pair<DocumentId, Dot>, Mark> dots_;
  std::map<DocumentId, std::set<Mark>> seen_;  ///< by people who deleted it
  std::set<DocumentId> deleted_;
  std::uint64_t evictions_ = 0;
  std::vector<std::int64_t> offsets_ms_ = std::vector<std::int64_t>(8);
};

DocumentStatus Lived::status_of(std::size_t peer, const DocumentId& id, bool& is_known) {
  for (const DocumentOverview& overview : world_.node(peer).documents())
    if (overview.document == id) {
      is_known = true;
      return overview.status;
    }
  is_known = false;
  return DocumentStatus::kLive;
}

/// The newest generation of a uid that is not deleted; else what is in the trash; else a new one.
DocumentId Lived::target(std::size_t peer, std::uint32_t uid) {
  std::optional<DocumentId> found;
  bool is_found_deleted = false;
  for (std::uint32_t generation = 0;; ++generation) {
    const DocumentId id = document_of(uid, generation);
    bool is_known = false;
    const DocumentStatus status = status_of(peer, id, is_known);
    if (!is_known) return found ? *found : id;
    if (status == DocumentStatus::kPurged) continue;
    const bool is_deleted = status == DocumentStatus::kDeleted;
    if (is_deleted && world_.peer(peer).store().version(id).empty()) continue;
    if (found && is_deleted && !is_found_deleted) continue;
    found = id;
    is_found_deleted = is_deleted;
  }
}

void Lived::edit(std::size_t peer, const DocumentId& id) {
  const auto mark = static_cast<Mark>(edits_.size() + 1);
  auto made = std::make_unique<Edit>();
  Edit* raw = made.get();
  Result<Commit> commit = world_.node(peer).edit(
      id, [&](Transaction& tx) { return tx.root().set("k" + std::to_string(mark), 1); },
      [raw](Status status) { raw->is_acknowledged = status.ok(); });
  if (!commit.ok()) return;
  raw->document = id;
  raw->first = commit->first;
  edits_.push_back(std::move(made));
  const auto [known, is_new] = dots_.try_emplace({id, commit->first}, mark);
  // A dot whose edit was lost before it was durable and sent may come again.
  expect(is_new || !edits_[known->second - 1]->is_acknowledged, FailureKind::kInvariant,
         "dot " + to_string(commit->first) + " is used twice, by edits " +
             std::to_string(known->second) + " and " + std::to_string(mark));
  known->second = mark;
}

/// A job: what is in the trash and differs in nothing stays there.
void Lived::import(std::size_t peer, std::uint32_t uid) {
  const DocumentId id = target(peer, uid);
  bool is_known = false;
  const DocumentStatus before = status_of(peer, id, is_known);
  Node& node = world_.node(peer);
  if (before == DocumentStatus::kEvicted) return;
  const Status done = node.apply(id, seed_of(id));
  if (before == DocumentStatus::kDeleted || before == DocumentStatus::kPurged) {
    expect(!done.ok(), FailureKind::kInvariant, "an import writes into what is deleted");
    expect(status_of(peer, id, is_known) == before, FailureKind::kInvariant,
           "an import undoes a deletion");
  }
}

void Lived::remove(std::size_t peer, const DocumentId& id) {
  Result<const Document*> shown = world_.node(peer).read(id);
  if (!shown.ok()) return;  // nobody deletes what is not shown
  deleted_.insert(id);
  seen_[id].merge(marks_in(**shown));
  world_.node(peer).set_status(id, DocumentStatus::kDeleted, nullptr);
}

void Lived::age(std::size_t peer, std::uint32_t days) {
  for (std::uint32_t day = 0; day < days && world_.peer(peer).is_up(); ++day) {
    offsets_ms_[peer] += static_cast<std::int64_t>(kRetentionStepMaxMs);
    world_.peer(peer).set_clock_offset_ms(offsets_ms_[peer]);
    bool is_done = false;
    world_.node(peer).empty_trash([&](Status, std::size_t) { is_done = true; });
    world_.run_until([&] { return is_done || !world_.peer(peer).is_up(); }, 20'000, 5);
    if (!is_done) return;
  }
}

void Lived::act(const LifeAction& action) {
  const std::size_t peer = peer_of(action);
  const std::size_t other = action.other % world_.size();
  const std::uint32_t uid = action.other % kUids;
  SimPeer& device = world_.peer(peer);
  const bool is_up = device.is_up() && !device.is_closing();
  switch (action.step) {
    case LifeStep::kEdit:
      if (is_up) edit(peer, target(peer, uid));
      break;
    case LifeStep::kImport:
      if (is_up) import(peer, uid);
      break;
    case LifeStep::kDelete:
      if (is_up) remove(peer, target(peer, uid));
      break;
    case LifeStep::kRestore:
      if (is_up) world_.node(peer).set_status(target(peer, uid), DocumentStatus::kLive, nullptr);
      break;
    case LifeStep::kEvict:
      if (is_up)
        world_.node(peer).set_status(target(peer, uid), DocumentStatus::kEvicted,
                                     [this](Status status) {
                                       if (status.ok()) ++evictions_;
                                     });
      break;
    case LifeStep::kAge:
      if (is_up) age(peer, action.amount);
      break;
    case LifeStep::kPowerCut:
      if (device.is_up()) device.power_cut(action.amount % 2 == 0);
      break;
    case LifeStep::kShutDown:
      if (is_up) device.shut_down();
      break;
    case LifeStep::kStart:
      if (!device.is_up()) world_.start(peer);
      break;
    case LifeStep::kLink:
      if (peer != other) world_.set_cut(peer, other, false);
      break;
    case LifeStep::kUnlink:
      if (peer != other) world_.set_cut(peer, other, true);
      break;
    case LifeStep::kWait:
      break;
  }
  world_.run_ms(action.step == LifeStep::kWait ? action.amount : action.amount % 50);
}

std::string Lived::why_not_converged() {
  for (std::size_t i = 0; i < world_.size(); ++i) {
    if (!world_.peer(i).is_up()) return "a device is down";
    if (!world_.node(i).is_flushed()) return "a device has something to store";
    for (std::size_t j = i + 1; j < world_.size(); ++j)
      if (!world_.is_linked(i, j)) return "two devices are not linked";
    for (const LinkStatus& link : world_.node(i).status().links)
      if (link.state != LinkState::kLive && link.state != LinkState::kEnded)
        return "a link is not live: " + link.words;
  }
  std::map<DocumentId, DocumentOverview> first;
  for (std::size_t i = 0; i < world_.size(); ++i)
    for (const DocumentOverview& mine : world_.node(i).documents()) {
      if (mine.status == DocumentStatus::kEvicted) continue;
      const auto [known, is_new] = first.try_emplace(mine.document, mine);
      if (is_new) continue;
      auto is_gone = [](const DocumentOverview& each) {
        return each.status == DocumentStatus::kDeleted || each.status == DocumentStatus::kPurged;
      };
      const bool both_gone = is_gone(mine) && is_gone(known->second);
      if (both_gone) continue;
      if (mine.status != known->second.status || mine.version != known->second.version ||
          mine.is_contested != known->second.is_contested)
        return "document " + to_hex(mine.document) +
               " differs: " + status_name(known->second.status) + " " +
               known->second.version.to_string() +
               (known->second.is_contested ? " contested" : "") + "; on device " +
               std::to_string(i) + " " + status_name(mine.status) + " " + mine.version.to_string() +
               (mine.is_contested ? " contested" : "");
    }
  return "";
}

std::set<Mark> Lived::reachable(const DocumentId& id) const {
  std::set<Mark> marks;
  for (std::size_t i = 0; i < world_.size(); ++i)
    marks.merge(marks_on_disk(world_.peer(i), id, &world_.compressor()));
  return marks;
}

void Lived::check(LifeOutcome& outcome) {
  for (std::size_t i = 0; i < world_.size(); ++i) {
    if (world_.peer(i).is_closing())
      world_.run_until([&] { return !world_.peer(i).is_up(); }, 60'000);
    if (!world_.peer(i).is_up()) world_.start(i);
    for (std::size_t j = 0; j < world_.size(); ++j)
      if (i != j) world_.set_cut(i, j, false);
  }
  world_.run_until([&] { return why_not_converged().empty(); }, kConvergeMs, 100);
  const std::string why = why_not_converged();
  expect(why.empty(), FailureKind::kNotConverged, why);
  std::set<DocumentId> purged;
  for (const SeenEvent& seen : world_.events()) {
    if (seen.event.kind == NodeEvent::Kind::kDocumentPurged) {
      ++outcome.purges;
      purged.insert(seen.event.document);
    }
    expect(seen.event.kind != NodeEvent::Kind::kReplicaForked, FailureKind::kFalseReport,
           "a fork is reported: " + seen.event.text);
    expect(seen.event.kind != NodeEvent::Kind::kStoreFailed, FailureKind::kInvariant,
           "a store has failed: " + seen.event.text);
  }
  std::map<DocumentId, std::set<Mark>> held;
  for (const auto& edit : edits_)
    if (!held.contains(edit->document)) held[edit->document] = reachable(edit->document);
  for (std::size_t i = 0; i < edits_.size(); ++i) {
    const Edit& edit = *edits_[i];
    const auto mark = static_cast<Mark>(i + 1);
    if (!edit.is_acknowledged || held[edit.document].contains(mark)) continue;
    const bool was_let_go = purged.contains(edit.document) && seen_[edit.document].contains(mark);
    expect(was_let_go, FailureKind::kLostEdit,
           "edit " + std::to_string(mark) + ", " + to_string(edit.first) + " in document " +
               to_hex(edit.document) + ", was acknowledged and is gone");
  }
  for (std::size_t i = 0; i < world_.size(); ++i) {
    world_.node(i).check_invariants();
    for (const DocumentOverview& overview : world_.node(i).documents()) {
      if (i == 0 && overview.is_contested) ++outcome.contested;
      const bool is_deleted =
          overview.status == DocumentStatus::kDeleted || overview.status == DocumentStatus::kPurged;
      expect(!is_deleted || deleted_.contains(overview.document), FailureKind::kInvariant,
             "document " + to_hex(overview.document) + " is deleted, and nobody has asked for it");
    }
  }
  // What is deleted had been seen by those who deleted it.
  for (std::size_t i = 0; i < world_.size(); ++i)
    for (const DocumentOverview& overview : world_.node(i).documents()) {
      if (overview.status != DocumentStatus::kDeleted) continue;
      for (Mark mark : marks_on_disk(world_.peer(i), overview.document, &world_.compressor()))
        expect(
            seen_[overview.document].contains(mark), FailureKind::kLostEdit,
            "edit " + std::to_string(mark) + " is deleted, and nobody who deleted it had seen it");
    }
  outcome.edits = edits_.size();
  outcome.deletions = deleted_.size();
  outcome.evictions = evictions_;
}

}  // namespace

const char* step_name(LifeStep step) {
  constexpr const char* kNames[] = {"edit",  "import", "delete",    "restore",
                                    "evict", "age",    "power cut", "shut down",
                                    "start", "link",   "unlink",    "wait"};
  return kNames[static_cast<std::size_t>(step)];
}

Life draw_life(std::uint64_t seed) {
  test::Random random(seed * 2 + 1);
  Life life;
  life.seed = seed;
  life.peers = static_cast<std::uint32_t>(2 + random.below(3));
  // How often, of what: editing and waiting most.
  constexpr std::uint32_t kWeights[] = {10, 5, 5, 4, 4, 3, 2, 1, 4, 5, 4, 8};
  std::uint32_t total = 0;
  for (std::uint32_t weight : kWeights) total += weight;
  const std::uint64_t count = 12 + random.below(40);
  for (std::uint64_t i = 0; i < count; ++i) {
    LifeAction action;
    auto left = static_cast<std::uint32_t>(random.below(total));
    std::size_t step = 0;
    while (left >= kWeights[step]) left -= kWeights[step++];
    action.step = static_cast<LifeStep>(step);
    action.peer = static_cast<std::uint32_t>(random.below(life.peers));
    action.other = static_cast<std::uint32_t>(random.below(12));
    action.amount = static_cast<std::uint32_t>(random.below(1'500));
    if (action.step == LifeStep::kAge)
      action.amount = random.chance(2, 3) ? 31 : static_cast<std::uint32_t>(random.below(30));
    life.actions.push_back(action);
  }
  return life;
}

std::string print(const Life& life) {
  std::string text =
      "seed " + std::to_string(life.seed) + ", " + std::to_string(life.peers) + " devices:\n";
  for (const LifeAction& action : life.actions)
    text += std::string("  ") + step_name(action.step) + " " + std::to_string(action.peer) + " " +
            std::to_string(action.other) + " " + std::to_string(action.amount) + "\n";
  return text;
}

LifeOutcome live(const Life& life) {
  LifeOutcome outcome;
  try {
    Lived lived(life);
    for (const LifeAction& action : life.actions) lived.act(action);
    lived.check(outcome);
  } catch (const Failure& failure) {
    outcome.what = std::string(failure_name(failure.kind())) + ": " + failure.what();
  }
  return outcome;
}

Life shrink(Life life) {
  auto kind_of = [](const std::string& what) { return what.substr(0, what.find(':')); };
  const std::string kind = kind_of(live(life).what);
  for (std::size_t size = life.actions.size() / 2; size > 0; size /= 2)
    for (std::size_t at = 0; at + size <= life.actions.size();) {
      Life smaller = life;
      const auto begin = smaller.actions.begin() + static_cast<std::ptrdiff_t>(at);
      smaller.actions.erase(begin, begin + static_cast<std::ptrdiff_t>(size));
      const std::string what = live(smaller).what;
      if (!what.empty() && kind_of(what) == kind) {
        life = std::move(smaller);
      } else {
        at += size;
      }
    }
  return life;
}

}  // namespace weft::sim
