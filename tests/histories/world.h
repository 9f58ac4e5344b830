#pragma once
// World: runs a script on real documents and keeps every delta that they make.
//
// Checked while it runs, where `thorough`: after each action the replica shows what the oracle,
// restricted to its version, says; a mirror fed by its patches shows the same; undo and redo lead back.
// Always checked: a delta's dependencies lead to the version that its author had.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crdt/document/document.h"
#include "tests/histories/delta_log.h"
#include "tests/histories/mirror.h"
#include "tests/histories/script.h"
#include "tests/support/random.h"

namespace weft::test {

struct WorldOptions {
  bool thorough = false;
  SiblingRule rule = SiblingRule::kFugueMax;  ///< of the oracle
};

/// Replica ids of scripts: small, in no order of theirs.
ReplicaId script_replica(std::uint32_t number);
/// Options of a document that only reads along.
DocumentOptions reader_options(std::uint64_t replica);

class World {
 public:
  World(const Script& script, WorldOptions options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Throws Failure.
  void run();

  const DeltaLog& log() const { return log_; }
  std::size_t size() const { return peers_.size(); }
  Document& document(std::size_t replica) { return *peers_[replica]->document; }
  /// Versions that some replica had at some moment, with its snapshot then.
  struct Moment {
    Past version;
    Bytes snapshot;
  };
  const std::vector<Moment>& moments() const { return moments_; }
  /// Gives a replica everything, in random order.
  void complete(std::size_t replica);

 private:
  /// What undo has to lead back to: the JSON before and after one transaction.
  struct Step {
    std::string before;
    std::string after;
  };
  struct Peer {
    std::uint32_t number = 0;
    std::optional<Document> document;
    std::uint64_t now_ms = 0;
    bool whole_history = true;  ///< false after a reload
    Mirror mirror;
    Observer observer;
    std::string mirror_fault;
    // Thorough only; empty whenever a foreign delta came in.
    std::vector<Step> undo;
    std::vector<Step> redo;
  };

  void run_action(const Action& action);
  void run_edit(Peer& peer, const Action& action);
  void transact(Peer& peer, const std::function<void(Transaction&)>& body);
  void abandon(Peer& peer, const Action& action);
  void undo_or_redo(Peer& peer, bool redo);
  void restore(Peer& peer, const Action& action);
  void sync(Peer& peer, Peer& from, const Action& action);
  void reload(Peer& peer);
  void learn(Peer& peer, ByteSpan delta, const Past& before);
  void deliver(Peer& peer, const std::vector<const KnownDelta*>& deltas);
  /// A document from a snapshot can't show what a revoke brings back if it was erased before: fetches the
  /// whole history, if `error` says that.
  bool fetch_history(Peer& peer, const Error& error);
  void watch(Peer& peer);
  void forget_steps(Peer& peer);
  void check_peer(Peer& peer);
  void set_clock(Peer& peer, std::size_t replica, const Action& action);
  static std::uint64_t wrong_time(std::uint64_t now_ms, std::uint32_t amount);
  DocumentOptions options_of(Peer& peer);

  Script script_;
  WorldOptions options_;
  Random random_;
  std::uint64_t now_ms_ = 1'700'000'000'000;
  std::vector<std::unique_ptr<Peer>> peers_;
  DeltaLog log_;
  std::vector<Moment> moments_;
};

/// Random order, and some twice.
template <typename T>
void shuffle_and_repeat(std::vector<T>& items, Random& random) {
  std::size_t count = items.size();
  for (std::size_t i = 0; i < count; ++i)
    if (random.chance(1, 4)) items.push_back(items[i]);
  for (std::size_t i = items.size(); i > 1; --i) {
    std::size_t j = random.below(i);
    std::swap(items[i - 1], items[j]);
  }
}

}  // namespace weft::test
