#include "tests/sim/simulation.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tests/sim/director.h"
#include "tests/sim/ledger.h"
#include "tests/sim/verdict.h"
#include "tests/sim/world/envelope_text.h"

namespace weft::sim {
namespace {

/// Silent links time out in 3.5 s, calls come every second, an endless wait is none.
constexpr std::uint64_t kConvergeMsMax = 60'000;
/// The longest way of a log that is asked for and its answer.
constexpr std::uint64_t kForkMs = 1'000;

std::string describe(const SeenEvent& seen) {
  std::string text = "device " + std::to_string(seen.peer) + " life " + std::to_string(seen.life) +
                     ": " + event_name(seen.event.kind);
  if (seen.event.link != 0) text += " link " + std::to_string(seen.event.link);
  if (seen.event.replica.value != 0) text += " replica " + to_string(seen.event.replica);
  if (seen.event.document != DocumentId()) text += " document " + to_hex(seen.event.document);
  if (seen.event.count != 0) text += " count " + std::to_string(seen.event.count);
  return seen.event.text.empty() ? text : text + " \"" + seen.event.text + "\"";
}

void set_up_trace(World& world, Director& director, const SimulationHooks& hooks) {
  if (!hooks.trace) return;
  auto line = [&world, trace = hooks.trace](const std::string& text) {
    std::string time = std::to_string(world.timeline().now_us());
    time = std::string(10 - std::min<std::size_t>(time.size(), 9), ' ') + time;
    trace(time + " " + text);
  };
  director.trace = line;
  world.on_event = [line](const SeenEvent& seen) { line(describe(seen)); };
  world.network().on_deliver = [line](EndpointIndex from, EndpointIndex to,
                                      const sync::Envelope& envelope) {
    line(std::to_string(from) + " > " + std::to_string(to) + " " + print(envelope));
  };
}

void fill_in(Report& report, World& world, const Ledger& ledger, const Verdict& verdict) {
  report.trace_hash = world.trace_hash();
  report.peers = world.size();
  report.documents = verdict.live_documents();
  report.edits = ledger.edits().size();
  report.acknowledged = ledger.acknowledged_count();
  report.identity_changes = world.count_events(NodeEvent::Kind::kIdentityChanged);
  for (const SeenEvent& seen : world.events())
    if (seen.event.kind == NodeEvent::Kind::kEditsRewritten)
      report.rewritten_operations += seen.event.count;
  report.forked_documents = verdict.forked_documents().size();
  report.links = world.count_events(NodeEvent::Kind::kLinkUp);
  report.messages = world.network().total.messages_sent;
  report.bytes = world.network().total.bytes_sent;
  report.charged_bytes = world.network().total.charged_sent;
  report.events = world.timeline().events_run();
}

}  // namespace

Outcome run_plan(const Plan& plan, const SimulationHooks& hooks) {
  Outcome outcome;
  Report& report = outcome.report;
  World world(world_options(plan));
  Ledger ledger(world);
  Director director(plan, world, ledger, report);
  set_up_trace(world, director, hooks);
  if (hooks.prepare) hooks.prepare(world);
  Verdict verdict(world, ledger);
  try {
    director.run();
    report.faults_ms = world.timeline().now_ms();
    std::uint64_t messages = world.network().total.messages_sent;
    director.heal();
    bool converged =
        world.run_until([&] { return verdict.why_not_converged().empty(); }, kConvergeMsMax, 100);
    report.converge_ms = world.timeline().now_ms() - report.faults_ms;
    report.heal_messages = world.network().total.messages_sent - messages;
    if (!converged) throw Failure(FailureKind::kNotConverged, verdict.why_not_converged());
    // Of a forked replica versions can be equal before the logs that were asked for have come, which show the fork.
    if (director.forks_are_possible()) {
      world.run_ms(kForkMs);
      world.run_until([&] { return verdict.why_not_converged().empty(); }, kConvergeMsMax, 100);
    }
    const bool lost_logs = report.rollbacks + report.clones != 0 || ledger.has_evicted();
    const Excuses excuses{lost_logs, director.forks_are_possible()};
    verdict.check_contents(excuses);
    verdict.check_quiet();
    verdict.check_contents(excuses);
  } catch (const Failure& failure) {
    outcome.kind = failure.kind();
    outcome.what = failure.what();
  }
  fill_in(report, world, ledger, verdict);
  return outcome;
}

}  // namespace weft::sim
