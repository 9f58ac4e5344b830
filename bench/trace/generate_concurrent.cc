// Two writers. One list holds every character that either has made, erased ones included, with four
// flags: known to and erased for each of the two. A writer's view is what it knows and has not
// erased.
//
// Both insert at one place at the same time if a writer inserts where the other has made characters
// that the writer doesn't know. "At one place" is taken widely: between the nearest characters on
// either side that both know and nobody has erased, because where an engine puts an insertion among
// erased characters is its own affair. There the writer fetches the other's edits first.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "bench/trace/generate.h"
#include "bench/trace/prng.h"
#include "bench/trace/word_source.h"

namespace weft::trace {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

constexpr std::uint8_t known_bit(unsigned writer) {
  return static_cast<std::uint8_t>(1u << writer);
}
constexpr std::uint8_t erased_bit(unsigned writer) {
  return static_cast<std::uint8_t>(4u << writer);
}
constexpr std::uint8_t kSettled = 3;  ///< both know it, nobody erased it

class TwoWriters {
 public:
  explicit TwoWriters(const GenerateConcurrentOptions& options)
      : options_(options), prng_(options.seed), words_(options.seed + 1) {
    trace_.name = "generated-concurrent";
    trace_.concurrent = true;
    trace_.agent_count = 2;
  }

  Trace run() {
    while (trace_.transactions.size() < options_.edit_count) {
      const unsigned writer = prng_.below(2);
      if (prng_.percent(35)) fetch(writer);
      jump(writer);
      if (prng_.percent(80)) {
        type(writer, prng_.log_uniform(3));
      } else {
        erase(writer, prng_.percent(50) ? 1 : prng_.log_uniform(3));
      }
    }
    fetch(0);
    fetch(1);
    for (std::size_t i = 0; i < flags_.size(); ++i) {
      if (flags_[i] == kSettled) trace_.end_content += chars_[i];
    }
    return std::move(trace_);
  }

 private:
  struct Writer {
    std::size_t cursor = 0;  ///< position in its view
    std::size_t view_size = 0;
    std::size_t last = kNone;            ///< its last transaction
    std::size_t other_known = kNone;     ///< the other's last one that it knows
    std::size_t other_in_past = kNone;   ///< the other's last one in the past of `last`
    std::size_t known_to_other = kNone;  ///< its own last one in the past of `other_known`
  };

  bool visible_to(std::uint8_t flags, unsigned writer) const {
    return (flags & (known_bit(writer) | erased_bit(writer))) == known_bit(writer);
  }

  /// The list index of the `position`-th character of the writer's view; the list's size at its
  /// end.
  std::size_t index_of(unsigned writer, std::size_t position) const {
    std::size_t i = 0;
    for (; i < flags_.size(); ++i) {
      if (!visible_to(flags_[i], writer)) continue;
      if (position-- == 0) break;
    }
    return i;
  }

  /// The writer learns everything that the other knows.
  void fetch(unsigned writer) {
    Writer& self = writers_[writer];
    Writer& other = writers_[1 - writer];
    if (self.other_known == other.last) return;
    const std::size_t cursor_index = index_of(writer, self.cursor);
    std::size_t view_size = 0;
    for (std::size_t i = 0; i < flags_.size(); ++i) {
      if (i == cursor_index) self.cursor = view_size;
      std::uint8_t& flags = flags_[i];
      if (flags & known_bit(1 - writer)) flags |= known_bit(writer);
      if (flags & erased_bit(1 - writer)) flags |= erased_bit(writer);
      view_size += visible_to(flags, writer);
    }
    if (cursor_index == flags_.size()) self.cursor = view_size;
    self.view_size = view_size;
    self.other_known = other.last;
    self.known_to_other = other.other_in_past;
  }

  void jump(unsigned writer) {
    Writer& self = writers_[writer];
    if (prng_.percent(60)) return;
    if (prng_.percent(50)) {
      self.cursor = self.view_size;
      return;
    }
    if (prng_.percent(10)) {
      self.cursor = prng_.below(static_cast<std::uint32_t>(self.view_size + 1));
      return;
    }
    const std::size_t distance = prng_.log_uniform(8);
    self.cursor = prng_.percent(50) ? self.cursor - std::min(self.cursor, distance)
                                    : std::min(self.view_size, self.cursor + distance);
  }

  /// Is there something that the writer doesn't know between the settled characters around `index`?
  bool contested(unsigned writer, std::size_t index) const {
    for (std::size_t i = index; i < flags_.size() && flags_[i] != kSettled; ++i) {
      if (!(flags_[i] & known_bit(writer))) return true;
    }
    for (std::size_t i = index; i > 0 && flags_[i - 1] != kSettled; --i) {
      if (!(flags_[i - 1] & known_bit(writer))) return true;
    }
    return false;
  }

  void type(unsigned writer, std::uint32_t count) {
    Writer& self = writers_[writer];
    for (std::uint32_t n = 0; n < count; ++n) {
      std::size_t index = index_of(writer, self.cursor);
      if (contested(writer, index)) {
        fetch(writer);
        index = index_of(writer, self.cursor);
      }
      const char c = words_.next();
      begin_edit(writer);
      trace_.add_edit(static_cast<std::uint32_t>(self.cursor), 0, std::string_view(&c, 1), 1);
      chars_.insert(chars_.begin() + static_cast<std::ptrdiff_t>(index), c);
      flags_.insert(flags_.begin() + static_cast<std::ptrdiff_t>(index), known_bit(writer));
      ++self.cursor;
      ++self.view_size;
    }
  }

  void erase(unsigned writer, std::uint32_t count) {
    Writer& self = writers_[writer];
    for (; count != 0 && self.cursor != 0; --count) {
      --self.cursor;
      begin_edit(writer);
      trace_.add_edit(static_cast<std::uint32_t>(self.cursor), 1, {}, 0);
      flags_[index_of(writer, self.cursor)] |= erased_bit(writer);
      --self.view_size;
    }
  }

  /// A transaction whose parents are the maximal ones of what the writer knows: its own last one
  /// unless the other's lies behind that, the other's unless its own lies behind that.
  void begin_edit(unsigned writer) {
    Writer& self = writers_[writer];
    const std::size_t index = trace_.transactions.size();
    trace_.begin_transaction(writer, 0);
    const bool fetched = self.other_known != self.other_in_past;
    const bool own_is_behind = fetched && self.known_to_other == self.last;
    if (self.last != kNone && !own_is_behind) trace_.add_parent(narrow(self.last));
    if (fetched) trace_.add_parent(narrow(self.other_known));
    self.last = index;
    self.other_in_past = self.other_known;
  }
  static std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }

  const GenerateConcurrentOptions options_;
  Prng prng_;
  WordSource words_;
  Trace trace_;
  std::array<Writer, 2> writers_;
  std::string chars_;
  std::vector<std::uint8_t> flags_;
};

}  // namespace

Trace generate_concurrent_session(const GenerateConcurrentOptions& options) {
  return TwoWriters(options).run();
}

}  // namespace weft::trace
