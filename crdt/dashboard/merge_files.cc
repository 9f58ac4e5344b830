#include "crdt/dashboard/merge_files.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/resolve.h"
#include "crdt/dashboard/shape.h"
#include "crdt/document/document.h"

namespace weft::dashboard {
namespace {

constexpr ReplicaId kOurs{1};
constexpr ReplicaId kTheirs{2};

const InboxSide* side_of(const InboxItem& item, ReplicaId replica, std::size_t* index = nullptr) {
  if (index != nullptr) *index = 0;
  if (item.winner.dot.replica == replica) return &item.winner;
  for (std::size_t i = 0; i < item.losers.size(); ++i) {
    if (item.losers[i].dot.replica != replica) continue;
    if (index != nullptr) *index = i + 1;
    return &item.losers[i];
  }
  return nullptr;
}

std::optional<Json> shown(const InboxSide* side) {
  if (side == nullptr || side->deleted) return std::nullopt;
  return side->shown;
}

Status import_into(Document& document, const Json& dashboard) {
  Result<Commit> commit = document.transact(
      [&](Transaction& transaction) { return import_grafana(transaction, dashboard); });
  return commit.ok() ? Status() : Status(commit.take_error());
}

/// `version` and `iteration` are no part of a document.
void add_counters(Json& merged, const Json& base, const Json& ours, const Json& theirs) {
  for (const char* key : {"iteration", "version"}) {
    const Json* a = ours.find(key);
    const Json* b = theirs.find(key);
    if (a == nullptr && b == nullptr) continue;
    if ((a == nullptr || b == nullptr) && base.find(key) != nullptr) continue;  // one removed it
    const Json* larger = a == nullptr ? b : a;
    if (a != nullptr && b != nullptr && a->as_int() && b->as_int() && *a->as_int() < *b->as_int())
      larger = b;
    Json::Object& members = *merged.as_object();
    const auto at = std::find_if(members.begin(), members.end(),
                                 [&](const auto& member) { return member.first > key; });
    members.emplace(at, key, *larger);
  }
}

/// Does `element` go by the same name as `other`?
bool is_named_alike(const Json& element, const Json& other) {
  for (const char* field : {"id", "refId", "name"}) {
    const Json* name = element.find(field);
    if (name == nullptr) continue;
    const Json* others = other.find(field);
    return others != nullptr && *name == *others;
  }
  return false;
}

bool is_sorted_by_key(const Json::Object& object) {
  return std::is_sorted(object.begin(), object.end(),
                        [](const auto& a, const auto& b) { return a.first < b.first; });
}

/// A document keeps the list of panels that was removed, for whoever adds one at the same time; files have none then.
void drop_removed_panels(Json& merged, const Json& base, const Json& ours, const Json& theirs) {
  constexpr const char* kPanels = "panels";
  const bool both_have = ours.find(kPanels) != nullptr && theirs.find(kPanels) != nullptr;
  const bool one_added = base.find(kPanels) == nullptr &&
                         (ours.find(kPanels) != nullptr || theirs.find(kPanels) != nullptr);
  if (both_have || one_added) return;
  Json::Object* object = merged.as_object();
  if (object == nullptr) return;
  std::erase_if(*object, [&](const auto& member) {
    const Json::Array* array = member.second.as_array();
    return member.first == kPanels && array != nullptr && array->empty();
  });
}

}  // namespace

Result<FileMerge> merge_dashboards(const Json& base, const Json& ours, const Json& theirs,
                                   Prefer prefer) {
  DocumentOptions options;
  options.replica = kOurs;
  Document document = Document::create(std::move(options));
  WEFT_ASSIGN(const Bytes seed, seed_delta(document.id(), base));
  if (!seed.empty()) WEFT_TRY(document.apply(seed));  // there was no such file before
  Document other = document.fork(kTheirs);
  const VersionVector common = document.version();
  WEFT_TRY(import_into(document, ours));
  WEFT_TRY(import_into(other, theirs));
  WEFT_ASSIGN(const std::vector<Bytes> deltas, other.deltas_since(common));
  for (const Bytes& delta : deltas) WEFT_TRY(document.apply(delta));

  FileMerge result;
  std::vector<Resolution> resolutions;
  WEFT_ASSIGN(std::vector<InboxItem> items, inbox(document));
  for (InboxItem& item : items) {
    result.conflicts.push_back(
        {item.path, item.where, shown(side_of(item, kOurs)), shown(side_of(item, kTheirs))});
    std::size_t side = 0;
    side_of(item, prefer == Prefer::kOurs ? kOurs : kTheirs, &side);
    resolutions.push_back({std::move(item), {Outcome::Kind::kSide, side, {}}});
  }
  WEFT_TRY(document.transact([&](Transaction& transaction) -> Status {
    for (const Resolution& resolution : resolutions) WEFT_TRY(resolve(transaction, resolution));
    return {};
  }));
  WEFT_ASSIGN(result.merged, to_grafana(document));
  add_counters(result.merged, base, ours, theirs);
  drop_removed_panels(result.merged, base, ours, theirs);
  return result;
}

Json in_order_of(Json json, const Json& like) {
  if (Json::Object* object = json.as_object()) {
    const Json::Object* order = like.as_object();
    if (order == nullptr) return json;
    for (auto& member : *object)
      if (const Json* held = like.find(member.first))
        member.second = in_order_of(std::move(member.second), *held);
    if (is_sorted_by_key(*order)) return json;
    const auto rank = [&](const auto& member) {
      return std::find_if(order->begin(), order->end(),
                          [&](const auto& each) { return each.first == member.first; }) -
             order->begin();
    };
    std::stable_sort(object->begin(), object->end(),
                     [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    return json;
  }
  Json::Array* array = json.as_array();
  const Json::Array* elements = like.as_array();
  if (array == nullptr || elements == nullptr) return json;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const auto named = std::find_if(elements->begin(), elements->end(), [&](const Json& each) {
      return is_named_alike((*array)[i], each);
    });
    if (named != elements->end()) {
      (*array)[i] = in_order_of(std::move((*array)[i]), *named);
    } else if (i < elements->size()) {
      (*array)[i] = in_order_of(std::move((*array)[i]), (*elements)[i]);
    }
  }
  return json;
}

}  // namespace weft::dashboard
