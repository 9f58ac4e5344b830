#pragma once
// OutgoingRows: deltas of one document, read of the own store to be sent, as they lie there or sealed by author.
//
// Invariants
//   I1  While can_seal(), every row is in the builder of its author, in the order of its log.
//   I2  An author's chain hash is known where the rows begin at the begin of its log, else 0.
//
// Cost: add O(bytes); a look-up only where the author is another than that of the row before.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/delta/batch_builder.h"
#include "crdt/delta/codec.h"
#include "storage/record.h"

namespace weft {

class OutgoingRows {
 public:
  /// @param seals  string the rows together, as long as that is possible
  explicit OutgoingRows(bool seals) : can_seal_(seals) {}

  /// @param is_whole_log  all of its author's log before it was added, or there is none
  void add(const RecordView& record, bool is_whole_log);
  /// What comes next is no row that could be sealed.
  void give_up_sealing() { can_seal_ = false; }

  [[nodiscard]] bool can_seal() const { return can_seal_; }
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
  /// Valid until the next add().
  [[nodiscard]] ByteSpan row(std::size_t index) const;
  /// The author of the last row and where that ends.
  /// @pre  !empty()
  [[nodiscard]] ReplicaId last_author() const { return last_author_; }
  [[nodiscard]] Seq last_end() const { return last_end_; }

  /// One bundle for each author.
  /// @pre  can_seal()
  /// @param chain_at  of a log that does not begin with its begin: the chain hash up to there, where that is known
  std::vector<Bytes> seal(
      const Compressor* compressor,
      const std::function<std::optional<std::uint64_t>(ReplicaId, Seq)>& chain_at);

 private:
  struct Log {
    BatchBuilder builder;
    std::uint64_t chain = 0;  // (I2)
    Seq end = 0;
  };

  bool string_together(const RecordView& record, bool is_whole_log);

  bool can_seal_;
  Bytes bytes_;
  std::vector<std::size_t> ends_;  ///< of the rows, in bytes_
  ReplicaId last_author_;
  Seq last_end_ = 0;
  std::map<ReplicaId, Log> logs_;
  Log* last_log_ = nullptr;  ///< last_author_'s
  Batch decoded_;
};

}  // namespace weft
