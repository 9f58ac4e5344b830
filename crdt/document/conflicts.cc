// What was decided, and what lost: conflicts, why, the history of a register.
#include <algorithm>

#include "crdt/delta/value_codec.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"

namespace weft {
namespace {

bool has_prefix(std::string_view path, std::string_view prefix) {
  return path.size() >= prefix.size() && path.substr(0, prefix.size()) == prefix &&
         (path.size() == prefix.size() || prefix.empty() || path[prefix.size()] == '/');
}

/// "2026-01-31 12:00:00 UTC"; a constant clock gives "time 0".
std::string time_text(std::uint64_t ms) {
  if (ms == 0) return "an unknown time";
  std::uint64_t seconds = ms / 1000;
  auto day = static_cast<std::int64_t>(seconds / 86400) + 719468;  // civil from days: Hinnant 2013
  std::int64_t era = day / 146097;
  std::int64_t day_of_era = day - era * 146097;
  std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::int64_t shifted = (5 * day_of_year + 2) / 153;
  std::int64_t day_of_month = day_of_year - (153 * shifted + 2) / 5 + 1;
  std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  auto two = [](std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  auto rest = static_cast<std::int64_t>(seconds % 86400);
  return std::to_string(year) + "-" + two(month) + "-" + two(day_of_month) + " " +
         two(rest / 3600) + ":" + two(rest / 60 % 60) + ":" + two(rest % 60) + " UTC";
}

/// "25 hours", "3 days", "12.7 years".
std::string span_words(std::uint64_t ms) {
  constexpr std::uint64_t kHourMs = 3'600'000;
  constexpr std::uint64_t kYearMs = 31'556'952'000;
  if (ms < 48 * kHourMs) return std::to_string(ms / kHourMs) + " hours";
  if (ms < 2 * kYearMs) return std::to_string(ms / (24 * kHourMs)) + " days";
  const std::uint64_t tenths = ms / (kYearMs / 10);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " years";
}

}  // namespace

bool DocumentImpl::is_uncommitted(LocalDot dot) const {
  return tx.open && dot.replica == self && dot.seq >= tx.begin;
}

Stamp DocumentImpl::stamp_of(LocalDot dot) const {
  if (is_uncommitted(dot)) return {tx.clock.hlc + (dot.seq - tx.begin), options.replica};
  return graph.stamp_of(dot);
}

Weight DocumentImpl::weight_of(LocalDot dot) const {
  if (!is_uncommitted(dot)) return graph.weight_of(dot);
  return {DeltaClock::weigh(stamp_of(dot).hlc, tx.clock.weight_ms), options.replica};
}

/// An open transaction comes after everything.
bool DocumentImpl::happened_before(LocalDot a, LocalDot b) const {
  if (a.replica == b.replica) return a.seq < b.seq;
  if (is_uncommitted(b)) return true;
  return !is_uncommitted(a) && graph.happened_before(a, b);
}

void DocumentImpl::add_past(LocalVersion& version, LocalDot dot) const {
  if (!is_uncommitted(dot)) return graph.add_past(version, dot);
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r) version.raise(r, graph.end(r));
  version.raise(dot.replica, dot.seq + 1);
}

WriteInfo DocumentImpl::write_info(const Write& write) {
  WriteInfo info = edit_info(write.dot);
  info.erased = write.erased;
  info.value = write.value;
  if (!write.erased) info.json = json_of(write.value);
  return info;
}

WriteInfo DocumentImpl::edit_info(LocalDot dot) {
  WriteInfo info;
  info.dot = graph.dot(dot);
  info.stamp = stamp_of(dot);
  info.weight = weight_of(dot);
  if (is_uncommitted(dot)) {
    info.committed_at_ms = tx.time_ms;
    info.message = tx.options.message;
    return info;
  }
  const LogChunk* chunk = nullptr;
  if (auto delta = delta_of(dot, &chunk)) {
    info.committed_at_ms = delta->committed_at_ms;
    info.message = chunk->message(*delta);
  }
  return info;
}

void DocumentImpl::losers_of(ContainerIndex container, bool is_element, std::uint64_t slot,
                             std::vector<WriteInfo>& out) {
  const Register& reg = *find_register(container, is_element, slot);
  if (!reg.winner.has_losers) return;
  for (const Write& loser : *find_losers(container, is_element, slot)) {
    bool equal =
        loser.erased == reg.winner.erased && (loser.erased || loser.value == reg.winner.value);
    if (!equal) out.push_back(write_info(loser));
  }
}

void DocumentImpl::register_conflicts(ContainerIndex container, std::vector<Conflict>& out) {
  const Container& holder = containers[container];
  bool is_element = holder.sequence != nullptr;
  const FlatTable<Losers>& table = is_element ? holder.sequence->losers : holder.map->losers;
  table.for_each([&](std::uint64_t slot, const Losers&) {
    // What was set on an erased element is listed with its erasure.
    if (is_element && holder.sequence->elements.find(slot)->erase_count > 0) return;
    if (!is_element && is_reserved(container, static_cast<std::uint32_t>(slot))) return;
    Conflict conflict;
    losers_of(container, is_element, slot, conflict.losers);
    if (conflict.losers.empty()) return;
    conflict.path = slot_path(container, slot, is_element);
    conflict.winner = write_info(find_register(container, is_element, slot)->winner);
    out.push_back(std::move(conflict));
  });
}

/// Visits every op run held of `container`, and of what lies below it where `below` is set.
template <typename Visit>
void DocumentImpl::for_each_op_in(ContainerIndex container, bool below, Visit&& visit) {
  auto is_inside = [&](ContainerIndex at) {
    if (!below) return at == container;
    for (; at != kRootContainer; at = containers[at].parent)
      if (at == container) return true;
    return container == kRootContainer;
  };
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r)
    for (const auto& chunk : log.chunks(r))
      for (const Op& op : chunk->ops)
        if (op.kind != OpKind::kUnknown && is_inside(resolve(op.container))) visit(r, op);
}

/// The erasures in force of a list's element.
std::vector<LocalDot> DocumentImpl::erasures_of(ContainerIndex container, LocalDot element) {
  std::vector<LocalDot> result;
  const SequenceState& sequence = *containers[container].sequence;
  for_each_op_in(container, false, [&](ReplicaIndex r, const Op& op) {
    if (op.kind != OpKind::kErase || op.a.replica != element.replica) return;
    for (Seq k = 0; k < op.count; ++k) {
      LocalDot unit{r, op.seq + k};
      if (target_of_unit(op, k) == element && sequence.revoked.find(unit.packed()) == nullptr)
        result.push_back(unit);
    }
  });
  std::sort(result.begin(), result.end(),
            [&](LocalDot a, LocalDot b) { return stamp_of(b) < stamp_of(a); });
  return result;
}

bool DocumentImpl::are_concurrent(LocalDot a, LocalDot b) const {
  return !(a == b) && !happened_before(a, b) && !happened_before(b, a);
}

void DocumentImpl::erased_element_conflicts(ContainerIndex container, std::vector<Conflict>& out) {
  const SequenceState& sequence = *containers[container].sequence;
  sequence.elements.for_each([&](std::uint64_t key, const Element& element) {
    LocalDot dot = LocalDot::unpacked(key);
    bool was_set = !(element.reg.winner.dot == dot);
    bool was_moved = !(element.slot == dot);
    if (element.erase_count == 0 || (!was_set && !was_moved)) return;
    Conflict conflict;
    conflict.kind = Conflict::Kind::kErasedElement;
    for (LocalDot erasure : erasures_of(container, dot)) {
      if (was_set && are_concurrent(element.reg.winner.dot, erasure))
        conflict.losers.push_back(write_info(element.reg.winner));
      if (was_moved && are_concurrent(element.slot, erasure)) {
        conflict.losers.push_back(edit_info(element.slot));
        conflict.losers.back().value = element.reg.winner.value;
        conflict.losers.back().json = json_of(element.reg.winner.value);
      }
      if (conflict.losers.empty()) continue;
      conflict.winner = edit_info(erasure);
      conflict.winner.erased = true;
      conflict.path = slot_path(container, key, true);
      out.push_back(std::move(conflict));
      return;
    }
  });
}

void DocumentImpl::hidden_child_conflict(ContainerIndex child, std::vector<Conflict>& out) {
  const Container& hidden = containers[child];
  if (is_shown(child) || !is_reachable(hidden.parent)) return;
  const Register* place = place_of(child);
  if (place == nullptr || place->winner.dot.is_none()) return;
  LocalDot hider = place->winner.dot;
  bool by_write = !(place->winner.value.is_container() && place->visible() &&
                    place->winner.value.container_index() == child);
  if (!by_write) {
    std::vector<LocalDot> erasures = erasures_of(hidden.parent, hidden.element);
    if (erasures.empty()) return;
    hider = erasures.front();
  }
  LocalVersion past;
  add_past(past, hider);
  LocalDot newest;
  for_each_op_in(child, true, [&](ReplicaIndex r, const Op& op) {
    // Of the run's operations those that `hider` did not know of and whose author did not know of it.
    Seq first = std::max(op.seq, past.end(r));
    Seq begin = first;
    Seq end = op.end();
    while (begin < end) {
      Seq middle = begin + (end - begin) / 2;
      if (happened_before(hider, {r, middle})) {
        end = middle;
      } else {
        begin = middle + 1;
      }
    }
    if (end <= first) return;
    LocalDot last{r, end - 1};
    if (newest.is_none() || stamp_of(newest) < stamp_of(last)) newest = last;
  });
  if (newest.is_none()) return;
  Conflict conflict;
  conflict.kind = Conflict::Kind::kEditInErased;
  conflict.path = slot_path(hidden.parent, hidden.in_list ? hidden.element.packed() : hidden.key,
                            hidden.in_list);
  conflict.winner = by_write ? write_info(place->winner) : edit_info(hider);
  conflict.winner.erased = conflict.winner.erased || !by_write;
  conflict.losers.push_back(edit_info(newest));
  conflict.losers.back().value = Value::container(child, hidden.kind);
  conflict.losers.back().json = json_of(Value::container(child, hidden.kind));
  out.push_back(std::move(conflict));
}

Result<std::vector<Conflict>> Document::conflicts(std::string_view path_prefix) const {
  DocumentImpl& impl = *impl_;
  std::vector<Conflict> result;
  WEFT_TRY(impl.ensure_skeleton());
  for (ContainerIndex c = 0; c < impl.containers.size(); ++c) {
    const Container& container = impl.containers[c];
    if (c != kRootContainer) impl.hidden_child_conflict(c, result);
    if (!impl.is_reachable(c)) continue;
    if (container.map || (container.sequence && !container.sequence->is_text))
      impl.register_conflicts(c, result);
    if (container.sequence && !container.sequence->is_text)
      impl.erased_element_conflicts(c, result);
  }
  std::erase_if(result,
                [&](const Conflict& conflict) { return !has_prefix(conflict.path, path_prefix); });
  std::sort(result.begin(), result.end(), [](const Conflict& a, const Conflict& b) {
    return std::tie(a.path, a.kind, a.winner.stamp, a.losers.front().stamp) <
           std::tie(b.path, b.kind, b.winner.stamp, b.losers.front().stamp);
  });
  return result;
}

namespace {

std::string author_text(const WriteInfo& write) {
  return "replica " + to_string(write.dot.replica) + " at " + time_text(write.committed_at_ms) +
         (write.message.empty() ? "" : " (\"" + write.message + "\")");
}

}  // namespace

std::string decision_words(const WriteInfo& winner, const WriteInfo& loser) {
  if (winner.weight.value == loser.weight.value)
    return "at the same time: the larger replica id wins";
  const std::uint64_t weight_ms = winner.weight.value >> 16;
  if (weight_ms == loser.weight.value >> 16)
    return "at the same time: the write that comes after more edits wins";
  if (winner.committed_at_ms != 0 && winner.committed_at_ms > loser.committed_at_ms)
    return "the later write wins, by their clocks";
  return "the later write wins: the winner counts as of " + time_text(weight_ms) +
         ", a time that its author had seen";
}

/// Is it known that the clock was ahead when this was written? By whom it was seen earlier, or by the clock here.
std::string DocumentImpl::clock_words(const WriteInfo& write) const {
  const std::optional<LocalDot> dot = graph.local(write.dot);
  if (!dot || write.committed_at_ms == 0) return {};
  std::uint64_t seen_ms = write.committed_at_ms;
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r) {
    Seq first = graph.end(r);  // of those that had seen it
    for (Seq begin = 0; begin < first;) {
      const Seq middle = begin + (first - begin) / 2;
      if (graph.happened_before(*dot, {r, middle})) {
        first = middle;
      } else {
        begin = middle + 1;
      }
    }
    for (const auto& chunk : log.chunks(r)) {
      if (chunk->skeleton) continue;
      for (std::size_t i = chunk->delta_at(first); i < chunk->deltas.size(); ++i)
        if (const DeltaRun& run = chunk->deltas[i];
            run.committed_at_ms != 0 && run.first_seq >= first)
          seen_ms = std::min(seen_ms, run.committed_at_ms);
    }
  }
  const std::string clock = "; the clock of replica " + to_string(write.dot.replica);
  if (const std::uint64_t ahead = write.committed_at_ms - seen_ms; ahead > kWeightReachMs)
    return clock + " was " + span_words(ahead) + " ahead of those that had seen this";
  const std::uint64_t now = options.now_ms ? options.now_ms() : 0;
  if (now != 0 && write.committed_at_ms > now + kWeightReachMs)
    return clock + " was " + span_words(write.committed_at_ms - now) + " ahead of the one here";
  return {};
}

Result<Explanation> Document::why(std::string_view path) const {
  DocumentImpl& impl = *impl_;
  WEFT_TRY(impl.ensure_skeleton());
  WEFT_ASSIGN(DocumentImpl::Target target, impl.find_path(path, true));
  if (target.parent == kNoContainer)
    return Error(ErrorCode::kInvalidArgument,
                 "the root was written by nobody; ask for a key in it");
  Explanation explanation;
  explanation.path = path;
  Register& reg = *impl.find_register(target.parent, target.is_element, target.slot);
  explanation.winner = impl.write_info(reg.winner);
  impl.losers_of(target.parent, target.is_element, target.slot, explanation.losers);
  std::string& text = explanation.text;
  text = std::string(reg.winner.erased ? "erased" : "written") + " by " +
         author_text(explanation.winner);
  if (explanation.losers.empty()) {
    text += reg.winner.has_losers ? "; no concurrent write disagrees"
                                  : "; it had seen every other write here";
    return explanation;
  }
  for (const WriteInfo& loser : explanation.losers)
    text += "; it won over " + std::string(loser.erased ? "an erasure" : "a value") + " by " +
            author_text(loser) + ": neither had seen the other, " +
            decision_words(explanation.winner, loser);
  text += impl.clock_words(explanation.winner);
  for (const WriteInfo& loser : explanation.losers) text += impl.clock_words(loser);
  return explanation;
}

Result<std::vector<WriteInfo>> Document::history(std::string_view path) const {
  DocumentImpl& impl = *impl_;
  WEFT_ASSIGN(DocumentImpl::Target target, impl.find_path(path, true));
  if (impl.has_skeleton)
    return Error(ErrorCode::kNeedHistory,
                 "the document was loaded from a snapshot, which has no history");
  if (target.parent == kNoContainer)
    return Error(ErrorCode::kInvalidArgument,
                 "the root was written by nobody; ask for a key in it");
  LocalDot element = LocalDot::unpacked(target.slot);
  std::vector<WriteInfo> writes;
  auto add = [&](LocalDot dot, bool erased, const Value& value) {
    writes.push_back(impl.write_info(Write{value, dot, erased, false}));
  };
  auto child_value = [&](LocalDot dot) {
    auto name = impl.find_name(dot);
    ContainerIndex child = impl.resolve(*name);
    return Value::container(child, impl.containers[child].kind);
  };
  for (ReplicaIndex r = 0; r < impl.graph.replica_count(); ++r)
    for (const auto& chunk : impl.log.chunks(r))
      for (const Op& op : chunk->ops) {
        if (op.kind == OpKind::kUnknown) continue;
        ContainerIndex container = impl.resolve(op.container);
        LocalDot dot{r, op.seq};
        if (op.kind == OpKind::kRestore) {
          const Container& child = impl.containers[container];
          std::uint64_t slot = child.in_list ? child.element.packed() : child.key;
          if (child.parent == target.parent && child.in_list == target.is_element &&
              slot == target.slot)
            add(dot, false, Value::container(container, child.kind));
          continue;
        }
        if (container != target.parent) continue;
        bool key_write = !target.is_element && has_key(op.kind) && op.key() == target.slot;
        bool element_write = target.is_element && op.kind == OpKind::kListSet && op.b == element;
        bool insertion = target.is_element && op.kind == OpKind::kListInsert &&
                         element.replica == r && element.seq >= op.seq && element.seq < op.end();
        if (!key_write && !element_write && !insertion) continue;
        if (op.kind == OpKind::kMapErase) {
          add(dot, true, Value());
        } else if (op.kind == OpKind::kMapEnsure) {
          add(dot, false, child_value(dot));
        } else {
          Op unit =
              insertion ? slice_op(op, element.seq, element.seq + 1, r, chunk->content()) : op;
          dot.seq = unit.seq;
          Value value = Value::decode_trusted(as_bytes(chunk->content(unit)));
          add(dot, false, value.is_container() ? child_value(dot) : value);
        }
      }
  std::sort(writes.begin(), writes.end(),
            [](const WriteInfo& a, const WriteInfo& b) { return b.stamp < a.stamp; });
  return writes;
}

Result<ContainerIndex> DocumentImpl::hidden_child_at(std::string_view path) {
  std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos)
    return Error(ErrorCode::kInvalidArgument, "the root can't be restored");
  ContainerIndex best = kNoContainer;
  for (ContainerIndex c = 1; c < containers.size(); ++c) {
    const Container& child = containers[c];
    if (is_shown(c) || !is_reachable(child.parent)) continue;
    if (slot_path(child.parent, child.in_list ? child.element.packed() : child.key,
                  child.in_list) != path)
      continue;
    auto newest = [&](ContainerIndex at) {
      Stamp stamp;
      for (std::uint32_t name : containers[at].names)
        stamp = std::max(stamp, stamp_of(names[name].dot));
      return stamp;
    };
    if (best == kNoContainer || newest(best) < newest(c)) best = c;
  }
  if (best == kNoContainer)
    return Error(ErrorCode::kNotFound,
                 "no erased or lost child was made at '" + std::string(path) + "'");
  return best;
}

}  // namespace weft
