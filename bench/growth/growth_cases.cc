#include "bench/growth/growth_cases.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>

namespace weft::bench {
namespace {

struct Case {
  const char* name;
  Status (*add)(const GrowthSizes&, Report&);
};
constexpr Case kCases[] = {{"siblings", add_sibling_heap},
                           {"mesh", add_mesh},
                           {"memory", add_memory_held},
                           {"compact", add_compacted},
                           {"outage", add_outages}};

}  // namespace

std::set<std::string> GrowthSizes::all_cases() {
  std::set<std::string> names;
  for (const Case& each : kCases) names.insert(each.name);
  return names;
}

GrowthSizes GrowthSizes::smallest() {
  GrowthSizes sizes;
  sizes.siblings = {50, 100};
  sizes.mesh = {3, 6};
  sizes.mesh_edits = 3;
  sizes.held_documents = {4, 8};
  sizes.held_document_bytes = 1u << 16;
  sizes.compacted = {5, 20};
  sizes.outages_s = {1, 3};
  sizes.outage_seeds = 1;
  return sizes;
}

void add_growth_options(CLI::App& command, GrowthSizes& sizes) {
  command.add_option("--folder", sizes.folder, "Where stores are made, on the disk to measure")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  command.add_option("--case", sizes.cases, "Only this; may be repeated")
      ->check(CLI::IsMember(GrowthSizes::all_cases()))
      ->default_str("all");
  command.add_option("--siblings", sizes.siblings, "Replicas that insert in one gap; two sizes")
      ->expected(2)
      ->capture_default_str();
  command.add_option("--mesh", sizes.mesh, "Devices of a mesh; two sizes")
      ->expected(2)
      ->capture_default_str();
  command.add_option("--compacted", sizes.compacted, "Documents that are compacted; two sizes")
      ->expected(2)
      ->capture_default_str();
}

Status add_growth(const GrowthSizes& sizes, Report& report) {
  for (const Case& each : kCases) {
    if (sizes.cases.count(each.name) == 0) continue;
    std::cerr << "growth: " << each.name << '\n';
    WEFT_TRY(each.add(sizes, report));
  }
  return {};
}

Line growth_of(const std::string& name, const std::string& case_name, double small_size,
               double small_value, double large_size, double large_value) {
  const double more = std::max(large_value, 1.0) / std::max(small_value, 1.0);
  return exact(name + "_growth", case_name, "exponent",
               std::log(more) / std::log(large_size / small_size));
}

}  // namespace weft::bench
