// write_json: a keyed diff between what a map holds and what a JSON object says.
//
// Both trees are brought into one form first (members by key bytes, no key twice), the map's content
// is read once, and both are then walked side by side with the handles; where the trees are equal the
// walk turns back without a look at the document. So a second run writes nothing.
//
// What stands in the document decides how a difference is written: a Text is spliced, a Counter
// counts up to the number, a record stays a record (it must not be torn into keys); only where
// something else stands, or nothing, objects become maps, arrays lists, and scalars registers.

#include <algorithm>
#include <utility>
#include <vector>

#include "crdt/document/handles.h"
#include "crdt/document/json_text.h"
#include "crdt/document/list_match.h"
#include "crdt/document/splice_text.h"

namespace weft {

Json in_one_form(const Json& json) {
  if (const Json::Array* array = json.as_array()) {
    Json::Array result;
    result.reserve(array->size());
    for (const Json& element : *array) result.push_back(in_one_form(element));
    return result;
  }
  const Json::Object* object = json.as_object();
  if (object == nullptr) return json;
  std::vector<const Json::Object::value_type*> members;
  for (const auto& member : *object) members.push_back(&member);
  std::stable_sort(members.begin(), members.end(),
                   [](const auto* a, const auto* b) { return a->first < b->first; });
  Json::Object result;
  result.reserve(members.size());
  for (const auto* member : members) {
    if (!result.empty() && result.back().first == member->first) result.pop_back();
    result.emplace_back(member->first, in_one_form(member->second));
  }
  return result;
}

namespace {

using Array = Json::Array;
using Object = Json::Object;

bool is_tree(const Json& json) { return json.as_object() || json.as_array(); }
const Json& empty_object() {
  static const Json kEmpty{Object{}};
  return kEmpty;
}
const Json& empty_array() {
  static const Json kEmpty{Array{}};
  return kEmpty;
}

Status write_map(MapEdit map, const Json& now, const Json& wanted);
Status write_list(ListEdit list, const Json& now, const Json& wanted);

/// Writes `wanted` into the child or record at `place` if its kind can hold it: `place` is a key of a
/// map or an index of a list. Else says that it has to be replaced.
enum class Wrote { kYes, kReplace };
template <typename Parent, typename Place>
Result<Wrote> write_into(Parent parent, Place place, const Value& value, const Json& now,
                         const Json& wanted) {
  if (value.type() == Value::Type::kRecord) {
    bool same_shape =
        (now.as_object() && wanted.as_object()) || (now.as_array() && wanted.as_array());
    if (!same_shape) return Wrote::kReplace;
    WEFT_TRY(parent.set(place, Value(Record(wanted))));
    return Wrote::kYes;
  }
  if (!value.is_container()) return Wrote::kReplace;
  switch (value.container_kind()) {
    case ContainerKind::kMap: {
      if (!wanted.as_object()) return Wrote::kReplace;
      WEFT_ASSIGN(MapEdit child, parent.map(place));
      WEFT_TRY(write_map(child, now, wanted));
      return Wrote::kYes;
    }
    case ContainerKind::kList: {
      if (!wanted.as_array()) return Wrote::kReplace;
      WEFT_ASSIGN(ListEdit child, parent.list(place));
      WEFT_TRY(write_list(child, now, wanted));
      return Wrote::kYes;
    }
    case ContainerKind::kText: {
      if (!wanted.as_string() || !now.as_string()) return Wrote::kReplace;
      WEFT_ASSIGN(TextEdit child, parent.text(place));
      WEFT_TRY(splice_text(child, *wanted.as_string()));
      return Wrote::kYes;
    }
    case ContainerKind::kCounter: {
      if (!wanted.as_int() || !now.as_int()) return Wrote::kReplace;
      WEFT_ASSIGN(CounterEdit child, parent.counter(place));
      WEFT_TRY(child.add_up_to(*wanted.as_int()));
      return Wrote::kYes;
    }
  }
  return Wrote::kReplace;
}

/// Makes `key` hold `wanted`, whatever stands there.
Status replace_key(MapEdit map, std::string_view key, const Json& wanted) {
  if (wanted.as_object()) {
    MapEdit child = map.ensure_map(key);
    // An ensure that failed shows here; the transaction keeps its error.
    WEFT_TRY(map.map(key));
    WEFT_ASSIGN(const Json now, child.json());
    return write_map(child, in_one_form(now), wanted);
  }
  if (wanted.as_array()) {
    ListEdit child = map.ensure_list(key);
    WEFT_TRY(map.list(key));
    WEFT_ASSIGN(const Json now, child.json());
    return write_list(child, in_one_form(now), wanted);
  }
  return map.set(key, Value::from_json(wanted));
}

Status write_key(MapEdit map, const std::string& key, const Json* now, const Json& wanted) {
  if (now != nullptr) {
    if (*now == wanted) return Status();
    std::optional<Value> value = map.get(key);
    if (value) {
      WEFT_ASSIGN(Wrote wrote, write_into(map, std::string_view(key), *value, *now, wanted));
      if (wrote == Wrote::kYes) return Status();
    }
  }
  return replace_key(map, key, wanted);
}

/// Both are objects in one form.
Status write_map(MapEdit map, const Json& now, const Json& wanted) {
  const Object& old_members = *now.as_object();
  auto old = old_members.begin();
  for (const auto& [key, value] : *wanted.as_object()) {
    for (; old != old_members.end() && old->first < key; ++old) WEFT_TRY(map.erase(old->first));
    bool there = old != old_members.end() && old->first == key;
    WEFT_TRY(write_key(map, key, there ? &old->second : nullptr, value));
    if (there) ++old;
  }
  for (; old != old_members.end(); ++old) WEFT_TRY(map.erase(old->first));
  return Status();
}

/// Inserts `wanted` at `index`: a tree as a child of its own.
Status insert_element(ListEdit list, std::size_t index, const Json& wanted) {
  if (wanted.as_object()) {
    WEFT_TRY(list.insert(index, new_map()));
    WEFT_ASSIGN(MapEdit child, list.map(index));
    return write_map(child, empty_object(), wanted);
  }
  if (wanted.as_array()) {
    WEFT_TRY(list.insert(index, new_list()));
    WEFT_ASSIGN(ListEdit child, list.list(index));
    return write_list(child, empty_array(), wanted);
  }
  return list.insert(index, Value::from_json(wanted));
}

Status insert_elements(ListEdit list, std::size_t index, std::span<const Json> wanted) {
  while (!wanted.empty()) {
    // Scalars side by side are one operation.
    std::vector<Value> scalars;
    while (scalars.size() < wanted.size() && !is_tree(wanted[scalars.size()]))
      scalars.push_back(Value::from_json(wanted[scalars.size()]));
    if (scalars.empty()) {
      WEFT_TRY(insert_element(list, index, wanted[0]));
    } else {
      WEFT_TRY(list.insert(index, scalars));
    }
    std::size_t done = std::max<std::size_t>(scalars.size(), 1);
    index += done;
    wanted = wanted.subspan(done);
  }
  return Status();
}

/// The element stays the same one where it can: then concurrent moves and anchors keep their sense.
Status write_element(ListEdit list, std::size_t index, const Json& now, const Json& wanted) {
  WEFT_ASSIGN(Value value, list.get(index));
  WEFT_ASSIGN(Wrote wrote, write_into(list, index, value, now, wanted));
  if (wrote == Wrote::kYes) return Status();
  if (!is_tree(wanted)) return list.set(index, Value::from_json(wanted));
  WEFT_TRY(list.erase(index));
  return insert_element(list, index, wanted);
}

/// Both are arrays in one form.
Status write_list(ListEdit list, const Json& now, const Json& wanted) {
  const Array& old_elements = *now.as_array();
  std::span<const Json> new_elements(*wanted.as_array());
  std::size_t index = 0;  // in the list as it stands now
  for (const ListGap& gap : unequal_gaps(old_elements, new_elements)) {
    index += gap.equal_before;
    std::size_t pairs = std::min(gap.old_count, gap.new_count);
    for (std::size_t i = 0; i < pairs; ++i)
      WEFT_TRY(write_element(list, index + i, old_elements[gap.old_begin + i],
                             new_elements[gap.new_begin + i]));
    index += pairs;
    if (gap.old_count > pairs) WEFT_TRY(list.erase(index, gap.old_count - pairs));
    WEFT_TRY(insert_elements(list, index,
                             new_elements.subspan(gap.new_begin + pairs, gap.new_count - pairs)));
    index += gap.new_count - pairs;
  }
  return Status();
}

}  // namespace

Status write_json(MapEdit map, const Json& object) {
  if (!object.as_object())
    return Error(ErrorCode::kInvalidArgument,
                 "a document's root is a map, so the JSON for it has to be an object");
  WEFT_ASSIGN(const Json now, map.json());
  return write_map(map, in_one_form(now), in_one_form(object));
}

}  // namespace weft
