// The body of a bundle, written. Whatever borders the batch's runs and tables have, the body is a
// function of its deltas: runs are joined, tables numbered by first use.

#include <algorithm>
#include <map>

#include "crdt/base/assert.h"
#include "crdt/delta/batch.h"
#include "crdt/delta/bundle_format.h"
#include "crdt/delta/first_use.h"
#include "crdt/delta/row_format.h"

namespace weft {
namespace {

class BodyWriter {
 public:
  explicit BodyWriter(const Batch& batch) : batch_(batch), cursor_(collect_replicas()) {}

  BundleBody run() {
    for (std::uint32_t index : replicas_) put_u64(Column::kReplicas, batch_.replicas[index].value);
    write_deltas();
    for (const Op& op : batch_.ops) push(op);
    if (pending_.count != 0) write_op(pending_);
    return assemble();
  }

 private:
  // --- tables

  std::size_t collect_replicas() {
    auto collect = [this](ReplicaIndex replica) {
      if (replica != 0 && replica != kNoReplica) replicas_.add(replica);
    };
    for (const Dependency& dependency : batch_.dependencies) collect(dependency.dot.replica);
    for (const Op& op : batch_.ops) {
      collect(batch_.containers[op.container].replica);
      collect(op.a.replica);
      collect(has_key(op.kind) ? kNoReplica : op.b.replica);
      if (op.kind == OpKind::kListMove) collect(moved_element(op).replica);
    }
    return replicas_.size() + 1;
  }

  /// In the bundle's table: 0 is the author.
  LocalDot local(LocalDot dot) const {
    if (dot.replica != 0 && !dot.is_none()) dot.replica = replicas_.find(dot.replica) + 1;
    return dot;
  }

  // --- deltas

  void write_deltas() {
    std::uint64_t time = 0;
    std::vector<std::int64_t> last_seq(replicas_.size() + 1, 0);
    for (std::size_t i = 0; i < batch_.deltas.size();) {
      const DeltaRun& run = batch_.deltas[i];
      std::uint64_t repeats = run.delta_count;
      for (++i; i < batch_.deltas.size() && run.is_alike(batch_.deltas[i]); ++i)
        repeats += batch_.deltas[i].delta_count;
      ++delta_rows_;
      if (run.row_version == kLegacyRowVersion) {
        ++legacy_rows_;
        WEFT_ASSERT(legacy_rows_ == delta_rows_);  // (batch.h, I4)
      }
      put(Column::kDeltaOps, run.ops_each - 1);
      put(Column::kDeltaRepeats, repeats - 1);
      put_signed(Column::kDeltaTimes, static_cast<std::int64_t>(run.committed_at_ms - time));
      time = run.committed_at_ms;
      put(Column::kDeltaDependencies, run.dependency_count);
      for (std::uint32_t k = 0; k < run.dependency_count; ++k)
        write_dependency(batch_.dependencies[run.dependency_begin + k], last_seq);
      put(Column::kDeltaMessages, run.message_size);
      std::string_view messages = batch_.messages;
      put_bytes(Column::kMessages, as_bytes(messages.substr(run.message_begin, run.message_size)));
    }
  }

  void write_dependency(const Dependency& dependency, std::vector<std::int64_t>& last_seq) {
    LocalDot dot = local(dependency.dot);
    put(Column::kDependencyWho, dot.replica - 1);
    put_signed(Column::kDependencySeqs, dot.seq - last_seq[dot.replica]);
    last_seq[dot.replica] = dot.seq;
    put_u64(Column::kChains, dependency.chain);
    ++dependency_rows_;
  }

  // --- operations

  void push(const Op& op) {
    if (has_content(op.kind)) {
      Column column = op.kind == OpKind::kTextInsert ? Column::kText : Column::kValues;
      put_bytes(column, as_bytes(batch_.content.substr(op.content_begin, op.content_size)));
    }
    Op rest = op;
    rest.a = local(op.a);
    if (!has_key(op.kind)) rest.b = local(op.b);
    if (op.kind == OpKind::kListMove) {
      rest.content_begin = local(moved_element(op)).replica;
    } else {
      rest.content_begin = rest.content_size = 0;  // all content is adjacent in its column
    }
    if (pending_.count != 0) {
      if (absorb(pending_, rest, 0)) return;
      write_op(pending_);
    }
    pending_ = rest;
  }

  void write_op(const Op& op) {
    ++op_rows_;
    std::uint32_t tag = static_cast<std::uint32_t>(op.kind);
    if (has_key(op.kind)) {
      tag |= write_register(op) << kOverwrittenShift;
    } else if (op.container == last_container_) {
      tag |= kSameContainer;
    } else {
      write_container(op);
    }
    last_container_ = op.container;
    if (is_insert(op.kind)) {
      tag |= write_neighbours(op) << kRoClassShift;
      if (op.count == 1)
        tag |= kInsertsOne;
      else
        put(Column::kCounts, op.count - 2);
      cursor_.inserted(op);
    } else if (has_targets(op.kind)) {
      bool erases = op.kind == OpKind::kErase;
      write_dot(erases ? Column::kPlaces : Column::kOthers, op, op.a,
                erases ? cursor_.target() : cursor_.own(op.seq));
      if (op.backward) tag |= kBackward;
      if (op.count == 1)
        tag |= kTargetsOne;
      else
        put(Column::kCounts, op.count - 2);
      if (erases) cursor_.erased(op);
    } else if (op.kind == OpKind::kListMove) {
      tag |= write_neighbours(op) << kRoClassShift;
      write_dot(Column::kOthers, op, moved_element(op), cursor_.own(op.seq));
      cursor_.inserted(op);
    } else if (op.kind == OpKind::kListSet) {
      tag |= write_overwritten(op) << kOverwrittenShift;
      write_dot(Column::kOthers, op, op.b, cursor_.own(op.seq));
    } else if (op.kind == OpKind::kRestore) {
      tag |= write_overwritten(op) << kOverwrittenShift;
    }
    put_u8(Column::kTags, tag);
  }

  std::uint32_t write_neighbours(const Op& op) {
    write_dot(Column::kPlaces, op, op.a, cursor_.lo());
    std::uint32_t result = kRoExplicit;
    if (!op.a.is_none() && op.b == op.a.plus(1)) {
      result = kRoNextDot;
    } else if (op.b.is_none()) {
      result = kRoEnd;
    } else if (op.b == last_ro_) {
      result = kRoSame;
    } else {
      write_dot(Column::kRos, op, op.b, cursor_.ro(op));
    }
    last_ro_ = op.b;
    return result;
  }

  std::uint32_t write_overwritten(const Op& op) {
    if (op.a.is_none()) return kOverwritesNothing;
    write_dot(Column::kOthers, op, op.a, cursor_.own(op.seq));
    return kOverwritesExplicit;
  }

  /// Registers are (container, key); each keeps its last write.
  std::uint32_t write_register(const Op& op) {
    std::uint64_t name = std::uint64_t{op.container} << 32 | op.key();
    auto [found, is_new] =
        registers_.emplace(name, Register{static_cast<std::uint32_t>(registers_.size()), op.seq});
    if (is_new) {
      put(Column::kRegisters, 0);
      write_container(op);
      FirstUseTable::Added key = keys_.add(op.key());
      put(Column::kRegisterKeys, key.is_new ? 0 : key.number + 1);
      if (key.is_new) put_sized(Column::kKeys, batch_.keys[op.key()]);
      return write_overwritten(op);
    }
    Register& known = found->second;
    put(Column::kRegisters, known.index + 1);
    Seq last_write = known.last_write;
    known.last_write = op.seq;
    return op.a == LocalDot{0, last_write} ? kOverwritesLast : write_overwritten(op);
  }

  void write_container(const Op& op) {
    FirstUseTable::Added container = containers_.add(op.container);
    put(Column::kContainers, container.is_new ? 0 : container.number + 1);
    if (container.is_new)
      write_dot(Column::kOthers, op, local(batch_.containers[op.container]), cursor_.own(op.seq));
  }

  void write_dot(Column column, const Op& op, LocalDot dot, Guess guess) {
    if (dot.is_none()) {
      put(Column::kWho, kWhoPredicted);
      return put_signed(column, kNoSeq - guess.seq);
    }
    put(Column::kWho, dot.replica == guess.replica ? kWhoPredicted : kWhoFirst + dot.replica);
    put_signed(column, dot.seq - cursor_.base(guess, dot.replica, op.seq));
    cursor_.named(dot);
  }

  // --- columns

  Bytes& column(Column which) { return columns_[static_cast<std::size_t>(which)]; }

  void put_u8(Column which, std::uint32_t value) {
    column(which).push_back(static_cast<std::byte>(value));
  }
  void put_u64(Column which, std::uint64_t value) { ByteWriter(column(which)).u64(value); }
  void put_bytes(Column which, ByteSpan bytes) { ByteWriter(column(which)).bytes(bytes); }
  void put_sized(Column which, std::string_view text) {
    ByteWriter(column(which)).sized(as_bytes(text));
  }
  void put_signed(Column which, std::int64_t value) { put(which, zigzag(value)); }

  void put(Column which, std::uint64_t value) {
    if (value < 16) return put_u8(which, static_cast<std::uint32_t>(value));
    auto highest = static_cast<unsigned>(std::bit_width(value)) - 1;
    unsigned next_bit = static_cast<unsigned>(value >> (highest - 1)) & 1;
    put_u8(which, 16 + 2 * (highest - 4) + next_bit);
    bits_[static_cast<std::size_t>(which)].put(value & ((std::uint64_t{1} << (highest - 1)) - 1),
                                               highest - 1);
  }

  struct Bits {
    Bytes bytes;
    std::uint64_t open = 0;
    unsigned open_count = 0;

    void put(std::uint64_t value, unsigned count) {
      WEFT_ASSERT(count <= kMaxTokenBits);
      open |= value << open_count;
      for (open_count += count; open_count >= 8; open_count -= 8, open >>= 8)
        bytes.push_back(static_cast<std::byte>(open & 0xff));
    }
    void finish() {
      if (open_count != 0) bytes.push_back(static_cast<std::byte>(open));
    }
  };

  BundleBody assemble() {
    // Of one who writes alone every dot is as predicted, and nothing is told.
    Bytes& who = column(Column::kWho);
    if (std::all_of(who.begin(), who.end(),
                    [](std::byte b) { return b == std::byte{kWhoPredicted}; }))
      who.clear();
    BundleBody body;
    ByteWriter out(body.bytes);
    body.version = legacy_rows_ == delta_rows_ ? kLegacyBundleVersion : kBundleVersion;
    if (body.version != kLegacyBundleVersion) out.varint(legacy_rows_);
    const std::uint64_t counts[] = {replicas_.size(),  containers_.size(), keys_.size(),
                                    registers_.size(), op_rows_,           delta_rows_,
                                    dependency_rows_};
    for (std::uint64_t count : counts) {
      out.varint(count);
      body.rows += count;
    }
    body.rows += message_rows(column(Column::kMessages).size());
    for (const Bytes& bytes : columns_) out.varint(bytes.size());
    for (Bits& bits : bits_) {
      bits.finish();
      out.varint(bits.bytes.size());
    }
    for (const Bytes& bytes : columns_) out.bytes(bytes);
    for (const Bits& bits : bits_) out.bytes(bits.bytes);
    return body;
  }

  struct Register {
    std::uint32_t index;
    Seq last_write;
  };

  const Batch& batch_;
  FirstUseTable replicas_;
  FirstUseTable containers_;
  FirstUseTable keys_;
  // Ordered: which registers are written is the senders' choice.
  std::map<std::uint64_t, Register> registers_;
  Cursor cursor_;
  LocalDot last_ro_ = kNoDot;
  std::uint32_t last_container_ = FirstUseTable::kAbsent;
  Op pending_;
  std::uint64_t op_rows_ = 0;
  std::uint64_t delta_rows_ = 0;
  std::uint64_t legacy_rows_ = 0;  ///< of row version 1
  std::uint64_t dependency_rows_ = 0;
  std::array<Bytes, kColumnCount> columns_;
  std::array<Bits, kNumberColumns> bits_;
};

}  // namespace

BundleBody write_bundle_body(const Batch& batch) { return BodyWriter(batch).run(); }

}  // namespace weft
