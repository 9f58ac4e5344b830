#include "tests/oracle/oracle.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace weft::test {
namespace {

bool larger_stamp(const OracleOp* a, const OracleOp* b) { return a->stamp() > b->stamp(); }

bool larger_weight(const OracleOp* a, const OracleOp* b) {
  if (a->weight() != b->weight()) return a->weight() > b->weight();
  return a->dot.replica > b->dot.replica;
}

/// The multi-value rule.
RegisterState resolve(const std::vector<const OracleOp*>& writes) {
  RegisterState state;
  for (const OracleOp* write : writes) {
    bool seen_by_another = false;
    for (const OracleOp* other : writes) seen_by_another |= other->past.contains(write->dot);
    if (!seen_by_another) state.losers.push_back(write);
  }
  std::sort(state.losers.begin(), state.losers.end(), larger_weight);
  if (!state.losers.empty()) {
    state.winner = state.losers.front();
    state.losers.erase(state.losers.begin());
  }
  return state;
}

/// The erase units that count.
std::vector<const OracleOp*> erasures_in_force(const std::vector<const OracleOp*>& ops) {
  std::vector<const OracleOp*> result;
  for (const OracleOp* erase : ops) {
    if (erase->kind != OracleKind::kErase) continue;
    const OracleOp* last = nullptr;
    for (const OracleOp* toggle : ops) {
      bool toggles = toggle->kind == OracleKind::kRevoke || toggle->kind == OracleKind::kReinstate;
      if (!toggles || toggle->target != erase->dot) continue;
      if (toggle->dot.replica != erase->dot.replica) std::abort();  // nobody else may
      if (last == nullptr || last->dot.seq < toggle->dot.seq) last = toggle;
    }
    if (last == nullptr || last->kind == OracleKind::kReinstate) result.push_back(erase);
  }
  return result;
}

const char* name_of_kind(ContainerKind kind) {
  switch (kind) {
    case ContainerKind::kMap:
      return "map";
    case ContainerKind::kList:
      return "list";
    case ContainerKind::kText:
      return "text";
    case ContainerKind::kCounter:
      return "counter";
  }
  return "?";
}

}  // namespace

void Oracle::add(const OracleOp& op) {
  if (!ops_.emplace(op.dot, op).second) return;
  names_.clear();
  by_container_.clear();
}

Oracle Oracle::restricted_to(const Past& version) const {
  Oracle result(rule_);
  for (const auto& [dot, op] : ops_)
    if (version.contains(dot)) result.ops_.emplace(dot, op);
  return result;
}

Past Oracle::version() const {
  Past version;
  for (const auto& [dot, op] : ops_) version.add_up_to(dot.replica, dot.seq + 1);
  return version;
}

Hlc Oracle::first_hlc(const Past& past, std::uint64_t committed_at_ms) const {
  Hlc largest = 0;
  for (const auto& [dot, op] : ops_)
    if (past.contains(dot)) largest = std::max(largest, op.hlc);
  return std::max(largest + 1, committed_at_ms << 16);
}

std::uint64_t Oracle::weight_ms(const std::vector<Dot>& parents,
                                std::uint64_t committed_at_ms) const {
  constexpr std::uint64_t kDayMs = 86'400'000;
  std::uint64_t result = committed_at_ms;
  for (const Dot& parent : parents) {
    std::uint64_t seen = ops_.at(parent).weight() >> 16;
    bool is_out_of_reach = committed_at_ms > 0 && seen > committed_at_ms + kDayMs;
    if (!is_out_of_reach && seen > result) result = seen;
  }
  return result;
}

// --- containers

const OracleOp& Oracle::maker_of(const OracleOp& restore) const {
  const OracleOp* op = &restore;
  while (op->kind == OracleKind::kRestore) op = &ops_.at(op->container.value());
  return *op;
}

ContainerName Oracle::home_of(const OracleOp& op) const { return name_of(maker_of(op).container); }

std::optional<ContainerName> Oracle::child_of(const OracleOp& write, ContainerKind& kind) const {
  if (write.kind == OracleKind::kRestore) return child_of(maker_of(write), kind);
  if (write.kind == OracleKind::kMapEnsure) {
    kind = write.child_kind;
    return name_of(write.container) + "#" + write.key + "/" + name_of_kind(kind) + "/" +
           std::to_string(write.generation);
  }
  if (write.kind == OracleKind::kMapErase || !write.value.child.has_value()) return std::nullopt;
  kind = *write.value.child;
  return "@" + to_string(write.dot);
}

ContainerName Oracle::name_of(const std::optional<Dot>& container) const {
  if (!container.has_value()) return "root";
  auto known = names_.find(*container);
  if (known != names_.end()) return known->second;
  auto maker = ops_.find(*container);
  if (maker == ops_.end()) std::abort();
  ContainerKind kind{};
  std::optional<ContainerName> name = child_of(maker->second, kind);
  if (!name.has_value()) std::abort();
  return names_[*container] = *name;
}

const std::map<ContainerName, Oracle::Ops>& Oracle::by_container() const {
  if (by_container_.empty())
    for (const auto& [dot, op] : ops_) by_container_[home_of(op)].push_back(&op);
  return by_container_;
}

const Oracle::Ops& Oracle::ops_in(const ContainerName& container) const {
  static const Ops kNone;
  auto found = by_container().find(container);
  return found == by_container().end() ? kNone : found->second;
}

// --- registers

std::optional<std::string> Oracle::key_written(const OracleOp& op) const {
  const OracleOp& write = maker_of(op);
  if (!write.has_key()) return std::nullopt;
  return write.key;
}

std::optional<Dot> Oracle::element_written(const OracleOp& op) const {
  const OracleOp& write = maker_of(op);
  if (write.kind == OracleKind::kListInsert) return write.dot;
  if (write.kind == OracleKind::kListSet) return write.target;
  return std::nullopt;
}

std::vector<std::string> Oracle::keys(const ContainerName& map) const {
  std::vector<std::string> result;
  for (const OracleOp* op : ops_in(map))
    if (auto key = key_written(*op)) result.push_back(*key);
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

std::vector<const OracleOp*> Oracle::key_writes(const ContainerName& map,
                                                const std::string& key) const {
  Ops result;
  for (const OracleOp* op : ops_in(map))
    if (key_written(*op) == key) result.push_back(op);
  std::sort(result.begin(), result.end(), larger_stamp);
  return result;
}

RegisterState Oracle::key_state(const ContainerName& map, const std::string& key) const {
  return resolve(key_writes(map, key));
}

RegisterState Oracle::element_state(const ContainerName& list, const Dot& element) const {
  Ops writes;
  for (const OracleOp* op : ops_in(list))
    if (element_written(*op) == element) writes.push_back(op);
  return resolve(writes);
}

bool Oracle::same_value(const OracleOp& a, const OracleOp& b) const {
  bool a_erases = a.kind == OracleKind::kMapErase;
  bool b_erases = b.kind == OracleKind::kMapErase;
  if (a_erases || b_erases) return a_erases && b_erases;
  ContainerKind kind{};
  std::optional<ContainerName> a_child = child_of(a, kind);
  std::optional<ContainerName> b_child = child_of(b, kind);
  if (a_child.has_value() || b_child.has_value()) return a_child == b_child;
  return render(a.value.json) == render(b.value.json);
}

// --- sequences

std::vector<Place> Oracle::places(const ContainerName& sequence) const {
  const Ops& ops = ops_in(sequence);
  std::vector<Slot> slots;
  std::map<Dot, const OracleOp*> by_slot;
  std::map<Dot, const OracleOp*> shown_at;  // element -> what made the slot where it shows
  for (const OracleOp* op : ops) {
    if (!op->makes_slot()) continue;
    slots.push_back({op->dot, op->stamp(), op->lo, op->ro});
    by_slot[op->dot] = op;
    Dot element = op->kind == OracleKind::kListMove ? op->target : op->dot;
    const OracleOp*& shown = shown_at[element];
    // The insertion is in the causal past of every move, so it only stands alone.
    if (shown == nullptr || shown->stamp() < op->stamp()) shown = op;
  }
  std::map<Dot, bool> erased;
  for (const OracleOp* erase : erasures_in_force(ops)) erased[erase->target] = true;
  std::vector<Place> result;
  for (const Dot& dot : weave_order(slots, rule_)) {
    const OracleOp* op = by_slot[dot];
    Dot element = op->kind == OracleKind::kListMove ? op->target : dot;
    bool current = shown_at[element] == op;
    result.push_back({dot, element, current, current && !erased.contains(element)});
  }
  return result;
}

std::string Oracle::text(const ContainerName& text) const {
  std::string result;
  for (const Place& place : places(text))
    if (place.shows) append_utf8(result, ops_.at(place.element).scalar);
  return result;
}

// --- the document

/// What a walk from the root collects.
struct Oracle::Visitor {
  std::vector<ReachableContainer> containers;
  std::vector<OracleConflict> conflicts;
};

void Oracle::visit(Visitor& visitor, const std::string& path, const ContainerName& name,
                   ContainerKind kind) const {
  visitor.containers.push_back({path, name, kind});
  if (kind == ContainerKind::kMap) {
    for (const std::string& key : keys(name))
      visit_register(visitor, path + "/" + pointer_token(key), key_state(name, key));
  } else if (kind == ContainerKind::kList) {
    std::size_t index = 0;
    for (const Place& place : places(name)) {
      if (!place.shows) continue;
      visit_register(visitor, path + "/" + std::to_string(index),
                     element_state(name, place.element));
      ++index;
    }
  }
}

void Oracle::visit_register(Visitor& visitor, const std::string& path,
                            const RegisterState& state) const {
  if (state.winner == nullptr) return;
  OracleConflict conflict{path, state.winner->dot, {}};
  for (const OracleOp* loser : state.losers)
    if (!same_value(*loser, *state.winner)) conflict.losers.push_back(loser->dot);
  if (!conflict.losers.empty()) visitor.conflicts.push_back(conflict);
  ContainerKind kind{};
  if (auto child = child_of(*state.winner, kind)) visit(visitor, path, *child, kind);
}

std::vector<ReachableContainer> Oracle::containers() const {
  Visitor visitor;
  visit(visitor, "", "root", ContainerKind::kMap);
  return visitor.containers;
}

std::vector<OracleConflict> Oracle::conflicts() const {
  Visitor visitor;
  visit(visitor, "", "root", ContainerKind::kMap);
  std::sort(visitor.conflicts.begin(), visitor.conflicts.end(),
            [](const OracleConflict& a, const OracleConflict& b) { return a.path < b.path; });
  return visitor.conflicts;
}

Json Oracle::to_json() const { return container_json("root", ContainerKind::kMap); }

Json Oracle::value_json(const OracleOp& write) const {
  ContainerKind kind{};
  if (auto child = child_of(write, kind)) return container_json(*child, kind);
  return write.value.json;
}

Json Oracle::container_json(const ContainerName& name, ContainerKind kind) const {
  switch (kind) {
    case ContainerKind::kMap: {
      Json::Object object;
      for (const std::string& key : keys(name)) {
        RegisterState state = key_state(name, key);
        if (state.winner->kind != OracleKind::kMapErase)
          object.emplace_back(key, value_json(*state.winner));
      }
      return object;
    }
    case ContainerKind::kList: {
      Json::Array array;
      for (const Place& place : places(name))
        if (place.shows) array.push_back(value_json(*element_state(name, place.element).winner));
      return array;
    }
    case ContainerKind::kText:
      return text(name);
    case ContainerKind::kCounter: {
      // Exact, then cut to what 64 bits show.
      __extension__ __int128 sum = 0;
      for (const OracleOp* op : ops_in(name))
        if (op->kind == OracleKind::kCounterAdd) sum += op->amount;
      if (sum > std::numeric_limits<std::int64_t>::max())
        return std::numeric_limits<std::int64_t>::max();
      if (sum < std::numeric_limits<std::int64_t>::min())
        return std::numeric_limits<std::int64_t>::min();
      return static_cast<std::int64_t>(sum);
    }
  }
  std::abort();
}

}  // namespace weft::test
