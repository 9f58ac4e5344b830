#include "crdt/dashboard/inbox.h"

#include <algorithm>
#include <unordered_set>

#include "crdt/base/checksum.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/spot.h"
#include "crdt/document/json_pointer.h"
#include "crdt/document/json_text.h"

namespace weft::dashboard {
namespace {

InboxSide side_of(const Document& document, const Spot& spot, const WriteInfo& write) {
  InboxSide side;
  side.dot = write.dot;
  side.weight = write.weight;
  side.committed_at_ms = write.committed_at_ms;
  side.message = write.message;
  side.deleted = write.erased;
  side.value = write.value;
  if (!write.erased) side.shown = spot.shown(document.root(), write.value);
  return side;
}

std::string id_of(const InboxItem& item) {
  std::string text = item.path + " " + to_string(item.winner.dot);
  for (const InboxSide& loser : item.losers) text += " " + to_string(loser.dot);
  return content_key(text).substr(1);
}

std::string rule_of(const InboxItem& item, const Conflict& conflict) {
  if (item.kind == InboxItem::Kind::kDeleted)
    return item.winner.deleted ? "a deletion hides what it did not know of"
                               : "what replaces something hides what was edited inside it";
  const auto loser = std::ranges::find(conflict.losers, item.losers.front().dot, &WriteInfo::dot);
  return "neither had seen the other, " + decision_words(conflict.winner, *loser);
}

/// What people call an element of an array: `panel 7 "CPU busy"`, "variable job".
/// @param holder  the key above the array's
std::string element_words(std::string_view holder, std::string_view array, std::string_view key,
                          const std::optional<MapView>& element) {
  std::string words(array == kPanels          ? "panel"
                    : array == "targets"      ? "target"
                    : array == "overrides"    ? "override"
                    : holder == "templating"  ? "variable"
                    : holder == "annotations" ? "annotation"
                                              : array);
  words += ' ';
  // Keys that name nothing, as those of elements made here, say what the element calls itself.
  const Json name = element && !is_natural(key) ? name_of(array, key, *element) : Json();
  words += name.as_string() ? *name.as_string()
           : name.as_int()  ? std::to_string(*name.as_int())
                            : std::string(key);
  if (array != kPanels || !element) return words;
  const std::optional<Value> title = element->get("title");
  if (title && !title->as_string().empty()) words += " \"" + std::string(title->as_string()) + "\"";
  return words;
}

bool is_order_path(std::string_view path) { return path.find("/:order") != std::string_view::npos; }

}  // namespace

std::string path_words(const Document& document, std::string_view path) {
  const Result<std::vector<std::string>> tokens = pointer_tokens(path);
  if (!tokens.ok()) return std::string(path);
  std::string words;   // the elements so far
  std::string field;   // the keys behind the last of them
  std::string holder;  // the key above an array
  std::string array;   // of the token that follows
  std::optional<MapView> at = document.root();
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    const std::string& token = (*tokens)[i];
    std::optional<MapView> child;
    if (const std::optional<Value> value = at ? at->get(token) : std::nullopt;
        value && value->is_container(ContainerKind::kMap))
      child = at->child_map(*value);
    if (!array.empty()) {
      words += (words.empty() ? "" : ", ") + element_words(holder, array, token, child);
      field.clear();
      array.clear();
    } else if (child && i + 1 < tokens->size() &&
               (is_array(*child) || (i == 0 && token == kPanels))) {
      array = token;
    } else {
      field += (field.empty() ? "" : " ") + token;
    }
    holder = token;
    if (!array.empty()) holder = i == 0 ? std::string() : (*tokens)[i - 1];
    at = child;
  }
  if (words.empty()) return field;
  return field.empty() ? words : words + ": " + field;
}

Result<std::vector<InboxItem>> inbox(const Document& document, std::string_view path_prefix) {
  std::vector<InboxItem> result;
  WEFT_ASSIGN(const std::vector<Conflict> conflicts, document.conflicts(path_prefix));
  // A child that lost its place to a concurrent write was edited inside, too; it is listed as the loser that it is.
  std::unordered_set<std::uint32_t> losers;
  for (const Conflict& conflict : conflicts)
    if (conflict.kind == Conflict::Kind::kConcurrentWrites)
      for (const WriteInfo& loser : conflict.losers)
        if (loser.value.is_container()) losers.insert(loser.value.container_index());
  for (const Conflict& conflict : conflicts) {
    if (is_order_path(conflict.path)) continue;
    if (conflict.kind == Conflict::Kind::kEditInErased &&
        losers.contains(conflict.losers.front().value.container_index()))
      continue;
    Result<Spot> spot = find_spot(document.root(), conflict.path);
    if (!spot.ok()) continue;
    InboxItem item;
    item.kind = conflict.kind == Conflict::Kind::kConcurrentWrites ? InboxItem::Kind::kOverwritten
                                                                   : InboxItem::Kind::kDeleted;
    item.path = conflict.path;
    item.winner = side_of(document, *spot, conflict.winner);
    for (const WriteInfo& write : conflict.losers) {
      InboxSide loser = side_of(document, *spot, write);
      // Two texts that say the same, made by two imports, are no conflict.
      if (loser.deleted == item.winner.deleted && loser.shown == item.winner.shown) continue;
      item.losers.push_back(std::move(loser));
    }
    if (item.losers.empty()) continue;
    item.where = path_words(document, conflict.path);
    item.rule = rule_of(item, conflict);
    item.id = id_of(item);
    result.push_back(std::move(item));
  }
  return result;
}

Result<std::string> why(const Document& document, std::string_view path) {
  WEFT_ASSIGN(const Explanation explanation, document.why(path));
  std::string text = path_words(document, path) + ": " + explanation.text;
  WEFT_ASSIGN(const std::vector<InboxItem> items, inbox(document, path));
  for (const InboxItem& item : items) {
    if (item.path != path || item.kind != InboxItem::Kind::kDeleted) continue;
    text += "; replica " + to_string(item.losers.front().dot.replica) +
            " edited inside it without knowing of that: " + item.rule;
  }
  return text;
}

}  // namespace weft::dashboard
