#include "crdt/document/import_json.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "crdt/base/sha256.h"
#include "crdt/delta/codec.h"
#include "crdt/document/json_text.h"

namespace weft {
namespace {

constexpr int kRoundsMax = 8;  // usually the second finds nothing

/// Writes in a copy of the document until the delta has its real author.
ReplicaId draft_replica(std::size_t number) { return {kSeedRange << 48 | number}; }

ReplicaId shared_replica(const DocumentId& document, ByteSpan delta_without_author) {
  Sha256 hash;
  hash.update(as_bytes(std::string_view("weft import 1")));
  hash.update(std::as_bytes(std::span(document.bytes)));
  hash.update(delta_without_author);
  const Sha256Digest digest = hash.digest();
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(digest[i])} << (8 * i);
  return {kSeedRange << 48 | value};
}

/// Which part of other replicas' logs a delta has to have seen.
class Needs {
 public:
  Needs(const Document& document, const Batch& batch)
      : document_(document), version_(document.version()), batch_(batch) {}

  /// The newest dots of the logs that the operations name, without those that lie in another's past.
  /// @errors kNotFound: an operation names what the document doesn't have
  Result<Frontier> frontier() {
    for (LocalDot container : batch_.containers) need(container);
    for (const Op& op : batch_.ops) {
      need(op.a);
      if (op.kind == OpKind::kTextInsert || op.kind == OpKind::kListInsert) need(op.b);
    }
    // Logs of seeds don't grow, so their ends are the same everywhere; others are named only where that is not enough.
    Frontier result;
    VersionVector past;
    for (const bool of_seeds : {true, false})
      for (const auto& [replica, end] : needed_.entries()) {
        if (is_seed_replica(replica) != of_seeds || past.end(replica) >= end) continue;
        const Dot newest{replica, version_.end(replica) - 1};
        WEFT_ASSIGN(const VersionVector its_past, document_.version_of({newest}));
        if (its_past.end(replica) < end)
          return Error(ErrorCode::kNotFound, "an import names what the document doesn't have");
        result.push_back(newest);
        for (const VersionVector::Entry& entry : its_past.entries())
          past.raise(entry.replica, entry.end);
      }
    return newest_of(std::move(result));
  }

 private:
  void need(LocalDot dot) {
    if (dot.is_none() || dot.replica == 0) return;
    needed_.raise(batch_.replicas[dot.replica], dot.seq + 1);
  }
  /// Without those in the past of another.
  Result<Frontier> newest_of(Frontier dots) const {
    Frontier result;
    for (const Dot& dot : dots) {
      bool is_newest = true;
      for (const Dot& other : dots) {
        if (other == dot) continue;
        WEFT_ASSIGN(const bool is_before, document_.happened_before(dot, other));
        is_newest = is_newest && !is_before;
      }
      if (is_newest) result.push_back(dot);
    }
    std::sort(result.begin(), result.end());
    return result;
  }

  const Document& document_;
  VersionVector version_;
  const Batch& batch_;
  VersionVector needed_;
};

/// The draft with the dependencies that it needs and the author that follows from it.
/// @param document  as it was before; @param everything  it depends on all that the document holds
Result<Bytes> shared_delta(const Document& document, ByteSpan draft, bool everything) {
  WEFT_ASSIGN(Batch batch, decode_delta(draft));
  Frontier past = document.frontier();
  if (!everything) {
    WEFT_ASSIGN(past, Needs(document, batch).frontier());
  }
  batch.dependencies.clear();
  for (const Dot& dot : past) {
    const auto known = std::find(batch.replicas.begin() + 1, batch.replicas.end(), dot.replica);
    const auto index = static_cast<ReplicaIndex>(known - batch.replicas.begin());
    if (known == batch.replicas.end()) batch.replicas.push_back(dot.replica);
    batch.dependencies.push_back({{index, dot.seq}, document.chain(dot.replica)});
  }
  batch.deltas[0].dependency_begin = 0;
  batch.deltas[0].dependency_count = static_cast<std::uint32_t>(batch.dependencies.size());
  batch.replicas[0] = ReplicaId{0};
  Bytes bytes;
  encode_delta(batch, 0, bytes);
  batch.replicas[0] = shared_replica(document.id(), bytes);
  bytes.clear();
  encode_delta(batch, 0, bytes);
  return bytes;
}

/// Writes the drafts, each by a replica of its own, into a copy that nobody needs afterwards.
class Drafts {
 public:
  explicit Drafts(const Document& document)
      : document_(document), copy_(document.fork(draft_replica(0))) {}

  /// One delta of several; nullopt: none that can be shared (I2).
  Result<std::optional<Bytes>> write(std::span<const SharedInsertion> insertions) {
    const ReplicaId author = draft_replica(number_++);
    if (document_.version().end(author) != 0) return std::optional<Bytes>();
    WEFT_TRY(copy_.write_as(author));
    WEFT_ASSIGN(const Commit commit, copy_.transact([&](Transaction& transaction) -> Status {
      for (std::size_t i = insertions.size(); i-- > 0;)
        WEFT_TRY(write_insertion(transaction, insertions[i]));
      return {};
    }));
    if (commit.op_count == 0) return std::optional<Bytes>();
    const bool counts = std::any_of(insertions.begin(), insertions.end(), [](const auto& each) {
      return each.kind == SharedInsertion::Kind::kCount;
    });
    WEFT_ASSIGN(Bytes delta, shared_delta(document_, commit.delta, counts));
    return std::optional(std::move(delta));
  }

 private:
  const Document& document_;
  Document copy_;
  std::size_t number_ = 0;
};

std::size_t seed_count(const VersionVector& version) {
  return static_cast<std::size_t>(
      std::count_if(version.entries().begin(), version.entries().end(),
                    [](const auto& entry) { return is_seed_replica(entry.replica); }));
}

Result<std::vector<SharedInsertion>> find_insertions(Document& document, const Json& object) {
  WEFT_ASSIGN(Transaction transaction, document.begin());
  Result<std::vector<SharedInsertion>> found = shared_insertions(transaction.root(), object);
  transaction.rollback();
  return found;
}

/// From the last place to the first: places count from the front.
Result<std::vector<Bytes>> split_off(const Document& document,
                                     std::span<const SharedInsertion> found) {
  std::vector<Bytes> result;
  Drafts drafts(document);
  std::span<const SharedInsertion> rest(found);
  while (!rest.empty()) {
    const std::size_t count = result.size() < kSharedDeltasMax ? 1 : rest.size();
    WEFT_ASSIGN(std::optional<Bytes> delta, drafts.write(rest.last(count)));
    rest = rest.first(rest.size() - count);
    if (delta) result.push_back(*std::move(delta));
  }
  return result;
}

}  // namespace

Result<PreparedImport> prepare_import(const Document& document, const Json& object) {
  PreparedImport prepared;
  WEFT_ASSIGN(const Json now, document.to_json());
  if (object.as_object() && in_one_form(now) == in_one_form(object)) return prepared;
  Document copy = document.fork(document.replica());
  // What was inserted may let other elements be found again, so that something else is left to insert.
  for (int round = 0; round < kRoundsMax; ++round) {
    if (seed_count(copy.version()) >= kSharedReplicasMax) break;
    WEFT_ASSIGN(const std::vector<SharedInsertion> found, find_insertions(copy, object));
    if (found.empty()) break;
    WEFT_ASSIGN(std::vector<Bytes> shared, split_off(copy, found));
    const std::size_t before = prepared.shared.size();
    for (Bytes& delta : shared) {
      WEFT_ASSIGN(const Batch batch, decode_delta(delta));
      if (copy.version().end(batch.author()) != 0) continue;  // (I2)
      const Result<ApplyReport> applied = copy.apply(delta);
      if (!applied.ok() || applied->applied != 1) continue;
      prepared.shared_op_count += batch.op_count;
      prepared.shared.push_back(std::move(delta));
    }
    if (prepared.shared.size() == before) break;
  }
  WEFT_ASSIGN(const Commit own, copy.transact([&](Transaction& transaction) {
    return write_json(transaction.root(), object);
  }));
  prepared.own_op_count = own.op_count;
  return prepared;
}

Result<ImportReport> import_json(Document& document, const Json& object,
                                 TransactionOptions options) {
  WEFT_ASSIGN(const PreparedImport prepared, prepare_import(document, object));
  ImportReport report;
  report.op_count = prepared.shared_op_count;
  report.shared_op_count = prepared.shared_op_count;
  for (const Bytes& delta : prepared.shared) {
    if (report.first == Dot{}) {
      WEFT_ASSIGN(const Batch batch, decode_delta(delta));
      report.first = {batch.author(), 0};
    }
    WEFT_TRY(document.apply(delta));
  }
  if (prepared.own_op_count == 0) return report;
  WEFT_ASSIGN(const Commit commit,
              document.transact(std::move(options), [&](Transaction& transaction) {
                return write_json(transaction.root(), object);
              }));
  if (commit.op_count == 0) return report;
  report.first = commit.first;
  report.op_count += commit.op_count;
  report.has_own = true;
  return report;
}

}  // namespace weft
