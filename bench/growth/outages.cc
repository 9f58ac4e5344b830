#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/growth/growth_cases.h"
#include "tests/sim/world/world.h"
#include "transport/links/link_hub.h"

namespace weft::bench {
namespace {

constexpr std::uint32_t kFollowers = 8;
constexpr std::uint64_t kWaitMsMax = 600'000;

bool all_live(sim::World& world) {
  for (std::size_t i = 1; i < world.size(); ++i) {
    if (!world.is_linked(0, i)) return false;
    for (const LinkStatus& link : world.node(i).status().links)
      if (link.state != LinkState::kLive) return false;
  }
  return true;
}

/// Virtual ms until all followers of device 0 are live again.
Result<double> back_after(std::uint32_t outage_s, std::uint64_t seed) {
  sim::World::Options options;
  options.seed = seed;
  options.peers = 1 + kFollowers;
  options.audit = false;
  options.backoff_ms_max = links::LinkHub::Options{}.backoff_max_ms;
  sim::World world(options);
  for (std::size_t i = 1; i < world.size(); ++i) world.add_edge(i, 0);
  const Error stuck(ErrorCode::kIoError, "the followers don't come back");
  if (!world.run_until([&] { return all_live(world); }, kWaitMsMax)) return stuck.clone();
  world.run_ms(20'000);
  for (std::size_t i = 1; i < world.size(); ++i) {
    world.set_cut(0, i, true);
    world.reset_links(0, i);
  }
  world.run_ms(std::uint64_t{outage_s} * 1'000);
  for (std::size_t i = 1; i < world.size(); ++i) world.set_cut(0, i, false);
  const std::uint64_t begin_ms = world.timeline().now_ms();
  if (!world.run_until([&] { return all_live(world); }, kWaitMsMax)) return stuck.clone();
  return static_cast<double>(world.timeline().now_ms() - begin_ms);
}

}  // namespace

Status add_outages(const GrowthSizes& sizes, Report& report) {
  std::vector<double> worst;
  for (const std::uint32_t outage_s : sizes.outages_s) {
    std::vector<double> values;
    for (std::uint64_t seed = 1; seed <= sizes.outage_seeds; ++seed) {
      WEFT_ASSIGN(const double ms, back_after(outage_s, seed));
      values.push_back(ms);
    }
    worst.push_back(*std::max_element(values.begin(), values.end()));
    report.add(exact("back_after_outage", std::to_string(outage_s) + "-s", "ms", worst.back()));
  }
  report.add(growth_of("back_after_outage", "outage", sizes.outages_s.front(), worst.front(),
                       sizes.outages_s.back(), worst.back()));
  return {};
}

}  // namespace weft::bench
