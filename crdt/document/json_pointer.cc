#include "crdt/document/json_pointer.h"

namespace weft {

void append_pointer_token(std::string& path, std::string_view token) {
  path += '/';
  for (char c : token) {
    if (c == '~') {
      path += "~0";
    } else if (c == '/') {
      path += "~1";
    } else {
      path += c;
    }
  }
}

Result<std::string> pointer_token(std::string_view escaped) {
  std::string text;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '~') {
      text += escaped[i];
      continue;
    }
    ++i;
    if (i == escaped.size() || (escaped[i] != '0' && escaped[i] != '1'))
      return Error(ErrorCode::kInvalidArgument, "in a path '~' stands only as ~0 (~) or ~1 (/)");
    text += escaped[i] == '0' ? '~' : '/';
  }
  return text;
}

Result<std::vector<std::string>> pointer_tokens(std::string_view path) {
  std::vector<std::string> tokens;
  if (!path.empty() && path[0] != '/')
    return Error(ErrorCode::kInvalidArgument,
                 "a path is empty or starts with '/', not '" + std::string(path) + "'");
  for (std::size_t at = 0; at < path.size();) {
    std::size_t next = path.find('/', at + 1);
    if (next == std::string_view::npos) next = path.size();
    WEFT_ASSIGN(std::string token, pointer_token(path.substr(at + 1, next - at - 1)));
    tokens.push_back(std::move(token));
    at = next;
  }
  return tokens;
}

std::string_view parent_pointer(std::string_view path) { return path.substr(0, path.rfind('/')); }

}  // namespace weft
