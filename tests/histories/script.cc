#include "tests/histories/script.h"

#include <array>
#include <cstddef>
#include <sstream>
#include <string_view>

#include "tests/support/random.h"

namespace weft::test {
namespace {

constexpr std::array<std::string_view, kEditKinds> kEditNames = {
    "map_set",       "map_record", "map_child",      "map_erase",   "map_ensure", "list_insert",
    "list_child",    "list_erase", "list_set",       "list_move",   "text_paste", "text_forward",
    "text_backward", "text_erase", "text_backspace", "counter_add", "hidden_text"};
constexpr std::array<std::string_view, 8> kActionNames = {"edit", "each",    "abandon", "undo",
                                                          "redo", "restore", "sync",    "reload"};
constexpr std::array<std::string_view, 4> kModeNames = {"all", "prefix", "shuffled", "bundles"};
constexpr std::array<std::string_view, 5> kClockNames = {"none", "increasing", "skewed", "jumping",
                                                         "wrong"};

template <typename Enum, std::size_t N>
bool find_name(const std::array<std::string_view, N>& names, const std::string& name, Enum& out) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] != name) continue;
    out = static_cast<Enum>(i);
    return true;
  }
  return false;
}
template <typename Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) {
  return names[static_cast<std::size_t>(value)];
}

/// What a history is mostly about: dense conflicts in one kind of container find more than a little of
/// everything.
using Weights = std::array<std::uint32_t, kEditKinds>;
constexpr std::array<Weights, 5> kWeights = {{
    //  map: set rec chi era ens  list: ins chi era set mov  text: pas for bac era bsp  counter  hidden
    {4, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 1, 1, 1},  // everything
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 4, 3, 2, 0, 0},  // text
    {0, 0, 0, 0, 0, 6, 1, 3, 3, 5, 0, 0, 0, 0, 0, 0, 0},  // list
    {6, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0},  // map
    {2, 0, 2, 5, 6, 1, 2, 1, 1, 1, 1, 1, 1, 1, 0, 2, 2},  // children
}};

Edit random_edit(Random& random, const Weights& weights) {
  std::uint32_t total = 0;
  for (std::uint32_t weight : weights) total += weight;
  std::uint64_t pick = random.below(total);
  std::size_t kind = 0;
  while (pick >= weights[kind]) pick -= weights[kind++];
  Edit edit;
  edit.kind = static_cast<EditKind>(kind);
  edit.container = static_cast<std::uint32_t>(random.below(8));
  // Often near the begin, so that writers meet.
  edit.at = static_cast<std::uint32_t>(random.below(random.chance(2, 3) ? 4 : 1000));
  edit.count = static_cast<std::uint32_t>(random.below(random.chance(9, 10) ? 6 : 24));
  edit.value = static_cast<std::uint32_t>(random.below(1000));
  return edit;
}

Action random_sync(Random& random, std::uint32_t replicas) {
  Action action;
  action.kind = ActionKind::kSync;
  action.replica = static_cast<std::uint32_t>(random.below(replicas));
  action.from = static_cast<std::uint32_t>(random.below(replicas - 1));
  if (action.from >= action.replica) ++action.from;
  std::uint64_t mode = random.below(8);
  action.mode = mode < 3   ? SyncMode::kAll
                : mode < 6 ? SyncMode::kPrefix
                : mode < 7 ? SyncMode::kShuffled
                           : SyncMode::kBundles;
  action.amount = static_cast<std::uint32_t>(random.below(1000));
  return action;
}

Action random_action(Random& random, const Script& script, const Weights& weights) {
  std::uint64_t pick = random.below(100);
  Action action;
  if (pick < 28) {
    action = random_sync(random, script.replicas);
  } else {
    action.replica = static_cast<std::uint32_t>(random.below(script.replicas));
    action.amount = static_cast<std::uint32_t>(random.below(1000));
    action.kind = pick < 68   ? ActionKind::kEdit
                  : pick < 78 ? ActionKind::kEditEach
                  : pick < 80 ? ActionKind::kAbandon
                  : pick < 89 ? ActionKind::kUndo
                  : pick < 95 ? ActionKind::kRedo
                  : pick < 98 ? ActionKind::kRestore
                              : ActionKind::kReload;
    if (action.kind <= ActionKind::kAbandon) {
      std::uint64_t edits = 1 + (random.chance(1, 3) ? random.below(4) : 0);
      while (edits-- > 0) action.edits.push_back(random_edit(random, weights));
    }
  }
  if (random.chance(1, 2)) action.pause_ms = static_cast<std::uint32_t>(random.below(3));
  return action;
}

}  // namespace

Script random_script(std::uint64_t seed) {
  Random random(seed);
  Script script;
  script.seed = seed;
  std::uint64_t replicas = random.below(20);
  script.replicas = replicas < 10 ? 2 : replicas < 17 ? 3 : replicas < 19 ? 4 : 5;
  script.clock = static_cast<ClockMode>(random.below(5));
  const Weights& weights = kWeights[random.below(kWeights.size())];
  std::uint64_t actions = 10 + random.below(random.chance(1, 3) ? 31 : 16);
  // Now and then long enough that trees and tables grow past their first node.
  if (seed % 64 == 63) actions += 150;
  while (actions-- > 0) script.actions.push_back(random_action(random, script, weights));
  // Some with transactions of many edits, which make, erase and lean on what they made themselves.
  if (seed % 8 == 5)
    for (Action& action : script.actions) {
      if (action.kind != ActionKind::kEdit || !random.chance(1, 3)) continue;
      for (std::uint64_t more = 5 + random.below(16); more > 0; --more)
        action.edits.push_back(random_edit(random, weights));
    }
  return script;
}

std::string print(const Script& script) {
  std::ostringstream out;
  out << "script " << script.seed << " replicas " << script.replicas << " clock "
      << name_of(kClockNames, script.clock) << "\n";
  for (const Action& action : script.actions) {
    out << name_of(kActionNames, action.kind) << " " << action.replica << " pause "
        << action.pause_ms << " from " << action.from << " " << name_of(kModeNames, action.mode)
        << " " << action.amount;
    for (const Edit& edit : action.edits)
      out << " | " << name_of(kEditNames, edit.kind) << " " << edit.container << " " << edit.at
          << " " << edit.count << " " << edit.value;
    out << "\n";
  }
  return out.str();
}

namespace {

bool parse_edit(std::istringstream& in, Edit& edit) {
  std::string kind;
  in >> kind >> edit.container >> edit.at >> edit.count >> edit.value;
  return in && find_name(kEditNames, kind, edit.kind);
}

bool parse_action(std::istringstream& in, Action& action) {
  std::string kind, mode, word;
  in >> kind >> action.replica >> word >> action.pause_ms >> word >> action.from >> mode >>
      action.amount;
  if (!in || !find_name(kActionNames, kind, action.kind) ||
      !find_name(kModeNames, mode, action.mode))
    return false;
  while (in >> word) {
    Edit& edit = action.edits.emplace_back();
    if (word != "|" || !parse_edit(in, edit)) return false;
  }
  return true;
}

}  // namespace

Result<Script> parse_script(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  Script script;
  std::size_t number = 0;
  while (std::getline(lines, line)) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    std::istringstream in(line);
    bool ok = true;
    if (line.starts_with("script ")) {
      std::string word, clock;
      in >> word >> script.seed >> word >> script.replicas >> word >> clock;
      ok = in && find_name(kClockNames, clock, script.clock) && script.replicas >= 2;
    } else {
      ok = parse_action(in, script.actions.emplace_back());
      ok = ok && script.actions.back().replica < script.replicas &&
           script.actions.back().from < script.replicas;
    }
    if (!ok)
      return Error(ErrorCode::kCorrupt, "script line " + std::to_string(number) + ": " + line);
  }
  return script;
}

}  // namespace weft::test
