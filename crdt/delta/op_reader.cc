#include "crdt/delta/op_reader.h"

#include <algorithm>

#include "crdt/base/utf8.h"
#include "crdt/delta/dedupe.h"
#include "crdt/delta/row_format.h"
#include "crdt/delta/slice.h"
#include "crdt/delta/value_codec.h"

namespace weft {
namespace {

/// Nearly all operations insert or erase text. Their path has no calls, and of what only the file can tell
/// just one thing is a branch: which of the two it is.
class OpReader {
 public:
  OpReader(BodyColumns& in, const BodyCounts& counts, const DecodeLimits& limits, Batch& batch)
      : in_(in),
        counts_(counts),
        limits_(limits),
        batch_(batch),
        cursor_(batch.replicas.size()),
        who_(in.numbers(Column::kWho)),
        places_(in.numbers(Column::kPlaces)),
        ros_(in.numbers(Column::kRos)),
        others_(in.numbers(Column::kOthers)),
        count_numbers_(in.numbers(Column::kCounts)),
        values_(in.bytes(Column::kValues)) {}

  void run() {
    open_text();
    batch_.containers.reserve(static_cast<std::size_t>(counts_.containers));
    batch_.keys.reserve(static_cast<std::size_t>(counts_.keys));
    registers_.reserve(static_cast<std::size_t>(counts_.registers));
    batch_.ops.reserve(static_cast<std::size_t>(counts_.ops));
    next_seq_ = batch_.first_seq;
    all_predicted_ = counts_.size_of(Column::kWho) == 0;
    ByteSpan tags = in_.bytes(Column::kTags).take(counts_.size_of(Column::kTags));
    if (!tags.empty() && (tags[0] & std::byte{kSameContainer}) != std::byte{0})
      fail("the first operation has no container before it");
    for (std::byte tag : tags) {
      if (!in_.ok()) return;
      tag_ = static_cast<std::uint32_t>(tag);
      tag_at_ = in_.offset_of(&tag);
      read_op();
    }
    if (in_.ok() && next_seq_ != batch_.end()) fail("fewer operations than announced");
    if (in_.ok()) check_tables();
    if (in_.ok() && has_unknown_) check_unknown();
  }

 private:
  void open_text() {
    ByteSpan text = in_.bytes(Column::kText).take(counts_.size_of(Column::kText));
    text_at_ = static_cast<std::uint32_t>(in_.offset_of(text.data()));
    text_end_ = text_at_ + static_cast<std::uint32_t>(text.size());
    ascii_ = is_ascii(as_text(text));
    if (!ascii_ && !valid_utf8(as_text(text)))
      in_.fail(ErrorCode::kInvalidUtf8, "text is not UTF-8", text_at_);
  }

  // --- one operation

  void read_op() {
    Op& op = batch_.ops.emplace_back();
    op.kind = static_cast<OpKind>(tag_ & kKindBits);
    op.seq = next_seq_;
    op.count = 1;
    bool continues = false;
    if (op.kind == OpKind::kTextInsert) {
      read_container(op);
      read_neighbours(op);
      read_count(op, (tag_ & kInsertsOne) == 0 ? 1 : 0);
      read_text(op);
      continues = continues_insertion(op);
      last_ro_ = op.b.packed();
      cursor_.inserted(op);
    } else if (op.kind == OpKind::kErase) {
      Guess guess = cursor_.target();
      read_container(op);
      read_targets(op, places_, guess);
      continues = continues_erasure(op, guess);
      cursor_.erased(op);
    } else {
      read_other(op);
      continues = batch_.ops.size() > 1 && continues_run(*(&op - 1), op, 0);
    }
    if (continues) [[unlikely]]
      in_.fail(ErrorCode::kNotCanonical, "two runs that are one", tag_at_);
    if (op.count > batch_.end() - next_seq_) [[unlikely]]
      fail("more operations than announced");
    next_seq_ += op.count;
    last_kind_ = op.kind;
    last_count_ = op.count;
  }

  // continues_run for the two, without a branch that the file decides.
  bool continues_insertion(const Op& op) const {
    const std::uint64_t lo = op.a.packed();
    const std::uint64_t ro = op.b.packed();
    return (last_kind_ == op.kind) & ((tag_ & kSameContainer) != 0) &
           (lo == std::uint64_t{op.seq} - 1) & (ro == last_ro_);
  }
  bool continues_erasure(const Op& op, Guess guess) const {
    std::int64_t ahead = std::int64_t{op.a.seq} - guess.seq;
    return (last_kind_ == op.kind) & ((tag_ & kSameContainer) != 0) &
           (op.a.replica == guess.replica) & ((ahead == 0) | ((ahead == 2) & (last_count_ == 1)));
  }

  void read_other(Op& op) {
    if (has_key(op.kind)) return read_write(op);
    read_container(op);
    switch (op.kind) {
      case OpKind::kListInsert:
        read_neighbours(op);
        read_count(op, (tag_ & kInsertsOne) == 0 ? 1 : 0);
        read_values(op);
        last_ro_ = op.b.packed();
        return cursor_.inserted(op);
      case OpKind::kRevoke:
      case OpKind::kReinstate:
        return read_targets(op, others_, cursor_.own(op.seq));
      case OpKind::kListSet:
        op.a = read_overwritten(op);
        op.b = read_some_dot(op);
        return read_values(op);
      case OpKind::kListMove: {
        read_neighbours(op);
        LocalDot element = read_some_dot(op);
        op.content_begin = element.replica;
        op.content_size = element.seq;
        last_ro_ = op.b.packed();
        return cursor_.inserted(op);
      }
      case OpKind::kRestore:
        op.a = read_overwritten(op);
        return;
      case OpKind::kCounterAdd:
        return read_content(op, [](ByteReader& values, Op&) { values.varint(); });
      case OpKind::kUnknown:
        has_unknown_ = true;
        return read_content(op, [](ByteReader& values, Op& unknown) {
          ByteSpan whole;
          unknown.count = read_unknown_content(values, whole).count;
        });
      default:
        in_.fail(ErrorCode::kUnknownKind, "unknown kind of operation", tag_at_);
    }
  }

  void read_neighbours(Op& op) {
    op.a = read_dot(places_, op, cursor_.lo());
    const std::uint32_t ro_class = tag_ >> kRoClassShift & 3;
    if (ro_class == kRoExplicit) {
      op.b = read_dot(ros_, op, cursor_.ro(op));
      return;
    }
    const std::uint64_t choices[3] = {op.a.plus(1).packed(), kNoDot.packed(), last_ro_};
    const std::uint64_t chosen = choices[ro_class];
    op.b = LocalDot::unpacked(chosen);
    // (Of the own log, the next dot could be this operation itself, or a later one.)
    if ((ro_class == kRoNextDot) & (op.a.is_none() | (op.b.seq > kMaxSeq) |
                                    ((op.b.replica == 0) & (op.b.seq >= op.seq)))) [[unlikely]]
      fail("the left neighbour has no next dot");
  }

  void read_targets(Op& op, NumberColumn& column, Guess guess) {
    op.a = read_dot(column, op, guess);
    if (op.a.is_none()) [[unlikely]]
      return fail("names nothing");
    read_count(op, (tag_ & kTargetsOne) == 0 ? 1 : 0);
    op.backward = (op.kind == OpKind::kErase) & (op.count > 1) & ((tag_ & kBackward) != 0);
    const std::int64_t more = std::int64_t{op.count} - 1;
    const std::int64_t last = op.a.seq + (op.backward ? -more : more);
    if (static_cast<std::uint64_t>(last) > kMaxSeq) [[unlikely]]
      fail("targets beyond the ends of a log");
  }

  void read_count(Op& op, std::uint32_t counted) {
    std::uint64_t more = count_numbers_.next_if(counted);
    if (more > kMaxSeq - 2) [[unlikely]]
      in_.fail(ErrorCode::kLimit, "sequence number over its limit", tag_at_);
    op.count = static_cast<Seq>(more & 0x7fff'ffff) + 1 + counted;
  }

  void read_write(Op& op) {
    std::uint64_t entry = in_.numbers(Column::kRegisters).next();
    if (entry == 0) {
      if (registers_.size() == counts_.registers) return fail("more registers than announced");
      tag_ &= ~kSameContainer;
      read_container(op);
      registers_.push_back({op.container, read_key(), op.seq});
      entry = registers_.size();
    } else if (entry > registers_.size()) {
      return fail("no such register before");
    }
    Register& target = registers_[static_cast<std::size_t>(entry - 1)];
    op.container = last_container_ = target.container;
    op.b = {0, target.key};
    if ((tag_ >> kOverwrittenShift & 3) == kOverwritesLast) {
      op.a = {0, target.last_write};
      if (target.last_write == op.seq) return fail("overwrites itself");
    } else {
      op.a = read_overwritten(op);
    }
    target.last_write = op.seq;
    if (op.kind == OpKind::kMapSet) return read_values(op);
    if (op.kind == OpKind::kMapEnsure)
      read_content(op, [](ByteReader& values, Op&) { read_ensure_content(values); });
  }

  LocalDot read_overwritten(const Op& op) {
    switch (tag_ >> kOverwrittenShift & 3) {
      case kOverwritesNothing:
        return kNoDot;
      case kOverwritesExplicit:
        return read_some_dot(op);
      default:
        fail("unknown way to name what is overwritten");
        return kNoDot;
    }
  }

  // --- content

  void read_text(Op& op) {
    std::uint32_t left = text_end_ - text_at_;
    std::uint32_t size = ascii_ ? op.count : text_size(op.count);
    if (size > left) [[unlikely]]
      return in_.fail(ErrorCode::kCorrupt, "the text ends too early", text_at_);
    op.content_begin = text_at_;
    op.content_size = size;
    text_at_ += size;
  }

  /// The bytes of the next `scalars` scalars; more than there are where they are too few.
  std::uint32_t text_size(Seq scalars) const {
    std::string_view text = batch_.content.substr(text_at_, text_end_ - text_at_);
    if (scalars > text.size()) return scalars;
    std::size_t size = utf8_offset_of_scalar(text, scalars);
    bool too_few = size == text.size() && count_scalars(text) < scalars;
    return static_cast<std::uint32_t>(size) + (too_few ? 1 : 0);
  }

  void read_values(Op& op) {
    read_content(op, [this](ByteReader& values, Op& owner) {
      for (Seq i = 0; i < owner.count && values.ok(); ++i) read_value(values, limits_);
    });
  }

  template <typename Read>
  void read_content(Op& op, Read read) {
    if (!in_.ok()) return;
    ByteSpan rest = values_.rest();
    std::uint64_t begin = in_.offset_of(rest.data());
    ByteReader reader(rest, begin);
    read(reader, op);
    if (!reader.ok()) {
      Error error = reader.error("");
      return in_.fail(error.code(), "a value is not valid", error.byte_offset());
    }
    op.content_begin = static_cast<std::uint32_t>(begin);
    op.content_size = static_cast<std::uint32_t>(reader.offset() - begin);
    values_.take(op.content_size);
  }

  // --- names

  void read_container(Op& op) {
    op.container = last_container_;
    if (tag_ & kSameContainer) [[likely]]
      return;
    std::uint64_t entry = in_.numbers(Column::kContainers).next();
    if (entry == 0) {
      if (batch_.containers.size() == counts_.containers)
        return fail("more containers than announced");
      batch_.containers.push_back(read_dot(others_, op, cursor_.own(op.seq)));
      entry = batch_.containers.size();
    } else if (entry > batch_.containers.size()) {
      return fail("no such container before");
    }
    op.container = last_container_ = static_cast<std::uint32_t>(entry - 1);
  }

  std::uint32_t read_key() {
    std::uint64_t entry = in_.numbers(Column::kRegisterKeys).next();
    if (entry != 0) {
      if (entry > batch_.keys.size()) fail("no such key before");
      return static_cast<std::uint32_t>(entry - 1);
    }
    ByteColumn& column = in_.bytes(Column::kKeys);
    ByteReader keys(column.rest());
    std::string_view key = as_text(keys.sized());
    if (!keys.ok() || key.size() > limits_.key_bytes || !valid_utf8(key) ||
        batch_.keys.size() == counts_.keys) {
      in_.fail(ErrorCode::kCorrupt, "a key is not valid", in_.offset_of(column.rest().data()));
      return 0;
    }
    column.take(static_cast<std::size_t>(keys.offset()));
    batch_.keys.push_back(key);
    return static_cast<std::uint32_t>(batch_.keys.size() - 1);
  }

  LocalDot read_dot(NumberColumn& column, const Op& op, Guess guess) {
    std::uint64_t who = all_predicted_ ? kWhoPredicted : who_.next();
    if (who != kWhoPredicted) [[unlikely]] {
      if (who > batch_.replicas.size()) {
        fail("no such replica in the table");
        return kNoDot;
      }
      auto replica = static_cast<ReplicaIndex>(who - kWhoFirst);
      guess = {replica, cursor_.base(guess, replica, op.seq)};
    }
    const std::int64_t seq = guess.seq + column.next_signed();
    const std::int64_t end = guess.replica == 0 ? std::int64_t{op.seq} : std::int64_t{kMaxSeq} + 1;
    if ((seq < 0) | (seq >= end)) [[unlikely]] {
      if (seq != kNoSeq) fail("names what is not in the log");
      return kNoDot;
    }
    const LocalDot dot{guess.replica, static_cast<Seq>(seq)};
    cursor_.named(dot);
    return dot;
  }

  LocalDot read_some_dot(const Op& op) {
    LocalDot dot = read_dot(others_, op, cursor_.own(op.seq));
    if (dot.is_none()) fail("names nothing");
    return dot;
  }

  void fail(const char* what) { in_.fail(ErrorCode::kCorrupt, what, tag_at_); }

  // --- afterwards

  void check_tables() {
    if (text_at_ != text_end_) return in_.fail("more text than is inserted");
    if (batch_.containers.size() != counts_.containers || batch_.keys.size() != counts_.keys ||
        registers_.size() != counts_.registers)
      return in_.fail("tables hold less than announced");
    if (has_duplicates(batch_.keys)) return in_.fail("a key stands in the table twice");
    std::vector<std::uint64_t> names;
    names.reserve(batch_.containers.size());
    for (LocalDot dot : batch_.containers) names.push_back(dot.packed());
    if (has_duplicates(names)) in_.fail("a container stands in the table twice");
  }

  /// An operation of an unknown kind can't be cut: it has to lie within one delta.
  void check_unknown() {
    for (const Op& op : batch_.ops) {
      if (op.kind != OpKind::kUnknown || op.count == 1) continue;
      auto run = std::partition_point(batch_.deltas.begin(), batch_.deltas.end(),
                                      [&](const DeltaRun& r) { return r.end() <= op.seq; });
      Seq first = op.seq - run->first_seq;
      if (first / run->ops_each != (first + op.count - 1) / run->ops_each)
        return in_.fail("an operation of an unknown kind lies in two deltas");
    }
  }

  struct Register {
    std::uint32_t container;
    std::uint32_t key;
    Seq last_write;
  };

  BodyColumns& in_;
  const BodyCounts& counts_;
  const DecodeLimits& limits_;
  Batch& batch_;
  Cursor cursor_;
  NumberColumn& who_;
  NumberColumn& places_;
  NumberColumn& ros_;
  NumberColumn& others_;
  NumberColumn& count_numbers_;
  ByteColumn& values_;
  std::vector<Register> registers_;
  std::uint32_t tag_ = 0;
  std::uint64_t tag_at_ = 0;
  Seq next_seq_ = 0;
  std::uint64_t last_ro_ =
      kNoDot.packed();  ///< (whole: stored in halves and loaded whole it would stall)
  OpKind last_kind_ = OpKind::kUnknown;
  Seq last_count_ = 0;
  std::uint32_t last_container_ = 0;
  std::uint32_t text_at_ = 0;  ///< into the body
  std::uint32_t text_end_ = 0;
  bool ascii_ = true;
  bool all_predicted_ = false;  ///< one writer alone: the column of replicas says nothing
  bool has_unknown_ = false;
};

}  // namespace

void read_ops(BodyColumns& in, const BodyCounts& counts, const DecodeLimits& limits, Batch& batch) {
  OpReader(in, counts, limits, batch).run();
}

}  // namespace weft
