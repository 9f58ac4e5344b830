#include "crdt/dashboard/model_fields.h"

#include <algorithm>

#include "crdt/dashboard/keyed_array.h"
#include "crdt/document/json_pointer.h"

namespace weft::dashboard {
namespace {

constexpr std::size_t kFreshMax = 200;  // bytes

Result<std::vector<std::string>> split_path(std::string_view path) {
  if (!path.empty() && path[0] == '/') return pointer_tokens(path);
  return Error(ErrorCode::kInvalidArgument,
               std::string(path) + " is no path to a field: /options/legend is one");
}

/// Goes down a path.
class FieldWalk {
 public:
  FieldWalk(FieldHolder start, std::string_view path) : at_(std::move(start)), path_(path) {}

  /// To the object or array that holds the last token.
  Status run(bool make) {
    WEFT_ASSIGN(std::vector<std::string> tokens, split_path(path_));
    for (const std::string& token : tokens) WEFT_TRY(refuse_order(token));
    last_ = std::move(tokens.back());
    tokens.pop_back();
    for (std::string& token : tokens) WEFT_TRY(step(std::move(token), make));
    return refuse_panels(last_);
  }

  bool is_in_array() const { return is_array(at_.map); }
  const FieldHolder& holder() const { return at_; }
  const std::string& array() const { return array_; }
  const std::string& last() const { return last_; }
  Error not_found() const {
    return Error(ErrorCode::kNotFound, std::string(path_) + ": nothing is there");
  }

 private:
  Status step(std::string token, bool make) {
    WEFT_TRY(refuse_panels(token));
    const std::optional<Value> value = at_.map.get(token);
    const bool in_array = is_in_array();
    if (!value) {
      if (in_array || !make) return not_found();
      MapEdit child = at_.map.ensure_map(token);
      WEFT_TRY(at_.map.map(token));
      return enter(child, std::move(token), in_array);
    }
    Result<MapEdit> child = at_.map.map(token);
    if (!child.ok())
      return Error(ErrorCode::kWrongKind,
                   std::string(path_) + ": '" + token + "' is one value, write it whole");
    return enter(*child, std::move(token), in_array);
  }

  Status enter(const MapEdit& child, std::string token, bool in_array) {
    if (in_array) {
      at_ = {child, at_.place, array_, std::move(token)};
      array_.clear();
    } else {
      at_ = {child, place_below(at_.place, token), {}, {}};
      array_ = std::move(token);
    }
    return {};
  }

  Status refuse_order(std::string_view token) const {
    if (token != kOrder) return {};
    return Error(ErrorCode::kInvalidArgument,
                 std::string(path_) + ": an order is changed by moving what stands in it");
  }
  Status refuse_panels(std::string_view token) const {
    if (!is_in_array() && token == kPanels && holds_panels(at_.place))
      return Error(ErrorCode::kInvalidArgument,
                   std::string(path_) + ": panels are written one by one, by their keys");
    return {};
  }

  FieldHolder at_;
  std::string array_;  ///< the key of at_.map, where that may be an array
  std::string_view path_;
  std::string last_;
};

/// All places of `key` but the first, from the end on; the first one.
Result<std::optional<std::size_t>> single_place(ListEdit order, std::string_view key) {
  std::optional<std::size_t> first;
  const std::vector<Value> places = order.values();
  for (std::size_t i = places.size(); i-- > 0;) {
    if (places[i].as_string() != key) continue;
    if (first) WEFT_TRY(order.erase(*first));
    first = i;
  }
  return first;
}

std::optional<std::size_t> find_place(const ListView& order, std::string_view key) {
  const std::vector<Value> places = order.values();
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i].as_string() == key) return i;
  return std::nullopt;
}

}  // namespace

std::string path_token(std::string_view key) {
  std::string path;
  append_pointer_token(path, key);
  return path.substr(1);
}

Status set_field_below(MapEdit root, FieldHolder start, std::string_view path, const Json& value) {
  FieldWalk walk(std::move(start), path);
  WEFT_TRY(walk.run(true));
  MapEdit map = walk.holder().map;
  if (walk.is_in_array()) {
    if (!map.contains(walk.last())) return walk.not_found();
    WEFT_ASSIGN(const MapEdit element, map.map(walk.last()));
    return write_element(root, element, walk.holder().place, walk.array(), walk.last(), value);
  }
  const FieldHolder& holder = walk.holder();
  if (!holder.array.empty() && walk.last() == natural_field(holder.array) &&
      name_of(holder.array, holder.key, map) == value)
    return {};
  return write_member(root, map, holder.place, walk.last(), value);
}

Status erase_field_below(FieldHolder start, std::string_view path) {
  FieldWalk walk(std::move(start), path);
  WEFT_TRY(walk.run(false));
  MapEdit map = walk.holder().map;
  if (!map.contains(walk.last())) return walk.not_found();
  const bool in_array = walk.is_in_array();
  WEFT_TRY(map.erase(walk.last()));
  if (!in_array) return {};
  WEFT_ASSIGN(const ListEdit order, map.list(kOrder));
  return take_out(order, walk.last());
}

Result<TextEdit> edit_text(MapEdit map, std::string_view key) {
  const std::string now = text_at(map, key);
  const bool is_held = map.text(key).ok();
  TextEdit text = map.ensure_text(key);
  WEFT_TRY(map.text(key));
  if (!is_held && !now.empty()) WEFT_TRY(text.insert(utf8(0), now));
  return text;
}

Result<std::string> fresh_key(const MapView& array, std::string_view fresh) {
  std::string key(1, '+');
  key += fresh;
  if (fresh.empty() || fresh.size() > kFreshMax)
    return Error(ErrorCode::kInvalidArgument,
                 "a fresh key has 1 to " + std::to_string(kFreshMax) + " bytes");
  if (array.contains(key))
    return Error(ErrorCode::kInvalidArgument,
                 "the key '" + key + "' is taken: hand in a fresh one");
  return key;
}

Status put_at(ListEdit order, std::string_view key, std::size_t index) {
  WEFT_ASSIGN(const std::optional<std::size_t> from, single_place(order, key));
  if (!from) return order.insert(std::min(index, order.size()), Value(key));
  const std::size_t to = std::min(*from < index ? index - 1 : index, order.size() - 1);
  return to == *from ? Status() : order.move(*from, to);
}

Status put_behind(ListEdit order, std::string_view key, std::string_view before) {
  WEFT_TRY(single_place(order, key));
  if (before.empty()) return put_at(order, key, 0);
  const std::optional<std::size_t> place = find_place(order, before);
  return put_at(order, key, place ? *place + 1 : order.size());
}

Status take_out(ListEdit order, std::string_view key) {
  WEFT_TRY(single_place(order, key));
  const std::optional<std::size_t> place = find_place(order, key);
  return place ? order.erase(*place) : Status();
}

Status copy_map(MapEdit to, const MapView& from, const std::vector<std::string_view>& left_out) {
  for (const std::string& key : from.keys()) {
    if (std::find(left_out.begin(), left_out.end(), key) != left_out.end()) continue;
    const Value value = *from.get(key);
    if (!value.is_container()) {
      WEFT_TRY(to.set(key, value));
      continue;
    }
    switch (value.container_kind()) {
      case ContainerKind::kMap: {
        const MapEdit child = to.ensure_map(key);
        WEFT_TRY(to.map(key));
        WEFT_TRY(copy_map(child, from.child_map(value), {}));
        break;
      }
      case ContainerKind::kList: {
        ListEdit child = to.ensure_list(key);
        WEFT_TRY(to.list(key));
        std::vector<Value> plain;  // an order holds nothing else
        for (const Value& each : from.child_list(value).values())
          if (!each.is_container()) plain.push_back(each);
        if (!plain.empty()) WEFT_TRY(child.insert(0, plain));
        break;
      }
      case ContainerKind::kText: {
        TextEdit child = to.ensure_text(key);
        WEFT_TRY(to.text(key));
        if (const std::string text = from.child_text(value).str(); !text.empty())
          WEFT_TRY(child.insert(utf8(0), text));
        break;
      }
      case ContainerKind::kCounter: {
        CounterEdit child = to.ensure_counter(key);
        WEFT_TRY(to.counter(key));
        WEFT_TRY(child.add(from.child_counter(value).value()));
        break;
      }
    }
  }
  return {};
}

}  // namespace weft::dashboard
