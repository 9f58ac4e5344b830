#include "tests/netlab/link_model.h"

#include <algorithm>

namespace weft::netlab {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;

}  // namespace

LinkModel::LinkModel(std::size_t host_count, std::uint64_t seed, const Rules& rules)
    : host_count_(host_count), rules_(rules) {
  for (std::uint64_t i = 0; i < host_count * host_count; ++i)
    links_.emplace_back(seed * 1'000'003 + i);
}

void LinkModel::split(const std::vector<std::size_t>& groups) {
  for (std::size_t from = 0; from < host_count_; ++from)
    for (std::size_t to = 0; to < host_count_; ++to)
      if (groups[from] != groups[to]) link(from, to).is_up = false;
}

void LinkModel::heal() {
  for (Link& each : links_) each.is_up = true;
}

std::uint64_t LinkModel::departure_us(const Link& link, std::size_t bytes,
                                      std::uint64_t now_us) const {
  if (rules_.rate_bytes_per_s == 0) return now_us;
  return std::max(now_us, link.busy_until_us) + bytes * kMillion / rules_.rate_bytes_per_s;
}

Fate LinkModel::send(std::size_t from, std::size_t to, std::size_t bytes, std::uint64_t now_us) {
  Link& link = this->link(from, to);
  const bool is_lost = link.random.chance(rules_.loss_ppm, kMillion);
  const bool is_double = link.random.chance(rules_.duplicate_ppm, kMillion);
  const bool overtakes = link.random.chance(rules_.reorder_ppm, kMillion);
  std::uint64_t jitter_us[2];
  for (std::uint64_t& each : jitter_us) each = link.random.below(rules_.jitter_us + 1);

  ++counts_.packets;
  counts_.bytes += bytes;
  const std::uint64_t left_us = departure_us(link, bytes, now_us);
  if (!link.is_up) {
    ++counts_.cut;
    return {};
  }
  if (is_lost) {
    ++counts_.lost;
    return {};
  }
  if (left_us > now_us + kQueueUs) {
    ++counts_.overrun;
    return {};
  }
  link.busy_until_us = left_us;
  Fate fate;
  fate.copies = is_double ? 2 : 1;
  if (is_double) ++counts_.duplicated;
  for (std::size_t i = 0; i < 2; ++i)
    fate.at_us[i] = left_us + (overtakes ? 0 : rules_.delay_us + jitter_us[i]);
  return fate;
}

std::uint64_t LinkModel::send_in_order(std::size_t from, std::size_t to, std::size_t bytes,
                                       std::uint64_t now_us) {
  Link& link = this->link(from, to);
  const std::uint64_t jitter_us = link.random.below(rules_.jitter_us + 1);
  ++counts_.packets;
  counts_.bytes += bytes;
  link.busy_until_us = departure_us(link, bytes, now_us);
  link.last_at_us = std::max(link.last_at_us, link.busy_until_us + rules_.delay_us + jitter_us);
  return link.last_at_us;
}

}  // namespace weft::netlab
