#include "tests/sim/campaign.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "crdt/base/assert.h"
#include "tests/histories/isolate.h"
#include "tests/support/size.h"

namespace weft::sim {
namespace {

constexpr unsigned kSecondsMax = 60;
constexpr std::uint64_t kSeedsOfAChild = 25;
constexpr std::uint64_t kShrinkRunsMax = 600;

/// A value that a child process writes and its parent reads.
template <typename T>
class Shared {
 public:
  static_assert(std::is_trivially_copyable_v<T>);
  Shared() {
    void* page =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    WEFT_ASSERT(page != MAP_FAILED);
    value_ = new (page) T();
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { munmap(value_, sizeof(T)); }
  T* operator->() { return value_; }
  T& operator*() { return *value_; }

 private:
  T* value_;
};

/// What a child says of the seeds that it has run.
struct ChildReport {
  std::array<Report, kSeedsOfAChild> reports{};
  std::uint64_t passed = 0;
  FailureKind kind = FailureKind::kNone;  ///< of the seed that followed
  std::array<char, 16 << 10> what{};
};

void put(ChildReport& result, const Outcome& outcome) {
  if (outcome.ok()) {
    result.reports[result.passed++] = outcome.report;
    return;
  }
  result.kind = outcome.kind;
  std::size_t size = std::min(outcome.what.size(), result.what.size() - 1);
  std::memcpy(result.what.data(), outcome.what.data(), size);
}

Outcome run_here(std::uint64_t seed, const PlanOptions& options, bool twice,
                 const std::function<void(World&)>& prepare) {
  const Plan plan = make_plan(seed, options);
  Outcome first = run_plan(plan, {prepare, nullptr});
  if (!twice || !first.ok()) return first;
  Outcome second = run_plan(plan, {prepare, nullptr});
  if (second.report.trace_hash == first.report.trace_hash) return first;
  first.kind = FailureKind::kNotRepeatable;
  first.what = "two runs of one seed have different traces";
  return first;
}

/// Runs seeds until one fails.
ChildReport run_child(std::uint64_t first, std::uint64_t count, const PlanOptions& options,
                      std::uint64_t repeat_every, const std::function<void(World&)>& prepare) {
  Shared<ChildReport> shared;
  test::Outcome ended = test::run_isolated(
      [&](test::Progress& progress) {
        for (std::uint64_t i = 0; i < count && shared->kind == FailureKind::kNone; ++i) {
          progress.store(first + i);
          bool twice = repeat_every != 0 && (first + i) % repeat_every == 0;
          put(*shared, run_here(first + i, options, twice, prepare));
        }
        return std::string();
      },
      kSecondsMax);
  if (!ended.ok) {
    Outcome died;
    died.kind = FailureKind::kDied;
    died.what = ended.report;
    put(*shared, died);
  }
  return *shared;
}

Outcome outcome_of(const ChildReport& result) {
  Outcome outcome;
  outcome.kind = result.kind;
  outcome.what = result.what.data();
  if (outcome.ok()) outcome.report = result.reports[0];
  return outcome;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void Totals::add(const Report& report) {
  ++seeds;
  if (report.forked_documents != 0) ++seeds_with_forks;
  converge_ms_max = std::max(converge_ms_max, report.converge_ms);
  for (auto member :
       {&Report::peers, &Report::documents, &Report::edits, &Report::acknowledged, &Report::crashes,
        &Report::rollbacks, &Report::clones, &Report::identity_changes,
        &Report::rewritten_operations, &Report::forked_documents, &Report::links, &Report::messages,
        &Report::bytes, &Report::charged_bytes, &Report::faults_ms, &Report::converge_ms,
        &Report::heal_messages, &Report::events})
    sum.*member += report.*member;
  sum.trace_hash = sum.trace_hash * 31 + report.trace_hash;
}

Totals run_campaign(const CampaignOptions& options) {
  Totals totals;
  const std::uint64_t end = options.first_seed + options.count;
  for (std::uint64_t seed = options.first_seed; seed < end;) {
    std::uint64_t count = std::min(kSeedsOfAChild, end - seed);
    ChildReport result =
        run_child(seed, count, options.plan, options.repeat_every, options.prepare);
    for (std::uint64_t i = 0; i < result.passed; ++i) {
      totals.add(result.reports[i]);
      if (options.repeat_every != 0 && (seed + i) % options.repeat_every == 0) ++totals.repeated;
    }
    seed += result.passed;
    if (result.kind != FailureKind::kNone) {
      ++totals.seeds;
      ++totals.failed;
      FailedSeed failed{seed, options.plan, result.kind, result.what.data(), 0};
      if (options.shrinks) failed = shrink(std::move(failed), options.prepare);
      if (options.failed) options.failed(failed);
      if (totals.failed == options.failures_max) break;
      ++seed;
    }
    if (options.progress) options.progress(totals);
  }
  return totals;
}

Outcome run_isolated_plan(std::uint64_t seed, const PlanOptions& options,
                          const std::function<void(World&)>& prepare) {
  return outcome_of(run_child(seed, 1, options, 0, prepare));
}

Outcome run_twice(std::uint64_t seed, const PlanOptions& options,
                  const std::function<void(World&)>& prepare) {
  return outcome_of(run_child(seed, 1, options, 1, prepare));
}

// --- shrinking ---

namespace {

class Shrinker {
 public:
  Shrinker(FailedSeed failed, const std::function<void(World&)>& prepare)
      : failed_(std::move(failed)), prepare_(prepare) {}

  FailedSeed run() {
    const Plan plan = make_plan(failed_.seed, failed_.options);
    PlanOptions whole = failed_.options;
    whole.peers = plan.peers;
    whole.documents = plan.documents;
    whole.step_count = plan.step_count;
    if (!still_fails(whole)) return failed_;
    for (bool smaller = true; smaller && failed_.runs < kShrinkRunsMax;) {
      const PlanOptions before = failed_.options;
      drop_late_steps();
      drop_traits();
      drop_peers();
      drop_documents();
      drop_steps();
      smaller = failed_.options != before;
    }
    return failed_;
  }

 private:
  bool still_fails(const PlanOptions& options) {
    if (failed_.runs++ >= kShrinkRunsMax) return false;
    Outcome outcome = failed_.kind == FailureKind::kNotRepeatable
                          ? run_twice(failed_.seed, options, prepare_)
                          : run_isolated_plan(failed_.seed, options, prepare_);
    if (outcome.kind != failed_.kind) return false;
    failed_.options = options;
    failed_.what = outcome.what;
    return true;
  }

  void drop_late_steps() {
    for (std::uint32_t less = *failed_.options.step_count / 2; less > 0; less /= 2) {
      PlanOptions fewer = failed_.options;
      *fewer.step_count -= less;
      if (still_fails(fewer)) less = *failed_.options.step_count;
    }
  }

  void drop_traits() {
    const Plan plan = make_plan(failed_.seed, failed_.options);
    for (std::size_t i = 0; i < kTraits; ++i) {
      if (!plan.traits[i]) continue;
      PlanOptions fewer = failed_.options;
      fewer.without.set(i);
      fewer.with.reset(i);
      still_fails(fewer);
    }
  }

  void drop_peers() {
    for (std::uint32_t peers = 2; peers < *failed_.options.peers; ++peers) {
      PlanOptions fewer = failed_.options;
      fewer.peers = peers;
      if (still_fails(fewer)) break;
    }
  }

  void drop_documents() {
    for (std::uint32_t documents = 1; documents < *failed_.options.documents; ++documents) {
      PlanOptions fewer = failed_.options;
      fewer.documents = documents;
      if (still_fails(fewer)) break;
    }
  }

  void drop_steps() {
    std::vector<std::uint32_t> left;
    for (const Step& step : make_plan(failed_.seed, failed_.options).steps)
      left.push_back(step.number);
    for (std::size_t length = std::max<std::size_t>(left.size() / 2, 1); length > 0; length /= 2) {
      for (std::size_t at = 0; at + length <= left.size();) {
        std::vector<std::uint32_t> fewer(left.begin(), left.begin() + static_cast<long>(at));
        fewer.insert(fewer.end(), left.begin() + static_cast<long>(at + length), left.end());
        PlanOptions options = failed_.options;
        options.only = fewer;
        if (still_fails(options))
          left = fewer;
        else
          at += length;
      }
    }
  }

  FailedSeed failed_;
  const std::function<void(World&)>& prepare_;
};

}  // namespace

FailedSeed shrink(FailedSeed failed, const std::function<void(World&)>& prepare) {
  return Shrinker(std::move(failed), prepare).run();
}

std::string print(const FailedSeed& failed) {
  return "seed " + std::to_string(failed.seed) + " fails (" + failure_name(failed.kind) +
         "): " + failed.what + "\nagain: " + command_of(failed.seed, failed.options) + "\n";
}

std::uint64_t first_seed() {
  std::string seed = environment("WEFT_SEED");
  return seed.empty() ? 1 : std::strtoull(seed.c_str(), nullptr, 10);
}

std::uint64_t seed_count() {
  std::string count = environment("WEFT_SIMULATIONS");
  if (!count.empty()) return std::strtoull(count.c_str(), nullptr, 10);
  const test::Size size = test::size();
  if (size == test::Size::kSmoke) return 20;
  return size == test::Size::kFull ? 100'000 : 10'000;
}

}  // namespace weft::sim
