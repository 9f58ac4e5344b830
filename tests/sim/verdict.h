#pragma once
// Verdict: do all devices hold the same, and is that what they should hold?
//
// Threads: one.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/sim/ledger.h"
#include "tests/sim/world/world.h"

namespace weft::sim {

/// What may have happened, because the plan has made it possible.
struct Excuses {
  /// Disks were put back or cloned, or a device has given up what it wrote itself and gets it back from others.
  bool lost_logs = false;
  bool forks = false;  ///< and nobody who knows better was met first
};

class Verdict {
 public:
  /// @param world, ledger  must outlive it
  Verdict(World& world, Ledger& ledger) : world_(world), ledger_(ledger) {}

  /// Everything is flushed, every edge is linked and live, all versions are equal; forked documents don't count.
  /// @return  why not; "": it has
  std::string why_not_converged() const;
  /// Contents, acknowledged edits, deletions, reports.
  /// @pre  it has converged
  /// @throws Failure
  void check_contents(const Excuses& excuses);
  /// Lets time pass and listens. @throws Failure
  void check_quiet();
  std::size_t live_documents() const { return live_documents_; }
  std::set<DocumentId> forked_documents() const;

 private:
  using Overviews = std::map<DocumentId, DocumentOverview>;

  std::string why_not_linked() const;
  std::string difference(std::size_t a, std::size_t b, const DocumentId& id);
  void check_document(const DocumentId& id);
  void check_deleted(const DocumentId& id);
  void check_acknowledged() const;
  bool is_any_waiting() const;
  bool is_held_anywhere(const DocumentId& id, const Dot& dot) const;
  std::string waiting_at(std::size_t peer) const;
  bool is_kept_nowhere_else(std::size_t peer, const DocumentId& id) const;
  bool was_rewritten(const DocumentId& id) const;
  void check_identities(const Excuses& excuses) const;

  World& world_;
  Ledger& ledger_;
  std::size_t live_documents_ = 0;
};

}  // namespace weft::sim
