#include <array>
#include <string>

#include "bench/cases/cliffs.h"
#include "bench/cases/workbench.h"
#include "bench/harness/stopwatch.h"

namespace weft::bench {
namespace {

constexpr std::array<const char*, 10> kKeys = {"k0", "k1", "k2", "k3", "k4",
                                               "k5", "k6", "k7", "k8", "k9"};

Status overwrite(Document& document, std::uint32_t set_count) {
  for (std::uint32_t i = 0; i < set_count; ++i) {
    WEFT_TRY(document.transact([&](Transaction& transaction) {
      return transaction.root().set(kKeys[i % kKeys.size()], Value(static_cast<std::int64_t>(i)));
    }));
  }
  return {};
}

Status check(const Document& document, std::uint32_t set_count) {
  const auto key_count = static_cast<std::uint32_t>(kKeys.size());
  for (std::uint32_t i = set_count - key_count; i < set_count; ++i) {
    const std::optional<Value> value = document.root().get(kKeys[i % kKeys.size()]);
    if (!value || value->as_int() != i) return Error(ErrorCode::kCorrupt, "a wrong value is left");
  }
  return {};
}

}  // namespace

Status add_overwrites(std::uint32_t set_count, const Compressor& compressor, Sampler& sampler,
                      Report& report) {
  const std::string name = std::to_string(set_count) + "x10";
  const Replicas replicas(17, compressor);
  sampler.add(name, "overwrite", "ns", [replicas, set_count]() -> Result<Reading> {
    Document document = replicas.make(0);
    const Stopwatch watch;
    WEFT_TRY(overwrite(document, set_count));
    const double ns = watch.ns();
    WEFT_TRY(check(document, set_count));
    return Reading{ns / set_count, set_count};
  });
  Document document = replicas.make(0);
  WEFT_TRY(overwrite(document, set_count));
  const Bytes snapshot = document.snapshot();
  WEFT_ASSIGN(const Bytes history, document.export_history());
  report.add(exact("overwrite_snapshot_bytes", name, "bytes", static_cast<double>(snapshot.size()),
                   xxh3_64(snapshot)));
  report.add(exact("overwrite_history_bytes", name, "bytes", static_cast<double>(history.size()),
                   xxh3_64(history)));
  return {};
}

}  // namespace weft::bench
