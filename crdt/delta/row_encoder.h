#pragma once
// DeltaEncoder: writes the row form of one delta (docs/format.md) out of any log of Ops.
//
// A document encodes straight from its log, a decoded batch from its tables, and the decoder checks by
// encoding again into a sink that compares: one piece of code for all three, over a *naming provider*
// that turns indices into what is written:
//
//   struct Names {
//     ReplicaId replica(ReplicaIndex index) const;
//     LocalDot container(std::uint32_t index) const;   // dot of a write that made it; kNoDot = root
//     std::string_view key(std::uint32_t index) const;
//   };
//
// Invariants
//   I1  The bytes are a function of the delta's content alone, not of the provider's indices.
//   I2  An encoder that has reached its size allocates nothing but the output.
//
// Two passes: the replica table stands before the operations, so a first one collects it, by first use.

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include "crdt/base/assert.h"
#include "crdt/base/bytes.h"
#include "crdt/delta/batch.h"
#include "crdt/delta/first_use.h"
#include "crdt/delta/row_format.h"
#include "crdt/delta/row_sink.h"
#include "crdt/delta/slice.h"

namespace weft {

template <typename T>
concept OpNames = requires(const T& names, ReplicaIndex replica, std::uint32_t index) {
  { names.replica(replica) } -> std::same_as<ReplicaId>;
  { names.container(index) } -> std::same_as<LocalDot>;
  { names.key(index) } -> std::convertible_to<std::string_view>;
};

/// What a delta says besides its operations.
struct DeltaHead {
  ReplicaIndex author = 0;
  Seq first_seq = 0;
  Seq op_count = 1;                   ///< >= 1
  std::uint64_t committed_at_ms = 0;  ///< < kMaxTimeMs
  std::span<const Dependency>
      dependencies;          ///< sorted by ReplicaId, one per replica, none the author's
  std::string_view message;  ///< UTF-8
  std::uint8_t row_version = kRowVersion;
  Seq end() const { return first_seq + op_count; }
};

/// Where the content of the delta's first unit begins, if the caller knows: spares the encoder to count
/// through the run it continues.
inline constexpr std::uint32_t kUnknownContentBegin = 0xffff'ffff;

class DeltaEncoder {
 public:
  /// Appends the row form to `out`.
  /// @param ops  maximal runs (op.h, I2) in order; the first contains head.first_seq, the last
  ///             head.end() - 1; what reaches beyond is cut off
  /// @cost  O(bytes written), and the cutting of the first and the last op (slice.h)
  template <OpNames Names>
  void encode(const Names& names, const DeltaHead& head, std::span<const Op> ops,
              std::string_view content, Bytes& out,
              std::uint32_t first_content_begin = kUnknownContentBegin) {
    AppendSink sink(out);
    encode_to(sink, names, head, ops, content, first_content_begin);
    sink.flush();
  }

  template <OpNames Names, typename Sink>
  void encode_to(Sink& sink, const Names& names, const DeltaHead& head, std::span<const Op> ops,
                 std::string_view content,
                 std::uint32_t first_content_begin = kUnknownContentBegin);

  /// How many replicas the last delta names, its author not counted.
  std::size_t replica_count() const { return replicas_.size(); }

 private:
  template <OpNames Names, typename Sink>
  class Writer;

  FirstUseTable replicas_;  ///< provider's index -> number in the delta's table, from 0
  FirstUseTable keys_;
};

/// The part of `op` that lies in the units [begin, end), which it overlaps.
inline Op clip_op(const Op& op, Seq begin, Seq end, ReplicaIndex author, std::string_view content,
                  std::uint32_t first_content_begin) {
  Op rest = op;
  if (op.seq < begin && is_insert(op.kind) && first_content_begin != kUnknownContentBegin) {
    rest.count = op.end() - begin;
    rest.content_size -= first_content_begin - op.content_begin;
    rest.content_begin = first_content_begin;
    rest.a = {author, begin - 1};
    rest.seq = begin;
  }
  Seq first = rest.seq < begin ? begin : rest.seq;
  Seq last = rest.end() > end ? end : rest.end();
  return slice_op(rest, first, last, author, content);
}

/// Calls emit(const Op&) with the runs of the units [begin, end), cut and joined as the delta has them.
template <typename Emit>
void for_each_run(std::span<const Op> ops, Seq begin, Seq end, ReplicaIndex author,
                  std::string_view content, std::uint32_t first_content_begin, Emit emit) {
  auto is_whole = [=](const Op& op) { return op.seq >= begin && op.end() <= end; };
  if (ops.size() == 1) {
    if (is_whole(ops[0])) return emit(ops[0]);
    return emit(clip_op(ops[0], begin, end, author, content, first_content_begin));
  }
  ErasureJoiner joiner(emit);
  for (const Op& op : ops) {
    if (is_whole(op)) [[likely]] {
      joiner.push(op, author);
    } else {
      joiner.push(clip_op(op, begin, end, author, content, first_content_begin), author);
    }
  }
  joiner.flush();
}

template <OpNames Names, typename Sink>
class DeltaEncoder::Writer {
 public:
  Writer(DeltaEncoder& encoder, Sink& sink, const Names& names, const DeltaHead& head,
         std::string_view content)
      : replicas_(encoder.replicas_),
        keys_(encoder.keys_),
        sink_(sink),
        names_(names),
        head_(head),
        content_(content) {}

  // --- first pass: which replicas are named, in the order in which they are written

  void collect_dependencies() {
    for (const Dependency& dependency : head_.dependencies) collect(dependency.dot.replica);
  }
  void collect_op(const Op& op) {
    if (op.container != collected_container_) {
      collected_container_ = op.container;
      collect(names_.container(op.container).replica);
    }
    collect(op.a.replica);
    if (is_insert(op.kind) || op.kind == OpKind::kListMove || op.kind == OpKind::kListSet)
      collect(op.b.replica);
    if (op.kind == OpKind::kListMove) collect(moved_element(op).replica);
  }

  // --- second pass

  void write_head() {
    std::uint64_t time = head_.committed_at_ms;
    std::uint32_t flags =
        std::uint32_t{head_.row_version} << 6 | static_cast<std::uint32_t>(time >> 40);
    if (!head_.dependencies.empty()) flags |= kHasDependencies;
    if (!head_.message.empty()) flags |= kHasMessage;
    if (replicas_.size() != 0) flags |= kHasReplicas;
    if (head_.op_count != 1) flags |= kHasOpCount;
    sink_.reserve(kMaxHeadBytes);
    sink_.u8(flags);
    sink_.fixed(names_.replica(head_.author).value, 8);
    sink_.fixed(time, 5);
    sink_.varint(head_.first_seq);
    if (head_.op_count != 1) sink_.varint(head_.op_count);
    if (replicas_.size() != 0) write_replicas();
    if (!head_.dependencies.empty()) write_dependencies();
    if (!head_.message.empty()) {
      sink_.reserve(kMaxVarintBytes);
      sink_.varint(head_.message.size());
      sink_.bytes(as_bytes(head_.message));
    }
  }

  void write_op(const Op& op) {
    sink_.reserve(kMaxRowBytes);
    std::uint32_t tag = static_cast<std::uint32_t>(op.kind);
    bool same_container = op.container == written_container_;
    if (same_container) tag |= kSameContainer;
    std::uint32_t ro_class = 0;
    if (is_insert(op.kind)) {
      ro_class = class_of(op);
      tag |= ro_class << kRoClassShift;
      if (op.count == 1) tag |= kInsertsOne;
    } else if (has_targets(op.kind)) {
      if (op.count == 1) tag |= kTargetsOne;
      if (op.backward) tag |= kBackward;
    } else if (op.kind == OpKind::kListMove) {
      ro_class = class_of(op);
      tag |= ro_class << kRoClassShift;
    }
    sink_.u8(tag);
    if (!same_container) {
      written_container_ = op.container;
      write_container(names_.container(op.container));
    }
    write_body(op, ro_class);
  }

 private:
  void write_body(const Op& op, std::uint32_t ro_class) {
    switch (op.kind) {
      case OpKind::kTextInsert:
        write_neighbours(op, ro_class);
        if (op.count != 1) sink_.varint(op.content_size);
        write_content(op);
        break;
      case OpKind::kListInsert:
        write_neighbours(op, ro_class);
        if (op.count != 1) sink_.varint(op.count);
        write_content(op);
        break;
      case OpKind::kErase:
      case OpKind::kRevoke:
      case OpKind::kReinstate:
        write_dot(op, op.a);
        if (op.count != 1) sink_.varint(op.count);
        break;
      case OpKind::kMapSet:
      case OpKind::kMapErase:
      case OpKind::kMapEnsure:
        write_dot(op, op.a);
        write_key(op.key());
        if (op.kind != OpKind::kMapErase) write_content(op);
        break;
      case OpKind::kListSet:
        write_dot(op, op.a);
        write_dot(op, op.b);
        write_content(op);
        break;
      case OpKind::kListMove:
        write_neighbours(op, ro_class);
        write_dot(op, moved_element(op));
        break;
      case OpKind::kRestore:
        write_dot(op, op.a);
        break;
      case OpKind::kCounterAdd:
      case OpKind::kUnknown:
        write_content(op);
        break;
      case OpKind::kTouched:  // never leaves a snapshot's skeleton
        break;
    }
  }

  std::uint32_t class_of(const Op& op) {
    std::uint32_t result = kRoExplicit;
    if (!op.a.is_none() && op.b == op.a.plus(1)) {
      result = kRoNextDot;
    } else if (op.b.is_none()) {
      result = kRoEnd;
    } else if (op.b == last_ro_) {
      result = kRoSame;
    }
    last_ro_ = op.b;
    return result;
  }

  void write_neighbours(const Op& op, std::uint32_t ro_class) {
    write_dot(op, op.a);
    if (ro_class != kRoExplicit) return;
    if (op.b.replica == op.a.replica) {
      auto ahead = static_cast<std::int64_t>(op.b.seq) - static_cast<std::int64_t>(op.a.seq);
      sink_.varint(zigzag(ahead) << 1);
    } else {
      sink_.varint(std::uint64_t{local(op.b.replica)} << 1 | 1);
      sink_.varint(op.b.seq);
    }
  }

  void write_dot(const Op& op, LocalDot dot) {
    if (dot.is_none()) {
      sink_.u8(0);
    } else if (dot.replica == head_.author) {
      sink_.varint(std::uint64_t{op.seq - 1 - dot.seq} << 1 | 1);
    } else {
      sink_.varint(std::uint64_t{local(dot.replica)} << 1);
      sink_.varint(dot.seq);
    }
  }

  void write_container(LocalDot dot) {
    if (dot.is_none()) {
      sink_.u8(0);
    } else if (dot.replica == head_.author) {
      sink_.varint(std::uint64_t{dot.seq} << 1 | 1);
    } else {
      sink_.varint(std::uint64_t{local(dot.replica)} << 1);
      sink_.varint(dot.seq);
    }
  }

  void write_key(std::uint32_t index) {
    FirstUseTable::Added key = keys_.add(index);
    if (!key.is_new) return sink_.varint(std::uint64_t{key.number} + 1);
    std::string_view text = names_.key(index);
    sink_.u8(0);
    sink_.varint(text.size());
    sink_.bytes(as_bytes(text));
  }

  void write_content(const Op& op) {
    sink_.bytes(as_bytes(content_.substr(op.content_begin, op.content_size)));
  }

  void write_replicas() {
    sink_.varint(replicas_.size());
    for (std::uint32_t index : replicas_) {
      sink_.reserve(8);
      sink_.fixed(names_.replica(index).value, 8);
    }
  }

  void write_dependencies() {
    sink_.reserve(kMaxVarintBytes);
    sink_.varint(head_.dependencies.size());
    for (const Dependency& dependency : head_.dependencies) {
      sink_.reserve(2 * kMaxVarintBytes + 8);
      sink_.varint(local(dependency.dot.replica) - 1);
      sink_.varint(dependency.dot.seq);
      sink_.fixed(dependency.chain, 8);
    }
  }

  /// 0 is the author, the table's entries follow.
  std::uint32_t local(ReplicaIndex replica) const {
    return replica == head_.author ? 0 : replicas_.find(replica) + 1;
  }
  void collect(ReplicaIndex replica) {
    if (replica != head_.author && replica != kNoReplica) replicas_.add(replica);
  }

  FirstUseTable& replicas_;
  FirstUseTable& keys_;
  Sink& sink_;
  const Names& names_;
  const DeltaHead& head_;
  std::string_view content_;
  std::uint32_t collected_container_ = 0xffff'ffff;
  std::uint32_t written_container_ = 0xffff'ffff;
  LocalDot last_ro_ = kNoDot;  ///< none also before the first insertion: class kRoEnd comes before
};

template <OpNames Names, typename Sink>
void DeltaEncoder::encode_to(Sink& sink, const Names& names, const DeltaHead& head,
                             std::span<const Op> ops, std::string_view content,
                             std::uint32_t first_content_begin) {
  WEFT_ASSERT(head.op_count >= 1 && head.committed_at_ms < kMaxTimeMs);
  WEFT_ASSERT(!ops.empty() && ops.front().seq <= head.first_seq && ops.back().end() >= head.end());
  replicas_.clear();
  keys_.clear();
  Writer<Names, Sink> writer(*this, sink, names, head, content);
  writer.collect_dependencies();
  for_each_run(ops, head.first_seq, head.end(), head.author, content, first_content_begin,
               [&](const Op& op) { writer.collect_op(op); });
  writer.write_head();
  for_each_run(ops, head.first_seq, head.end(), head.author, content, first_content_begin,
               [&](const Op& op) { writer.write_op(op); });
}

}  // namespace weft
