#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/growth/growth_cases.h"
#include "tests/sim/world/world.h"

namespace weft::bench {
namespace {

constexpr DocumentId kDocument{{0x6d}};
constexpr std::uint64_t kBetweenEditsMs = 400;
constexpr std::uint64_t kWaitMsMax = 60'000;

struct MeshCost {
  double first_deliveries = 0;  ///< of one of the first two edits of each device
  double deliveries = 0;        ///< of one edit behind these
  double bytes = 0;
};

class Mesh {
 public:
  explicit Mesh(std::uint32_t count) : world_(options(count)) {
    world_.set_paths([](sim::PathModel& path) {
      path.delay_us = 2'000;
      path.jitter_us = 1'000;
    });
    world_.network().on_deliver = [this](sim::EndpointIndex, sim::EndpointIndex,
                                         const sync::Envelope& envelope) {
      if (const auto* deltas = std::get_if<sync::Deltas>(&envelope.message))
        delivered_ += deltas->deltas.size();
    };
    world_.add_all_edges();
  }

  /// @errors kIoError: they don't come to hold the same
  Result<MeshCost> measure(std::uint32_t edits) {
    WEFT_TRY(edit(0, 0));
    // A writer's first edits go to everybody over every link: with them the devices learn from whom each gets them first.
    const auto known = static_cast<std::uint32_t>(2 * world_.size());
    for (std::uint32_t i = 1; i <= known; ++i) {
      WEFT_TRY(edit(i % world_.size(), i));
      world_.run_ms(kBetweenEditsMs);
    }
    WEFT_TRY(settle(known + 1));
    const double first_deliveries = static_cast<double>(delivered_) / (known + 1);
    world_.run_ms(20'000);
    const double idle_bytes = bytes_of([&] { world_.run_ms(edits * kBetweenEditsMs); });
    delivered_ = 0;
    Status status;
    const double bytes = bytes_of([&] {
      for (std::uint32_t i = 1; i <= edits && status.ok(); ++i) {
        status = edit(i % world_.size(), i);
        world_.run_ms(kBetweenEditsMs);
      }
    });
    WEFT_TRY(std::move(status));
    WEFT_TRY(settle(known + edits + 1));
    return MeshCost{first_deliveries, static_cast<double>(delivered_) / edits,
                    std::max(bytes - idle_bytes, 0.0) / edits};
  }

 private:
  static sim::World::Options options(std::uint32_t count) {
    sim::World::Options options;
    options.peers = count;
    options.audit = false;
    options.peer.flush.least_us = 200;
    options.peer.flush.most_us = 400;
    return options;
  }
  Status edit(std::size_t peer, std::uint32_t number) {
    WEFT_TRY(world_.node(peer).edit(kDocument, [&](Transaction& tx) {
      return tx.root().set("k" + std::to_string(number % 8), Value(std::int64_t{number}));
    }));
    return {};
  }
  Status settle(std::uint64_t operations) {
    const auto is_settled = [&] {
      for (std::size_t i = 0; i < world_.size(); ++i) {
        const VersionVector held = world_.peer(i).store().version(kDocument);
        std::uint64_t count = 0;
        for (const VersionVector::Entry& entry : held.entries()) count += entry.end;
        if (count != operations) return false;
      }
      return true;
    };
    if (world_.run_until(is_settled, kWaitMsMax)) return {};
    return Error(ErrorCode::kIoError, "the devices don't come to hold the same");
  }
  double bytes_of(const std::function<void()>& work) {
    const std::uint64_t before = world_.network().total.bytes_sent;
    work();
    return static_cast<double>(world_.network().total.bytes_sent - before);
  }

  sim::World world_;
  std::uint64_t delivered_ = 0;
};

}  // namespace

Status add_mesh(const GrowthSizes& sizes, Report& report) {
  std::vector<MeshCost> costs;
  for (const std::uint32_t count : sizes.mesh) {
    WEFT_ASSIGN(const MeshCost cost, Mesh(count).measure(sizes.mesh_edits));
    report.add(
        exact("mesh_first_deliveries", std::to_string(count), "count", cost.first_deliveries));
    report.add(exact("mesh_deliveries", std::to_string(count), "count", cost.deliveries));
    report.add(exact("mesh_bytes", std::to_string(count), "bytes", cost.bytes));
    costs.push_back(cost);
  }
  const double small = sizes.mesh.front(), large = sizes.mesh.back();
  report.add(growth_of("mesh_deliveries", "devices", small, costs.front().deliveries, large,
                       costs.back().deliveries));
  report.add(
      growth_of("mesh_bytes", "devices", small, costs.front().bytes, large, costs.back().bytes));
  return {};
}

}  // namespace weft::bench
