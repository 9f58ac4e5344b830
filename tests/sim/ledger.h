#pragma once
// Ledger: every edit that was made, and what has to be true of it at the end: the oracle of a simulation.
//
// An edit that was acknowledged must be there at the end, unless
//   - it was undone,
//   - an operator took it away: a disk was put back, or a document evicted by force, and no other disk had it.
// In a deleted document it must be there too, in the trash, and somebody who deleted it must have seen it.
// Whether a disk has an edit is seen by its mark (scribble.h), not by its dot: after a rollback one dot may have two
// contents, and edits are made anew under another replica.
//
// Threads: one.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/scribble.h"
#include "tests/sim/world/world.h"

namespace weft::sim {

class Ledger {
 public:
  struct Edit {
    Mark mark = 0;
    DocumentId document;
    std::size_t peer = 0;
    Dot first;
    Seq op_count = 0;
    std::uint64_t bytes_hash = 0;
    std::uint64_t at_ms = 0;
    bool is_marked = true;  ///< undos leave no mark
    bool is_acknowledged = false;
    bool is_undone = false;
    bool is_taken_away = false;
  };

  /// @param world  must outlive the ledger
  explicit Ledger(World& world) : world_(world) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Edits by `body`, which gets a mark to leave. What the device refuses is no edit.
  /// @return  was it made?
  bool edit(std::size_t peer, const DocumentId& document,
            const std::function<Status(Transaction&, Mark)>& body);
  bool undo(std::size_t peer, const DocumentId& document);
  void delete_everywhere(std::size_t peer, const DocumentId& document);
  void evict(std::size_t peer, const DocumentId& document);
  void keep(std::size_t peer, const DocumentId& document);
  void restore(std::size_t peer, const DocumentId& document);

  /// What all disks together hold of the documents; of all of them where `only` is null.
  std::map<DocumentId, std::set<Mark>> on_disks(const DocumentId* only = nullptr) const;
  /// An operator has taken from some disk: what no disk holds any more may be missing.
  void take_away(const std::map<DocumentId, std::set<Mark>>& before);

  const std::vector<Edit>& edits() const { return edits_; }
  std::size_t acknowledged_count() const;
  bool has_evicted() const { return has_evicted_; }
  bool is_evicted(std::size_t peer, const DocumentId& document) const {
    return evicted_.contains({peer, document});
  }
  /// Did two edits get the same dot, with different contents?
  bool is_reused(const DocumentId& document, ReplicaId replica) const;
  /// Somebody has asked for it.
  bool is_deletion_asked(const DocumentId& document) const { return deletions_.contains(document); }
  /// And it was durable.
  bool is_deletion_durable(const DocumentId& document) const {
    return durable_deletions_.contains(document);
  }
  /// An operator took something from a disk after that: it may be as if it had not been.
  bool is_deletion_in_doubt(const DocumentId& document) const {
    return doubtful_deletions_.contains(document);
  }
  /// What the devices that asked for its deletion showed of it then.
  const std::set<Mark>& seen_by_deletions(const DocumentId& document) {
    return seen_by_deletions_[document];
  }
  /// Somebody has asked for it back.
  bool is_restore_asked(const DocumentId& document) const { return restores_.contains(document); }
  /// Edits that must be in a document; what it holds is `marks`. @throws Failure
  void check_present(const DocumentId& document, const std::set<Mark>& marks) const;
  /// Of a deleted document: what is in the trash is `marks`. @throws Failure
  void check_deleted(const DocumentId& document, const std::set<Mark>& marks);

 private:
  void add(Edit edit);

  World& world_;
  std::vector<Edit> edits_;
  std::map<std::pair<DocumentId, ReplicaId>, std::vector<std::size_t>> by_log_;
  std::set<std::pair<std::size_t, DocumentId>> evicted_;  ///< or about to be
  bool has_evicted_ = false;
  std::set<DocumentId> deletions_;
  std::map<DocumentId, std::set<Mark>> seen_by_deletions_;
  std::set<DocumentId> restores_;
  std::set<DocumentId> durable_deletions_;
  std::set<DocumentId> doubtful_deletions_;
};

std::string to_hex(const DocumentId& document);
/// What the device's disk has of a document, in the trash too.
std::set<Mark> marks_on_disk(const SimPeer& peer, const DocumentId& id,
                             const Compressor* compressor);

}  // namespace weft::sim
