#include "tests/histories/lie.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "crdt/base/checksum.h"
#include "crdt/delta/codec.h"
#include "crdt/delta/slice.h"
#include "crdt/delta/value_codec.h"

namespace weft::test {
namespace {

bool has_neighbours(OpKind kind) {
  return kind == OpKind::kTextInsert || kind == OpKind::kListInsert || kind == OpKind::kListMove;
}

/// Off: whether a false chain hash is refused depends on how much of that log is held.
constexpr bool kLieAboutChains = false;

class Liar {
 public:
  Liar(Batch& batch, const DeltaLog& world, Random& random)
      : batch_(batch), world_(world), random_(random), content_(batch.content) {}

  /// What was changed; "" if nothing could be.
  std::string change() {
    if (random_.chance(1, 4)) return one_more();
    Op& op = batch_.ops[random_.below(batch_.ops.size())];
    switch (random_.below(12)) {
      case 0:
      case 1:
        return false_lo(op);
      case 2:
      case 3:
        return false_ro(op);
      case 4:
        return false_target(op);
      case 5:
        return false_overwritten(op);
      case 6:
        return false_element(op);
      case 7:
        return false_container(op);
      case 8:
        return fewer_dependencies();
      case 9:
        return other_dependency();
      case 10:
        return false_kind(op);
      default:
        return rare(op);
    }
  }
  void finish() { batch_.content = content_; }

 private:
  LocalDot local(const Dot& dot) {
    auto found = std::find(batch_.replicas.begin(), batch_.replicas.end(), dot.replica);
    auto index = static_cast<ReplicaIndex>(found - batch_.replicas.begin());
    if (found == batch_.replicas.end()) batch_.replicas.push_back(dot.replica);
    return {index, dot.seq};
  }
  /// Mostly one that exists, of an operation that the test of `wanted` takes; often one of the delta itself.
  template <typename Wanted>
  LocalDot some_dot(Wanted wanted) {
    if (random_.chance(1, 2)) {
      std::vector<LocalDot> own = own_dots(wanted);
      if (!own.empty()) return own[random_.below(own.size())];
    }
    std::vector<Dot> dots;
    bool any = random_.chance(1, 5);
    for (const auto& [dot, op] : world_.oracle().ops())
      if (any || wanted(op)) dots.push_back(dot);
    if (dots.empty() || random_.chance(1, 12)) return local({{0xdead}, 3});
    Dot dot = dots[random_.below(dots.size())];
    if (random_.chance(1, 12)) dot.seq += static_cast<Seq>(random_.below(100));
    return local(dot);
  }
  /// Units of the batch at hand, which the world does not hold yet.
  template <typename Wanted>
  std::vector<LocalDot> own_dots(Wanted wanted) {
    std::vector<LocalDot> dots;
    for (const Op& op : batch_.ops) {
      if (op.kind > OpKind::kRestore) continue;
      OracleOp as_unit;
      as_unit.kind = oracle_kind(op.kind);
      if (op.kind == OpKind::kMapSet || op.kind == OpKind::kListInsert)
        as_unit.value.child = ContainerKind::kMap;  // perhaps it made one
      if (!wanted(as_unit)) continue;
      for (Seq k = 0; k < op.count; ++k) dots.push_back({0, op.seq + k});
    }
    return dots;
  }
  static OracleKind oracle_kind(OpKind kind) {
    switch (kind) {
      case OpKind::kMapSet:
        return OracleKind::kMapSet;
      case OpKind::kMapErase:
        return OracleKind::kMapErase;
      case OpKind::kMapEnsure:
        return OracleKind::kMapEnsure;
      case OpKind::kTextInsert:
        return OracleKind::kTextInsert;
      case OpKind::kListInsert:
        return OracleKind::kListInsert;
      case OpKind::kErase:
        return OracleKind::kErase;
      case OpKind::kListSet:
        return OracleKind::kListSet;
      case OpKind::kListMove:
        return OracleKind::kListMove;
      case OpKind::kRevoke:
        return OracleKind::kRevoke;
      case OpKind::kReinstate:
        return OracleKind::kReinstate;
      case OpKind::kRestore:
        return OracleKind::kRestore;
      default:
        return OracleKind::kCounterAdd;
    }
  }

  /// One more operation at the end of the last delta: it can speak of all that the delta did before, and when
  /// it is refused all of that has to be taken back.
  std::string one_more() {
    DeltaRun& last = batch_.deltas.back();
    if (last.delta_count != 1) return "";
    Op op;
    op.seq = batch_.end();
    op.count = 1;
    auto slots = [](const OracleOp& o) { return o.makes_slot(); };
    auto erasures = [](const OracleOp& o) { return o.kind == OracleKind::kErase; };
    op.container = batch_.ops[random_.below(batch_.ops.size())].container;
    switch (random_.below(5)) {
      case 0:
        op.kind = OpKind::kErase;
        op.a = some_dot(slots);
        break;
      case 1:
        op.kind = OpKind::kRevoke;
        op.a = some_dot(erasures);
        break;
      case 2:
        op.kind = OpKind::kReinstate;
        op.a = some_dot(erasures);
        break;
      case 3: {
        op.kind = OpKind::kTextInsert;
        op.a = some_slot();
        op.b = some_slot();
        put_content(op, "x");
        break;
      }
      default:
        op.kind = OpKind::kCounterAdd;
        Bytes amount;
        ByteWriter(amount).svarint(1);
        put_content(op, as_text(amount));
        break;
    }
    append_run(batch_.ops, op, 0);
    ++batch_.op_count;
    ++last.ops_each;
    return "one operation more";
  }
  void put_content(Op& op, std::string_view bytes) {
    op.content_begin = static_cast<std::uint32_t>(content_.size());
    op.content_size = static_cast<std::uint32_t>(bytes.size());
    content_ += bytes;
  }

  LocalDot some_slot() {
    if (random_.chance(1, 6)) return kNoDot;
    return some_dot([](const OracleOp& op) { return op.makes_slot(); });
  }

  std::string false_lo(Op& op) {
    if (!has_neighbours(op.kind)) return "";
    op.a = some_slot();
    return "lo";
  }
  std::string false_ro(Op& op) {
    if (!has_neighbours(op.kind)) return "";
    op.b = some_slot();
    return "ro";
  }
  std::string false_target(Op& op) {
    if (!has_targets(op.kind)) return "";
    bool erases = op.kind == OpKind::kErase;
    op.a = some_dot(
        [&](const OracleOp& o) { return erases ? o.makes_slot() : o.kind == OracleKind::kErase; });
    return "target";
  }
  std::string false_overwritten(Op& op) {
    bool is_write =
        op.kind <= OpKind::kMapEnsure || op.kind == OpKind::kListSet || op.kind == OpKind::kRestore;
    if (!is_write) return "";
    op.a = random_.chance(1, 4) ? kNoDot : some_dot([](const OracleOp& o) {
      return o.has_key() || o.kind == OracleKind::kListSet || o.kind == OracleKind::kListInsert;
    });
    return "overwritten";
  }
  std::string false_element(Op& op) {
    LocalDot element = some_dot([](const OracleOp& o) { return o.makes_slot(); });
    if (op.kind == OpKind::kListSet) {
      op.b = element;
    } else if (op.kind == OpKind::kListMove) {
      op.content_begin = element.replica;
      op.content_size = element.seq;
    } else {
      return "";
    }
    return "element";
  }
  std::string false_container(Op& op) {
    batch_.containers.push_back(random_.chance(1, 6) ? kNoDot : some_dot([](const OracleOp& o) {
      return o.kind == OracleKind::kMapEnsure || o.value.child.has_value();
    }));
    op.container = static_cast<std::uint32_t>(batch_.containers.size() - 1);
    return "container";
  }
  std::string false_kind(Op& op) {
    if (op.kind == OpKind::kErase) {
      op.kind = random_.chance(1, 2) ? OpKind::kRevoke : OpKind::kReinstate;
      op.backward = false;
    } else if (op.kind == OpKind::kRevoke) {
      op.kind = random_.chance(1, 2) ? OpKind::kErase : OpKind::kReinstate;
    } else if (op.kind == OpKind::kReinstate) {
      op.kind = OpKind::kRevoke;
    } else if (op.kind == OpKind::kMapErase) {
      op.kind = OpKind::kRestore;
      op.b = kNoDot;
    } else {
      return "";
    }
    return "kind";
  }

  std::string fewer_dependencies() {
    if (batch_.dependencies.empty()) return "";
    std::size_t gone = random_.below(batch_.dependencies.size());
    batch_.dependencies.erase(batch_.dependencies.begin() + static_cast<std::ptrdiff_t>(gone));
    for (DeltaRun& run : batch_.deltas) {
      if (run.dependency_begin > gone) {
        --run.dependency_begin;
      } else if (gone < run.dependency_begin + run.dependency_count) {
        --run.dependency_count;
      }
    }
    return "dependency left out";
  }
  std::string other_dependency() {
    if (batch_.dependencies.empty()) return "";
    Dependency& dependency = batch_.dependencies[random_.below(batch_.dependencies.size())];
    switch (random_.below(kLieAboutChains ? 3 : 2)) {
      case 2:
        dependency.chain ^= 1;
        return "chain of a dependency";
      case 0: {
        if (dependency.dot.seq == 0) return "";
        dependency.dot.seq -= 1 + static_cast<Seq>(random_.below(dependency.dot.seq));
        const KnownDelta* named =
            world_.find({batch_.replicas[dependency.dot.replica], dependency.dot.seq});
        if (named != nullptr) dependency.chain = named->chain;  // about that it does not lie
        return "earlier dependency";
      }
      default:
        dependency.dot.seq += 1'000;
        return "dependency that will never be";
    }
  }

  std::string rare(Op& op) {
    DeltaRun& delta = batch_.deltas[random_.below(batch_.deltas.size())];
    switch (random_.below(5)) {
      case 0:
        delta.committed_at_ms = kMaxTimeMs - 1;
        return "time";
      case 4:  // true at the begin of a log: that of a device which was upgraded later
        for (DeltaRun& run : batch_.deltas) run.row_version = kLegacyRowVersion;
        return "row version";
      case 1: {
        if (op.kind != OpKind::kErase || op.count == 1) return "";
        op.backward = !op.backward;
        return "direction";
      }
      case 2: {
        if (op.kind != OpKind::kMapEnsure) return "";
        Bytes bytes;
        ByteWriter out(bytes);
        std::uint64_t generation =
            random_.chance(1, 2) ? random_.below(4) : random_.below(1u << 31);
        put_ensure_content(out, {static_cast<ContainerKind>(random_.below(4)),
                                 static_cast<std::uint32_t>(generation)});
        put_content(op, as_text(bytes));
        return "kind and generation of an ensure";
      }
      default: {
        if (batch_.deltas.size() != 1) return "";
        Seq gap = 1 + static_cast<Seq>(random_.below(5));
        batch_.first_seq += gap;
        delta.first_seq += gap;
        for (Op& each : batch_.ops) each.seq += gap;
        return "gap in the log";
      }
    }
  }

  Batch& batch_;
  const DeltaLog& world_;
  Random& random_;
  std::string content_;
};

}  // namespace

namespace {

/// Changes one thing, now and then more; false where that can't be written down.
bool change(Batch& batch, Liar& liar, Random& random, std::string& what) {
  for (std::uint64_t lies = random.chance(1, 3) ? 1 + random.below(3) : 1; lies > 0; --lies) {
    std::string one = liar.change();
    if (!one.empty()) what += (what.empty() ? "" : ", ") + one;
  }
  if (what.empty()) return false;
  liar.finish();
  // The encoder takes what a decoder or an author gives it; a dot of the author's own that is not
  // before its operation can't be written down at all.
  for (const Op& op : batch.ops) {
    LocalDot element;
    if (op.kind == OpKind::kListMove) element = {op.content_begin, op.content_size};
    for (const LocalDot& dot : {op.a, op.b, element})
      if (dot.replica == 0 && dot.seq >= op.seq) return false;
  }
  return true;
}

}  // namespace

std::optional<Lie> tell_lie(ByteSpan honest, const DeltaLog& world, Random& random) {
  Batch batch = decode_delta(honest).value();
  Liar liar(batch, world, random);
  Lie lie;
  if (!change(batch, liar, random, lie.what)) return std::nullopt;
  encode_delta(batch, 0, lie.bytes);
  if (!decode_delta(lie.bytes).ok() || std::ranges::equal(lie.bytes, honest)) return std::nullopt;
  return lie;
}

std::optional<LyingBundle> tell_lie_in_bundle(ByteSpan honest, const DeltaLog& world,
                                              Random& random) {
  OpenedBundle opened = open_bundle(honest, nullptr).value();
  Batch& batch = opened.batch;
  Liar liar(batch, world, random);
  LyingBundle lie;
  if (!change(batch, liar, random, lie.what)) return std::nullopt;
  std::size_t deltas = 0;
  for (const DeltaRun& run : batch.deltas) deltas += run.delta_count;
  std::uint64_t chain = 0;
  for (std::size_t i = 0; i < deltas; ++i) {
    Bytes& row = lie.rows.emplace_back();
    encode_delta(batch, i, row);
    if (!decode_delta(row).ok()) return std::nullopt;
    chain = xxh3_64(row, chain);
  }
  lie.bundle = seal_bundle(batch, chain, nullptr);
  if (!open_bundle(lie.bundle, nullptr).ok() || std::ranges::equal(lie.bundle, honest))
    return std::nullopt;
  return lie;
}

}  // namespace weft::test
