// weft simulate: devices, their network and their disks in one thread and virtual time, with everything that can go
// wrong; checks that all end up with the same and that nothing acknowledged is lost.
//
// Exit codes: 0 all seeds passed; 10 and above: the kind of the first failure (tests/sim/world/failure.h).

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/describe.h"
#include "apps/terminal.h"
#include "crdt/document/json_text.h"
#include "tests/sim/campaign.h"

namespace weft::cli {
namespace {

using sim::CampaignOptions;
using sim::FailedSeed;
using sim::FailureKind;
using sim::Outcome;
using sim::Report;
using sim::Totals;
using sim::Trait;

struct SimulateOptions {
  CampaignOptions campaign;
  std::uint64_t one_seed = 0;
  bool is_one_seed = false;
  std::string only;
  bool trace = false;
  bool json = false;
  bool keep_going = false;
  bool no_shrink = false;
};

struct Row {
  const char* name;
  std::uint64_t Report::*member;
};
constexpr Row kRows[] = {
    {"devices", &Report::peers},
    {"live_documents", &Report::documents},
    {"edits", &Report::edits},
    {"acknowledged", &Report::acknowledged},
    {"power_cuts", &Report::crashes},
    {"rollbacks", &Report::rollbacks},
    {"clones", &Report::clones},
    {"identity_changes", &Report::identity_changes},
    {"rewritten_operations", &Report::rewritten_operations},
    {"forked_documents", &Report::forked_documents},
    {"links", &Report::links},
    {"messages", &Report::messages},
    {"bytes", &Report::bytes},
    {"charged_bytes", &Report::charged_bytes},
    {"faults_ms", &Report::faults_ms},
    {"converge_ms", &Report::converge_ms},
    {"heal_messages", &Report::heal_messages},
};

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::string padded(std::string text, std::size_t width, bool left = false) {
  std::string blank(width > text.size() ? width - text.size() : 0, ' ');
  return left ? text + blank : blank + text;
}

std::string mean(std::uint64_t sum, std::uint64_t count) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f",
                static_cast<double>(sum) / static_cast<double>(count == 0 ? 1 : count));
  return text;
}

Json report_json(const Report& report) {
  Json::Object object;
  for (const Row& row : kRows)
    object.push_back({row.name, static_cast<std::int64_t>(report.*row.member)});
  object.push_back({"trace_hash", hex(report.trace_hash)});
  return Json(std::move(object));
}

void print_json_line(const Json& json) { print(print_json(json) + "\n"); }

void print_totals(const Totals& totals) {
  print(bold(padded("", 22) + padded("sum", 14) + padded("per seed", 12)) + "\n");
  for (const Row& row : kRows)
    print(padded(row.name, 22, true) + padded(std::to_string(totals.sum.*row.member), 14) +
          padded(mean(totals.sum.*row.member, totals.seeds - totals.failed), 12) + "\n");
  print("longest way to the same everywhere: " + std::to_string(totals.converge_ms_max) +
        " ms; seeds with a fork: " + std::to_string(totals.seeds_with_forks) +
        "; run twice, same trace: " + std::to_string(totals.repeated) + "\n");
}

void print_failed(const FailedSeed& failed, bool json) {
  show_progress("");
  if (!json) return print(red(sim::print(failed)));
  print_json_line(Json::Object{
      {"seed", static_cast<std::int64_t>(failed.seed)},
      {"failure", sim::failure_name(failed.kind)},
      {"what", failed.what},
      {"again", sim::command_of(failed.seed, failed.options)},
  });
}

int simulate_one(const SimulateOptions& options) {
  const std::uint64_t seed = options.one_seed;
  Outcome outcome;
  if (options.trace) {
    sim::SimulationHooks hooks;
    hooks.trace = [](const std::string& line) {
      std::fputs((line + "\n").c_str(), stdout);
      std::fflush(stdout);  // it may die
    };
    outcome = sim::run_plan(sim::make_plan(seed, options.campaign.plan), hooks);
  } else {
    outcome = sim::run_twice(seed, options.campaign.plan);
  }
  if (!outcome.ok()) {
    print_failed({seed, options.campaign.plan, outcome.kind, outcome.what, 0}, options.json);
    return static_cast<int>(outcome.kind);
  }
  if (options.json) {
    print_json_line(report_json(outcome.report));
    return 0;
  }
  for (const Row& row : kRows)
    print(padded(row.name, 22, true) + padded(std::to_string(outcome.report.*row.member), 12) +
          "\n");
  print(padded("trace_hash", 22, true) + hex(outcome.report.trace_hash) + "\n");
  return 0;
}

int simulate_many(SimulateOptions& options) {
  FailureKind first = FailureKind::kNone;
  CampaignOptions& campaign = options.campaign;
  campaign.shrinks = !options.no_shrink;
  campaign.failures_max = options.keep_going ? ~std::uint64_t{0} : 1;
  campaign.progress = [&](const Totals& totals) {
    show_progress("seed " + std::to_string(campaign.first_seed + totals.seeds - 1) + ", " +
                  std::to_string(totals.seeds) + " of " + std::to_string(campaign.count) +
                  (totals.failed == 0 ? "" : ", " + std::to_string(totals.failed) + " failed"));
  };
  campaign.failed = [&](const FailedSeed& failed) {
    if (first == FailureKind::kNone) first = failed.kind;
    print_failed(failed, options.json);
  };
  Totals totals = sim::run_campaign(campaign);
  show_progress("");
  if (options.json) {
    print_json_line(Json::Object{
        {"seeds", static_cast<std::int64_t>(totals.seeds)},
        {"failed", static_cast<std::int64_t>(totals.failed)},
        {"seeds_with_forks", static_cast<std::int64_t>(totals.seeds_with_forks)},
        {"run_twice", static_cast<std::int64_t>(totals.repeated)},
        {"converge_ms_max", static_cast<std::int64_t>(totals.converge_ms_max)},
        {"sum", report_json(totals.sum)},
    });
  } else {
    print_totals(totals);
    std::string verdict =
        std::to_string(totals.seeds) + " seeds, " + std::to_string(totals.failed) + " failed";
    print((totals.failed == 0 ? green(verdict) : red(verdict)) + "\n");
  }
  return static_cast<int>(first);
}

Status simulate(SimulateOptions& options) {
  if (!options.only.empty()) {
    auto numbers = sim::parse_numbers(options.only);
    if (!numbers.ok())
      return Error(ErrorCode::kInvalidArgument, "--only: " + numbers.error().context());
    options.campaign.plan.only = std::move(numbers).value();
  }
  int code = options.is_one_seed ? simulate_one(options) : simulate_many(options);
  if (code != 0) throw Exit{code};
  return {};
}

/// "8" or "3..8"
std::string parse_peers(const std::string& text, sim::PlanOptions& plan) {
  unsigned least = 0, most = 0;
  int end = 0;
  auto is_whole = [&] { return end == static_cast<int>(text.size()); };
  if (std::sscanf(text.c_str(), "%u..%u%n", &least, &most, &end) == 2 && is_whole()) {
    plan.peers_min = least;
    plan.peers_max = most;
  } else if (std::sscanf(text.c_str(), "%u%n", &least, &end) == 1 && is_whole()) {
    most = least;
    plan.peers = least;
  }
  bool ok = least >= 2 && least <= most && most <= 30;
  return ok ? "" : "a number of devices from 2 to 30, or two as 3..8";
}

void add_plan_options(CLI::App* command, SimulateOptions& options) {
  sim::PlanOptions& plan = options.campaign.plan;
  command
      ->add_option_function<std::string>(
          "--peers",
          [&plan](const std::string& text) {
            std::string wrong = parse_peers(text, plan);
            if (!wrong.empty()) throw CLI::ValidationError("--peers", wrong);
          },
          "How many devices; without it 3 to 8, as the seed says")
      ->type_name("N|N..M");
  command->add_option_function<std::uint32_t>(
      "--documents", [&plan](std::uint32_t count) { plan.documents = std::max(count, 1u); },
      "How many documents; without it 1 to 5");
  command->add_option_function<std::uint32_t>(
      "--steps", [&plan](std::uint32_t count) { plan.step_count = count; },
      "How many steps of edits and faults; without it 30 to 89");
  command->add_option("--only", options.only, "Only the steps with these numbers: 3,7-9")
      ->type_name("NUMBERS");
  for (std::size_t i = 0; i < sim::kTraits; ++i) {
    const std::string name(sim::trait_name(static_cast<Trait>(i)));
    const std::string help(sim::trait_help(static_cast<Trait>(i)));
    command
        ->add_flag_callback(
            "--no-" + name, [&plan, i] { plan.without.set(i); }, "Not: " + help)
        ->group("Faults and habits");
    command
        ->add_flag_callback(
            "--with-" + name, [&plan, i] { plan.with.set(i); }, help)
        ->group("");
  }
}

}  // namespace

void add_simulate_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<SimulateOptions>();
  options->campaign.count = 100;
  CLI::App* command = app.add_subcommand(
      "simulate",
      "Let simulated devices edit, crash and lose messages, and check what comes of it");
  auto* seeds = command->add_option("--seeds", options->campaign.count, "How many seeds")
                    ->capture_default_str();
  command->add_option("--first", options->campaign.first_seed, "The first of them")
      ->capture_default_str();
  command
      ->add_option_function<std::uint64_t>(
          "--seed",
          [options](std::uint64_t seed) {
            options->one_seed = seed;
            options->is_one_seed = true;
          },
          "Only this one, twice: the traces have to be the same")
      ->excludes(seeds);
  add_plan_options(command, *options);
  command->add_flag("--trace", options->trace, "With --seed: print all that happens");
  command->add_flag("--keep-going", options->keep_going, "Don't stop at the first failure");
  command->add_flag("--no-shrink", options->no_shrink, "Report a failing seed as it is");
  command->add_flag("--json", options->json, "Print JSON lines");
  command->footer(
      "Each seed has some kinds of faults and not others. --no-FAULT switches one off, "
      "--with-FAULT\n"
      "on. A failing seed is made small and printed as the command that repeats it.\n\n"
      "Exit codes: 0 passed, 10 diverged, 11 lost an edit, 12 not converged, 13 not quiet,\n"
      "14 an invariant broken, 15 a false report, 16 not repeatable, 17 died, 18 not "
      "acknowledged.\n\n"
      "Examples:\n"
      "  weft simulate --seeds 1000\n"
      "  weft simulate --seeds 200 --peers 8 --no-rollbacks --no-clones\n"
      "  weft simulate --seed 17 --trace");
  command->callback([options, &action] { action = [options] { return simulate(*options); }; });
}

}  // namespace weft::cli
