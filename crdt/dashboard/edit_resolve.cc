// {"do": "resolve"} of edit_json.h.

#include <array>
#include <optional>
#include <vector>

#include "crdt/dashboard/edit_request.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/resolve.h"

namespace weft::dashboard {
namespace {

constexpr std::size_t kIdBegin = 4;  // digits that are enough of an id

/// How the edit decides; exactly one of its members says it.
Result<Resolver> read_resolver(const EditRequest& request) {
  std::optional<Resolver> resolver;
  const auto say = [&](Resolver next) -> Status {
    if (resolver) return bad_edit("say one of \"strategy\", \"side\", \"value\" and \"delete\"");
    resolver = std::move(next);
    return {};
  };
  const auto always = [](Outcome outcome) -> Resolver {
    return [outcome = std::move(outcome)](const Document&, const InboxItem&) {
      return std::optional(outcome);
    };
  };
  if (const std::string* name = request.find_text("strategy")) {
    const std::optional<Strategy> strategy = find_strategy(*name);
    if (!strategy)
      return bad_edit("there is no strategy '" + *name +
                      "'; there are local, remote, latest, merge, count");
    WEFT_TRY(say([strategy](const Document& document, const InboxItem& item) {
      return decide(*strategy, document, item);
    }));
  }
  if (const Json* side = request.edit.find("side")) {
    if (!side->as_int() || *side->as_int() < 0)
      return bad_edit("a side is a number: 0 what is shown, 1 the first that lost");
    WEFT_TRY(say(always({Outcome::Kind::kSide, static_cast<std::size_t>(*side->as_int()), {}})));
  }
  if (const Json* value = request.edit.find("value"))
    WEFT_TRY(say(always({Outcome::Kind::kValue, 0, *value})));
  if (request.is_set("delete")) WEFT_TRY(say(always({Outcome::Kind::kDelete, 0, {}})));
  if (!resolver)
    return bad_edit("say what is to stand there: \"strategy\", \"side\", \"value\" or \"delete\"");
  return *std::move(resolver);
}

Result<std::vector<InboxItem>> chosen_items(const EditRequest& request) {
  WEFT_ASSIGN(std::vector<InboxItem> items, inbox(request.document));
  const std::string* pattern = request.find_text("pattern");
  if (pattern != nullptr) {
    std::erase_if(items, [&](const InboxItem& item) { return !matches(*pattern, item.path); });
    if (items.empty())
      return Error(ErrorCode::kNotFound,
                   *pattern + ": there is no conflict at such a path; it may be resolved already");
    return items;
  }
  WEFT_ASSIGN(const std::string id, request.text("id"));
  std::erase_if(items, [&](const InboxItem& item) {
    return item.id != id && (id.size() < kIdBegin || !item.id.starts_with(id));
  });
  if (items.empty())
    return Error(ErrorCode::kNotFound,
                 "there is no conflict " + id + "; it may be resolved already");
  if (items.size() > 1)
    return bad_edit("several conflicts begin with " + id + "; give more digits");
  return items;
}

}  // namespace

Status resolve_items(EditRequest& request) {
  WEFT_ASSIGN(const Resolver resolver, read_resolver(request));
  WEFT_ASSIGN(const std::vector<InboxItem> items, chosen_items(request));
  // All are decided before the first is written: what is written is no side of the others.
  const std::array<PathRule, 1> rules{{{"**", resolver}}};
  const std::vector<Resolution> resolutions = plan(request.document, items, rules);
  if (resolutions.empty())
    return Error(ErrorCode::kNotFound,
                 items.front().path + (items.size() > 1 ? " and others" : "") +
                     ": that strategy has no answer here; name a side or a value");
  for (const Resolution& resolution : resolutions)
    WEFT_TRY(resolve(request.transaction, resolution));
  return {};
}

}  // namespace weft::dashboard
