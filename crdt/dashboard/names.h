#pragma once
// What people call the parts of a dashboard, and which keys that means. A path in a dashboard may name
//
//   a panel by key, by id or by title: "/panels/CPU busy/title" ("/" in a title is "~1")
//   another element by key, by name as it is shown, or by its place from 0: "/panels/7/targets/A/expr"
//
// A key goes before an id, a name or a place, an id before a title; a title must be one panel's.

#include <string>
#include <string_view>

#include "crdt/base/result.h"
#include "crdt/dashboard/model.h"
#include "crdt/document/document.h"

namespace weft::dashboard {

/// @errors kNotFound; kInvalidArgument: several panels have that title. Both say what to do
Result<std::string> find_panel_key(const Dashboard& dashboard, std::string_view name);
/// The same of a row, as PanelInfo::row names it.
Result<std::string> find_row_key(const Dashboard& dashboard, std::string_view name);
/// A variable's key. @errors kNotFound
Result<std::string> find_variable_key(const Dashboard& dashboard, std::string_view name);

/// The path with keys in the place of names; what names nothing stays, somebody may want to make it.
/// @errors kInvalidArgument: no path; a title that several panels have
Result<std::string> path_of_names(const Dashboard& dashboard, std::string_view path);

/// What a path shows, as Grafana's JSON; also of a part of what is one value, as "/panels/7/gridPos/x".
/// @param path  with names; "" is all. @errors kNotFound: nothing is there
Result<Json> shown_at(const Document& document, std::string_view path);

}  // namespace weft::dashboard
