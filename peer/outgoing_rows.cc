#include "peer/outgoing_rows.h"

#include "crdt/base/checksum.h"

namespace weft {

void OutgoingRows::add(const RecordView& record, bool is_whole_log) {
  bytes_.insert(bytes_.end(), record.payload.begin(), record.payload.end());
  ends_.push_back(bytes_.size());
  if (last_author_ != record.replica) last_log_ = nullptr;
  last_author_ = record.replica;
  last_end_ = record.end();
  can_seal_ = can_seal_ && string_together(record, is_whole_log);
}

bool OutgoingRows::string_together(const RecordView& record, bool is_whole_log) {
  if (last_log_ == nullptr) last_log_ = &logs_[record.replica];
  last_log_->end = record.end();
  if (is_whole_log) last_log_->chain = xxh3_64(record.payload, last_log_->chain);
  return decode_stored_delta(record.payload, decoded_).ok() &&
         last_log_->builder.append(decoded_).ok();
}

ByteSpan OutgoingRows::row(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return ByteSpan(bytes_).subspan(begin, ends_[index] - begin);
}

std::vector<Bytes> OutgoingRows::seal(
    const Compressor* compressor,
    const std::function<std::optional<std::uint64_t>(ReplicaId, Seq)>& chain_at) {
  std::vector<Bytes> bundles;
  for (auto& [author, log] : logs_) {
    if (log.chain == 0) log.chain = chain_at(author, log.end).value_or(0);
    bundles.push_back(seal_bundle(log.builder.take(), log.chain, compressor));
  }
  return bundles;
}

}  // namespace weft
