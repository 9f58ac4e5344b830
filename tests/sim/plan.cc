#include "tests/sim/plan.h"

#include <algorithm>
#include <charconv>

#include "tests/sim/world/world.h"
#include "tests/support/random.h"

namespace weft::sim {
namespace {

struct TraitInfo {
  std::string_view name;
  std::string_view help;
  std::uint32_t seeds_in_12;  ///< how many have it
};
constexpr std::array<TraitInfo, kTraits> kTraitInfos = {{
    {"loss", "single messages vanish", 4},
    {"duplicates", "messages come twice", 3},
    {"reordering", "messages overtake each other", 3},
    {"garbage", "bytes that are no message", 3},
    {"resets", "links are closed at any moment", 6},
    {"partitions", "nothing gets through between two halves", 6},
    {"one-way", "nothing gets through in one direction", 4},
    {"slow-links", "kilobytes a second, far away", 4},
    {"crashes", "power cuts", 7},
    {"shutdowns", "devices go away cleanly", 4},
    {"slow-flushes", "flushes of 2 s", 4},
    {"full-disks", "nothing can be stored for a while", 3},
    {"rollbacks", "disks are put back to an older copy", 4},
    {"rude-rollbacks", "and meet first whoever may not know", 2},
    {"clones", "copies of a disk start beside the original", 2},
    {"clocks", "clocks jump, one starts in 1970", 4},
    {"undo", "edits are undone", 6},
    {"trim", "history is given up", 4},
    {"seal", "history is compacted", 5},
    {"evict", "documents are given up at one device", 3},
    {"delete", "documents are deleted everywhere", 2},
    {"presence", "devices say what they do", 4},
    {"large-edits", "edits too large for one message", 2},
    {"small-caches", "few open documents, little credit", 4},
}};

struct StepInfo {
  std::string_view name;
  std::uint32_t weight;
  std::optional<Trait> trait;  ///< without which it does not happen
};
constexpr std::array<StepInfo, kStepKinds> kStepInfos = {{
    {"edit", 48, std::nullopt},
    {"burst", 5, std::nullopt},
    {"large-edit", 1, Trait::kLargeEdits},
    {"undo", 5, Trait::kUndo},
    {"presence", 3, Trait::kPresence},
    {"trim", 3, Trait::kTrim},
    {"seal", 3, Trait::kSeal},
    {"evict", 2, Trait::kEvict},
    {"keep", 3, Trait::kEvict},
    {"delete", 1, Trait::kDelete},
    {"power-cut", 5, Trait::kCrashes},
    {"shut-down", 3, Trait::kShutdowns},
    {"reset", 5, Trait::kResets},
    {"partition", 4, Trait::kPartitions},
    {"one-way", 3, Trait::kOneWay},
    {"full-disk", 3, Trait::kFullDisks},
    {"backup", 3, Trait::kRollbacks},
    {"rollback", 3, Trait::kRollbacks},
    {"clone", 2, Trait::kClones},
    {"clock-jump", 3, Trait::kClocks},
    {"look", 3, std::nullopt},
}};

constexpr std::uint32_t total_weight() {
  std::uint32_t total = 0;
  for (const StepInfo& info : kStepInfos) total += info.weight;
  return total;
}

Step make_step(std::uint64_t seed, std::uint32_t number) {
  test::Random random(derived_seed(seed, 1'000'000 + number));
  Step step;
  step.number = number;
  std::uint64_t pick = random.below(total_weight());
  std::size_t kind = 0;
  while (pick >= kStepInfos[kind].weight) pick -= kStepInfos[kind++].weight;
  step.kind = static_cast<StepKind>(kind);
  // Mostly in quick succession, with a breath now and then.
  step.at_ms = random.chance(1, 8) ? random.below(1'500) : random.below(120);
  for (std::uint32_t& raw : step.picks) raw = static_cast<std::uint32_t>(random.next());
  return step;
}

Traits random_traits(test::Random& random) {
  Traits traits;
  bool calm = random.chance(1, 20);
  for (std::size_t i = 0; i < kTraits; ++i) {
    bool on = random.chance(kTraitInfos[i].seeds_in_12, 12);
    traits[i] = on && !calm;
  }
  return traits;
}

}  // namespace

std::string_view trait_name(Trait trait) {
  return kTraitInfos[static_cast<std::size_t>(trait)].name;
}
std::string_view trait_help(Trait trait) {
  return kTraitInfos[static_cast<std::size_t>(trait)].help;
}
std::string_view step_name(StepKind kind) {
  return kStepInfos[static_cast<std::size_t>(kind)].name;
}

Plan make_plan(std::uint64_t seed, const PlanOptions& options) {
  test::Random random(derived_seed(seed, 3));
  Plan plan;
  plan.seed = seed;
  // All are drawn, whether they are used or not.
  std::uint64_t peers = random.below(options.peers_max - options.peers_min + 1);
  std::uint64_t documents = 1 + random.below(5);
  std::uint64_t steps = 30 + random.below(60);
  plan.traits = (random_traits(random) | options.with) & ~options.without;
  plan.peers = options.peers.value_or(options.peers_min + static_cast<std::uint32_t>(peers));
  plan.documents = options.documents.value_or(static_cast<std::uint32_t>(documents));
  plan.step_count = options.step_count.value_or(static_cast<std::uint32_t>(steps));
  std::uint64_t at_ms = 0;
  for (std::uint32_t number = 0; number < plan.step_count; ++number) {
    Step step = make_step(seed, number);
    at_ms += step.at_ms;
    step.at_ms = at_ms;
    const std::optional<Trait>& trait = kStepInfos[static_cast<std::size_t>(step.kind)].trait;
    bool left_out =
        options.only && !std::binary_search(options.only->begin(), options.only->end(), number);
    if (!left_out && (!trait || plan.has(*trait))) plan.steps.push_back(step);
  }
  return plan;
}

std::string command_of(std::uint64_t seed, const PlanOptions& options) {
  std::string command = "weft simulate --seed " + std::to_string(seed);
  if (options.peers) command += " --peers " + std::to_string(*options.peers);
  if (options.documents) command += " --documents " + std::to_string(*options.documents);
  if (options.step_count) command += " --steps " + std::to_string(*options.step_count);
  for (std::size_t i = 0; i < kTraits; ++i)
    if (options.with[i]) command += " --with-" + std::string(kTraitInfos[i].name);
  for (std::size_t i = 0; i < kTraits; ++i)
    if (options.without[i]) command += " --no-" + std::string(kTraitInfos[i].name);
  if (options.only) command += " --only " + print_numbers(*options.only);
  return command;
}

std::string print_numbers(const std::vector<std::uint32_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(numbers[i]);
    if (end - i > 1) text += '-' + std::to_string(numbers[end - 1]);
    i = end;
  }
  return text.empty() ? "none" : text;
}

Result<std::vector<std::uint32_t>> parse_numbers(std::string_view text) {
  std::vector<std::uint32_t> numbers;
  if (text == "none") return numbers;
  const char* at = text.data();
  const char* end = at + text.size();
  auto number = [&](std::uint32_t& out) {
    auto [next, error] = std::from_chars(at, end, out);
    at = next;
    return error == std::errc() && out < 1'000'000;
  };
  auto skip = [&](char c) { return at != end && *at == c && ++at; };
  do {
    std::uint32_t first = 0;
    bool ok = number(first);
    std::uint32_t last = first;
    if (ok && skip('-')) ok = number(last);
    if (!ok) return Error(ErrorCode::kInvalidArgument, "numbers look like 3,7-9,12");
    for (std::uint32_t i = first; i <= last; ++i) numbers.push_back(i);
  } while (skip(','));
  if (at != end) return Error(ErrorCode::kInvalidArgument, "numbers look like 3,7-9,12");
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace weft::sim
