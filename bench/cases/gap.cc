#include "bench/cases/gap.h"

#include <memory>
#include <string>
#include <vector>

#include "bench/cases/gap_buffer.h"
#include "bench/cases/warm.h"
#include "bench/harness/stopwatch.h"
#include "crdt/base/bytes.h"
#include "crdt/base/checksum.h"
#include "crdt/base/utf8.h"

namespace weft::bench {
namespace {

/// @param text  what the edits insert, at `inserted_begin` in units of Char
template <typename Char>
void run_gap(const std::vector<trace::Edit>& edits, const Char* text, GapBuffer<Char>& buffer) {
  for (const trace::Edit& edit : edits) {
    if (edit.deleted != 0) buffer.erase(edit.position, edit.deleted);
    if (edit.inserted_count != 0) {
      buffer.insert(edit.position, text + edit.inserted_begin, edit.inserted_count);
    }
  }
}

/// Valid UTF-8 as scalars.
std::u32string to_utf32(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const unsigned size = utf8_size_from_lead(lead);
    char32_t scalar = size == 1 ? lead : lead & (0x7fu >> size);
    for (unsigned k = 1; k < size; ++k) {
      scalar = (scalar << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3fu);
    }
    out += scalar;
    i += size;
  }
  return out;
}

class GapRun {
 public:
  explicit GapRun(const trace::Trace& trace)
      : trace_(trace), ascii_(is_ascii(trace.arena) && is_ascii(trace.start_content)) {
    if (ascii_) return;
    wide_start_ = to_utf32(trace.start_content);
    wide_arena_ = to_utf32(trace.arena);
    wide_end_ = to_utf32(trace.end_content);
    wide_edits_ = trace.edits;
    std::uint32_t at = 0;
    for (trace::Edit& edit : wide_edits_) {
      edit.inserted_begin = at;
      at += edit.inserted_count;
    }
  }

  /// Bytes where all text is ASCII, else scalars.
  Result<Reading> sample() const {
    return ascii_ ? sample_units<char>(trace_.edits, trace_.start_content, trace_.arena,
                                       trace_.end_content)
                  : sample_units<char32_t>(wide_edits_, wide_start_, wide_arena_, wide_end_);
  }

 private:
  template <typename Char>
  Result<Reading> sample_units(const std::vector<trace::Edit>& edits,
                               const std::basic_string<Char>& start,
                               const std::basic_string<Char>& arena,
                               const std::basic_string<Char>& expected) const {
    warm(std::as_bytes(std::span(edits)));
    warm(std::as_bytes(std::span(arena)));
    const Stopwatch watch;
    GapBuffer<Char> buffer;
    buffer.insert(0, start.data(), start.size());
    run_gap(edits, arena.data(), buffer);
    const double ms = watch.ms();
    std::basic_string<Char> text(buffer.before_gap());
    text += buffer.after_gap();
    if (text != expected) return Error(ErrorCode::kCorrupt, "wrong final text");
    return Reading{ms, xxh3_64(as_bytes(trace_.end_content))};
  }

  const trace::Trace& trace_;
  bool ascii_;
  std::vector<trace::Edit> wide_edits_;  ///< inserted_begin counts scalars
  std::u32string wide_start_;
  std::u32string wide_arena_;
  std::u32string wide_end_;
};

}  // namespace

void add_gap(const trace::Trace& trace, Sampler& sampler) {
  auto run = std::make_shared<const GapRun>(trace);
  sampler.add(trace.name, "gap", "ms", [run] { return run->sample(); });
}

}  // namespace weft::bench
