#pragma once
// JSON pointers (RFC 6901): how paths in documents are written.

#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"

namespace weft {

/// Appends "/" and the token, '~' as ~0 and '/' as ~1.
void append_pointer_token(std::string& path, std::string_view token);

/// What a token says. @errors kInvalidArgument: a '~' that is neither ~0 nor ~1
Result<std::string> pointer_token(std::string_view escaped);

/// The tokens of a path; "" has none. @errors kInvalidArgument: it doesn't begin with '/'; as pointer_token
Result<std::vector<std::string>> pointer_tokens(std::string_view path);

/// The path without its last token. @pre  it has one
std::string_view parent_pointer(std::string_view path);

}  // namespace weft
