#include "crdt/sync/transfer.h"

#include <algorithm>
#include <utility>

#include "crdt/base/checksum.h"

namespace weft::sync {
namespace {

bool is_large(const Part& part) { return part.total > Limits::kTransferBytes; }

}  // namespace

Part OutgoingTransfer::next() {
  Part part;
  part.number = number;
  part.is_state = is_state;
  part.transfer = id;
  part.offset = offset;
  part.total = bytes.size();
  const std::size_t begin = static_cast<std::size_t>(offset);
  const std::size_t size = std::min(bytes.size() - begin, Limits::kPartBytes);
  const ByteSpan span = ByteSpan(bytes).subspan(begin, size);
  part.bytes.assign(span.begin(), span.end());
  offset += size;
  return part;
}

Result<std::optional<IncomingTransfers::Complete>> IncomingTransfers::add(Part part) {
  if (part.total > transfer_bytes_max(part.is_state))
    return Error(ErrorCode::kLimit, "a transfer of " + std::to_string(part.total) + " bytes");
  auto open = std::find_if(open_.begin(), open_.end(), [&](const Part& each) {
    return each.transfer == part.transfer && each.total == part.total;
  });
  if (open == open_.end()) {
    if (part.offset != 0) return Error(ErrorCode::kCorrupt, "a transfer that does not begin at 0");
    if (open_.size() == Limits::kTransfers)
      return Error(ErrorCode::kLimit, "more transfers than may be open");
    if (is_large(part) && std::any_of(open_.begin(), open_.end(), is_large))
      return Error(ErrorCode::kLimit, "two large states at once");
    open_.push_back({part.number, part.is_state, part.transfer, 0, part.total, {}});
    open = std::prev(open_.end());
  }
  if (part.offset == 0 && !open->bytes.empty()) open->bytes.clear();  // from the beginning again
  if (part.offset != open->bytes.size() || part.bytes.size() > part.total - part.offset ||
      part.bytes.empty())
    return Error(ErrorCode::kCorrupt, "a part that does not follow the one before");
  open->number = part.number;
  open->is_state = part.is_state;
  open->bytes.insert(open->bytes.end(), part.bytes.begin(), part.bytes.end());
  if (open->bytes.size() != part.total) return std::optional<Complete>();
  Complete complete{open->number, open->is_state, std::move(open->bytes)};
  open_.erase(open);
  if (xxh3_64(complete.bytes) != part.transfer)
    return Error(ErrorCode::kCorrupt, "a transfer with other content than its name says");
  return std::optional<Complete>(std::move(complete));
}

std::vector<Resumable> IncomingTransfers::resumable() const {
  std::vector<Resumable> result;
  for (const Part& part : open_) result.push_back({part.transfer, part.bytes.size()});
  return result;
}

std::size_t IncomingTransfers::large_bytes() const {
  std::size_t bytes = 0;
  for (const Part& part : open_) bytes += is_large(part) ? part.bytes.size() : 0;
  return bytes;
}

std::size_t IncomingTransfers::bytes() const {
  std::size_t bytes = 0;
  for (const Part& part : open_) bytes += part.bytes.size();
  return bytes;
}

}  // namespace weft::sync
