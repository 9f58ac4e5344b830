#include "tests/fuzz/real_documents.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "crdt/delta/codec.h"
#include "crdt/delta/slice.h"
#include "crdt/document/document.h"
#include "tests/fuzz/pieces.h"
#include "tests/histories/script.h"
#include "tests/histories/world.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

/// Several edits in one transaction, of every kind that a transaction can hold.
std::vector<Bytes> crowded_transactions() {
  Document document = Document::create(reader_options(0xa1));
  std::vector<Bytes> deltas;
  const auto edit = [&](const std::function<void(Transaction&)>& body) {
    const Commit commit = document.transact(body).value();
    deltas.emplace_back(commit.delta.begin(), commit.delta.end());
  };
  edit([](Transaction& tx) {
    TextEdit text = tx.root().ensure_text("t");
    text.insert(scalar(0), "ab").value();
    text.erase(scalar(0), 1).value();
    tx.root().ensure_counter("n").add(1).value();
  });
  edit([](Transaction& tx) {
    ListEdit list = tx.root().ensure_list("l");
    for (std::int64_t i = 0; i < 4; ++i) list.insert(0, Value(i)).value();
    list.move(0, 3).value();
    list.set(1, Value("x")).value();
    list.erase(2).value();
    tx.text("/t")->insert(scalar(1), "cd").value();
    tx.root().set("k", Value(true)).value();
    tx.root().erase("k").value();
  });
  return deltas;
}

std::vector<Bytes> history_of(std::uint64_t seed, std::size_t actions) {
  Script script = random_script(seed);
  if (script.actions.size() > actions) script.actions.resize(actions);
  World world(script, {});
  world.run();
  std::vector<Bytes> deltas;
  for (const KnownDelta& delta : world.log().deltas()) deltas.push_back(delta.bytes);
  return deltas;
}

// --- lies

class Change {
 public:
  Change(Batch& batch, Random& random) : batch_(batch), random_(random), content_(batch.content) {}

  /// False where nothing could be changed.
  bool make() {
    switch (random_.below(8)) {
      case 0:
        return change_container();
      case 1:
        return change_dot();
      case 2:
        return change_kind();
      case 3:
        return drop_last();
      case 4:
        return append_counter();
      case 5:
        return append_revoke();
      default:
        return append_copy();
    }
  }
  const std::string& content() const { return content_; }

 private:
  Op& some_op() { return batch_.ops[random_.below(batch_.ops.size())]; }
  std::uint32_t some_container() {
    if (random_.chance(1, 3)) {
      const auto root = std::find(batch_.containers.begin(), batch_.containers.end(), kNoDot);
      if (root != batch_.containers.end())
        return static_cast<std::uint32_t>(root - batch_.containers.begin());
      batch_.containers.push_back(kNoDot);
      return static_cast<std::uint32_t>(batch_.containers.size() - 1);
    }
    return static_cast<std::uint32_t>(random_.below(batch_.containers.size()));
  }
  /// One that the delta names, or one of its author's own.
  LocalDot some_dot() {
    if (random_.chance(1, 8)) return kNoDot;
    LocalDot dot = random_.chance(1, 2) ? some_op().a : batch_.containers[some_container()];
    if (dot.is_none() || random_.chance(1, 2)) dot = {0, some_op().seq};
    if (random_.chance(1, 2)) dot.seq += static_cast<Seq>(random_.below(4));
    return dot;
  }
  bool change_container() {
    some_op().container = some_container();
    return true;
  }
  bool change_dot() {
    Op& op = some_op();
    const LocalDot dot = some_dot();
    if (op.kind == OpKind::kListMove && random_.chance(1, 3)) {
      if (dot.is_none()) return false;
      op.content_begin = dot.replica;
      op.content_size = dot.seq;
    } else if (has_key(op.kind) || random_.chance(1, 2)) {
      op.a = dot;
    } else {
      op.b = dot;
    }
    return true;
  }
  bool change_kind() {
    Op& op = some_op();
    if (has_targets(op.kind)) {
      constexpr OpKind kKinds[] = {OpKind::kErase, OpKind::kRevoke, OpKind::kReinstate};
      op.kind = kKinds[random_.below(3)];
      op.backward = false;
    } else if (op.kind == OpKind::kMapErase) {
      op.kind = OpKind::kRestore;
      op.b = kNoDot;
    } else if (op.kind == OpKind::kTextInsert) {
      op.kind = OpKind::kErase;
      op.b = kNoDot;
    } else {
      return false;
    }
    return true;
  }
  bool drop_last() {
    if (batch_.ops.size() < 2) return false;
    count_more(0 - batch_.ops.back().count);
    batch_.ops.pop_back();
    return true;
  }
  bool append_counter() {
    Op op;
    op.kind = OpKind::kCounterAdd;
    op.container = some_container();
    op.a = op.b = kNoDot;
    op.count = 1;
    op.content_begin = static_cast<std::uint32_t>(content_.size());
    op.content_size = 1;
    content_ += '\x02';
    return append(op);
  }
  bool append_revoke() {
    Op op = some_op();
    if (!has_targets(op.kind)) return false;
    op.a = {0, op.seq};
    op.kind = op.kind == OpKind::kRevoke ? OpKind::kReinstate : OpKind::kRevoke;
    op.backward = false;
    return append(op);
  }
  bool append_copy() { return append(some_op()); }
  bool append(Op op) {
    op.seq = batch_.end();
    batch_.ops.push_back(op);
    count_more(op.count);
    return true;
  }
  void count_more(Seq units) {
    batch_.op_count += units;
    batch_.deltas.back().ops_each += units;
  }

  Batch& batch_;
  Random& random_;
  std::string content_;
};

/// What the encoder takes: a dot of the author's own lies before the operation that names it.
bool can_be_written(const Batch& batch) {
  for (const Op& op : batch.ops) {
    LocalDot element = kNoDot;
    if (op.kind == OpKind::kListMove) element = {op.content_begin, op.content_size};
    for (const LocalDot& dot : {op.a, op.b, element})
      if (!dot.is_none() && dot.replica == 0 && dot.seq >= op.seq) return false;
    if (has_targets(op.kind) && op.a.is_none()) return false;
    if (has_targets(op.kind) && op.a.replica == 0 && op.a.seq + op.count > op.seq) return false;
  }
  return true;
}

/// The delta with something changed; empty: it could not be.
Bytes lie_about(ByteSpan delta, Random& random) {
  Result<Batch> decoded = decode_delta(delta);
  if (!decoded.ok() || decoded->ops.empty() || decoded->containers.empty()) return {};
  Batch& batch = *decoded;
  Change change(batch, random);
  for (std::uint64_t left = 1 + random.below(3); left > 0; --left)
    if (!batch.ops.empty()) (void)change.make();
  if (batch.ops.empty() || !can_be_written(batch)) return {};
  batch.content = change.content();
  Bytes lie;
  encode_delta(batch, 0, lie);
  return decode_delta(lie).ok() ? lie : Bytes();
}

}  // namespace

const std::vector<std::vector<Bytes>>& real_histories() {
  static const std::vector<std::vector<Bytes>> kHistories = [] {
    std::vector<std::vector<Bytes>> histories{crowded_transactions()};
    for (std::uint64_t seed = 1; seed <= 16; ++seed)
      histories.push_back(history_of(seed, 4 + 2 * seed));
    std::erase_if(histories, [](const std::vector<Bytes>& deltas) { return deltas.empty(); });
    return histories;
  }();
  return kHistories;
}

Bytes lie_in_pieces(ByteSpan input, Random& random) {
  std::vector<Piece> pieces = split_pieces(input);
  if (pieces.empty()) return {};
  const std::size_t at = random.below(pieces.size());
  const std::size_t other = random.below(pieces.size());
  switch (random.below(8)) {
    case 0:
      std::swap(pieces[at], pieces[other]);
      break;
    case 1:
      pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 2:
      pieces.resize(at + 1);
      break;
    case 3:
      pieces.push_back(pieces[at]);
      break;
    default: {
      Bytes lie = lie_about(pieces[at].bytes, random);
      if (lie.empty()) return {};
      pieces[at].bytes = std::move(lie);
      // What its author made later does not follow on it any more.
      if (random.chance(1, 2)) pieces.resize(at + 1);
    }
  }
  return join_pieces(pieces);
}

}  // namespace weft::test
