#pragma once
// What the edits of edit_json.h share: reading one, and what it works on.

#include <string>
#include <string_view>
#include <utility>

#include "crdt/base/result.h"
#include "crdt/dashboard/model.h"
#include "crdt/document/document.h"

namespace weft::dashboard {

inline Error bad_edit(std::string why) {
  return Error(ErrorCode::kInvalidArgument, std::move(why));
}

struct EditRequest {
  const Document& document;
  Transaction& transaction;
  DashboardEdit dashboard;
  const Json& edit;

  /// @errors kInvalidArgument: the edit has no such member, or another kind of one
  Result<const Json*> member(std::string_view name) const {
    const Json* found = edit.find(name);
    if (found == nullptr) return bad_edit("the edit has no \"" + std::string(name) + "\"");
    return found;
  }
  const std::string* find_text(std::string_view name) const {
    const Json* found = edit.find(name);
    return found == nullptr ? nullptr : found->as_string();
  }
  Result<std::string> text(std::string_view name) const {
    const std::string* found = find_text(name);
    if (found == nullptr) return bad_edit("the edit has no text \"" + std::string(name) + "\"");
    return *found;
  }
  /// A text, or the number that a panel's id is.
  Result<std::string> name(std::string_view member) const {
    const Json* found = edit.find(member);
    if (found != nullptr && found->as_int()) return std::to_string(*found->as_int());
    return text(member);
  }
  bool is_set(std::string_view name) const {
    const Json* found = edit.find(name);
    return found != nullptr && found->as_bool() && *found->as_bool();
  }
};

inline Status without_value(Result<std::string> result) {
  return result.ok() ? Status() : Status(result.take_error());
}

/// A rectangle within the grid; members that `json` leaves out are those of `held`.
/// @errors kInvalidArgument: no such rectangle
Result<Rect> read_rect(const Json& json, const Rect& held);

/// {"do": "move", ...}, {"do": "add-panel", ...}
Status move_panel(EditRequest& request);
Status add_panel(EditRequest& request);

/// {"do": "resolve", ...}
Status resolve_items(EditRequest& request);

}  // namespace weft::dashboard
