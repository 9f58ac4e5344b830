#pragma once
// Committer: who puts a node's batches into its store, away from the node's thread, since a flush takes as
// long as it takes. In a process it is a thread (store_thread.h), in the simulator a delay.

#include <functional>
#include <vector>

#include "storage/store.h"

namespace weft {

/// Records and peer notes for one append; owns what the records point to, so it is moved and never copied: a copy's
/// records would point into the original.
struct CommitBatch {
  CommitBatch() = default;
  CommitBatch(CommitBatch&&) = default;
  CommitBatch& operator=(CommitBatch&&) = default;

  std::vector<NewRecord> records;
  std::vector<PeerNote> notes;
  std::vector<Bytes> payloads;  ///< of the records; when it grows their bytes stay where they are
  std::size_t bytes = 0;        ///< of the payloads

  void add(const RecordHead& head, Bytes payload) {
    bytes += payload.size();
    payloads.push_back(std::move(payload));
    NewRecord record;
    static_cast<RecordHead&>(record) = head;
    record.payload = payloads.back();
    records.push_back(record);
  }
  bool empty() const { return records.empty() && notes.empty(); }
};

class Committer {
 public:
  virtual ~Committer() = default;
  /// Appends the batch to the store, after those of earlier calls.
  /// @param done  called on the node's thread, never from inside commit(), in the order of the calls, when
  ///              the batch is durable or refused
  virtual void commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) = 0;
  /// Runs `job`, which may call anything of the store, between batches, in the order of the calls; again while
  /// what it fails with can pass (a full disk, a quota), so it has to bear that.
  virtual void run(std::function<Status(Store&)> job, std::function<void(Status)> done) = 0;
  /// The same of a job that makes room: while an earlier call waits for room it goes first, and is called back first.
  /// @pre  no earlier call that is not done is about documents that it is about
  virtual void run_to_make_room(std::function<Status(Store&)> job,
                                std::function<void(Status)> done) {
    run(std::move(job), std::move(done));
  }
};

}  // namespace weft
