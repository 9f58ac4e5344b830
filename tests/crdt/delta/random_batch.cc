#include "tests/crdt/delta/random_batch.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "crdt/delta/slice.h"
#include "crdt/delta/value_codec.h"

namespace weft::test {
namespace {

class Maker {
 public:
  Maker(Random& random, const BatchShape& shape) : random_(random), shape_(shape) {}

  Batch run() {
    make_tables();
    while (next_ - batch_.first_seq < shape_.units) add_op();
    batch_.op_count = next_ - batch_.first_seq;
    make_deltas();
    for (const std::string& key : keys_) content_ += key;
    ByteSpan bytes = as_bytes(content_);
    batch_.owned.assign(bytes.begin(), bytes.end());
    batch_.content = as_text(batch_.owned);
    std::size_t at = content_.size();
    for (const std::string& key : keys_) at -= key.size();
    for (const std::string& key : keys_) {
      batch_.keys.push_back(batch_.content.substr(at, key.size()));
      at += key.size();
    }
    return std::move(batch_);
  }

 private:
  std::uint32_t below(std::uint64_t n) { return static_cast<std::uint32_t>(random_.below(n)); }

  void make_tables() {
    for (unsigned i = 0; i < shape_.replicas; ++i)
      batch_.replicas.push_back(ReplicaId{random_.next()});
    batch_.first_seq = 50 + (random_.chance(1, 2) ? below(100) : below(kMaxSeq - 100'000));
    next_ = batch_.first_seq;
    batch_.containers.push_back(kNoDot);
    while (batch_.containers.size() < shape_.containers) {
      LocalDot dot{below(shape_.replicas), below(50)};
      if (std::find(batch_.containers.begin(), batch_.containers.end(), dot) ==
          batch_.containers.end())
        batch_.containers.push_back(dot);
    }
    for (unsigned i = 0; i < shape_.keys; ++i)
      keys_.push_back(std::string(1, static_cast<char>('a' + i)) + random_text(below(4)));
    lo_ = {0, next_ - 1};
  }

  /// A dot that the log can name at `next_`.
  LocalDot some_dot() {
    switch (below(4)) {
      case 0:
        return {0, next_ - 1};
      case 1:
        return {0, next_ - 1 - below(std::min<Seq>(next_, 40))};
      case 2:
        return {0, below(next_)};
      default: {
        ReplicaIndex replica = below(shape_.replicas);
        return {replica, replica == 0 ? below(next_) : below(random_.chance(1, 9) ? kMaxSeq : 200)};
      }
    }
  }
  LocalDot some_dot_or_none() { return random_.chance(1, 4) ? kNoDot : some_dot(); }

  std::string random_text(unsigned scalars) {
    static const char* const kScalars[] = {
        "a", "b", " ", "e", "\n", "\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x99\x82"};
    std::string text;
    for (unsigned i = 0; i < scalars; ++i) text += kScalars[below(shape_.ascii ? 5 : 8)];
    return text;
  }

  std::string random_value() {
    Bytes bytes;
    ByteWriter out(bytes);
    switch (below(9)) {
      case 0:
        put_null(out);
        break;
      case 1:
        put_bool(out, random_.chance(1, 2));
        break;
      case 2:
        put_int(out, static_cast<std::int64_t>(random_.next() >> below(64)));
        break;
      case 3:
        put_double(out, static_cast<double>(below(1000)) / 7);
        break;
      case 4:
        put_string(out, random_text(below(20)));
        break;
      case 5:
        put_bytes(out, as_bytes("\xff\x01"));
        break;
      case 6:
        put_child(out, static_cast<ContainerKind>(below(4)));
        break;
      case 7:
        if (random_.chance(1, 2)) {
          put_double(out, __builtin_nan(""));
        } else {
          put_number_text(out, "18446744073709551615");
        }
        break;
      default: {
        Bytes tree;
        ByteWriter node(tree);
        put_object_header(node, 2);
        node.sized(as_bytes("x"));
        put_int(node, below(12));
        node.sized(as_bytes("y"));
        put_array_header(node, 1);
        put_string(node, "z");
        put_record(out, tree);
      }
    }
    return std::string(as_text(bytes));
  }

  OpKind random_kind() {
    if (shape_.only_text) return random_.chance(1, 2) ? OpKind::kTextInsert : OpKind::kErase;
    static const OpKind kKinds[] = {OpKind::kMapSet,     OpKind::kMapSet,     OpKind::kMapErase,
                                    OpKind::kMapEnsure,  OpKind::kTextInsert, OpKind::kTextInsert,
                                    OpKind::kListInsert, OpKind::kErase,      OpKind::kErase,
                                    OpKind::kErase,      OpKind::kListSet,    OpKind::kListMove,
                                    OpKind::kRevoke,     OpKind::kReinstate,  OpKind::kCounterAdd,
                                    OpKind::kRestore,    OpKind::kUnknown};
    return kKinds[below(std::size(kKinds))];
  }

  void add_op() {
    Op op;
    op.kind = random_kind();
    op.container = random_.chance(3, 4) ? container_ : below(batch_.containers.size());
    container_ = op.container;
    op.seq = next_;
    op.count = 1;
    op.content_begin = static_cast<std::uint32_t>(content_.size());
    if (has_key(op.kind)) {
      op.a = some_dot_or_none();
      op.b = {0, below(keys_.size())};
      auto& last = last_write_[{op.container, op.key()}];
      if (last != 0 && random_.chance(2, 3)) op.a = {0, last};
      last = op.seq;
    }
    switch (op.kind) {
      case OpKind::kMapSet:
        content_ += random_value();
        break;
      case OpKind::kMapEnsure:
        content_ += std::string("\2", 1) + std::string(1, static_cast<char>(below(100)));
        break;
      case OpKind::kTextInsert:
      case OpKind::kListInsert:
        make_insertion(op);
        break;
      case OpKind::kErase:
      case OpKind::kRevoke:
      case OpKind::kReinstate:
        make_targets(op);
        break;
      case OpKind::kListSet:
        op.a = some_dot_or_none();
        op.b = some_dot();
        content_ += random_value();
        break;
      case OpKind::kListMove: {
        make_neighbours(op);
        LocalDot element = some_dot();
        op.content_begin = element.replica;
        op.content_size = element.seq;
        break;
      }
      case OpKind::kRestore:
        op.a = some_dot_or_none();
        break;
      case OpKind::kCounterAdd:
        make_counter();
        break;
      case OpKind::kUnknown:
        make_unknown(op);
        break;
      default:
        break;
    }
    if (op.kind != OpKind::kListMove)
      op.content_size = static_cast<std::uint32_t>(content_.size()) - op.content_begin;
    next_ += op.count;
    append_run(batch_.ops, op, 0);
  }

  void make_neighbours(Op& op) {
    op.a = random_.chance(1, 2) ? lo_ : some_dot_or_none();
    switch (below(4)) {
      case 0:
        op.b = op.a.is_none() || op.a == LocalDot{0, next_ - 1} ? kNoDot : op.a.plus(1);
        break;
      case 1:
        op.b = kNoDot;
        break;
      case 2:
        op.b = ro_;
        break;
      default:
        op.b = some_dot();
    }
    if (!op.b.is_none() && op.b.seq > kMaxSeq) op.b = kNoDot;
    ro_ = op.b;
  }

  void make_insertion(Op& op) {
    make_neighbours(op);
    op.count = random_.chance(1, 2) ? 1 : 1 + below(20);
    if (op.kind == OpKind::kTextInsert) {
      content_ += random_text(op.count);
    } else {
      for (Seq i = 0; i < op.count; ++i) content_ += random_value();
    }
    lo_ = {0, op.end() - 1};
  }

  void make_targets(Op& op) {
    op.a = random_.chance(1, 3) ? target_ : some_dot();
    op.count = random_.chance(1, 2) ? 1 : 1 + below(6);
    op.backward = op.kind == OpKind::kErase && op.count > 1 && random_.chance(1, 2);
    if (op.backward ? op.a.seq < op.count - 1 : op.a.seq > kMaxSeq - (op.count - 1)) {
      op.count = 1;
      op.backward = false;
    }
    // Next to the last target, on either side: runs that join, go on, turn back.
    target_ = target_of_unit(op, op.count - 1);
    if (random_.chance(1, 2) && target_.seq > 0)
      --target_.seq;
    else if (target_.seq + 1 < next_)
      ++target_.seq;
    if (random_.chance(1, 2)) lo_ = target_;
  }

  void make_counter() {
    Bytes bytes;
    ByteWriter(bytes).svarint(static_cast<std::int64_t>(random_.next() >> below(64)) - 40);
    content_ += as_text(bytes);
  }

  void make_unknown(Op& op) {
    op.count = 1 + below(3);
    Bytes bytes;
    ByteWriter out(bytes);
    out.varint(kFirstEscapedKind + below(300));
    out.varint(below(9));
    out.varint(op.count);
    out.sized(as_bytes(random_text(below(5))));
    content_ += as_text(bytes);
  }

  bool may_cut_at(Seq seq) const {
    return std::none_of(batch_.ops.begin(), batch_.ops.end(), [seq](const Op& op) {
      return op.kind == OpKind::kUnknown && op.seq < seq && seq < op.end();
    });
  }

  void make_deltas() {
    std::uint64_t time = random_.below(kMaxTimeMs);
    std::uint8_t version = random_.chance(1, 3) ? kLegacyRowVersion : kRowVersion;
    for (Seq at = batch_.first_seq; at != next_;) {
      DeltaRun run;
      run.first_seq = at;
      do {
        at += std::min<Seq>(next_ - at, 1 + below(random_.chance(1, 2) ? 1 : shape_.delta_units));
      } while (!may_cut_at(at));
      run.ops_each = at - run.first_seq;
      if (random_.chance(1, 3)) time = std::min(time + below(100'000), kMaxTimeMs - 1);
      run.committed_at_ms = time;
      if (random_.chance(1, 20)) version = kRowVersion;  // its author was upgraded
      run.row_version = version;
      run.dependency_begin = static_cast<std::uint32_t>(batch_.dependencies.size());
      if (random_.chance(1, 4)) make_dependencies(run);
      if (random_.chance(1, 5)) {
        std::string message = random_text(1 + below(10));
        run.message_begin = static_cast<std::uint32_t>(batch_.messages.size());
        run.message_size = static_cast<std::uint32_t>(message.size());
        batch_.messages += message;
      }
      batch_.deltas.push_back(run);
    }
  }

  void make_dependencies(DeltaRun& run) {
    std::vector<ReplicaIndex> chosen;
    for (ReplicaIndex i = 1; i < shape_.replicas; ++i)
      if (random_.chance(1, 2)) chosen.push_back(i);
    std::sort(chosen.begin(), chosen.end(), [this](ReplicaIndex x, ReplicaIndex y) {
      return batch_.replicas[x] < batch_.replicas[y];
    });
    for (ReplicaIndex replica : chosen) {
      std::uint64_t chain = random_.next();
      batch_.dependencies.push_back({{replica, below(1000)}, chain});
    }
    run.dependency_count = static_cast<std::uint32_t>(chosen.size());
  }

  Random& random_;
  BatchShape shape_;
  Batch batch_;
  std::string content_;
  std::vector<std::string> keys_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Seq> last_write_;
  Seq next_ = 0;
  std::uint32_t container_ = 0;
  LocalDot lo_;
  LocalDot ro_ = kNoDot;
  LocalDot target_{0, 7};
};

// --- describe

std::string name(const Batch& batch, LocalDot dot) {
  if (dot.is_none()) return "-";
  return to_string(Dot{batch.replicas.at(dot.replica), dot.seq});
}

/// The bytes of unit `k`, found one after the other from the first.
std::string unit_content(const Op& op, std::string_view content, Seq k) {
  std::string_view own = content.substr(op.content_begin, op.content_size);
  if (!is_insert(op.kind)) return std::string(own);
  std::size_t at = 0;
  for (Seq i = 0;; ++i) {
    std::size_t size = 1;
    if (op.kind == OpKind::kListInsert) {
      size = value_size(as_bytes(own.substr(at)));
    } else {
      while (at + size < own.size() && (static_cast<unsigned char>(own[at + size]) & 0xc0) == 0x80)
        ++size;
    }
    if (i == k) return std::string(own.substr(at, size));
    at += size;
  }
}

std::string describe_unit(const Batch& batch, const Op& op, Seq k) {
  std::string text = std::to_string(static_cast<int>(op.kind)) + " in " +
                     name(batch, batch.containers.at(op.container)) + " at " +
                     std::to_string(op.seq + k);
  if (is_insert(op.kind)) {
    LocalDot lo = k == 0 ? op.a : LocalDot{0, op.seq + k - 1};
    return text + " " + name(batch, lo) + " " + name(batch, op.b) + " " +
           unit_content(op, batch.content, k);
  }
  if (has_targets(op.kind)) {
    LocalDot target{op.a.replica, op.backward ? op.a.seq - k : op.a.seq + k};
    return text + " " + name(batch, target);
  }
  if (op.kind == OpKind::kUnknown)  // of many units, but one thing
    return text + " " + std::to_string(op.count) + " " + unit_content(op, batch.content, 0);
  text += " " + name(batch, op.a);
  if (has_key(op.kind))
    return text + " " + std::string(batch.keys.at(op.key())) + " " +
           unit_content(op, batch.content, 0);
  text += " " + name(batch, op.b);
  if (op.kind == OpKind::kListMove)
    return text + " " + name(batch, {op.content_begin, op.content_size});
  return text + " " + unit_content(op, batch.content, 0);
}

}  // namespace

Batch random_batch(Random& random, const BatchShape& shape) { return Maker(random, shape).run(); }

std::vector<std::string> describe(const Batch& batch) {
  std::vector<std::string> units;
  for (const Op& op : batch.ops)
    for (Seq k = 0; k < op.count; ++k) units.push_back(describe_unit(batch, op, k));
  std::vector<std::string> deltas;
  std::size_t unit = 0;
  for (const DeltaRun& run : batch.deltas) {
    for (std::uint32_t i = 0; i < run.delta_count; ++i) {
      std::string text = "by " + name(batch, {0, run.first_seq + i * run.ops_each}) + " at " +
                         std::to_string(run.committed_at_ms) + " v" +
                         std::to_string(run.row_version) + " '" +
                         batch.messages.substr(run.message_begin, run.message_size) + "'";
      for (std::uint32_t k = 0; k < run.dependency_count; ++k) {
        const Dependency& dependency = batch.dependencies.at(run.dependency_begin + k);
        text += " after " + name(batch, dependency.dot) + " " + std::to_string(dependency.chain);
      }
      for (Seq k = 0; k < run.ops_each; ++k) text += "\n  " + units.at(unit++);
      deltas.push_back(text);
    }
  }
  return deltas;
}

}  // namespace weft::test
