#include "bench/trace/generate.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "bench/trace/prng.h"
#include "bench/trace/word_source.h"

namespace weft::trace {
namespace {

/// Edits with one time, as editors that save now and then record them.
constexpr std::uint32_t kEditsPerTime = 1800;
constexpr std::uint64_t kFirstTimeMs = 1'700'000'000'000;

class SessionWriter {
 public:
  explicit SessionWriter(const GenerateOptions& options)
      : options_(options), prng_(options.seed), words_(options.seed + 1) {
    trace_.name = "generated";
  }

  Trace run() {
    while (inserted_ < options_.insert_count || erased_ < options_.erase_count) {
      type(burst_length());
      if (erases_are_due()) {
        if (prng_.percent(60)) {
          backspace(erase_length());
          type(burst_length());
        } else {
          erase_forward(erase_length());
        }
      }
      jump();
    }
    trace_.end_content = std::move(text_);
    return std::move(trace_);
  }

 private:
  std::uint32_t burst_length() {
    if (prng_.percent(25)) return 1 + prng_.below(3);
    return prng_.percent(2) ? prng_.log_uniform(9) : prng_.log_uniform(6);
  }
  std::uint32_t erase_length() {
    if (prng_.percent(50)) return 1;
    return prng_.percent(2) ? 256 + prng_.below(1500) : prng_.log_uniform(5);
  }
  /// Are there fewer erasures than the target's share so far?
  bool erases_are_due() const {
    return std::uint64_t{erased_} * options_.insert_count <
           std::uint64_t{inserted_} * options_.erase_count;
  }

  void type(std::uint32_t count) {
    count = std::min(count, options_.insert_count - inserted_);
    for (std::uint32_t i = 0; i < count; ++i) {
      const char c = words_.next();
      begin_edit();
      trace_.add_edit(static_cast<std::uint32_t>(cursor_), 0, std::string_view(&c, 1), 1);
      text_.insert(text_.begin() + static_cast<std::ptrdiff_t>(cursor_), c);
      ++cursor_;
      ++inserted_;
    }
  }

  void backspace(std::uint32_t count) {
    count = std::min(count, options_.erase_count - erased_);
    for (; count != 0 && cursor_ != 0; --count) {
      --cursor_;
      erase_one();
    }
  }

  void erase_forward(std::uint32_t count) {
    count = std::min(count, options_.erase_count - erased_);
    for (; count != 0 && cursor_ != text_.size(); --count) erase_one();
  }

  void erase_one() {
    begin_edit();
    trace_.add_edit(static_cast<std::uint32_t>(cursor_), 1, {}, 0);
    text_.erase(cursor_, 1);
    ++erased_;
  }

  void jump() {
    if (prng_.percent(35)) return;  // goes on where it was
    if (prng_.percent(4)) {
      cursor_ = prng_.below(static_cast<std::uint32_t>(text_.size() + 1));
      return;
    }
    if (prng_.percent(4)) {
      cursor_ = text_.size();
      return;
    }
    const std::size_t distance = prng_.log_uniform(9);
    cursor_ = prng_.percent(50) ? cursor_ - std::min(cursor_, distance)
                                : std::min(text_.size(), cursor_ + distance);
  }

  void begin_edit() {
    const std::size_t index = trace_.transactions.size();
    trace_.begin_transaction(0, kFirstTimeMs + index / kEditsPerTime * 60'000);
  }

  const GenerateOptions options_;
  Prng prng_;
  WordSource words_;
  Trace trace_;
  std::string text_;
  std::size_t cursor_ = 0;
  std::uint32_t inserted_ = 0;
  std::uint32_t erased_ = 0;
};

}  // namespace

Trace generate_session(const GenerateOptions& options) { return SessionWriter(options).run(); }

}  // namespace weft::trace
