// write_json: a keyed diff between what a map holds and what a JSON object says. The same walk finds what two
// imports would both insert (shared_insertions).
//
// Both trees are brought into one form first (members by key bytes, no key twice), the map's content
// is read once, and both are then walked side by side with the handles; where the trees are equal the
// walk turns back without a look at the document. So a second run writes nothing.
//
// What stands in the document decides how a difference is written: a Text is spliced, a Counter
// counts up to the number, a record stays a record (it must not be torn into keys); only where
// something else stands, or nothing, objects become maps, arrays lists, and scalars registers. An element of a
// list that stands elsewhere now is moved, so that it stays the same one.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "crdt/document/document.h"
#include "crdt/document/import_json.h"
#include "crdt/document/json_pointer.h"
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

/// Is an array with elements in it, or is it one?
bool has_elements(const Json& json) {
  if (const Array* array = json.as_array()) return !array->empty();
  const Object* object = json.as_object();
  return object != nullptr && std::any_of(object->begin(), object->end(), [](const auto& member) {
           return has_elements(member.second);
         });
}

/// Can what is there become `wanted` and stay the same record or child?
bool can_become(const Value& value, const Json& now, const Json& wanted) {
  if (value.type() == Value::Type::kRecord)
    return (now.as_object() && wanted.as_object()) || (now.as_array() && wanted.as_array());
  if (!value.is_container()) return false;
  switch (value.container_kind()) {
    case ContainerKind::kMap:
      return wanted.as_object() != nullptr;
    case ContainerKind::kList:
      return wanted.as_array() != nullptr;
    case ContainerKind::kText:
      return wanted.as_string() && now.as_string();
    case ContainerKind::kCounter:
      return wanted.as_int() && now.as_int();
  }
  return false;
}

class JsonWriter {
 public:
  /// @param found  null: everything is written; else nothing is, and what shared_insertions.h speaks of is
  ///               appended, in the order of places
  explicit JsonWriter(std::vector<SharedInsertion>* found = nullptr) : found_(found) {}

  /// Both are objects in one form.
  Status write_map(MapEdit map, const Json& now, const Json& wanted) {
    const Object& old_members = *now.as_object();
    auto old = old_members.begin();
    for (const auto& [key, value] : *wanted.as_object()) {
      for (; old != old_members.end() && old->first < key; ++old)
        WEFT_TRY(erase_key(map, old->first));
      const bool there = old != old_members.end() && old->first == key;
      const Step step(*this, key);
      WEFT_TRY(write_key(map, key, there ? &old->second : nullptr, value));
      if (there) ++old;
    }
    for (; old != old_members.end(); ++old) WEFT_TRY(erase_key(map, old->first));
    return Status();
  }

  /// The lists in `wanted`, with all that is in them, in a new child at `key`; without the other members of maps.
  Status write_lists(MapEdit map, std::string_view key, const Json& wanted) {
    if (wanted.as_array()) {
      ListEdit list = map.ensure_list(key);
      WEFT_TRY(map.list(key));
      return insert_elements(list, 0, *wanted.as_array());
    }
    MapEdit child = map.ensure_map(key);
    WEFT_TRY(map.map(key));
    for (const auto& [name, value] : *wanted.as_object())
      if (has_elements(value)) WEFT_TRY(write_lists(child, name, value));
    return Status();
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
        WEFT_TRY(about(list.insert(index, scalars)));
      }
      const std::size_t done = std::max<std::size_t>(scalars.size(), 1);
      index += done;
      wanted = wanted.subspan(done);
    }
    return Status();
  }

 private:
  bool writes() const { return found_ == nullptr; }

  /// Below a member or element, as long as it lives.
  class Step {
   public:
    Step(JsonWriter& writer, std::string_view token) : path_(writer.path_), size_(path_.size()) {
      append_pointer_token(path_, token);
    }
    Step(JsonWriter& writer, std::size_t index) : Step(writer, std::to_string(index)) {}
    ~Step() { path_.resize(size_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    std::string& path_;
    std::size_t size_;
  };
  /// An edit's error names the place.
  Status about(Status status) const {
    if (status.ok() || path_.empty()) return status;
    return Error(status.error().code(), path_ + ": " + status.error().context());
  }
  SharedInsertion& find(SharedInsertion::Kind kind) {
    SharedInsertion& insertion = found_->emplace_back();
    insertion.kind = kind;
    insertion.path = path_;
    return insertion;
  }

  // --- maps ---

  Status erase_key(MapEdit map, const std::string& key) {
    if (!writes()) return Status();
    const Step step(*this, key);
    return about(map.erase(key));
  }

  Status write_key(MapEdit map, const std::string& key, const Json* now, const Json& wanted) {
    if (now != nullptr) {
      if (*now == wanted) return Status();
      const std::optional<Value> value = map.get(key);
      if (value && can_become(*value, *now, wanted))
        return write_into(map, std::string_view(key), *value, *now, wanted);
    }
    return replace_key(map, key, wanted);
  }

  /// Makes `key` hold `wanted`, whatever stands there.
  Status replace_key(MapEdit map, const std::string& key, const Json& wanted) {
    if (!writes()) {
      if (!has_elements(wanted)) return Status();
      SharedInsertion& insertion = find(SharedInsertion::Kind::kMember);
      insertion.path = parent_pointer(insertion.path);
      insertion.key = key;
      insertion.content = wanted;
      return Status();
    }
    if (wanted.as_object()) {
      MapEdit child = map.ensure_map(key);
      // An ensure that failed shows here.
      if (Result<MapEdit> there = map.map(key); !there.ok()) return about(there.take_error());
      WEFT_ASSIGN(const Json now, child.json());
      return write_map(child, in_one_form(now), wanted);
    }
    if (wanted.as_array()) {
      ListEdit child = map.ensure_list(key);
      if (Result<ListEdit> there = map.list(key); !there.ok()) return about(there.take_error());
      WEFT_ASSIGN(const Json now, child.json());
      return write_list(child, in_one_form(now), wanted);
    }
    return about(map.set(key, Value::from_json(wanted)));
  }

  // --- what is there already ---

  /// @param place  a key of a map or an index of a list. @pre  can_become
  template <typename Parent, typename Place>
  Status write_into(Parent parent, Place place, const Value& value, const Json& now,
                    const Json& wanted) {
    if (value.type() == Value::Type::kRecord)
      return writes() ? about(parent.set(place, Value(Record(wanted)))) : Status();
    switch (value.container_kind()) {
      case ContainerKind::kMap: {
        WEFT_ASSIGN(MapEdit child, parent.map(place));
        return write_map(child, now, wanted);
      }
      case ContainerKind::kList: {
        WEFT_ASSIGN(ListEdit child, parent.list(place));
        return write_list(child, now, wanted);
      }
      case ContainerKind::kText: {
        WEFT_ASSIGN(TextEdit child, parent.text(place));
        return write_text(child, *wanted.as_string());
      }
      case ContainerKind::kCounter:
        break;
    }
    WEFT_ASSIGN(CounterEdit child, parent.counter(place));
    return count_up(child, *now.as_int(), *wanted.as_int());
  }

  Status write_text(TextEdit text, const std::string& wanted) {
    if (writes()) return about(splice_text(text, wanted));
    const TextSplice splice = splice_between(text.str(), wanted);
    if (splice.inserted.empty()) return Status();
    SharedInsertion& insertion = find(SharedInsertion::Kind::kText);
    insertion.at = splice.begin;
    insertion.content = splice.inserted;
    return Status();
  }

  Status count_up(CounterEdit counter, std::int64_t now, std::int64_t wanted) {
    if (writes()) return about(counter.add_up_to(wanted));
    std::int64_t difference = 0;  // too far for one addition: an own edit
    if (__builtin_sub_overflow(wanted, now, &difference)) return Status();
    find(SharedInsertion::Kind::kCount).content = difference;
    return Status();
  }

  // --- lists ---

  /// Both are arrays in one form.
  Status write_list(ListEdit list, const Json& now, const Json& wanted) {
    const Array& old_elements = *now.as_array();
    const std::span<const Json> new_elements(*wanted.as_array());
    const ListPlan plan =
        plan_list(old_elements, new_elements, [&](std::size_t from, std::size_t to) {
          const Result<Value> value = list.get(from);
          return value.ok() && (!is_tree(new_elements[to]) ||
                                can_become(*value, old_elements[from], new_elements[to]));
        });
    if (!writes()) return find_in_list(list, plan, old_elements, new_elements);
    for (std::size_t i = 0; i < new_elements.size(); ++i)
      if (plan.elements[i].source != ListPlan::kNew && !plan.elements[i].is_equal)
        WEFT_TRY(write_element(list, plan.elements[i].source, old_elements[plan.elements[i].source],
                               new_elements[i]));
    WEFT_ASSIGN(std::vector<std::size_t> held, erase_gone(list, plan, old_elements.size()));
    return arrange(list, plan, new_elements, std::move(held));
  }

  Status write_element(ListEdit list, std::size_t index, const Json& now, const Json& wanted) {
    const Step step(*this, index);
    WEFT_ASSIGN(const Value value, list.get(index));
    if (can_become(value, now, wanted)) return write_into(list, index, value, now, wanted);
    return writes() ? about(list.set(index, Value::from_json(wanted))) : Status();
  }

  /// Erases what no new element is. @return  for each place in the list then the new index of what stands there
  Result<std::vector<std::size_t>> erase_gone(ListEdit list, const ListPlan& plan,
                                              std::size_t old_count) {
    std::vector<std::size_t> becomes(old_count, ListPlan::kNew);
    for (std::size_t i = 0; i < plan.elements.size(); ++i)
      if (plan.elements[i].source != ListPlan::kNew) becomes[plan.elements[i].source] = i;
    for (std::size_t end = old_count; end > 0;) {
      std::size_t begin = end;
      while (begin > 0 && becomes[begin - 1] == ListPlan::kNew) --begin;
      if (begin != end) WEFT_TRY(about(list.erase(begin, end - begin)));
      end = begin == end ? end - 1 : begin;
    }
    std::erase(becomes, ListPlan::kNew);
    return becomes;
  }

  static std::size_t end_of_new(const ListPlan& plan, std::size_t at) {
    while (at < plan.elements.size() && plan.elements[at].source == ListPlan::kNew) ++at;
    return at;
  }

  /// Moves what doesn't stay and inserts what is new.
  /// @param held  for each place in the list the new index of what stands there
  Status arrange(ListEdit list, const ListPlan& plan, std::span<const Json> wanted,
                 std::vector<std::size_t> held) {
    const auto place = [&](std::size_t index) {
      return held.begin() + static_cast<std::ptrdiff_t>(index);
    };
    std::size_t at = 0;  // behind what is right so far
    for (std::size_t i = 0; i < wanted.size();) {
      const ListPlan::Element& element = plan.elements[i];
      if (element.source == ListPlan::kNew) {
        const std::size_t end = end_of_new(plan, i);
        WEFT_TRY(insert_elements(list, at, wanted.subspan(i, end - i)));
        held.insert(place(at), end - i, ListPlan::kNew);
        at += end - i;
        i = end;
        continue;
      }
      auto found = std::find(place(at), held.end(), i);
      if (found == held.end()) found = std::find(held.begin(), place(at), i);
      const auto from = static_cast<std::size_t>(found - held.begin());
      std::size_t to = from;
      if (!element.stays) {
        to = from < at ? at - 1 : at;
        if (to != from) WEFT_TRY(about(list.move(from, to)));
        held.erase(place(from));
        held.insert(place(to), i);
      }
      at = to + 1;
      ++i;
    }
    return Status();
  }

  /// Inserts `wanted` at `index`: a tree as a child of its own.
  Status insert_element(ListEdit list, std::size_t index, const Json& wanted) {
    const Step step(*this, index);
    if (wanted.as_object()) {
      WEFT_TRY(about(list.insert(index, new_map())));
      WEFT_ASSIGN(MapEdit child, list.map(index));
      return write_map(child, empty_object(), wanted);
    }
    if (wanted.as_array()) {
      WEFT_TRY(about(list.insert(index, new_list())));
      WEFT_ASSIGN(ListEdit child, list.list(index));
      return insert_elements(child, 0, *wanted.as_array());
    }
    return about(list.insert(index, Value::from_json(wanted)));
  }

  /// In the order of places of the list as it is: what changes inside of elements, and what is new behind each
  /// that stays. What is new on both sides of one that is moved goes behind the same element.
  Status find_in_list(ListEdit list, const ListPlan& plan, std::span<const Json> old_elements,
                      std::span<const Json> wanted) {
    struct Place {
      std::size_t changed = ListPlan::kNew;  ///< the new index of what the old element here becomes
      Array inserted;                        ///< behind it
    };
    std::vector<Place> places(old_elements.size() + 1);  // the first is the list's begin
    std::size_t behind = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const ListPlan::Element& element = plan.elements[i];
      if (element.source == ListPlan::kNew) {
        places[behind].inserted.push_back(wanted[i]);
        continue;
      }
      if (!element.is_equal) places[element.source + 1].changed = i;
      if (element.stays) behind = element.source + 1;
    }
    for (std::size_t at = 0; at < places.size(); ++at) {
      Place& place = places[at];
      if (place.changed != ListPlan::kNew)
        WEFT_TRY(write_element(list, at - 1, old_elements[at - 1], wanted[place.changed]));
      if (place.inserted.empty()) continue;
      SharedInsertion& insertion = find(SharedInsertion::Kind::kElements);
      insertion.at = at;
      insertion.content = std::move(place.inserted);
    }
    return Status();
  }

  std::vector<SharedInsertion>* found_;
  std::string path_;
};

Error no_object() {
  return Error(ErrorCode::kInvalidArgument,
               "a document's root is a map, so the JSON for it has to be an object");
}

}  // namespace

Status write_json(MapEdit map, const Json& object) {
  if (!object.as_object()) return no_object();
  WEFT_ASSIGN(const Json now, map.json());
  return JsonWriter().write_map(map, in_one_form(now), in_one_form(object));
}

Result<std::vector<SharedInsertion>> shared_insertions(MapEdit map, const Json& object) {
  if (!object.as_object()) return no_object();
  std::vector<SharedInsertion> found;
  WEFT_ASSIGN(const Json now, map.json());
  WEFT_TRY(JsonWriter(&found).write_map(map, in_one_form(now), in_one_form(object)));
  return found;
}

Status write_insertion(Transaction& transaction, const SharedInsertion& insertion) {
  using Kind = SharedInsertion::Kind;
  switch (insertion.kind) {
    case Kind::kMember: {
      WEFT_ASSIGN(MapEdit map, transaction.map(insertion.path));
      return JsonWriter().write_lists(map, insertion.key, insertion.content);
    }
    case Kind::kElements: {
      WEFT_ASSIGN(ListEdit list, transaction.list(insertion.path));
      return JsonWriter().insert_elements(list, insertion.at, *insertion.content.as_array());
    }
    case Kind::kText: {
      WEFT_ASSIGN(TextEdit text, transaction.text(insertion.path));
      return text.insert(utf8(insertion.at), *insertion.content.as_string());
    }
    case Kind::kCount:
      break;
  }
  WEFT_ASSIGN(CounterEdit counter, transaction.counter(insertion.path));
  return counter.add(*insertion.content.as_int());
}

}  // namespace weft
