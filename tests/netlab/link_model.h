#pragma once
// LinkModel: what becomes of each packet between N hosts: lost, late, twice, out of order, or stuck behind a cut.
//
// Every ordered pair of hosts is a link with random numbers of its own, and each packet draws the same count of them
// whatever the rules say. So the n-th packet of a link has the same luck for the same seed, however traffic on the
// other links falls, and a change of one rule leaves the other draws as they were.
//
// Reading a clock is the caller's: the model is plain arithmetic.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/support/random.h"

namespace weft::netlab {

/// Of all links. Chances are in millionths.
struct Rules {
  std::uint64_t loss_ppm = 0;
  std::uint64_t duplicate_ppm = 0;
  std::uint64_t reorder_ppm = 0;  ///< skips the delay and so overtakes those before it
  std::uint64_t delay_us = 0;
  std::uint64_t jitter_us = 0;         ///< a packet takes from delay to delay + jitter
  std::uint64_t rate_bytes_per_s = 0;  ///< 0: no limit
};

/// When the copies of a packet arrive.
struct Fate {
  std::size_t copies = 0;  ///< 0: never, 1 or 2
  std::uint64_t at_us[2] = {0, 0};
};

struct Counts {
  std::uint64_t packets = 0;  ///< sent by hosts, with those that got lost
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;
  std::uint64_t cut = 0;
  std::uint64_t overrun = 0;  ///< did not fit into the queue before a slow link
  std::uint64_t duplicated = 0;
};

class LinkModel {
 public:
  /// A queue before a link with a rate holds what that link sends in so long a time; more is dropped.
  static constexpr std::uint64_t kQueueUs = 200'000;

  LinkModel(std::size_t host_count, std::uint64_t seed, const Rules& rules);

  std::size_t host_count() const { return host_count_; }
  Rules& rules() { return rules_; }
  const Counts& counts() const { return counts_; }

  bool is_up(std::size_t from, std::size_t to) const { return link(from, to).is_up; }
  void set_up(std::size_t from, std::size_t to, bool is_up) { link(from, to).is_up = is_up; }
  /// Cuts every link between hosts of different groups, beside what is cut already.
  /// @param groups  for each host the number of its group
  void split(const std::vector<std::size_t>& groups);
  void heal();

  /// A packet: all that the rules do.
  Fate send(std::size_t from, std::size_t to, std::size_t bytes, std::uint64_t now_us);
  /// Bytes of a stream, of which none may get lost and none overtake: delay, jitter and rate alone.
  /// @return when they arrive
  std::uint64_t send_in_order(std::size_t from, std::size_t to, std::size_t bytes,
                              std::uint64_t now_us);

 private:
  struct Link {
    explicit Link(std::uint64_t seed) : random(seed) {}
    test::Random random;
    bool is_up = true;
    std::uint64_t busy_until_us = 0;  ///< when the last packet has left, at the link's rate
    std::uint64_t last_at_us = 0;     ///< of a stream: when its last bytes arrive
  };

  Link& link(std::size_t from, std::size_t to) { return links_[from * host_count_ + to]; }
  const Link& link(std::size_t from, std::size_t to) const {
    return links_[from * host_count_ + to];
  }
  /// When the link has sent it; nothing waits where there is no rate.
  std::uint64_t departure_us(const Link& link, std::size_t bytes, std::uint64_t now_us) const;

  std::size_t host_count_;
  Rules rules_;
  std::vector<Link> links_;
  Counts counts_;
};

}  // namespace weft::netlab
