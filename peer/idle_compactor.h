#pragma once
// IdleCompactor: seals the history of documents while nothing else happens: of small edits each takes about 130 bytes in
// the log, and a tenth of that in a bundle.
//
//   busy --quiet_ms without a batch--> listing --> one document after the other --> done, until the next batch
//
// Each step is a job of the Committer, between batches: the longest a batch waits for one is what a document of
// history_bytes_max takes. Files don't shrink by it: freed pages are used again.
//
// Invariants
//   I1  A step begins only while nothing waits and nothing was stored for quiet_ms.
//   I2  What fails is tried again after the next batch, not at once.
//
// Threads: all functions are for the node's thread.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "peer/committer.h"
#include "storage/compact.h"

namespace weft {

class IdleCompactor {
 public:
  struct Options {
    std::uint64_t quiet_ms = 60'000;
    /// Documents with fewer records a writer are left alone.
    std::uint64_t records_min = 64;
    /// What one step may read; larger ones are left to `weft store compact`.
    std::uint64_t history_bytes_max = std::uint64_t{16} << 20;
    /// Must outlive what runs.
    const Compressor* compressor = nullptr;
    /// After a document. May be null.
    std::function<void(const DocumentId&, const Result<std::uint64_t>& won_bytes)> on_document;
  };
  struct Counts {
    std::uint64_t documents = 0;
    std::uint64_t failed = 0;
    std::uint64_t won_bytes = 0;
  };

  /// @param committer  must outlive it
  IdleCompactor(Committer& committer, Options options);
  IdleCompactor(const IdleCompactor&) = delete;
  IdleCompactor& operator=(const IdleCompactor&) = delete;

  /// To be called now and then.
  /// @param batches  that were stored since the beginning
  /// @param waiting  batches and jobs that are not done
  void look(std::uint64_t now_ms, std::uint64_t batches, std::size_t waiting);
  const Counts& counts() const { return shared_->counts; }

 private:
  /// What callbacks write to, which may come when this is gone.
  struct Shared {
    Options options;
    Counts counts;
    std::deque<DocumentId> documents;
    bool is_running = false;
    bool is_listed = false;
    /// Records that were left of a document: it is worth another look when records_min more have come.
    std::map<DocumentId, std::uint64_t> left;
  };
  void list();
  void compact_next();

  Committer& committer_;
  std::shared_ptr<Shared> shared_;
  std::uint64_t batches_ = ~std::uint64_t{0};
  std::uint64_t quiet_since_ms_ = 0;
};

}  // namespace weft
