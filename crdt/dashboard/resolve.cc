#include "crdt/dashboard/resolve.h"

#include <algorithm>
#include <array>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/merge3.h"
#include "crdt/document/resolve.h"

namespace weft::dashboard {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"local", "remote", "latest", "merge", "count"};

const InboxSide& side_at(const InboxItem& item, std::size_t index) {
  return index == 0 ? item.winner : item.losers[index - 1];
}
std::size_t side_count(const InboxItem& item) { return 1 + item.losers.size(); }

/// The newest side for which `fits` says yes.
template <typename Fits>
std::optional<Outcome> newest_side(const InboxItem& item, Fits&& fits) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < side_count(item); ++i) {
    const InboxSide& side = side_at(item, i);
    if (fits(side) && (!best || side_at(item, *best).weight < side.weight)) best = i;
  }
  if (!best) return std::nullopt;
  return Outcome{Outcome::Kind::kSide, *best, {}};
}

std::optional<Outcome> merged(const Document& document, const InboxItem& item, bool as_counts) {
  if (item.kind == InboxItem::Kind::kDeleted)
    return as_counts ? std::nullopt : std::optional(Outcome{Outcome::Kind::kSide, 1, {}});
  const Result<Json> base = base_of(document, item);
  if (!base.ok()) return std::nullopt;
  Json result = item.winner.shown;
  for (const InboxSide& loser : item.losers) {
    std::optional<Json> next = item.winner.deleted || loser.deleted ? std::nullopt
                               : as_counts ? merge_counts(*base, result, loser.shown)
                                           : merge_values(*base, result, loser.shown);
    if (!next) return std::nullopt;
    result = *std::move(next);
  }
  return Outcome{Outcome::Kind::kValue, 0, std::move(result)};
}

bool matches_tokens(std::span<const std::string_view> pattern,
                    std::span<const std::string_view> path) {
  if (pattern.empty()) return path.empty();
  if (pattern[0] == "**") {
    for (std::size_t skipped = 0; skipped <= path.size(); ++skipped)
      if (matches_tokens(pattern.subspan(1), path.subspan(skipped))) return true;
    return false;
  }
  return !path.empty() && (pattern[0] == "*" || pattern[0] == path[0]) &&
         matches_tokens(pattern.subspan(1), path.subspan(1));
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  if (!path.empty() && path[0] == '/') path.remove_prefix(1);
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t next = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, next - at));
    at = next + 1;
  }
  return parts;
}

}  // namespace

std::string_view strategy_name(Strategy strategy) {
  return kNames[static_cast<std::size_t>(strategy)];
}
std::optional<Strategy> find_strategy(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<Strategy>(at - kNames.begin());
}

std::optional<Outcome> decide(Strategy strategy, const Document& document, const InboxItem& item) {
  const ReplicaId self = document.replica();
  switch (strategy) {
    case Strategy::kLocal:
      return newest_side(item, [&](const InboxSide& side) { return side.dot.replica == self; });
    case Strategy::kRemote:
      return newest_side(item, [&](const InboxSide& side) { return side.dot.replica != self; });
    case Strategy::kLatest:
      return newest_side(item, [](const InboxSide&) { return true; });
    case Strategy::kMerge:
      return merged(document, item, false);
    case Strategy::kCount:
      return merged(document, item, true);
  }
  return std::nullopt;
}

Result<Json> base_of(const Document& document, const InboxItem& item) {
  WEFT_ASSIGN(const std::vector<WriteInfo> writes, document.history(item.path));
  for (const WriteInfo& write : writes) {  // newest first
    bool is_before = true;
    for (std::size_t i = 0; i < side_count(item) && is_before; ++i) {
      const Result<bool> before = document.happened_before(write.dot, side_at(item, i).dot);
      is_before = before.ok() && *before;
    }
    if (!is_before) continue;
    return write.erased ? Json() : write.json;
  }
  return Json();
}

bool matches(std::string_view pattern, std::string_view path) {
  return matches_tokens(split(pattern), split(path));
}

std::vector<Resolution> plan(const Document& document, std::span<const InboxItem> items,
                             std::span<const PathRule> rules) {
  std::vector<Resolution> result;
  for (const InboxItem& item : items) {
    for (const PathRule& rule : rules) {
      if (!matches(rule.pattern, item.path)) continue;
      if (std::optional<Outcome> outcome = rule.resolver(document, item)) {
        result.push_back({item, *std::move(outcome)});
        break;
      }
    }
  }
  return result;
}

Status resolve(Transaction& transaction, const Resolution& resolution) {
  const auto& [item, outcome] = resolution;
  switch (outcome.kind) {
    case Outcome::Kind::kDelete:
      return write_side(transaction, item.path, true, {});
    case Outcome::Kind::kValue:
      for (std::size_t i = 0; i < side_count(item); ++i) {
        const InboxSide& side = side_at(item, i);
        if (!side.deleted && side.shown == outcome.value)
          return resolve(transaction, {item, {Outcome::Kind::kSide, i, {}}});
      }
      return write_at(transaction, item.path, outcome.value);
    case Outcome::Kind::kSide:
      break;
  }
  if (outcome.side >= side_count(item))
    return Error(ErrorCode::kNotFound,
                 item.path + ": the conflict has no side " + std::to_string(outcome.side));
  const InboxSide& side = side_at(item, outcome.side);
  return write_side(transaction, item.path, side.deleted, side.value);
}

}  // namespace weft::dashboard
