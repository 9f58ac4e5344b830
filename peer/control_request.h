#pragma once
// What the parts of Control share: reading requests, and the frame around answers.

#include <string>
#include <string_view>
#include <utility>

#include "crdt/base/result.h"
#include "crdt/map/value.h"

namespace weft {

inline Error bad_request(std::string why) {
  return Error(ErrorCode::kInvalidArgument, std::move(why));
}

/// Null: there is none, or it is no text.
inline const std::string* find_text(const Json& request, std::string_view key) {
  const Json* value = request.find(key);
  return value == nullptr ? nullptr : value->as_string();
}

/// @errors kInvalidArgument: the same
/// May what is given up be lost?
inline bool is_forced(const Json& request) {
  const Json* force = request.find("force");
  return force != nullptr && force->as_bool() != nullptr && *force->as_bool();
}
inline Result<std::string> text_of(const Json& request, std::string_view key) {
  const std::string* text = find_text(request, key);
  if (text == nullptr) return bad_request("the request has no text '" + std::string(key) + "'");
  return *text;
}

inline bool is_set(const Json& request, std::string_view key) {
  const Json* value = request.find(key);
  return value != nullptr && value->as_bool() != nullptr && *value->as_bool();
}

/// {key: value}
inline Json wrapped(std::string_view key, Json value) {
  return Json::Object{{std::string(key), std::move(value)}};
}

}  // namespace weft
