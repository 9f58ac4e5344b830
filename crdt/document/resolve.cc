#include "crdt/document/resolve.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "crdt/document/json_pointer.h"
#include "crdt/document/json_text.h"

namespace weft {
namespace {

std::optional<std::size_t> index_in(std::string_view token) {
  std::size_t index = 0;
  const auto read = std::from_chars(token.data(), token.data() + token.size(), index);
  if (read.ec != std::errc() || read.ptr != token.data() + token.size()) return std::nullopt;
  return index;
}

Status write_element(Transaction& transaction, std::string_view path, const std::string& token,
                     bool is_erased, const Value& value) {
  WEFT_ASSIGN(ListEdit list, transaction.list(parent_pointer(path)));
  const std::optional<std::size_t> index = index_in(token);
  if (!index)
    return Error(
        ErrorCode::kWrongKind,
        std::string(path) +
            ": this element was erased and has no place any more; insert it again where it "
            "belongs, with `weft doc import`");
  if (is_erased) return list.erase(*index);
  return value.is_container() ? transaction.restore(path) : list.set(*index, value);
}

Status write_value(Transaction& transaction, std::string_view path,
                   const std::vector<WriteInfo>& sides, const Json& wanted) {
  for (const WriteInfo& side : sides)
    if (!side.erased && side.json == wanted)
      return write_side(transaction, path, false, side.value);
  if (!wanted.as_object() && !wanted.as_array())
    return write_side(transaction, path, false, Value::from_json(wanted));
  WEFT_ASSIGN(const std::vector<std::string> tokens, pointer_tokens(path));
  Result<MapEdit> map = transaction.map(parent_pointer(path));
  if (!map.ok())
    return Error(ErrorCode::kWrongKind,
                 std::string(path) + ": an element of a list takes a side or a plain value");
  // Over all sides first, then what it is to hold.
  const std::string& key = tokens.back();
  WEFT_TRY(map->erase_anew(key));
  WEFT_ASSIGN(Json content, map->json());
  content.as_object()->emplace_back(key, wanted);
  return write_json(*map, content);
}

}  // namespace

Status write_side(Transaction& transaction, std::string_view path, bool is_erased,
                  const Value& value) {
  WEFT_ASSIGN(const std::vector<std::string> tokens, pointer_tokens(path));
  if (tokens.empty()) return Error(ErrorCode::kInvalidArgument, "the root has no sides");
  const std::string& key = tokens.back();
  Result<MapEdit> parent = transaction.map(parent_pointer(path));
  if (!parent.ok() && parent.error().code() == ErrorCode::kWrongKind)
    return write_element(transaction, path, key, is_erased, value);
  if (!parent.ok()) return parent.take_error();
  if (is_erased) return parent->erase_anew(key);
  return value.is_container() ? parent->restore(value) : parent->set(key, value);
}

Result<std::vector<WriteInfo>> sides_at(const Document& document, std::string_view path) {
  std::vector<WriteInfo> sides;
  WEFT_ASSIGN(const std::vector<Conflict> conflicts, document.conflicts(path));
  for (const Conflict& conflict : conflicts) {
    if (conflict.path != path) continue;
    if (sides.empty()) sides.push_back(conflict.winner);
    sides.insert(sides.end(), conflict.losers.begin(), conflict.losers.end());
  }
  return sides;
}

Status resolve_conflict(const Document& document, Transaction& transaction,
                        const Resolution& resolution) {
  const std::string& path = resolution.path;
  WEFT_ASSIGN(const std::vector<WriteInfo> sides, sides_at(document, path));
  if (sides.empty())
    return Error(ErrorCode::kNotFound,
                 path +
                     ": there is no conflict; `weft doc conflicts` lists them, this one may be "
                     "resolved already");
  if (std::holds_alternative<Resolution::Nothing>(resolution.wanted))
    return write_side(transaction, path, true, {});
  if (const Json* value = std::get_if<Json>(&resolution.wanted))
    return write_value(transaction, path, sides, *value);
  const std::size_t number = std::get<Resolution::Side>(resolution.wanted).number;
  if (number >= sides.size())
    return Error(ErrorCode::kNotFound, path + ": the conflict has no side " +
                                           std::to_string(number) + "; the last one is " +
                                           std::to_string(sides.size() - 1));
  return write_side(transaction, path, sides[number].erased, sides[number].value);
}

Result<Resolution> read_resolution(const Json& json) {
  const auto bad = [](const char* why) { return Error(ErrorCode::kInvalidArgument, why); };
  Resolution resolution;
  const Json* path = json.find("path");
  if (path == nullptr || !path->as_string()) return bad("a resolution has a text \"path\"");
  resolution.path = *path->as_string();
  const Json* side = json.find("side");
  const Json* value = json.find("value");
  const Json* nothing = json.find("delete");
  if ((side != nullptr) + (value != nullptr) + (nothing != nullptr) != 1)
    return bad("say what is to stand there: one of \"side\", \"value\" and \"delete\"");
  if (value != nullptr) {
    resolution.wanted = *value;
  } else if (nothing != nullptr) {
    resolution.wanted = Resolution::Nothing();
  } else {
    if (!side->as_int() || *side->as_int() < 0)
      return bad("a side is a number: 0 what is shown, 1 the first that lost");
    resolution.wanted = Resolution::Side{static_cast<std::size_t>(*side->as_int())};
  }
  return resolution;
}

}  // namespace weft
