#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/cases/cliffs.h"
#include "bench/cases/workbench.h"
#include "bench/harness/stopwatch.h"
#include "bench/trace/prng.h"
#include "bench/trace/word_source.h"

namespace weft::bench {
namespace {

constexpr std::uint32_t kBaseLength = 10'000;
constexpr std::uint32_t kBaseWriter = 900'000;
constexpr std::uint32_t kReader = 900'001;

struct OfflineMerge {
  Replicas replicas;
  Bytes base;                  ///< the delta that makes the text
  std::vector<Bytes> bundles;  ///< by replica
  trace::DeltaLog deltas;      ///< replica after replica
  std::string merged;

  explicit OfflineMerge(const Compressor& compressor) : replicas(11, compressor) {}

  Status make_base() {
    trace::WordSource words(12);
    std::string text;
    while (text.size() < kBaseLength) text += words.next();
    Document document = replicas.make(kBaseWriter);
    WEFT_ASSIGN(base, delta_of(insert_text(document, 0, text)));
    return {};
  }

  /// One replica's edits: seven in ten insert a character, the others erase one, anywhere.
  Status edit_apart(std::uint32_t index, std::uint32_t edit_count) {
    WEFT_ASSIGN(Document document, replicas.make_from(index, base));
    const VersionVector since = document.version();
    trace::Prng prng(1000 + index);
    std::uint32_t length = kBaseLength;
    for (std::uint32_t e = 0; e < edit_count; ++e) {
      const bool insert = length == 0 || prng.percent(70);
      const std::uint32_t at = prng.below(insert ? length + 1 : length);
      const char c = static_cast<char>('a' + prng.below(26));
      WEFT_ASSIGN(const Commit commit, insert ? insert_text(document, at, std::string_view(&c, 1))
                                              : erase_text(document, at, 1));
      deltas.add(commit.delta);
      insert ? ++length : --length;
    }
    WEFT_ASSIGN(std::vector<Bytes> made, document.bundles_since(since));
    for (Bytes& bundle : made) bundles.push_back(std::move(bundle));
    return {};
  }

  static Result<std::string> text_of(const Document& document) {
    return trace::replayed_text(document);
  }

  Result<Reading> checked(double ms, const std::string& text) const {
    if (text != merged) return Error(ErrorCode::kCorrupt, "the merged texts differ");
    return Reading{ms, checksum_of(text)};
  }

  Result<Reading> sample_bundles() const {
    const std::vector<ByteSpan> spans(bundles.begin(), bundles.end());
    WEFT_ASSIGN(Document document, replicas.make_from(kReader, base));
    const Stopwatch watch;
    WEFT_TRY(document.apply_bundles(spans));
    WEFT_ASSIGN(const std::string text, text_of(document));
    return checked(watch.ms(), text);
  }

  Result<Reading> sample_deltas() const {
    WEFT_ASSIGN(Document document, replicas.make_from(kReader, base));
    const Stopwatch watch;
    for (std::size_t i = 0; i < deltas.size(); ++i) WEFT_TRY(document.apply(deltas[i]));
    WEFT_ASSIGN(const std::string text, text_of(document));
    return checked(watch.ms(), text);
  }

  /// What all orders have to agree on: here, the bundles one by one, the last replica's first.
  Status merge_backward() {
    WEFT_ASSIGN(Document document, replicas.make_from(kReader, base));
    for (std::size_t i = bundles.size(); i > 0; --i) {
      WEFT_TRY(document.apply_bundle(bundles[i - 1]));
    }
    WEFT_ASSIGN(merged, text_of(document));
    return {};
  }
};

}  // namespace

Status add_offline_merge(std::uint32_t replica_count, std::uint32_t edit_count,
                         const Compressor& compressor, Sampler& sampler) {
  auto merge = std::make_shared<OfflineMerge>(compressor);
  WEFT_TRY(merge->make_base());
  for (std::uint32_t r = 0; r < replica_count; ++r) WEFT_TRY(merge->edit_apart(r, edit_count));
  WEFT_TRY(merge->merge_backward());
  const std::string name = std::to_string(replica_count) + "x" + std::to_string(edit_count);
  sampler.add(name, "offline_merge", "ms", [merge] { return merge->sample_bundles(); });
  sampler.add(name, "offline_merge_deltas", "ms", [merge] { return merge->sample_deltas(); });
  return {};
}

}  // namespace weft::bench
