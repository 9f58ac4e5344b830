#include "storage/lmdb/index_chunk.h"

#include <string>

namespace weft::lmdb {
namespace {

Error damaged(const char* what) {
  return Error(ErrorCode::kCorrupt, std::string("derived data: ") + what);
}

class ChunkReplicas {
 public:
  struct Slot {
    ReplicaId replica;
    Seq end = 0;
  };
  std::size_t number_of(ReplicaId replica) {
    if (last_ < slots_.size() && slots_[last_].replica == replica) return 0;
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].replica == replica) {
        last_ = i;
        return i + 1;
      }
    last_ = slots_.size();
    slots_.push_back({replica, 0});
    return slots_.size();
  }
  /// @return  nullptr: no such number
  Slot* at(std::uint64_t number, ByteReader& in) {
    if (number == 0) return last_ < slots_.size() ? &slots_[last_] : nullptr;
    if (number > slots_.size() + 1) return nullptr;
    last_ = static_cast<std::size_t>(number - 1);
    if (last_ == slots_.size()) slots_.push_back({ReplicaId{in.u64()}, 0});
    return &slots_[last_];
  }
  Slot& last() { return slots_[last_]; }
  std::size_t size() const { return slots_.size(); }

 private:
  std::vector<Slot> slots_;
  std::size_t last_ = 0;
};

}  // namespace

Bytes encode_chunk(std::span<const IndexEntry> entries) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(entries.size());
  ChunkReplicas replicas;
  LogPosition position = 0;
  for (const IndexEntry& entry : entries) {
    out.varint(entry.position - position);
    position = entry.position;
    const std::size_t before = replicas.size();
    out.varint(replicas.number_of(entry.replica));
    if (replicas.size() > before) out.u64(entry.replica.value);
    out.svarint(std::int64_t{entry.begin} - std::int64_t{replicas.last().end});
    out.varint(entry.end - entry.begin);
    replicas.last().end = entry.end;
  }
  return payload;
}

Status decode_chunk(ByteSpan payload, std::vector<IndexEntry>& out) {
  ByteReader in(payload);
  ChunkReplicas replicas;
  LogPosition position = 0;
  const std::uint64_t count = in.varint_up_to(kChunkEntries);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    position += in.varint();
    ChunkReplicas::Slot* slot = replicas.at(in.varint(), in);
    if (slot == nullptr) return damaged("a chunk names a replica that it does not have");
    const std::int64_t begin = in.svarint() + std::int64_t{slot->end};
    const std::uint64_t size = in.varint_up_to(kMaxSeq);
    if (begin < 0 || begin > std::int64_t{kMaxSeq} - static_cast<std::int64_t>(size))
      return damaged("a chunk holds operations that can't be");
    slot->end = static_cast<Seq>(begin) + static_cast<Seq>(size);
    out.push_back({position, slot->replica, static_cast<Seq>(begin), slot->end});
  }
  if (!in.ok()) return in.error("derived data: a chunk");
  return {};
}

}  // namespace weft::lmdb
