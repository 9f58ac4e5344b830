#include "tests/histories/editor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tests/histories/failure.h"
#include "tests/oracle/oracle.h"

namespace weft::test {
namespace {

constexpr std::size_t kDepthMax = 3;

void check(const Status& status, const char* what) {
  if (!status.ok()) throw Failure(std::string(what) + " failed: " + status.error().message());
}

void collect_map(const MapView& map, const std::string& path, std::size_t depth,
                 std::vector<FoundContainer>& out);
void collect_list(const ListView& list, const std::string& path, std::size_t depth,
                  std::vector<FoundContainer>& out);

template <typename View, typename Name>
void collect_child(const View& parent, const Name& name, const std::string& path, std::size_t depth,
                   ContainerKind kind, std::vector<FoundContainer>& out) {
  if (kind == ContainerKind::kMap)
    return collect_map(must(parent.map(name), path), path, depth, out);
  if (kind == ContainerKind::kList)
    return collect_list(must(parent.list(name), path), path, depth, out);
  out.push_back({path, kind, depth});
}

void collect_map(const MapView& map, const std::string& path, std::size_t depth,
                 std::vector<FoundContainer>& out) {
  out.push_back({path, ContainerKind::kMap, depth});
  for (const std::string& key : map.keys()) {
    Value value = map.get(key).value();
    if (value.is_container())
      collect_child(map, key, path + "/" + pointer_token(key), depth + 1, value.container_kind(),
                    out);
  }
}

void collect_list(const ListView& list, const std::string& path, std::size_t depth,
                  std::vector<FoundContainer>& out) {
  out.push_back({path, ContainerKind::kList, depth});
  std::size_t size = list.size().value();
  for (std::size_t i = 0; i < size; ++i) {
    Value value = must(list.get(i), "list get");
    if (value.is_container())
      collect_child(list, i, path + "/" + std::to_string(i), depth + 1, value.container_kind(),
                    out);
  }
}

ContainerKind kind_of(EditKind edit) {
  switch (edit) {
    case EditKind::kMapSet:
    case EditKind::kMapSetRecord:
    case EditKind::kMapSetChild:
    case EditKind::kMapErase:
    case EditKind::kMapEnsure:
    case EditKind::kHiddenText:
      return ContainerKind::kMap;
    case EditKind::kListInsert:
    case EditKind::kListInsertChild:
    case EditKind::kListErase:
    case EditKind::kListSet:
    case EditKind::kListMove:
      return ContainerKind::kList;
    case EditKind::kTextPaste:
    case EditKind::kTextForward:
    case EditKind::kTextBackward:
    case EditKind::kTextErase:
    case EditKind::kTextBackspace:
      return ContainerKind::kText;
    case EditKind::kCounterAdd:
      return ContainerKind::kCounter;
  }
  return ContainerKind::kMap;
}

/// Few enough that two replicas write the same one now and then.
Value script_value(std::uint32_t pick) {
  constexpr std::uint64_t kFunnyBytes[] = {0x00ff'8000'1122'3344};
  switch (pick % 16) {
    case 0:
      return Value();
    case 1:
      return Value(true);
    case 2:
      return Value(false);
    case 3:
      return Value(1);
    case 4:
      return Value(1.0);
    case 5:
      return Value(std::numeric_limits<std::int64_t>::min());
    case 6:
      return Value(-0.0);
    case 7:
      return Value(std::nan(""));
    case 8:
      return Value("");
    case 9:
      return Value("short");
    case 10:
      return Value("a string that is too long to lie inside");
    case 11:
      return Value("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    case 12:
      return Value::bytes(std::as_bytes(std::span(kFunnyBytes)));
    case 13:
      return Value(1e300);
    default:
      return Value(static_cast<std::int64_t>(pick));
  }
}

Value script_record(std::uint32_t pick) {
  auto number = static_cast<std::int64_t>(pick % 5);
  if (pick % 3 == 0)
    return Value(Record{{"x", number}, {"y", 0}, {"a", Json::Array{1, "two", 3.0}}});
  if (pick % 3 == 1) return Value(Record(Json(Json::Array{Json(number), Json(Json::Object{})})));
  return Value(Record{{"w", number}});
}

char32_t script_scalar(std::uint32_t pick) {
  constexpr std::array<char32_t, 12> kLetters = {
      U'a', U'b', U'c', U'd', U'\n', U'x', U'y', U'z', U' ', U'\u00e9', U'\u20ac', U'\U0001f600'};
  return kLetters[pick % kLetters.size()];
}

std::string script_text(std::uint32_t pick, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    append_utf8(text, script_scalar(pick));
    pick = pick * 5 + 1;
  }
  return text;
}

std::size_t modulo(std::uint32_t pick, std::size_t count) { return count == 0 ? 0 : pick % count; }

/// The scalar position in the unit that `pick` chooses.
Position in_some_unit(const TextEdit& text, std::size_t position, std::uint32_t pick) {
  auto unit = static_cast<Unit>(pick % 3);
  return {must(text.convert(scalar(position), unit), "convert"), unit};
}

}  // namespace

std::string script_key(std::uint32_t pick) {
  constexpr std::array<const char*, 8> kKeys = {"a", "b", "t", "l", "m", "n", "k/1~", "\xc3\xa9"};
  return kKeys[pick % kKeys.size()];
}

std::vector<FoundContainer> reachable_containers(const MapView& root) {
  std::vector<FoundContainer> result;
  collect_map(root, "", 0, result);
  return result;
}

std::size_t Editor::steps() const {
  bool keystrokes = edit_.kind == EditKind::kTextForward || edit_.kind == EditKind::kTextBackward ||
                    edit_.kind == EditKind::kTextBackspace;
  return keystrokes ? edit_.count % 8 + 1 : 1;
}

void Editor::begin(Transaction& tx) {
  begun_ = true;
  kind_ = kind_of(edit_.kind);
  bool makes_child = edit_.kind == EditKind::kMapSetChild || edit_.kind == EditKind::kMapEnsure ||
                     edit_.kind == EditKind::kListInsertChild ||
                     edit_.kind == EditKind::kHiddenText;
  std::vector<std::string> paths;
  for (const FoundContainer& found : reachable_containers(tx.root()))
    if (found.kind == kind_ && (found.depth < kDepthMax || !makes_child))
      paths.push_back(found.path);
  if (!paths.empty()) {
    path_ = paths[modulo(edit_.container, paths.size())];
    return;
  }
  switch (kind_) {
    case ContainerKind::kMap:
      break;
    case ContainerKind::kList:
      path_ = "/l";
      tx.root().ensure_list("l");
      break;
    case ContainerKind::kText:
      path_ = "/t";
      tx.root().ensure_text("t");
      break;
    case ContainerKind::kCounter:
      path_ = "/n";
      tx.root().ensure_counter("n");
      break;
  }
}

void Editor::step(Transaction& tx) {
  bool first = !begun_;
  if (first) begin(tx);
  switch (kind_) {
    case ContainerKind::kMap:
      step_map(must(tx.map(path_), "map " + path_));
      break;
    case ContainerKind::kList:
      step_list(must(tx.list(path_), "list " + path_));
      break;
    case ContainerKind::kText: {
      TextEdit text = must(tx.text(path_), "text " + path_);
      if (first) position_ = modulo(edit_.at, text.size() + 1);
      step_text(text);
      break;
    }
    case ContainerKind::kCounter: {
      std::int64_t amount = edit_.value % 50 == 7 ? std::numeric_limits<std::int64_t>::max() / 2 + 1
                                                  : static_cast<std::int64_t>(edit_.value % 7) - 3;
      check(must(tx.counter(path_), "counter " + path_).add(amount), "counter add");
      break;
    }
  }
  expect(!tx.failed(), "a transaction failed without an error");
  ++done_;
}

void Editor::step_map(MapEdit map) {
  std::string key = script_key(edit_.at);
  switch (edit_.kind) {
    case EditKind::kMapSet:
      check(map.set(key, script_value(edit_.value)), "map set");
      break;
    case EditKind::kMapSetRecord:
      check(map.set(key, script_record(edit_.value)), "map set");
      break;
    case EditKind::kMapSetChild:
      check(map.set(key, NewContainer{static_cast<ContainerKind>(edit_.count % 4)}),
            "map set child");
      break;
    case EditKind::kMapErase: {
      std::vector<std::string> keys = map.keys();
      if (!keys.empty()) check(map.erase(keys[modulo(edit_.at, keys.size())]), "map erase");
      break;
    }
    case EditKind::kHiddenText: {
      TextEdit text = map.ensure_text(key);
      check(text.insert(scalar(text.size()), "seen"), "text insert");
      check(map.erase(key), "map erase");
      check(text.insert(scalar(modulo(edit_.at, text.size())), "hidden"), "hidden text insert");
      check(text.erase(scalar(0), 1), "hidden text erase");
      break;
    }
    default:
      ensure_child(map, key);
  }
}

void Editor::ensure_child(MapEdit& map, const std::string& key) {
  switch (static_cast<ContainerKind>(edit_.count % 4)) {
    case ContainerKind::kMap:
      map.ensure_map(key);
      break;
    case ContainerKind::kList:
      map.ensure_list(key);
      break;
    case ContainerKind::kText:
      map.ensure_text(key);
      break;
    case ContainerKind::kCounter:
      map.ensure_counter(key);
      break;
  }
}

void Editor::step_list(ListEdit list) {
  std::size_t size = list.size().value();
  std::size_t at = modulo(edit_.at, size);
  switch (edit_.kind) {
    case EditKind::kListInsert: {
      std::vector<Value> values;
      for (std::uint32_t i = 0; i <= edit_.count % 3; ++i)
        values.push_back(script_value(edit_.value + i));
      check(list.insert(modulo(edit_.at, size + 1), values), "list insert");
      break;
    }
    case EditKind::kListInsertChild:
      check(list.insert(modulo(edit_.at, size + 1),
                        NewContainer{static_cast<ContainerKind>(edit_.count % 4)}),
            "list insert child");
      break;
    case EditKind::kListErase:
      if (size != 0)
        check(list.erase(at, std::min<std::size_t>(edit_.count % 3 + 1, size - at)), "list erase");
      break;
    case EditKind::kListSet:
      if (size != 0) check(list.set(at, script_value(edit_.value)), "list set");
      break;
    default:
      if (size != 0) check(list.move(at, modulo(edit_.count, size)), "list move");
  }
}

void Editor::step_text(TextEdit text) {
  std::size_t size = text.size();
  auto letter_pick = edit_.value + static_cast<std::uint32_t>(done_);
  switch (edit_.kind) {
    case EditKind::kTextPaste:
      check(text.insert(in_some_unit(text, position_, edit_.value),
                        script_text(edit_.value, edit_.count % 6 + 1)),
            "text paste");
      break;
    case EditKind::kTextForward:
      check(text.insert(in_some_unit(text, position_, edit_.value), script_text(letter_pick, 1)),
            "text insert");
      ++position_;
      break;
    case EditKind::kTextBackward:
      check(text.insert(in_some_unit(text, position_, edit_.value), script_text(letter_pick, 1)),
            "text insert");
      break;
    case EditKind::kTextErase: {
      if (position_ >= size) break;
      std::size_t end = std::min<std::size_t>(position_ + edit_.count % 5 + 1, size);
      Position from = in_some_unit(text, position_, edit_.value);
      Position to = in_some_unit(text, end, edit_.value);
      check(text.erase(from, to.value - from.value), "text erase");
      break;
    }
    default: {  // backspace
      if (position_ == 0) break;
      Position from = in_some_unit(text, --position_, edit_.value);
      Position to = in_some_unit(text, position_ + 1, edit_.value);
      check(text.erase(from, to.value - from.value), "text backspace");
    }
  }
}

}  // namespace weft::test
