#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/cases/cliffs.h"
#include "bench/cases/workbench.h"
#include "bench/harness/stopwatch.h"

namespace weft::bench {
namespace {

/// Two documents with the same short text to type behind.
struct Pair {
  Document a;
  Document b;

  static Result<Pair> make(const Replicas& replicas, std::string_view start) {
    Document writer = replicas.make(900'000);
    WEFT_ASSIGN(const Bytes base, delta_of(insert_text(writer, 0, start)));
    WEFT_ASSIGN(Document a, replicas.make_from(0, base));
    WEFT_ASSIGN(Document b, replicas.make_from(1, base));
    return Pair{std::move(a), std::move(b)};
  }

  Result<std::string> common_text() const {
    WEFT_ASSIGN(const std::string text, trace::replayed_text(a));
    WEFT_ASSIGN(const std::string other, trace::replayed_text(b));
    if (text != other) return Error(ErrorCode::kCorrupt, "the two replicas differ");
    return text;
  }
};

constexpr std::string_view kStart = "first paragraph\n\nsecond paragraph";
constexpr std::size_t kFirstEnd = 15;

struct Exchange {
  Typing typing;
  std::uint32_t round_count;
  Replicas replicas;

  /// Both type, then both hear from each other. A types at `at_a` and B at `at_b` of their own
  /// texts.
  static Status round(Pair& pair, std::size_t at_a, std::size_t at_b) {
    WEFT_ASSIGN(const Commit a, insert_text(pair.a, at_a, "a"));
    WEFT_ASSIGN(const Commit b, insert_text(pair.b, at_b, "b"));
    // A change of B ends the view of its last delta.
    WEFT_ASSIGN(const Bytes from_b, delta_of(b));
    WEFT_TRY(pair.b.apply(a.delta));
    WEFT_TRY(pair.a.apply(from_b));
    return {};
  }

  Status rounds(Pair& pair, std::uint32_t begin, std::uint32_t end) const {
    for (std::uint32_t i = begin; i < end; ++i) {
      const std::size_t size = kStart.size() + std::size_t{2} * i;
      const std::size_t at_a = typing == Typing::kApart ? kFirstEnd + i : size;
      WEFT_TRY(round(pair, at_a, size));
    }
    return {};
  }

  Result<std::vector<Reading>> sample() const {
    WEFT_ASSIGN(Pair pair, Pair::make(replicas, kStart));
    const std::uint32_t part = std::clamp(round_count / 8, 1u, 500u);
    const Stopwatch watch;
    WEFT_TRY(rounds(pair, 0, part));
    const double first_ns = watch.ns();
    WEFT_TRY(rounds(pair, part, round_count - part));
    const double until_last_ns = watch.ns();
    WEFT_TRY(rounds(pair, round_count - part, round_count));
    const double all_ns = watch.ns();
    WEFT_ASSIGN(const std::string text, pair.common_text());
    if (text.size() != kStart.size() + std::size_t{2} * round_count) {
      return Error(ErrorCode::kCorrupt, "characters are missing");
    }
    const std::uint64_t checksum = checksum_of(text);
    const double last_ns = all_ns - until_last_ns;
    return std::vector<Reading>{{all_ns / round_count, checksum},
                                {first_ns / part, checksum},
                                {last_ns / part, checksum},
                                {last_ns / first_ns, checksum}};
  }
};

struct Backward {
  std::uint32_t length;
  Replicas replicas;
  Bytes base;
  std::vector<Bytes> from_a;  ///< bundles
  std::vector<Bytes> from_b;

  static std::vector<ByteSpan> spans(const std::vector<Bytes>& bundles) {
    return {bundles.begin(), bundles.end()};
  }

  /// `length` characters, each typed in front of the one before, between "[" and "]".
  Result<std::vector<Bytes>> type(std::uint32_t index, char c) const {
    WEFT_ASSIGN(Document document, replicas.make_from(index, base));
    const VersionVector since = document.version();
    for (std::uint32_t i = 0; i < length; ++i) {
      WEFT_TRY(insert_text(document, 1, std::string_view(&c, 1)));
    }
    return document.bundles_since(since);
  }

  Status prepare() {
    Document writer = replicas.make(900'000);
    WEFT_ASSIGN(base, delta_of(insert_text(writer, 0, "[]")));
    WEFT_ASSIGN(from_a, type(0, 'a'));
    WEFT_ASSIGN(from_b, type(1, 'b'));
    return {};
  }

  Result<Reading> sample() const {
    WEFT_ASSIGN(Document document, replicas.make_from(2, base));
    WEFT_TRY(document.apply_bundles(spans(from_a)));
    const Stopwatch watch;
    WEFT_TRY(document.apply_bundles(spans(from_b)));
    WEFT_ASSIGN(const std::string text, trace::replayed_text(document));
    const double ms = watch.ms();
    const std::string a(length, 'a');
    const std::string b(length, 'b');
    if (text != "[" + a + b + "]" && text != "[" + b + a + "]") {
      return Error(ErrorCode::kCorrupt, "runs typed backward interleave");
    }
    return Reading{ms, checksum_of(text)};
  }
};

}  // namespace

void add_typing_exchange(Typing typing, std::uint32_t round_count, const Compressor& compressor,
                         Sampler& sampler) {
  auto exchange =
      std::make_shared<Exchange>(Exchange{typing, round_count, Replicas(15, compressor)});
  sampler.add(
      Probe{(typing == Typing::kApart ? "apart-" : "together-") + std::to_string(round_count),
            {{"typing_round", "ns"},
             {"typing_round_first", "ns"},
             {"typing_round_last", "ns"},
             {"typing_flatness", "ratio"}},
            [exchange] { return exchange->sample(); }});
}

Status add_backward_merge(std::uint32_t length, const Compressor& compressor, Sampler& sampler) {
  auto backward =
      std::make_shared<Backward>(Backward{length, Replicas(16, compressor), {}, {}, {}});
  WEFT_TRY(backward->prepare());
  sampler.add("2x" + std::to_string(length), "backward_merge", "ms",
              [backward] { return backward->sample(); });
  return {};
}

}  // namespace weft::bench
