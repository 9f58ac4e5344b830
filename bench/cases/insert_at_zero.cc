#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/cases/cliffs.h"
#include "bench/cases/workbench.h"
#include "bench/harness/stopwatch.h"
#include "bench/trace/prng.h"

namespace weft::bench {
namespace {

constexpr std::uint32_t kBaseWriter = 900'000;
constexpr std::uint32_t kReader = 900'001;

const char* name_of(Sequence sequence) { return sequence == Sequence::kText ? "text" : "list"; }

std::string case_of(Sequence sequence, std::uint32_t count) {
  return std::string(name_of(sequence)) + "-" + std::to_string(count);
}

struct InsertAtZero {
  Sequence sequence;
  Replicas replicas;
  Bytes base;                 ///< the delta that makes the empty text or list
  std::vector<Bytes> deltas;  ///< one a replica, in random order

  InsertAtZero(Sequence which, const Compressor& compressor)
      : sequence(which), replicas(13, compressor) {}

  Status make_base() {
    Document document = replicas.make(kBaseWriter);
    WEFT_ASSIGN(base, delta_of(document.transact([&](Transaction& transaction) {
                  if (sequence == Sequence::kText) {
                    transaction.root().ensure_text(kText);
                  } else {
                    transaction.root().ensure_list(kList);
                  }
                })));
    return {};
  }

  Status insert_apart(std::uint32_t index) {
    WEFT_ASSIGN(Document document, replicas.make_from(index, base));
    const char c = static_cast<char>('a' + index % 26);
    WEFT_ASSIGN(Bytes delta, delta_of(document.transact([&](Transaction& transaction) {
                  MapEdit root = transaction.root();
                  if (sequence == Sequence::kText) {
                    return root.ensure_text(kText).insert(scalar(0), std::string_view(&c, 1));
                  }
                  return root.ensure_list(kList).insert(0, Value(static_cast<std::int64_t>(index)));
                })));
    deltas.push_back(std::move(delta));
    return {};
  }

  /// The sequence's content in one number.
  Result<std::uint64_t> content(const Document& document, std::size_t count) const {
    std::string content;
    if (sequence == Sequence::kText) {
      WEFT_ASSIGN(content, trace::replayed_text(document));
      if (content.size() != count) return Error(ErrorCode::kCorrupt, "characters are missing");
    } else {
      WEFT_ASSIGN(const ListView list, document.root().list(kList));
      WEFT_ASSIGN(const std::vector<Value> values, list.values());
      if (values.size() != count) return Error(ErrorCode::kCorrupt, "elements are missing");
      for (const Value& value : values) content += std::to_string(value.as_int()) + ",";
    }
    return checksum_of(content);
  }

  Result<Reading> sample(std::size_t count, bool backward) const {
    WEFT_ASSIGN(Document document, replicas.make_from(kReader, base));
    const Stopwatch watch;
    for (std::size_t i = 0; i < count; ++i) {
      WEFT_TRY(document.apply(deltas[backward ? count - 1 - i : i]));
    }
    const double ms = watch.ms();
    WEFT_ASSIGN(const std::uint64_t checksum, content(document, count));
    return Reading{ms, checksum};
  }

  Status check_orders_agree(std::size_t count) const {
    WEFT_ASSIGN(const Reading forward, sample(count, false));
    WEFT_ASSIGN(const Reading backward, sample(count, true));
    if (forward.checksum == backward.checksum) return {};
    return Error(ErrorCode::kCorrupt, "two orders of the same deltas give two contents");
  }
};

double n_log_n(double n) { return n * std::log(n); }

}  // namespace

Status add_insert_at_zero(Sequence sequence, const std::vector<std::uint32_t>& replica_counts,
                          const Compressor& compressor, Sampler& sampler) {
  auto insert = std::make_shared<InsertAtZero>(sequence, compressor);
  WEFT_TRY(insert->make_base());
  for (std::uint32_t r = 0; r < replica_counts.back(); ++r) WEFT_TRY(insert->insert_apart(r));
  trace::Prng prng(14);
  prng.shuffle(insert->deltas);
  for (const std::uint32_t count : replica_counts) {
    WEFT_TRY(insert->check_orders_agree(count));
    sampler.add(case_of(sequence, count), "insert_at_zero", "ms",
                [insert, count] { return insert->sample(count, false); });
  }
  return {};
}

void add_insert_at_zero_growth(Sequence sequence, std::uint32_t smallest, std::uint32_t largest,
                               Report& report) {
  const Line* small = report.find("insert_at_zero", case_of(sequence, smallest));
  const Line* large = report.find("insert_at_zero", case_of(sequence, largest));
  if (!small || !large) return;
  // Of the minima: a ratio of two noisy figures is noisier than either.
  const double measured = large->min / small->min;
  report.add(exact("insert_at_zero_growth", name_of(sequence), "ratio",
                   measured / (n_log_n(largest) / n_log_n(smallest))));
}

}  // namespace weft::bench
