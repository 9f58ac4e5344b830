#include "tests/histories/delta_log.h"

#include <algorithm>
#include <cstddef>

#include "crdt/base/checksum.h"
#include "crdt/delta/codec.h"
#include "crdt/delta/value_codec.h"
#include "tests/histories/failure.h"

namespace weft::test {
namespace {

/// Reads the units of one decoded batch of one delta.
class UnitReader {
 public:
  UnitReader(const Batch& batch, KnownDelta& delta) : batch_(batch), delta_(delta) {}

  void read() {
    for (const Op& op : batch_.ops)
      for (Seq k = 0; k < op.count; ++k) delta_.ops.push_back(read_unit(op, k));
  }

 private:
  Dot dot(const LocalDot& local) const { return {batch_.replicas.at(local.replica), local.seq}; }
  std::optional<Dot> maybe_dot(const LocalDot& local) const {
    if (local.is_none()) return std::nullopt;
    return dot(local);
  }
  std::string_view content(const Op& op) const {
    return batch_.content.substr(op.content_begin, op.content_size);
  }

  OracleOp read_unit(const Op& op, Seq k) {
    OracleOp unit;
    unit.dot = {batch_.author(), op.seq + k};
    unit.hlc = delta_.first_hlc + (unit.dot.seq - delta_.first.seq);
    unit.weight_ms = delta_.weight_ms;
    unit.legacy = delta_.legacy;
    unit.past = delta_.past;
    unit.past.add_up_to(unit.dot.replica, unit.dot.seq);
    unit.container = maybe_dot(batch_.containers.at(op.container));
    unit.committed_at_ms = delta_.committed_at_ms;
    unit.message = delta_.message;
    read_body(unit, op, k);
    return unit;
  }

  void read_body(OracleOp& unit, const Op& op, Seq k) {
    switch (op.kind) {
      case OpKind::kMapSet:
        unit.kind = OracleKind::kMapSet;
        read_map_write(unit, op);
        unit.value = value(content(op));
        return;
      case OpKind::kMapErase:
        unit.kind = OracleKind::kMapErase;
        return read_map_write(unit, op);
      case OpKind::kMapEnsure: {
        unit.kind = OracleKind::kMapEnsure;
        read_map_write(unit, op);
        EnsureContent ensure = parse_ensure_content(as_bytes(content(op)));
        unit.child_kind = ensure.kind;
        unit.generation = ensure.generation;
        return;
      }
      case OpKind::kTextInsert:
        unit.kind = OracleKind::kTextInsert;
        unit.scalar = scalars_of(std::string(content(op))).at(k);
        return read_neighbours(unit, op, k);
      case OpKind::kListInsert:
        unit.kind = OracleKind::kListInsert;
        unit.value = value(nth_value(content(op), k));
        return read_neighbours(unit, op, k);
      case OpKind::kErase:
        unit.kind = OracleKind::kErase;
        unit.target = dot({op.a.replica, op.backward ? op.a.seq - k : op.a.seq + k});
        return;
      case OpKind::kListSet:
        unit.kind = OracleKind::kListSet;
        unit.overwritten = maybe_dot(op.a);
        unit.target = dot(op.b);
        unit.value = value(content(op));
        return;
      case OpKind::kListMove:
        unit.kind = OracleKind::kListMove;
        unit.target = dot({op.content_begin, op.content_size});
        return read_neighbours(unit, op, k);
      case OpKind::kRevoke:
      case OpKind::kReinstate:
        unit.kind = op.kind == OpKind::kRevoke ? OracleKind::kRevoke : OracleKind::kReinstate;
        unit.target = dot(op.a.plus(k));
        return;
      case OpKind::kCounterAdd: {
        unit.kind = OracleKind::kCounterAdd;
        ByteReader in(as_bytes(content(op)));
        unit.amount = in.svarint();
        expect(in.ok() && in.at_end(), "a counter's content is one zigzag varint");
        return;
      }
      case OpKind::kRestore:
        unit.kind = OracleKind::kRestore;
        unit.overwritten = maybe_dot(op.a);
        return;
      case OpKind::kTouched:
      case OpKind::kUnknown:
        throw Failure("the engine wrote an operation of a later weft");
    }
  }

  void read_map_write(OracleOp& unit, const Op& op) const {
    unit.overwritten = maybe_dot(op.a);
    unit.key = std::string(batch_.keys.at(op.key()));
  }
  void read_neighbours(OracleOp& unit, const Op& op, Seq k) const {
    if (k == 0) {
      unit.lo = maybe_dot(op.a);
    } else {
      unit.lo = Dot{unit.dot.replica, unit.dot.seq - 1};
    }
    unit.ro = maybe_dot(op.b);
  }

  static std::string_view nth_value(std::string_view values, Seq n) {
    ByteReader in(as_bytes(values));
    ByteSpan value;
    for (Seq i = 0; i <= n; ++i) value = read_value(in, DecodeLimits{});
    expect(in.ok(), "an insertion has fewer values than units");
    return as_text(value);
  }
  static OracleValue value(std::string_view encoded) {
    ByteSpan bytes = as_bytes(encoded);
    OracleValue result;
    if (bytes[0] == static_cast<std::byte>(ValueTag::kChild)) {
      result.child = static_cast<ContainerKind>(bytes[1]);
    } else {
      result.json = Value::decode_trusted(bytes).json();
    }
    return result;
  }

  const Batch& batch_;
  KnownDelta& delta_;
};

}  // namespace

KnownDelta DeltaLog::read(ByteSpan bytes) const {
  Result<Batch> decoded = decode_delta(bytes);
  expect(decoded.ok(), "the engine's own delta does not decode: " + decoded.error().message());
  const Batch& batch = *decoded;
  expect(batch.deltas.size() == 1 && batch.deltas[0].delta_count == 1, "a row form is one delta");
  const DeltaRun& run = batch.deltas[0];

  KnownDelta delta;
  delta.bytes.assign(bytes.begin(), bytes.end());
  delta.first = {batch.author(), run.first_seq};
  delta.op_count = run.ops_each;
  delta.committed_at_ms = run.committed_at_ms;
  delta.message = batch.messages.substr(run.message_begin, run.message_size);
  expect(version_.end(delta.first.replica) == delta.first.seq,
         "a delta does not follow on its author's log");
  delta.legacy = static_cast<unsigned>(bytes[0]) >> 6 == 1;
  std::uint64_t chain_before = 0;
  std::vector<Dot> parents;
  if (delta.first.seq != 0) {
    const KnownDelta* previous = find({delta.first.replica, delta.first.seq - 1});
    parents.push_back({delta.first.replica, delta.first.seq - 1});
    delta.past = previous->version;
    chain_before = previous->chain;
  }
  delta.chain = xxh3_64(bytes, chain_before);
  for (const Dependency& dependency : batch.dependencies) {
    Dot dot{batch.replicas.at(dependency.dot.replica), dependency.dot.seq};
    const KnownDelta* named = find(dot);
    expect(named != nullptr, "a dependency names no delta: " + to_string(dot));
    parents.push_back(dot);
    bool whole = dot.seq + 1 == named->first.seq + named->op_count;
    expect(!whole || named->chain == dependency.chain, "a dependency names another chain hash");
    // A liar may depend on a part of a delta.
    delta.past.merge(named->past);
    delta.past.add_up_to(dot.replica, dot.seq + 1);
  }
  delta.first_hlc = oracle_.first_hlc(delta.past, delta.committed_at_ms);
  delta.weight_ms = oracle_.weight_ms(parents, delta.committed_at_ms);
  delta.version = delta.past;
  delta.version.add_up_to(delta.first.replica, delta.first.seq + delta.op_count);
  UnitReader(batch, delta).read();
  expect(delta.ops.size() == delta.op_count, "a delta's units are not its op_count");
  return delta;
}

const KnownDelta& DeltaLog::add(ByteSpan bytes) {
  KnownDelta delta = read(bytes);
  for (const OracleOp& op : delta.ops) oracle_.add(op);
  version_.merge(delta.version);
  by_last_[{delta.first.replica, delta.first.seq + delta.op_count - 1}] = deltas_.size();
  deltas_.push_back(std::move(delta));
  return deltas_.back();
}

const KnownDelta* DeltaLog::find(const Dot& dot) const {
  auto found = by_last_.lower_bound(dot);
  if (found == by_last_.end() || found->first.replica != dot.replica) return nullptr;
  const KnownDelta& delta = deltas_[found->second];
  return delta.first.seq <= dot.seq ? &delta : nullptr;
}

std::vector<const KnownDelta*> DeltaLog::missing(const Past& have, const Past& want) const {
  std::vector<const KnownDelta*> result;
  for (const KnownDelta& delta : deltas_)
    if (!have.contains(delta.first) && want.contains(delta.first)) result.push_back(&delta);
  return result;
}

Past past_of(const VersionVector& version) {
  Past past;
  for (const VersionVector::Entry& entry : version.entries())
    past.add_up_to(entry.replica, entry.end);
  return past;
}

VersionVector vector_of(const Past& past) {
  VersionVector version;
  for (const auto& [replica, end] : past.ends()) version.set(replica, end);
  return version;
}

std::string to_string(const Past& past) { return "{" + vector_of(past).to_string() + "}"; }

}  // namespace weft::test
