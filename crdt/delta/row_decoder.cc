// The row form, read. First everything that would be unsafe or meaningless is refused here, then the
// result is encoded again and compared with the input: what differs is not canonical. Three things
// that encoding again can't see, because it starts from the same tables, are checked by hand: an id or
// a key that stands in its table twice, an unsorted list of dependencies, two runs that are one.

#include <algorithm>

#include "crdt/base/utf8.h"
#include "crdt/delta/batch_names.h"
#include "crdt/delta/codec.h"
#include "crdt/delta/dedupe.h"
#include "crdt/delta/row_encoder.h"
#include "crdt/delta/row_format.h"
#include "crdt/delta/slice.h"
#include "crdt/delta/value_codec.h"

namespace weft {
namespace {

class RowDecoder {
 public:
  RowDecoder(ByteSpan bytes, const DecodeLimits& limits, Batch& batch)
      : bytes_(bytes), limits_(limits), in_(bytes), batch_(batch) {}

  Status run() {
    if (bytes_.size() > limits_.input_bytes || bytes_.size() > 0xffff'ffff)
      return Error(ErrorCode::kLimit, "delta: more bytes than allowed", 0);
    batch_.clear();
    batch_.content = as_text(bytes_);
    read_head();
    while (in_.ok() && !in_.at_end()) read_op();
    if (in_.ok() && next_seq_ != batch_.end()) in_.fail("fewer operations than announced");
    if (in_.ok() && has_duplicates(batch_.keys))
      in_.fail(ErrorCode::kNotCanonical, "a key stands in the delta twice");
    if (!in_.ok()) return in_.error("delta");
    if (batch_.containers.size() > kSearchedContainers) merge_containers();
    return {};
  }

  /// After run().
  Status check_canonical() const {
    const DeltaRun& delta = batch_.deltas.front();
    DeltaHead head{0,
                   delta.first_seq,
                   delta.ops_each,
                   delta.committed_at_ms,
                   batch_.dependencies,
                   batch_.messages,
                   delta.row_version};
    CompareSink sink(bytes_);
    DeltaEncoder encoder;
    encoder.encode_to(sink, BatchNames(batch_), head, batch_.ops, batch_.content);
    sink.flush();
    std::size_t difference = sink.target().difference();
    if (difference == CompareTarget::kEqual) return {};
    return Error(ErrorCode::kNotCanonical, "delta: not the one encoding of its content",
                 difference);
  }

 private:
  // --- head

  void read_head() {
    std::uint32_t flags = in_.u8();
    if (!in_.ok()) return;
    const std::uint32_t version = flags >> 6;
    if (version != kLegacyRowVersion && version != kRowVersion)
      return in_.fail(ErrorCode::kUnknownVersion, "written by another version of weft");
    batch_.replicas.push_back(ReplicaId{in_.u64()});
    DeltaRun& delta = batch_.deltas.emplace_back();
    delta.row_version = static_cast<std::uint8_t>(version);
    delta.committed_at_ms = std::uint64_t{flags & kTimeHighBits} << 40 | read_low_time();
    if (delta.committed_at_ms >= kMaxTimeMs)
      in_.fail(ErrorCode::kLimit, "time after the year 2099");
    batch_.first_seq = next_seq_ = delta.first_seq = read_seq();
    batch_.op_count = delta.ops_each = (flags & kHasOpCount) != 0 ? read_count() : 1;
    if (flags & kHasReplicas) read_replicas();
    if (flags & kHasDependencies) read_dependencies(delta);
    if (flags & kHasMessage) read_message(delta);
  }

  std::uint64_t read_low_time() {
    std::uint64_t low = in_.u32();
    return low | std::uint64_t{in_.u8()} << 32;
  }

  void read_replicas() {
    std::uint64_t count = in_.varint();
    if (count >= limits_.replicas) return in_.fail(ErrorCode::kLimit, "more replicas than allowed");
    if (count > in_.remaining() / 8) return in_.fail("ends inside the replica table");
    batch_.replicas.reserve(static_cast<std::size_t>(count) + 1);
    for (std::uint64_t i = 0; i < count; ++i) batch_.replicas.push_back(ReplicaId{in_.u64()});
    if (has_duplicates(batch_.replicas))
      in_.fail(ErrorCode::kNotCanonical, "a replica stands in the table twice");
  }

  void read_dependencies(DeltaRun& delta) {
    std::uint64_t count = in_.varint();
    if (count > limits_.dependencies)
      return in_.fail(ErrorCode::kLimit, "more dependencies than allowed");
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      std::uint64_t entry = in_.varint();
      Dependency dependency;
      if (entry >= batch_.replicas.size() - 1) return in_.fail("no such replica in the table");
      dependency.dot = {static_cast<ReplicaIndex>(entry + 1), read_seq()};
      dependency.chain = in_.u64();
      if (i != 0 && !(batch_.replicas[batch_.dependencies.back().dot.replica] <
                      batch_.replicas[dependency.dot.replica]))
        in_.fail(ErrorCode::kNotCanonical, "dependencies are not in the order of their replicas");
      batch_.dependencies.push_back(dependency);
    }
    delta.dependency_count = static_cast<std::uint32_t>(count);
  }

  void read_message(DeltaRun& delta) {
    std::uint64_t size = in_.varint();
    if (size > limits_.message_bytes)
      return in_.fail(ErrorCode::kLimit, "longer message than allowed");
    std::string_view message = as_text(in_.bytes(size));
    if (!valid_utf8(message)) in_.fail(ErrorCode::kInvalidUtf8, "message is not UTF-8");
    batch_.messages = message;
    delta.message_size = static_cast<std::uint32_t>(size);
  }

  // --- operations

  void read_op() {
    if (batch_.ops.size() >= limits_.ops)
      return in_.fail(ErrorCode::kLimit, "more operations than allowed");
    Op op;
    std::uint64_t row_offset = in_.offset();
    tag_ = in_.u8();
    op.kind = static_cast<OpKind>(tag_ & kKindBits);
    op.seq = next_seq_;
    op.count = 1;
    op.container = tag_ & kSameContainer ? previous_container() : read_container();
    read_body(op);
    if (!in_.ok()) return;
    if (op.count > batch_.end() - next_seq_) return in_.fail("more operations than announced");
    next_seq_ += op.count;
    if (!batch_.ops.empty() && continues_run(batch_.ops.back(), op, 0))
      return fail_at(row_offset, "two runs that are one");
    batch_.ops.push_back(op);
  }

  void read_body(Op& op) {
    switch (op.kind) {
      case OpKind::kTextInsert:
        return read_text(op);
      case OpKind::kListInsert:
        return read_values(op);
      case OpKind::kErase:
      case OpKind::kRevoke:
      case OpKind::kReinstate:
        return read_targets(op);
      case OpKind::kMapSet:
      case OpKind::kMapErase:
      case OpKind::kMapEnsure:
        op.a = read_dot();
        op.b = {0, read_key()};
        if (op.kind == OpKind::kMapSet) set_content(op, read_value(in_, limits_));
        if (op.kind == OpKind::kMapEnsure) set_content(op, read_ensure_content(in_));
        return;
      case OpKind::kListSet:
        op.a = read_dot();
        op.b = read_some_dot();
        return set_content(op, read_value(in_, limits_));
      case OpKind::kListMove: {
        read_neighbours(op);
        LocalDot element = read_some_dot();
        op.content_begin = element.replica;
        op.content_size = element.seq;
        return;
      }
      case OpKind::kRestore:
        op.a = read_dot();
        return;
      case OpKind::kCounterAdd: {
        ByteSpan rest = in_.bytes(0);
        in_.varint();
        return set_content(op, {rest.data(), in_.bytes(0).data()});
      }
      case OpKind::kUnknown: {
        ByteSpan whole;
        op.count = read_unknown_content(in_, whole).count;
        return set_content(op, whole);
      }
      case OpKind::kTouched:
        break;
    }
    in_.fail(ErrorCode::kUnknownKind, "unknown kind of operation");
  }

  void read_text(Op& op) {
    read_neighbours(op);
    if (tag_ & kInsertsOne) {
      ByteSpan lead = in_.bytes(0);
      if (in_.at_end()) return in_.fail("ends too early");
      unsigned size = utf8_size_from_lead(static_cast<unsigned char>(*lead.data()));
      ByteSpan text = in_.bytes(size);
      if (size != 1 && !(size != 0 && valid_utf8(as_text(text))))
        return in_.fail(ErrorCode::kInvalidUtf8, "text is not UTF-8");
      return set_content(op, text);
    }
    ByteSpan text = in_.sized();
    std::optional<std::size_t> scalars = valid_scalar_count(as_text(text));
    if (!scalars) return in_.fail(ErrorCode::kInvalidUtf8, "text is not UTF-8");
    if (*scalars < 2) return in_.fail(ErrorCode::kNotCanonical, "text of one character or none");
    op.count = static_cast<Seq>(*scalars);
    set_content(op, text);
  }

  void read_values(Op& op) {
    read_neighbours(op);
    if (!(tag_ & kInsertsOne)) op.count = read_count();
    ByteSpan begin = in_.bytes(0);
    for (Seq i = 0; i < op.count && in_.ok(); ++i) read_value(in_, limits_);
    set_content(op, {begin.data(), in_.bytes(0).data()});
  }

  void read_targets(Op& op) {
    op.a = read_some_dot();
    if (!(tag_ & kTargetsOne)) op.count = read_count();
    op.backward = (tag_ & kBackward) != 0 && op.kind == OpKind::kErase;
    if (op.backward ? op.a.seq < op.count - 1 : op.count - 1 > kMaxSeq - op.a.seq)
      in_.fail("targets beyond the ends of a log");
  }

  void read_neighbours(Op& op) {
    op.a = read_dot();
    std::uint32_t ro_class = tag_ >> kRoClassShift & 3;
    switch (ro_class) {
      case kRoNextDot:
        if (op.a.is_none()) return in_.fail("the begin of a sequence has no next dot");
        op.b = check_dot(op.a.plus(1));
        break;
      case kRoEnd:
        op.b = kNoDot;
        break;
      case kRoSame:
        op.b = last_ro_;
        break;
      default:
        op.b = read_explicit_ro(op.a);
    }
    last_ro_ = op.b;
  }

  LocalDot read_explicit_ro(LocalDot lo) {
    std::uint64_t v = in_.varint();
    if (v & 1) return check_dot({replica_at(v >> 1), read_seq()});
    if (lo.is_none()) {
      in_.fail("the begin of a sequence has no replica");
      return kNoDot;
    }
    std::int64_t ahead = unzigzag(v >> 1);
    std::int64_t seq = static_cast<std::int64_t>(lo.seq) + ahead;
    if (ahead > kMaxSeq || seq < 0 || seq > kMaxSeq) {
      in_.fail(ErrorCode::kLimit, "sequence number over its limit");
      return kNoDot;
    }
    return check_dot({lo.replica, static_cast<Seq>(seq)});
  }

  // --- names

  /// Nobody can name an operation of a log that its own log does not hold yet.
  LocalDot check_dot(LocalDot dot) {
    if (dot.seq > kMaxSeq) {
      in_.fail(ErrorCode::kLimit, "sequence number over its limit");
    } else if (dot.replica == 0 && dot.seq >= next_seq_) {
      in_.fail("names a later operation of its own log");
    }
    return dot;
  }

  LocalDot read_dot() {
    std::uint64_t v = in_.varint();
    if (v == 0) return kNoDot;
    if (v & 1) {
      std::uint64_t distance = v >> 1;
      if (distance >= next_seq_) {
        in_.fail("names an operation before the log's first");
        return kNoDot;
      }
      return {0, static_cast<Seq>(next_seq_ - 1 - distance)};
    }
    ReplicaIndex replica = replica_at(v >> 1);
    return {replica, read_seq()};
  }

  LocalDot read_some_dot() {
    LocalDot dot = read_dot();
    if (in_.ok() && dot.is_none()) in_.fail("names nothing");
    return dot;
  }

  std::uint32_t read_container() {
    std::uint64_t v = in_.varint();
    LocalDot dot = kNoDot;
    if (v & 1) {
      if (v >> 1 > kMaxSeq) in_.fail(ErrorCode::kLimit, "sequence number over its limit");
      dot = check_dot({0, static_cast<Seq>(v >> 1)});
    } else if (v != 0) {
      ReplicaIndex replica = replica_at(v >> 1);
      dot = {replica, read_seq()};
    }
    for (std::size_t i = 0; i < std::min(batch_.containers.size(), kSearchedContainers); ++i)
      if (batch_.containers[i] == dot) return static_cast<std::uint32_t>(i);
    batch_.containers.push_back(dot);
    return static_cast<std::uint32_t>(batch_.containers.size() - 1);
  }

  std::uint32_t previous_container() {
    if (!batch_.ops.empty()) return batch_.ops.back().container;
    in_.fail("the first operation has no container before it");
    return 0;
  }

  std::uint32_t read_key() {
    std::uint64_t k = in_.varint();
    if (k != 0) {
      if (k <= batch_.keys.size()) return static_cast<std::uint32_t>(k - 1);
      in_.fail("no such key before");
      return 0;
    }
    std::string_view key = as_text(in_.sized());
    if (key.size() > limits_.key_bytes) in_.fail(ErrorCode::kLimit, "longer key than allowed");
    if (!valid_utf8(key)) in_.fail(ErrorCode::kInvalidUtf8, "key is not UTF-8");
    batch_.keys.push_back(key);
    return static_cast<std::uint32_t>(batch_.keys.size() - 1);
  }

  ReplicaIndex replica_at(std::uint64_t index) {
    if (index < batch_.replicas.size()) return static_cast<ReplicaIndex>(index);
    in_.fail("no such replica in the table");
    return 0;
  }

  Seq read_seq() {
    std::uint64_t seq = in_.varint();
    if (seq > kMaxSeq) in_.fail(ErrorCode::kLimit, "sequence number over its limit");
    return static_cast<Seq>(seq);
  }

  Seq read_count() {
    std::uint64_t count = in_.varint();
    if (count < 2) {
      if (in_.ok()) in_.fail(ErrorCode::kNotCanonical, "a count of less than two is written");
      return 1;
    }
    if (count > std::uint64_t{kMaxSeq} + 1 - next_seq_)
      in_.fail(ErrorCode::kLimit, "sequence number over its limit");
    return static_cast<Seq>(count);
  }

  void set_content(Op& op, ByteSpan content) {
    if (!in_.ok()) return;
    op.content_begin = static_cast<std::uint32_t>(content.data() - bytes_.data());
    op.content_size = static_cast<std::uint32_t>(content.size());
  }

  void fail_at(std::uint64_t offset, const char* what) {
    in_ = ByteReader(bytes_.subspan(static_cast<std::size_t>(offset)), offset);
    in_.fail(ErrorCode::kNotCanonical, what);
  }

  // --- afterwards

  /// Past the first few, containers are listed as they come; here each gets one entry.
  void merge_containers() {
    std::vector<std::uint32_t> renamed = merge_duplicates(batch_.containers);
    if (renamed.empty()) return;
    for (Op& op : batch_.ops) op.container = renamed[op.container];
  }

  static constexpr std::size_t kSearchedContainers = 16;

  ByteSpan bytes_;
  const DecodeLimits& limits_;
  ByteReader in_;
  Batch& batch_;
  Seq next_seq_ = 0;
  std::uint32_t tag_ = 0;
  LocalDot last_ro_ = kNoDot;
};

}  // namespace

Status decode_delta_into(ByteSpan bytes, Batch& out, const DecodeLimits& limits) {
  RowDecoder decoder(bytes, limits, out);
  WEFT_TRY(decoder.run());
  return decoder.check_canonical();
}

Status decode_stored_delta(ByteSpan bytes, Batch& out, const DecodeLimits& limits) {
  return RowDecoder(bytes, limits, out).run();
}

Result<Batch> decode_delta(ByteSpan bytes, const DecodeLimits& limits) {
  Result<Batch> result =
      Batch();  // filled in place: moving a full one costs as much as decoding it
  Status status = decode_delta_into(bytes, *result, limits);
  if (!status.ok()) result = status.take_error();
  return result;
}

}  // namespace weft
