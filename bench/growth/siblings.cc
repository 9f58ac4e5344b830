#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/cases/workbench.h"
#include "bench/growth/growth_cases.h"
#include "bench/harness/heap.h"

namespace weft::bench {
namespace {

/// A replica that has written before, so that every other one knows it.
ReplicaId writer(std::uint64_t number) { return {0x10'0000 + 7 * number}; }
ReplicaId inserter(std::uint64_t number) { return {0x90'0000 - 11 * number}; }

DocumentOptions options_of(ReplicaId replica) {
  DocumentOptions options;
  options.replica = replica;
  return options;
}

/// A text, and a key by each of `count` writers.
Result<Document> make_base(std::uint32_t count) {
  Document base = Document::create(options_of({1}));
  WEFT_TRY(insert_text(base, 0, "[]"));
  for (std::uint32_t i = 0; i < count; ++i) {
    WEFT_TRY(base.write_as(writer(i)));
    WEFT_TRY(base.transact(
        [&](Transaction& tx) { return tx.root().set("k" + std::to_string(i), Value(true)); }));
  }
  return base;
}

Result<double> heap_of_siblings(std::uint32_t count) {
  WEFT_ASSIGN(Document base, make_base(count));
  std::vector<Bytes> deltas;
  for (std::uint32_t i = 0; i < count; ++i) {
    Document device = base.fork(inserter(i));
    WEFT_ASSIGN(Bytes delta, delta_of(insert_text(device, 1, "x")));
    deltas.push_back(std::move(delta));
  }
  const HeapCount heap;
  Document reader = base.fork({2});
  const std::size_t before = heap.bytes_in_use();
  for (const Bytes& delta : deltas) WEFT_TRY(reader.apply(delta));
  const std::size_t after = heap.bytes_in_use();
  WEFT_ASSIGN(const std::string text, trace::replayed_text(reader));
  if (text.size() != count + 2) return Error(ErrorCode::kCorrupt, "characters are missing");
  return static_cast<double>(after - std::min(before, after));
}

}  // namespace

Status add_sibling_heap(const GrowthSizes& sizes, Report& report) {
  std::vector<double> held;
  for (const std::uint32_t count : sizes.siblings) {
    WEFT_ASSIGN(const double bytes, heap_of_siblings(count));
    report.add(exact("siblings_heap", std::to_string(count), "bytes", bytes));
    held.push_back(bytes);
  }
  report.add(growth_of("siblings_heap", "replicas", sizes.siblings.front(), held.front(),
                       sizes.siblings.back(), held.back()));
  return {};
}

}  // namespace weft::bench
