// The body of a bundle, read: a valid batch or an error. Valid means that every delta of it has a row form
// that decode_delta takes; what that asks for is checked here and in op_reader.cc.

#include "crdt/base/utf8.h"
#include "crdt/delta/batch.h"
#include "crdt/delta/bundle_format.h"
#include "crdt/delta/dedupe.h"
#include "crdt/delta/op_reader.h"
#include "crdt/delta/token_reader.h"

namespace weft {
namespace {

/// The counts that a body begins with, within their bounds: after this, tables may be allocated.
BodyCounts read_counts(ByteReader& in, std::uint8_t version, std::uint64_t row_bound,
                       const DecodeLimits& limits) {
  BodyCounts counts{};
  std::uint64_t legacy_deltas = version == kLegacyBundleVersion ? 0 : in.varint();
  std::uint64_t rows = 0;
  for (std::uint64_t* count :
       {&counts.replicas, &counts.containers, &counts.keys, &counts.registers, &counts.ops,
        &counts.deltas, &counts.dependencies}) {
    *count = in.varint();
    if (*count > row_bound - rows) {
      in.fail(ErrorCode::kLimit, "more rows than a bundle of its size may have");
      return counts;
    }
    rows += *count;
  }
  if (version == kLegacyBundleVersion) {
    legacy_deltas = counts.deltas;
  } else if (legacy_deltas >= counts.deltas) {
    in.fail("a bundle of version 2 without a row of version 2");
  }
  counts.legacy_deltas = legacy_deltas;
  if (counts.replicas >= limits.replicas) in.fail(ErrorCode::kLimit, "more replicas than allowed");
  if (counts.ops > limits.ops) in.fail(ErrorCode::kLimit, "more operations than allowed");
  std::uint64_t total = 0;
  auto read_size = [&](std::size_t& size) {
    std::uint64_t declared = in.varint();
    if (declared > in.remaining()) in.fail("a column beyond the end");
    size = static_cast<std::size_t>(declared);
    total += declared;
  };
  for (std::size_t& size : counts.sizes) read_size(size);
  for (std::size_t& size : counts.bit_sizes) read_size(size);
  if (in.ok() && total != in.remaining()) in.fail("the columns' sizes are not that of the body");
  if (counts.size_of(Column::kTags) != counts.ops) in.fail("not one tag for each operation");
  if (message_rows(counts.size_of(Column::kMessages)) > row_bound - rows)
    in.fail(ErrorCode::kLimit, "more rows than a bundle of its size may have");
  return counts;
}

/// Replicas, deltas, dependencies and messages.
class DeltaReader {
 public:
  DeltaReader(BodyColumns& in, const BodyCounts& counts, Batch& batch, const DecodeLimits& limits)
      : in_(in), counts_(counts), batch_(batch), limits_(limits) {}

  void run() {
    batch_.replicas.reserve(static_cast<std::size_t>(counts_.replicas) + 1);
    for (std::uint64_t i = 0; i < counts_.replicas; ++i)
      batch_.replicas.push_back(ReplicaId{in_.u64(Column::kReplicas)});
    if (has_duplicates(batch_.replicas)) return in_.fail("a replica stands in the table twice");
    last_seq_.resize(batch_.replicas.size(), 0);
    batch_.messages = as_text(in_.bytes(Column::kMessages).rest());
    batch_.deltas.reserve(static_cast<std::size_t>(counts_.deltas));
    batch_.dependencies.reserve(static_cast<std::size_t>(counts_.dependencies));
    next_seq_ = batch_.first_seq;
    for (std::uint64_t i = 0; i < counts_.deltas && in_.ok(); ++i) read_delta();
    if (next_seq_ != batch_.end()) in_.fail("deltas do not cover the bundle's operations");
    if (batch_.dependencies.size() != counts_.dependencies)
      in_.fail("a count of dependencies is wrong");
  }

 private:
  void read_delta() {
    DeltaRun run;
    std::uint64_t ops_each = in_.numbers(Column::kDeltaOps).next() + 1;
    std::uint64_t repeats = in_.numbers(Column::kDeltaRepeats).next();
    std::uint64_t room = batch_.end() - next_seq_;
    if (ops_each > room || repeats >= room / ops_each)
      return in_.fail("deltas do not cover the bundle's operations");
    run.first_seq = next_seq_;
    run.ops_each = static_cast<Seq>(ops_each);
    run.delta_count = static_cast<std::uint32_t>(repeats) + 1;
    next_seq_ = run.end();
    time_ += static_cast<std::uint64_t>(in_.numbers(Column::kDeltaTimes).next_signed());
    if (time_ >= kMaxTimeMs) return in_.fail("time after the year 2099");
    run.committed_at_ms = time_;
    run.row_version =
        batch_.deltas.size() < counts_.legacy_deltas ? kLegacyRowVersion : kRowVersion;
    read_dependencies(run);
    read_message(run);
    if (run.delta_count > 1 && (run.dependency_count != 0 || run.message_size != 0))
      return in_.fail("deltas with dependencies or a message are repeated");
    batch_.deltas.push_back(run);
  }

  void read_dependencies(DeltaRun& run) {
    std::uint64_t count = in_.numbers(Column::kDeltaDependencies).next();
    if (count > counts_.dependencies - batch_.dependencies.size() || count > limits_.dependencies)
      return in_.fail("a count of dependencies is wrong");
    run.dependency_begin = static_cast<std::uint32_t>(batch_.dependencies.size());
    run.dependency_count = static_cast<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      std::uint64_t entry = in_.numbers(Column::kDependencyWho).next();
      if (entry >= batch_.replicas.size() - 1) return in_.fail("no such replica in the table");
      Dependency dependency;
      dependency.dot.replica = static_cast<ReplicaIndex>(entry + 1);
      std::int64_t& last = last_seq_[dependency.dot.replica];
      dependency.dot.seq =
          checked_seq(in_, last, in_.numbers(Column::kDependencySeqs).next_signed());
      last = dependency.dot.seq;
      dependency.chain = in_.u64(Column::kChains);
      if (i != 0 && !(batch_.replicas[batch_.dependencies.back().dot.replica] <
                      batch_.replicas[dependency.dot.replica]))
        return in_.fail("dependencies are not in the order of their replicas");
      batch_.dependencies.push_back(dependency);
    }
  }

  void read_message(DeltaRun& run) {
    std::uint64_t size = in_.numbers(Column::kDeltaMessages).next();
    if (size == 0) return;
    ByteSpan rest = in_.bytes(Column::kMessages).rest();
    if (size > limits_.message_bytes || size > rest.size())
      return in_.fail("a message beyond its limits");
    ByteSpan message = rest.first(static_cast<std::size_t>(size));
    if (!valid_utf8(as_text(message))) return in_.fail("a message is not UTF-8");
    run.message_begin = static_cast<std::uint32_t>(batch_.messages.size() - rest.size());
    run.message_size = static_cast<std::uint32_t>(size);
    in_.bytes(Column::kMessages).take(message.size());
  }

  BodyColumns& in_;
  const BodyCounts& counts_;
  Batch& batch_;
  const DecodeLimits& limits_;
  std::vector<std::int64_t> last_seq_;  ///< of the dependencies on each replica
  Seq next_seq_ = 0;
  std::uint64_t time_ = 0;
};

}  // namespace

Status read_bundle_body(ByteSpan body, Batch& batch, std::uint8_t version, std::uint64_t row_bound,
                        const DecodeLimits& limits) {
  ByteReader header(body);
  BodyCounts counts = read_counts(header, version, row_bound, limits);
  if (!header.ok()) return header.error("bundle, unpacked");
  batch.content = as_text(body);
  BodyColumns in(body.last(header.remaining()), counts, body.data());
  DeltaReader(in, counts, batch, limits).run();
  if (in.ok()) read_ops(in, counts, limits, batch);
  if (in.ok() && !in.all_read()) in.fail("columns hold more than is used");
  if (!in.ok()) return in.error();
  return {};
}

}  // namespace weft
