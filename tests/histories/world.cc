#include "tests/histories/world.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/histories/editor.h"
#include "tests/histories/failure.h"
#include "tests/oracle/validity.h"

namespace weft::test {
namespace {

std::string json_of(const Document& document) { return render(document.to_json().value()); }

}  // namespace

ReplicaId script_replica(std::uint32_t number) {
  // The fourth is a seed's id: it writes rows of version 1, which have no weight.
  constexpr std::uint64_t kIds[] = {0xb, 0xa, 0xc, kSeedRange << 48 | 0xe, 0xd};
  return {kIds[number % 5]};
}

DocumentOptions reader_options(std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  options.id.bytes[0] = 7;
  return options;
}

World::World(const Script& script, WorldOptions options)
    : script_(script), options_(options), random_(script.seed ^ 0x5eed), log_(options.rule) {
  for (std::uint32_t i = 0; i < script.replicas; ++i) {
    Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
    peer.number = i;
    peer.document = Document::create(options_of(peer));
    watch(peer);
  }
}

DocumentOptions World::options_of(Peer& peer) {
  DocumentOptions options = reader_options(0);
  options.replica = script_replica(peer.number);
  options.undo_depth = 100;
  if (script_.clock != ClockMode::kNone) options.now_ms = [&peer] { return peer.now_ms; };
  return options;
}

void World::run() {
  bool is_long = script_.actions.size() > 60;
  for (const Action& action : script_.actions) {
    run_action(action);
    Peer& peer = *peers_[action.replica];
    if (options_.thorough && (!is_long || random_.chance(1, 10))) check_peer(peer);
    if (random_.chance(1, 4))
      moments_.push_back({past_of(peer.document->version()),
                          options_.thorough ? peer.document->snapshot() : Bytes{}});
  }
}

void World::run_action(const Action& action) {
  now_ms_ += action.pause_ms;
  Peer& peer = *peers_[action.replica];
  set_clock(peer, action.replica, action);
  switch (action.kind) {
    case ActionKind::kEdit:
    case ActionKind::kEditEach:
      return run_edit(peer, action);
    case ActionKind::kAbandon:
      return abandon(peer, action);
    case ActionKind::kUndo:
      return undo_or_redo(peer, false);
    case ActionKind::kRedo:
      return undo_or_redo(peer, true);
    case ActionKind::kRestore:
      return restore(peer, action);
    case ActionKind::kSync:
      return sync(peer, *peers_[action.from], action);
    case ActionKind::kReload:
      return reload(peer);
  }
}

/// Mostly near the true time; else hours, days or years ahead of it, or unknown.
std::uint64_t World::wrong_time(std::uint64_t now_ms, std::uint32_t amount) {
  constexpr std::uint64_t kHourMs = 3'600'000;
  constexpr std::array<std::uint64_t, 12> kAheadHours = {0,  0,  0,  0,       0,  1,
                                                         23, 24, 25, 110'000, 47, 24 * 365};
  const std::uint64_t pick = amount % 13;
  if (pick == kAheadHours.size()) return 0;
  return now_ms + kAheadHours[pick] * kHourMs + amount % 3;
}

void World::set_clock(Peer& peer, std::size_t replica, const Action& action) {
  peer.now_ms = now_ms_;
  if (script_.clock == ClockMode::kSkewed) peer.now_ms += replica * 5'000;
  if (script_.clock == ClockMode::kJumping) peer.now_ms += action.amount % 7 * 1'000;
  if (script_.clock == ClockMode::kWrong) peer.now_ms = wrong_time(now_ms_, action.amount);
}

// --- edits

void World::run_edit(Peer& peer, const Action& action) {
  if (action.kind == ActionKind::kEdit) {
    transact(peer, [&](Transaction& tx) {
      for (const Edit& edit : action.edits) {
        Editor editor(edit);
        for (std::size_t i = editor.steps(); i > 0; --i) editor.step(tx);
      }
    });
    return;
  }
  for (const Edit& edit : action.edits) {
    Editor editor(edit);
    for (std::size_t i = editor.steps(); i > 0; --i)
      transact(peer, [&](Transaction& tx) { editor.step(tx); });
  }
}

void World::transact(Peer& peer, const std::function<void(Transaction&)>& body) {
  Past before = past_of(peer.document->version());
  std::string json_before = options_.thorough ? json_of(*peer.document) : "";
  TransactionOptions options;
  if (random_.chance(1, 8)) options.message = "message";
  Result<Commit> commit = peer.document->transact(options, body);
  expect(commit.ok(), "a commit fails: " + commit.error().message());
  if (commit->op_count == 0) {
    expect(commit->delta.empty(), "an empty transaction makes a delta");
    expect(past_of(peer.document->version()) == before, "an empty transaction makes a version");
    return;
  }
  learn(peer, commit->delta, before);
  const KnownDelta& delta = log_.deltas().back();
  expect(delta.first == commit->first && delta.op_count == commit->op_count,
         "a commit's dot and count are not its delta's");
  expect(delta.message == options.message, "a delta lost its message");
  peer.redo.clear();
  if (options_.thorough) peer.undo.push_back({json_before, json_of(*peer.document)});
}

/// Takes up a delta that `peer`, at `before`, has made.
void World::learn(Peer& peer, ByteSpan bytes, const Past& before) {
  const KnownDelta& delta = log_.add(bytes);
  expect(delta.first.replica == peer.document->replica(), "a delta of somebody else");
  expect(delta.past == before, "a delta's dependencies lead to " + to_string(delta.past) +
                                   ", its author was at " + to_string(before));
  expect(past_of(peer.document->version()) == delta.version, "a commit leaves another version");
  if (options_.thorough)
    expect_equal("", why_invalid(log_.oracle(), delta.ops), "an honest delta is invalid");
}

void World::abandon(Peer& peer, const Action& action) {
  Bytes before = peer.document->snapshot();
  std::string json = json_of(*peer.document);
  Result<Transaction> begun = peer.document->begin();
  expect(begun.ok(), "a transaction does not begin");
  {
    Transaction tx = std::move(begun).value();
    for (const Edit& edit : action.edits) {
      Editor editor(edit);
      for (std::size_t i = editor.steps(); i > 0; --i) editor.step(tx);
    }
    if (action.amount % 3 == 0) tx.rollback();
    if (action.amount % 3 == 1) {
      tx.fail(Error(ErrorCode::kInvalidArgument, "on purpose"));
      Result<Commit> commit = tx.commit();
      expect(!commit.ok() && commit.error().code() == ErrorCode::kInvalidArgument,
             "a failed transaction commits");
    }
  }
  expect_equal(json, json_of(*peer.document), "an abandoned transaction leaves traces");
  expect(peer.document->snapshot() == before, "an abandoned transaction changes the snapshot");
}

void World::undo_or_redo(Peer& peer, bool redo) {
  std::size_t depth = redo ? peer.document->redo_size() : peer.document->undo_size();
  VersionVector version = peer.document->version();
  Past before = past_of(version);
  Result<UndoReport> report = redo ? peer.document->redo() : peer.document->undo();
  if (depth == 0) {
    expect(!report.ok() && report.error().code() == ErrorCode::kNothingToUndo,
           "undo of nothing works");
    return;
  }
  expect(report.ok(), "undo fails: " + (report.ok() ? "" : report.error().message()));
  Result<std::vector<Bytes>> made = peer.document->deltas_since(version);
  expect(made.ok() && made->size() <= 1, "undo does not make one delta");
  if (!made->empty()) learn(peer, made->front(), before);
  auto& from = redo ? peer.redo : peer.undo;
  auto& to = redo ? peer.undo : peer.redo;
  if (from.empty()) return forget_steps(peer);  // one that was forgotten
  Step step = from.back();
  from.pop_back();
  if (report->skipped != 0) return forget_steps(peer);
  const std::string& expected = redo ? step.after : step.before;
  expect_equal(expected, json_of(*peer.document),
               redo ? "redo leads elsewhere" : "undo leads elsewhere");
  to.push_back(step);
}

void World::forget_steps(Peer& peer) {
  peer.undo.clear();
  peer.redo.clear();
}

void World::restore(Peer& peer, const Action& action) {
  std::vector<std::string> maps;
  for (const FoundContainer& found : reachable_containers(peer.document->root()))
    if (found.kind == ContainerKind::kMap) maps.push_back(found.path);
  std::string path =
      maps[action.amount / 8 % maps.size()] + "/" + pointer_token(script_key(action.amount));
  Past before = past_of(peer.document->version());
  std::string json = json_of(*peer.document);
  Result<Commit> commit = peer.document->restore(path);
  if (!commit.ok() || commit->op_count == 0) {
    expect_equal(json, json_of(*peer.document), "a restore that did nothing changes something");
    expect(past_of(peer.document->version()) == before,
           "a restore that did nothing makes a version");
    return;
  }
  learn(peer, commit->delta, before);
  Result<Value> value = peer.document->get(path);
  expect(value.ok() && value->is_container(), "restore shows no child at " + path);
  peer.redo.clear();
  if (options_.thorough) peer.undo.push_back({json, json_of(*peer.document)});
}

void World::reload(Peer& peer) {
  Bytes snapshot = peer.document->snapshot();
  std::string json = json_of(*peer.document);
  Result<Document> loaded = Document::load(snapshot, options_of(peer));
  expect(loaded.ok(), "a snapshot does not load: " + (loaded.ok() ? "" : loaded.error().message()));
  peer.observer = Observer();
  peer.document = std::move(loaded).value();
  peer.whole_history = peer.document->version().empty();
  expect_equal(json, json_of(*peer.document), "a loaded snapshot shows something else");
  expect(peer.document->snapshot() == snapshot, "a loaded snapshot has other bytes");
  forget_steps(peer);
  watch(peer);
}

// --- giving deltas to a replica

void World::sync(Peer& peer, Peer& from, const Action& action) {
  Past have = past_of(peer.document->version());
  std::vector<const KnownDelta*> deltas = log_.missing(have, past_of(from.document->version()));
  if (deltas.empty()) return;
  if (action.mode == SyncMode::kBundles && from.whole_history) {
    Result<std::vector<Bytes>> bundles = from.document->bundles_since(peer.document->version());
    expect(bundles.ok(), "bundles_since fails");
    std::vector<ByteSpan> spans(bundles->begin(), bundles->end());
    Result<ApplyReport> report = peer.document->apply_bundles(spans);
    if (!report.ok() && fetch_history(peer, report.error()))
      report = peer.document->apply_bundles(spans);
    expect(report.ok(), "apply_bundles fails: " + (report.ok() ? "" : report.error().message()));
    expect(report->refused == 0 && report->dropped == 0, "honest deltas are refused");
    Past expected = have;
    expected.merge(past_of(from.document->version()));
    expect(past_of(peer.document->version()).covers(expected), "a bundle is applied in part");
    forget_steps(peer);
    return;
  }
  if (action.mode == SyncMode::kPrefix) deltas.resize(action.amount % (deltas.size() + 1));
  if (action.mode == SyncMode::kShuffled) shuffle_and_repeat(deltas, random_);
  deliver(peer, deltas);
}

void World::deliver(Peer& peer, const std::vector<const KnownDelta*>& deltas) {
  if (!deltas.empty()) forget_steps(peer);
  for (const KnownDelta* delta : deltas) {
    Past before = past_of(peer.document->version());
    Result<ApplyReport> report = peer.document->apply(delta->bytes);
    if (!report.ok() && fetch_history(peer, report.error())) {
      before = past_of(peer.document->version());
      report = peer.document->apply(delta->bytes);
    }
    expect(report.ok(), "an honest delta is refused: " + to_string(delta->first) + " " +
                            (report.ok() ? "" : report.error().message()));
    expect(report->refused == 0 && report->dropped == 0, "an honest delta that waited is refused");
    bool known = before.contains(delta->first);
    bool ready = before.covers(delta->past);
    expect(known   ? report->duplicate == 1
           : ready ? report->applied >= 1
                   : report->pending <= 1,
           "an apply report is wrong for " + to_string(delta->first));
    expect(past_of(peer.document->version()).contains(delta->first) == (known || ready),
           "a delta is applied before its dependencies, or not when they are there");
  }
}

bool World::fetch_history(Peer& peer, const Error& error) {
  if (error.code() != ErrorCode::kNeedHistory || peer.whole_history) return false;
  std::vector<const KnownDelta*> known = log_.missing({}, past_of(peer.document->version()));
  for (const PendingDelta& pending : peer.document->pending())
    known.push_back(log_.find(pending.first));
  peer.observer = Observer();
  peer.document = Document::create(options_of(peer));
  for (const KnownDelta* delta : known)
    expect(peer.document->apply(delta->bytes).ok(), "an honest delta is refused");
  peer.whole_history = true;
  forget_steps(peer);
  watch(peer);
  return true;
}

void World::complete(std::size_t replica) {
  Peer& peer = *peers_[replica];
  std::vector<const KnownDelta*> deltas =
      log_.missing(past_of(peer.document->version()), log_.version());
  shuffle_and_repeat(deltas, random_);
  deliver(peer, deltas);
}

// --- watching

void World::watch(Peer& peer) {
  if (!options_.thorough) return;
  auto unit = static_cast<Unit>(peer.number % 3);
  peer.mirror = Mirror(*peer.document, unit);
  auto callback = [&peer](const Patch& patch) {
    if (!peer.mirror_fault.empty()) return;
    try {
      peer.mirror.apply(patch);
      peer.mirror.settle(*peer.document);
    } catch (const Failure& failure) {
      peer.mirror_fault = failure.what();  // not through the engine's frames
    }
  };
  peer.observer = peer.document->observe(callback, "", unit);
}

void World::check_peer(Peer& peer) {
  Past version = past_of(peer.document->version());
  std::string json = json_of(*peer.document);
  expect_equal(render(log_.oracle().restricted_to(version).to_json()), json,
               "a replica shows something else than the oracle at " + to_string(version));
  expect(peer.mirror_fault.empty(), peer.mirror_fault);
  expect_equal(json, render(peer.mirror.json()), "patches lead elsewhere");
  peer.document->check_invariants();
}

}  // namespace weft::test
