#pragma once
// Transfers: what is too large for one message, sent in parts and put together again. A transfer is named
// by the hash of its bytes, so that one that broke off goes on over the next link.

#include <cstdint>
#include <optional>
#include <vector>

#include "crdt/sync/message.h"

namespace weft::sync {

struct OutgoingTransfer {
  DocumentId document;
  std::uint32_t number = 0;
  bool is_state = false;
  std::uint64_t id = 0;
  std::uint64_t offset = 0;
  Bytes bytes;

  bool done() const { return offset == bytes.size(); }
  Part next();
};

/// At most Limits::kTransfers of at most Limits::kTransferBytes each, and of these one state of at most
/// Limits::kStateBytes. Memory is taken as parts come, not as they are announced.
class IncomingTransfers {
 public:
  struct Complete {
    std::uint32_t number = 0;
    bool is_state = false;
    Bytes bytes;
  };
  /// @return  the whole, where this part was the last
  /// @errors kLimit: too many or too large; kCorrupt: a part that does not follow, or another content
  Result<std::optional<Complete>> add(Part part);
  /// Begins with what an earlier link has left.
  void resume(std::vector<Part> parts) { open_ = std::move(parts); }
  std::vector<Resumable> resumable() const;
  std::size_t bytes() const;
  /// Of them those of a state that is larger than other transfers may be.
  std::size_t large_bytes() const;
  /// What is there of those that are not complete, as parts with offset 0.
  std::vector<Part> leave() { return std::move(open_); }

 private:
  std::vector<Part> open_;
};

}  // namespace weft::sync
