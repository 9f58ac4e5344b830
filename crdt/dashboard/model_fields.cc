#include "crdt/dashboard/model_fields.h"

#include <algorithm>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/spot.h"
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
  enum class Panels : std::uint8_t {
    kRefused,  ///< they are named by their keys
    kPassed,   ///< the way may lead through them
  };
  FieldWalk(FieldHolder start, std::string_view path, Panels panels = Panels::kRefused)
      : at_(std::move(start)), standing_{at_.place, {}}, path_(path), panels_(panels) {}

  /// To the object or array that holds the last token.
  Status run(bool make) {
    WEFT_ASSIGN(std::vector<std::string> tokens, split_path(path_));
    for (const std::string& token : tokens) WEFT_TRY(refuse_reserved(token));
    last_ = std::move(tokens.back());
    tokens.pop_back();
    for (std::string& token : tokens) {
      if (panels_ == Panels::kRefused || standing_.place != Place::kRoot)
        WEFT_TRY(refuse_panels(token));
      WEFT_TRY(step(std::move(token), make));
    }
    return refuse_panels(last_);
  }

  const FieldHolder& holder() const { return at_; }
  /// The key of what holds the last token, where that is an array.
  const std::string& array() const { return standing_.array; }
  const std::string& last() const { return last_; }
  Error not_found() const {
    return Error(ErrorCode::kNotFound, std::string(path_) + ": nothing is there");
  }

 private:
  Status step(std::string token, bool make) {
    if (!at_.map.contains(token)) {
      if (!array().empty() || !make) return not_found();
      at_.map.ensure_map(token);
    }
    const Result<MapEdit> child = at_.map.map(token);
    if (!child.ok())
      return Error(ErrorCode::kWrongKind,
                   std::string(path_) + ": '" + token + "' is one value, write it whole");
    const std::string array = standing_.array;
    standing_.enter(token, *child);
    at_ = {*child, standing_.place, array, array.empty() ? std::string() : std::move(token)};
    return {};
  }

  /// Of the keys that begin with ':' those of a dashboard have another one behind it.
  Status refuse_reserved(std::string_view token) const {
    if (!is_reserved(token)) return {};
    return Error(ErrorCode::kInvalidArgument,
                 std::string(path_) +
                     (token == kOrder ? ": an order is changed by moving what stands in it"
                                      : ": a key that begins with ':' has one more in a path"));
  }
  Status refuse_panels(std::string_view token) const {
    if (array().empty() && token == kPanels && holds_panels(standing_.place))
      return Error(ErrorCode::kInvalidArgument,
                   std::string(path_) + ": panels are written one by one, by their keys");
    return {};
  }

  FieldHolder at_;
  Standing standing_;  ///< of at_.map
  std::string_view path_;
  Panels panels_;
  std::string last_;
};

/// @param adds  an element that is not there is made, last in its order
Status write_where(MapEdit root, const FieldWalk& walk, const Json& value, bool adds) {
  const FieldHolder& holder = walk.holder();
  MapEdit map = holder.map;
  if (walk.array().empty()) {
    if (!holder.array.empty() && walk.last() == natural_field(holder.array) &&
        name_of(holder.array, holder.key, map) == value)
      return {};
    return write_member(root, map, holder.place, walk.last(), value);
  }
  const std::optional<Value> held = map.get(walk.last());
  if (!held && !adds) return walk.not_found();
  if (held && !held->is_container()) return map.set(walk.last(), Value::from_json(value));  // a tag
  const MapEdit element = map.ensure_map(walk.last());
  WEFT_TRY(map.map(walk.last()));
  WEFT_TRY(write_element(root, element, holder.place, walk.array(), walk.last(), value));
  if (held) return {};
  const ListEdit order = map.ensure_list(kOrder);
  WEFT_TRY(map.list(kOrder));
  WEFT_ASSIGN(const std::size_t end, order.size());
  return put_at(order, walk.last(), end);
}

/// All places of `key` but the first, from the end on; the first one.
Result<std::optional<std::size_t>> single_place(ListEdit order, std::string_view key) {
  std::optional<std::size_t> first;
  WEFT_ASSIGN(const std::vector<Value> places, order.values());
  for (std::size_t i = places.size(); i-- > 0;) {
    if (places[i].as_string() != key) continue;
    if (first) WEFT_TRY(order.erase(*first));
    first = i;
  }
  return first;
}

Result<std::optional<std::size_t>> find_place(const ListView& order, std::string_view key) {
  WEFT_ASSIGN(const std::vector<Value> places, order.values());
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i].as_string() == key) return std::optional(i);
  return std::optional<std::size_t>();
}

}  // namespace

std::string path_token(std::string_view key) {
  std::string path;
  append_pointer_token(path, key);
  return path.substr(1);
}

Status write_at(Transaction& transaction, std::string_view path, const Json& value) {
  const MapEdit root = transaction.root();
  FieldWalk walk({root, Place::kRoot, {}, {}}, path, FieldWalk::Panels::kPassed);
  WEFT_TRY(walk.run(true));
  return write_where(root, walk, value, true);
}

Status set_field_below(MapEdit root, FieldHolder start, std::string_view path, const Json& value) {
  FieldWalk walk(std::move(start), path);
  WEFT_TRY(walk.run(true));
  return write_where(root, walk, value, false);
}

Status erase_field_below(FieldHolder start, std::string_view path) {
  FieldWalk walk(std::move(start), path);
  WEFT_TRY(walk.run(false));
  MapEdit map = walk.holder().map;
  if (!map.contains(walk.last())) return walk.not_found();
  WEFT_TRY(map.erase(walk.last()));
  if (walk.array().empty()) return {};
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
  WEFT_ASSIGN(const std::size_t end, order.size());
  if (!from) return order.insert(std::min(index, end), Value(key));
  const std::size_t to = std::min(*from < index ? index - 1 : index, end - 1);
  return to == *from ? Status() : order.move(*from, to);
}

Status put_behind(ListEdit order, std::string_view key, std::string_view before) {
  WEFT_TRY(single_place(order, key));
  if (before.empty()) return put_at(order, key, 0);
  WEFT_ASSIGN(const std::optional<std::size_t> place, find_place(order, before));
  WEFT_ASSIGN(const std::size_t end, order.size());
  return put_at(order, key, place ? *place + 1 : end);
}

Status take_out(ListEdit order, std::string_view key) {
  WEFT_TRY(single_place(order, key));
  WEFT_ASSIGN(const std::optional<std::size_t> place, find_place(order, key));
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
        WEFT_ASSIGN(const std::vector<Value> held, from.child_list(value).values());
        for (const Value& each : held)
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
