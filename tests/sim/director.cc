#include "tests/sim/director.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "storage/compact.h"
#include "tests/sim/world/failure.h"

namespace weft::sim {
namespace {

constexpr std::size_t kBackupsMax = 3;
constexpr std::uint64_t kClonesMax = 2;

std::uint64_t between(std::uint32_t pick, std::uint64_t least, std::uint64_t most) {
  return least + pick % (most - least + 1);
}

/// Is it neither evicted nor deleted there?
bool is_kept(const Store& store, const DocumentId& id) {
  Result<std::optional<DocumentUsage>> held = store.document(id);
  return held.ok() && (!*held || (*held)->status == DocumentStatus::kLive);
}

MarkPlace place_of_marks(const Plan& plan) {
  return plan.has(Trait::kUndo) ? MarkPlace::kRoot : MarkPlace::kAnywhere;
}

}  // namespace

World::Options world_options(const Plan& plan) {
  World::Options options;
  options.seed = derived_seed(plan.seed, 4);
  options.peers = 0;
  options.backoff_ms_max = 1'000;
  return options;
}

DocumentId document_of(const Plan& plan, std::uint32_t number) {
  test::Random random(derived_seed(plan.seed, 5'000 + number));
  DocumentId id;
  for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random.next());
  return id;
}

Director::Director(const Plan& plan, World& world, Ledger& ledger, Report& report)
    : plan_(plan),
      world_(world),
      ledger_(ledger),
      report_(report),
      random_(derived_seed(plan.seed, 6)) {
  set_up_peers();
  set_up_edges();
}

// --- the world as it is at the begin ---

void Director::set_up_peers() {
  for (std::uint32_t i = 0; i < plan_.peers; ++i) {
    SimPeer& peer = world_.add_peer();
    set_up_model(peer);
    if (plan_.has(Trait::kClocks) && i == 1) peer.set_wall_ms(0);
    world_.start(i);
  }
}

void Director::set_up_model(SimPeer& peer) {
  constexpr std::array<std::uint64_t, 3> kHeartbeatsMs = {250, 500, 1'000};
  PeerModel& model = peer.model();
  model.heartbeat_ms = kHeartbeatsMs[random_.below(kHeartbeatsMs.size())];
  // Longer than every other end's heartbeat, by far.
  model.timeout_ms = 3'500;
  model.tick_ms = 40 + random_.below(60);
  model.coalesce_ms = random_.chance(1, 3) ? 20 + random_.below(30) : 0;
  if (plan_.has(Trait::kSlowFlushes)) model.flush.slow_in_10000 = 200;
  if (plan_.has(Trait::kSmallCaches)) {
    model.open_documents_max = 1 + random_.below(2);
    model.credit_bytes = std::uint64_t{256} << 10;
    model.pending_bytes_max = std::size_t{16} << 10;
    model.commit_bytes_max = std::size_t{64} << 10;
  }
}

void Director::set_up_edges() {
  // A tree, so that all hang together, and some more: from a line to everybody with everybody.
  std::uint64_t density = random_.below(5);
  for (std::size_t to = 1; to < world_.size(); ++to) {
    std::size_t from = random_.below(to);
    for (std::size_t other = 0; other < to; ++other) {
      bool wanted = random_.below(4) < density;
      if (other != from && !wanted) continue;
      if (random_.chance(1, 2))
        world_.add_edge(other, to);
      else
        world_.add_edge(to, other);
    }
  }
}

void Director::set_up_paths() {
  test::Random random(derived_seed(plan_.seed, 7));
  auto rate = [&](Trait trait, std::uint32_t in_10000) {
    auto drawn = static_cast<std::uint32_t>(1 + random.below(in_10000));
    return plan_.has(trait) ? drawn : 0;
  };
  world_.set_paths([&](PathModel& path) {
    path.delay_us = 100 + random.below(20'000);
    path.jitter_us = random.below(10'000);
    path.lost = rate(Trait::kLoss, 150);
    path.doubled = rate(Trait::kDuplicates, 400);
    path.overtaken = rate(Trait::kReordering, 150);
    path.garbled = rate(Trait::kGarbage, 60);
    std::uint64_t bytes_per_second = 4'000 + random.below(40'000);
    bool is_slow = random.chance(1, 3);
    path.bytes_per_second = plan_.has(Trait::kSlowLinks) && is_slow ? bytes_per_second : 0;
    if (path.bytes_per_second != 0) path.delay_us += 100'000;
  });
}

// --- the phases ---

void Director::run() {
  set_up_paths();
  for (const Step& step : plan_.steps) {
    std::uint64_t now_ms = world_.timeline().now_ms();
    if (step.at_ms > now_ms) world_.run_ms(step.at_ms - now_ms);
    take(step);
  }
  world_.run_ms(random_.below(500));
}

void Director::heal() {
  is_healed_ = true;
  // A better network comes with new links: what waits for a slow cable would wait on.
  Network& network = world_.network();
  for (LinkNumber link : network.open_links())
    for (std::size_t side = 0; side < 2; ++side)
      if (network.path(network.endpoint(link, side), network.endpoint(link, 1 - side))
              .bytes_per_second != 0)
        network.reset(link);
  world_.set_paths([](PathModel& path) { path = PathModel(); });
  for (const auto& [path, count] : blocks_)
    if (count != 0) world_.network().set_blocked(path.first, path.second, false);
  blocks_.clear();
  for (std::size_t i = 0; i < world_.size(); ++i) {
    SimPeer& peer = world_.peer(i);
    peer.model().flush = FlushModel();
    peer.store().set_full(false);
    start_after_ms(i, 0);
  }
  world_.run_until(
      [&] {
        for (std::size_t i = 0; i < world_.size(); ++i)
          if (!world_.peer(i).is_up() || world_.peer(i).is_closing()) return false;
        return true;
      },
      10'000);
  keep_where_needed();
}

/// Whoever gave a document up does not pass it on: the others have to hang together without these.
void Director::keep_where_needed() {
  for (std::uint32_t number = 0; number < plan_.documents; ++number) {
    DocumentId id = document_of(plan_, number);
    std::set<std::size_t> evicted;
    for (std::size_t i = 0; i < world_.size(); ++i)
      for (const DocumentOverview& overview : world_.node(i).documents())
        if (overview.document == id && overview.status == DocumentStatus::kEvicted)
          evicted.insert(i);
    if (evicted.size() == 1 && random_.chance(1, 2)) {
      std::set<std::size_t> reached, next;
      next.insert(evicted.contains(0) ? 1 : 0);
      while (!next.empty()) {
        std::size_t at = *next.begin();
        next.erase(next.begin());
        if (!reached.insert(at).second) continue;
        for (std::size_t i = 0; i < world_.size(); ++i)
          if (!evicted.contains(i) && world_.has_edge(at, i)) next.insert(i);
      }
      if (reached.size() + evicted.size() == world_.size()) continue;
    }
    for (std::size_t peer : evicted) ledger_.keep(peer, id);
  }
}

// --- steps ---

void Director::take(const Step& step) {
  test::Random random(derived_seed(plan_.seed, 2'000'000 + step.number));
  switch (step.kind) {
    case StepKind::kEdit:
      return edit(step, random);
    case StepKind::kBurst:
      return burst(step);
    case StepKind::kLargeEdit:
      return edit_large(step, random);
    case StepKind::kUndo: {
      std::size_t peer = some_peer(step.picks[0]);
      if (peer != world_.size() && ledger_.undo(peer, some_document(step.picks[1])))
        say(step, peer);
      return;
    }
    case StepKind::kPresence:
      return say_presence(step);
    case StepKind::kTrim:
      return trim(step);
    case StepKind::kSeal:
      return seal(step);
    case StepKind::kEvict:
    case StepKind::kKeep:
    case StepKind::kDelete: {
      std::size_t peer = some_peer(step.picks[0]);
      if (peer == world_.size()) return;
      DocumentId document = some_document(step.picks[1]);
      say(step, peer, to_hex(document));
      if (step.kind == StepKind::kEvict && !ledger_.is_deletion_asked(document))
        return ledger_.evict(peer, document);
      if (step.kind == StepKind::kDelete && !ledger_.is_evicted(peer, document))
        return ledger_.delete_everywhere(peer, document);
      if (step.kind != StepKind::kKeep) return;
      if (ledger_.is_deletion_asked(document) && !ledger_.is_evicted(peer, document))
        return ledger_.restore(peer, document);
      ledger_.keep(peer, document);
      return;
    }
    case StepKind::kPowerCut:
      return cut_power(step);
    case StepKind::kShutDown:
      return shut_down(step);
    case StepKind::kReset:
      return reset(step);
    case StepKind::kPartition:
      return part(step);
    case StepKind::kOneWay:
      return block_one_way(step);
    case StepKind::kFullDisk:
      return fill_disk(step);
    case StepKind::kBackup:
      return back_up(step);
    case StepKind::kRollback:
      return roll_back(step);
    case StepKind::kClone:
      return make_clone(step);
    case StepKind::kClockJump:
      return set_clock(step);
    case StepKind::kLook:
      return look(step);
  }
}

void Director::edit(const Step& step, test::Random& random) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  DocumentId document = some_document(step.picks[1]);
  say(step, peer, to_hex(document));
  for (std::uint64_t left = between(step.picks[2], 1, 4); left > 0; --left)
    ledger_.edit(peer, document, [&](Transaction& tx, Mark mark) {
      return scribble(tx, mark, place_of_marks(plan_), random);
    });
}

void Director::burst(const Step& step) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  DocumentId document = some_document(step.picks[1]);
  say(step, peer, to_hex(document));
  std::uint64_t count = between(step.picks[2], 8, 30);
  auto random = std::make_shared<test::Random>(derived_seed(plan_.seed, 3'000'000 + step.number));
  for (std::uint64_t i = 0; i < count; ++i)
    world_.timeline().after_ms(i * between(step.picks[3], 1, 50), [this, peer, document, random] {
      if (is_healed_ || !world_.peer(peer).is_up()) return;
      ledger_.edit(peer, document, [&](Transaction& tx, Mark mark) {
        return scribble(tx, mark, place_of_marks(plan_), *random);
      });
    });
}

void Director::edit_large(const Step& step, test::Random& random) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  say(step, peer);
  std::size_t bytes = between(step.picks[2], 100'000, 300'000);
  ledger_.edit(peer, some_document(step.picks[1]),
               [&](Transaction& tx, Mark mark) { return scribble_large(tx, mark, bytes, random); });
}

void Director::say_presence(const Step& step) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  std::uint32_t words[] = {step.number, step.picks[2]};
  Status status =
      world_.node(peer).set_presence(some_document(step.picks[1]), std::as_bytes(std::span(words)),
                                     static_cast<std::uint32_t>(between(step.picks[3], 0, 2'000)));
  if (status.ok()) say(step, peer);
}

void Director::trim(const Step& step) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  DocumentId document = some_document(step.picks[1]);
  Result<const Document*> shown = world_.node(peer).read(document);
  if (!shown.ok() || !can_trim(document, (*shown)->version())) return;
  say(step, peer, to_hex(document));
  trimmed_[document].merge((*shown)->version());
  world_.node(peer).trim(document, [](Status) {});
}

/// Two states of which neither covers the other are brought together by nobody but a device that has both: whoever trims
/// has to have seen what others have trimmed. (In time the roster will see to that.)
bool Director::can_trim(const DocumentId& document, const VersionVector& version) {
  VersionVector trimmed = trimmed_[document];
  for (std::size_t i = 0; i < world_.size(); ++i) {
    Result<std::optional<DocumentUsage>> usage = world_.peer(i).store().document(document);
    if (usage.ok() && usage->has_value()) trimmed.merge((*usage)->base);
  }
  return version.covers(trimmed);
}

void Director::seal(const Step& step) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  say(step, peer);
  world_.peer(peer).run_job([compressor = &world_.compressor()](Store& store) -> Status {
    CompactOptions options;
    options.compressor = compressor;
    Result<CompactProgress> progress = compact(store, options);
    return progress.ok() ? Status() : progress.take_error();
  });
}

void Director::cut_power(const Step& step) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  bool silently = step.picks[1] % 2 == 0;
  say(step, peer, silently ? "silently" : "");
  ++report_.crashes;
  world_.peer(peer).power_cut(silently);
  start_after_ms(peer, between(step.picks[2], 20, step.picks[3] % 3 == 0 ? 5'000 : 500));
}

void Director::shut_down(const Step& step) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  say(step, peer);
  world_.peer(peer).shut_down();
  start_after_ms(peer, between(step.picks[2], 200, 4'000));
}

void Director::reset(const Step& step) {
  std::vector<LinkNumber> links = world_.network().open_links();
  if (links.empty()) return;
  LinkNumber link = links[step.picks[0] % links.size()];
  say(step, world_.network().endpoint(link, 0));
  world_.network().reset(link);
}

void Director::part(const Step& step) {
  say(step, step.picks[0]);
  std::uint64_t duration_ms = between(step.picks[1], 200, 5'000);
  for (std::size_t from = 0; from < world_.size(); ++from)
    for (std::size_t to = 0; to < world_.size(); ++to)
      if ((step.picks[0] >> from & 1) != (step.picks[0] >> to & 1))
        block({static_cast<EndpointIndex>(from), static_cast<EndpointIndex>(to)}, duration_ms);
}

void Director::block_one_way(const Step& step) {
  auto from = static_cast<EndpointIndex>(step.picks[0] % world_.size());
  auto to =
      static_cast<EndpointIndex>((from + 1 + step.picks[1] % (world_.size() - 1)) % world_.size());
  say(step, from, "to " + std::to_string(to));
  block({from, to}, between(step.picks[2], 200, 5'000));
}

void Director::fill_disk(const Step& step) {
  std::size_t peer = some_peer(step.picks[0]);
  if (peer == world_.size()) return;
  say(step, peer);
  world_.peer(peer).store().set_full(true);
  world_.timeline().after_ms(between(step.picks[1], 100, 3'000),
                             [this, peer] { world_.peer(peer).store().set_full(false); });
}

void Director::back_up(const Step& step) {
  std::size_t peer = step.picks[0] % world_.size();
  say(step, peer);
  auto& backups = backups_[peer];
  backups.push_back(world_.peer(peer).copy_disk());
  if (backups.size() > kBackupsMax) backups.erase(backups.begin());
}

void Director::set_clock(const Step& step) {
  constexpr std::int64_t kMinute = 60'000;
  constexpr std::array<std::int64_t, 6> kOffsets = {
      0, -3 * kMinute, 10 * kMinute, -60 * kMinute, 365 * 24 * 60 * kMinute, 700};
  std::size_t peer = step.picks[0] % world_.size();
  say(step, peer);
  if (step.picks[1] % 8 == 0) return world_.peer(peer).set_wall_ms(1);
  world_.peer(peer).set_clock_offset_ms(kOffsets[step.picks[1] % kOffsets.size()]);
}

void Director::look(const Step& step) {
  for (std::size_t i = 0; i < world_.size(); ++i) {
    if (!world_.peer(i).is_up()) continue;
    Node& node = world_.node(i);
    NodeStatus status = node.status();
    static_cast<void>(node.sync_status(some_document(step.picks[0])));
    static_cast<void>(node.presence(some_document(step.picks[1])));
    node.check_invariants();
  }
}

// --- rollbacks and clones ---

void Director::roll_back(const Step& step) {
  std::vector<std::size_t> peers;
  for (const auto& [peer, backups] : backups_)
    if (!backups.empty()) peers.push_back(peer);
  if (peers.empty()) return;
  std::size_t peer = peers[step.picks[0] % peers.size()];
  auto& backups = backups_[peer];
  const MemoryStore& image = *backups[step.picks[1] % backups.size()];
  ReplicaId before = world_.peer(peer).store().info().replica;
  std::size_t witness = world_.size();
  if (!plan_.has(Trait::kRudeRollbacks)) {
    witness = find_witness(peer, image);
    // One at a time: who was rolled back meanwhile is no witness any more.
    if (witness == world_.size() || waiting_for_witness_ != 0) return;
  } else {
    forks_are_possible_ = true;
  }
  say(step, peer, witness == world_.size() ? "" : "witness " + std::to_string(witness));
  ++report_.rollbacks;
  auto held = ledger_.on_disks();
  world_.peer(peer).power_cut(step.picks[2] % 2 == 0);
  std::vector<Seq> lost;
  for (std::uint32_t number = 0; number < plan_.documents; ++number) {
    DocumentId id = document_of(plan_, number);
    Seq end = world_.peer(peer).store().version(id).end(before);
    lost.push_back(end - std::min(end, image.version(id).end(before)));
  }
  world_.peer(peer).put_back(image);
  ledger_.take_away(held);
  if (witness != world_.size()) {
    talk_only_to(peer, witness);
    ++waiting_for_witness_;
    talk_to_all_once_renamed(peer, before);
  }
  const std::uint64_t pause_ms = between(step.picks[3], 20, 1'000);
  start_after_ms(peer, pause_ms);
  if (step.picks[4] % 3 == 0)
    world_.timeline().after_ms(pause_ms, [this, peer, lost] { write_as_much(peer, lost); });
}

/// As many operations as were lost, with the same dots: versions then say that nothing differs.
void Director::write_as_much(std::size_t peer, const std::vector<Seq>& lost) {
  constexpr Seq kOperationsMax = 30;
  if (!world_.peer(peer).is_up() || world_.peer(peer).is_closing()) return;
  for (std::uint32_t number = 0; number < plan_.documents; ++number)
    for (Seq left = std::min(lost[number], kOperationsMax); left > 0; --left)
      ledger_.edit(peer, document_of(plan_, number), [](Transaction& tx, Mark mark) {
        return tx.root().set("k" + std::to_string(mark), 1);
      });
}

std::size_t Director::find_witness(std::size_t peer, const MemoryStore& image) const {
  const ReplicaId replica = world_.peer(peer).store().info().replica;
  const StoreInfo info = image.info();
  if (info.replica != replica) return world_.size();
  for (std::size_t i = 0; i < world_.size(); ++i) {
    if (i == peer || !world_.has_edge(peer, i)) continue;
    const SimStore& store = world_.peer(i).store();
    if (store.info().replica == replica) continue;  // a clone
    Result<std::vector<PeerNote>> notes = store.peer_notes();
    for (const PeerNote& note : *notes)
      if (note.replica == replica && note.incarnation != 0 &&
          std::find(info.incarnations.begin(), info.incarnations.end(), note.incarnation) ==
              info.incarnations.end())
        return i;
    // What is known of a document goes with it.
    if (plan_.has(Trait::kDelete) || plan_.has(Trait::kEvict)) continue;
    for (std::uint32_t number = 0; number < plan_.documents; ++number) {
      DocumentId id = document_of(plan_, number);
      if (is_kept(store, id) && is_kept(image, id) &&
          store.version(id).end(replica) > image.version(id).end(replica))
        return i;
    }
  }
  return world_.size();
}

void Director::talk_only_to(std::size_t peer, std::size_t witness) {
  for (std::size_t i = 0; i < world_.size(); ++i)
    if (i != peer && i != witness) world_.set_dialled(peer, i, false);
}

void Director::talk_to_all_once_renamed(std::size_t peer, ReplicaId before) {
  const SimPeer& device = world_.peer(peer);
  if (!device.is_up() || device.node().replica() == before) {
    world_.timeline().after_ms(20,
                               [this, peer, before] { talk_to_all_once_renamed(peer, before); });
    return;
  }
  --waiting_for_witness_;
  for (std::size_t i = 0; i < world_.size(); ++i)
    if (i != peer) world_.set_dialled(peer, i, true);
}

void Director::make_clone(const Step& step) {
  if (report_.clones == kClonesMax) return;
  std::size_t original = step.picks[0] % world_.size();
  auto& backups = backups_[original];
  SimPeer& clone = world_.add_peer();
  set_up_model(clone);
  std::size_t index = clone.index();
  say(step, index, "of " + std::to_string(original));
  if (backups.empty() || step.picks[1] % 2 == 0)
    clone.put_back(*world_.peer(original).copy_disk());
  else
    clone.put_back(*backups[step.picks[1] / 2 % backups.size()]);
  ++report_.clones;
  forks_are_possible_ = true;
  std::size_t first = step.picks[2] % index;
  std::size_t second = step.picks[3] % index;
  world_.add_edge(index, first);
  if (second != first) world_.add_edge(second, index);
  world_.start(index);
}

// --- helpers ---

std::size_t Director::some_peer(std::uint32_t pick) const {
  for (std::size_t i = 0; i < world_.size(); ++i) {
    std::size_t peer = (pick + i) % world_.size();
    if (world_.peer(peer).is_up() && !world_.peer(peer).is_closing()) return peer;
  }
  return world_.size();
}

DocumentId Director::some_document(std::uint32_t pick) const {
  return document_of(plan_, pick % plan_.documents);
}

void Director::say(const Step& step, std::size_t peer, const std::string& what) {
  if (!trace) return;
  trace("step " + std::to_string(step.number) + " " + std::string(step_name(step.kind)) + " " +
        std::to_string(peer) + (what.empty() ? "" : " " + what));
}

void Director::block(const Path& path, std::uint64_t duration_ms) {
  if (blocks_[path]++ == 0) world_.network().set_blocked(path.first, path.second, true);
  world_.timeline().after_ms(duration_ms, [this, path] {
    if (is_healed_) return;
    if (--blocks_[path] == 0) world_.network().set_blocked(path.first, path.second, false);
  });
}

void Director::start_after_ms(std::size_t peer, std::uint64_t pause_ms) {
  world_.timeline().after_ms(pause_ms, [this, peer] {
    if (!world_.peer(peer).is_up()) return world_.start(peer);
    // It is still going down.
    if (world_.peer(peer).is_closing()) start_after_ms(peer, 50);
  });
}

}  // namespace weft::sim
