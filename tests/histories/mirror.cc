#include "tests/histories/mirror.h"

#include <cstddef>
#include <utility>

#include "tests/histories/failure.h"
#include "tests/oracle/oracle.h"

namespace weft::test {

Mirror::Mirror(Unit unit) : unit_(unit), root_(std::make_unique<Node>()) {}
Mirror::Mirror(const Document& document, Unit unit)
    : unit_(unit), root_(copy_map(document.root())) {}
Mirror::~Mirror() = default;
Mirror::Mirror(Mirror&&) noexcept = default;
Mirror& Mirror::operator=(Mirror&&) noexcept = default;

template <typename View, typename Name>
Mirror::Cell Mirror::copy_cell(const View& parent, const Name& name, const Value& value) {
  Cell cell = cell_of(value);
  if (!value.is_container()) return cell;
  switch (value.container_kind()) {
    case ContainerKind::kMap:
      cell.child = copy_map(parent.map(name).value());
      break;
    case ContainerKind::kList:
      cell.child = copy_list(parent.list(name).value());
      break;
    case ContainerKind::kText:
      cell.child->text = scalars_of(parent.text(name).value().str());
      break;
    case ContainerKind::kCounter:
      cell.child->count = parent.counter(name).value().value();
      break;
  }
  cell.child->unread = false;
  cell.child->index = value.container_index();
  return cell;
}

std::unique_ptr<Mirror::Node> Mirror::copy_map(const MapView& map) {
  auto node = std::make_unique<Node>();
  for (const std::string& key : map.keys())
    node->keys[key] = copy_cell(map, key, map.get(key).value());
  return node;
}

std::unique_ptr<Mirror::Node> Mirror::copy_list(const ListView& list) {
  auto node = std::make_unique<Node>();
  node->kind = ContainerKind::kList;
  std::vector<Value> values = list.values().value();
  for (std::size_t i = 0; i < values.size(); ++i)
    node->items.push_back(copy_cell(list, i, values[i]));
  return node;
}

Mirror::Cell Mirror::cell_of(const Value& value) {
  Cell cell;
  if (value.is_container()) {
    cell.child = std::make_unique<Node>();
    cell.child->kind = value.container_kind();
    cell.child->unread = true;
    cell.child->index = value.container_index();
  } else {
    cell.json = value.json();
  }
  return cell;
}

template <typename Visit>
void Mirror::for_each_child(Node& node, Visit visit) {
  for (auto& [key, cell] : node.keys)
    if (cell.child != nullptr) visit(*cell.child);
  for (Cell& cell : node.items)
    if (cell.child != nullptr) visit(*cell.child);
}

bool Mirror::has_unread(Node& node) {
  bool result = node.unread;
  for_each_child(node, [&](Node& child) { result = result || has_unread(child); });
  return result;
}

void Mirror::index_nodes(Node& node, std::map<std::uint32_t, Node*>& out) {
  out[node.index] = &node;
  for_each_child(node, [&](Node& child) { index_nodes(child, out); });
}

void Mirror::settle_by_index(Node& node, const std::map<std::uint32_t, Node*>& read) {
  if (node.unread) {
    auto found = read.find(node.index);
    expect(found != read.end(), "a patch shows a child that its document does not");
    node = std::move(*found->second);
    return;
  }
  for_each_child(node, [&](Node& child) { settle_by_index(child, read); });
}

void Mirror::settle(const Document& document) {
  if (!has_unread(*root_)) return;
  Mirror now(document);
  std::map<std::uint32_t, Node*> read;
  for_each_child(*now.root_, [&](Node& child) { index_nodes(child, read); });
  settle_by_index(*root_, read);
}

/// Both have the same shape, but for what is unread; where they don't, the comparison that follows says
/// so.
void Mirror::settle_alike(Node& node, Node& read) {
  if (node.unread) {
    node = std::move(read);
    return;
  }
  for (auto& [key, cell] : node.keys) {
    auto found = read.keys.find(key);
    if (cell.child != nullptr && found != read.keys.end() && found->second.child != nullptr)
      settle_alike(*cell.child, *found->second.child);
  }
  for (std::size_t i = 0; i < node.items.size() && i < read.items.size(); ++i)
    if (node.items[i].child != nullptr && read.items[i].child != nullptr)
      settle_alike(*node.items[i].child, *read.items[i].child);
}

void Mirror::settle_by_path(const Document& document) {
  if (!has_unread(*root_)) return;
  Mirror now(document);
  settle_alike(*root_, *now.root_);
}

Mirror::Node& Mirror::find(const std::string& path) {
  Node* node = root_.get();
  std::size_t at = 0;
  while (at < path.size()) {
    std::size_t end = path.find('/', at + 1);
    if (end == std::string::npos) end = path.size();
    std::string token = path.substr(at + 1, end - at - 1);
    Node* next = nullptr;
    if (node->kind == ContainerKind::kMap) {
      for (auto& [key, cell] : node->keys)
        if (pointer_token(key) == token) next = cell.child.get();
    } else if (node->kind == ContainerKind::kList) {
      std::size_t index = std::stoul(token);
      if (index < node->items.size()) next = node->items[index].child.get();
    }
    expect(next != nullptr, "a patch's path leads nowhere: " + path);
    node = next;
    at = end;
  }
  return *node;
}

void Mirror::apply(const Patch& patch) {
  Node& node = find(patch.path);
  expect(node.kind == patch.kind, "a patch is of another kind than its container: " + patch.path);
  switch (node.kind) {
    case ContainerKind::kMap:
      for (const KeyChange& change : patch.keys) {
        if (change.erased) {
          node.keys.erase(change.key);  // one that came and went in one transaction is not there
        } else {
          node.keys[change.key] = cell_of(change.value);
        }
      }
      break;
    case ContainerKind::kCounter:
      node.count = static_cast<std::int64_t>(static_cast<std::uint64_t>(node.count) +
                                             static_cast<std::uint64_t>(patch.counter_delta));
      break;
    default:
      apply_steps(node, patch);
  }
}

namespace {

std::size_t units_of(char32_t scalar, Unit unit) {
  if (unit == Unit::kScalar) return 1;
  if (unit == Unit::kUtf16) return scalar < 0x10000 ? 1 : 2;
  std::string utf8;
  append_utf8(utf8, scalar);
  return utf8.size();
}

/// How many scalars from `begin` on take up exactly `units`.
std::size_t scalars_in(const std::u32string& text, std::size_t begin, std::size_t units,
                       Unit unit) {
  std::size_t end = begin;
  while (units > 0) {
    expect(end < text.size(), "a patch's step reaches beyond the end of its text");
    std::size_t size = units_of(text[end++], unit);
    expect(size <= units, "a patch's step splits a character");
    units -= size;
  }
  return end - begin;
}

}  // namespace

void Mirror::apply_steps(Node& node, const Patch& patch) const {
  for (const SequenceStep& step : patch.steps) {
    if (node.kind == ContainerKind::kText) {
      expect(step.inserted_values.empty(), "a text's patch inserts values");
      std::size_t begin = scalars_in(node.text, 0, step.retain, unit_);
      std::size_t count = scalars_in(node.text, begin, step.erased, unit_);
      node.text.replace(begin, count, scalars_of(step.inserted_text));
      continue;
    }
    expect(step.inserted_text.empty(), "a list's patch inserts text");
    expect(step.retain <= node.items.size() && step.erased <= node.items.size() - step.retain,
           "a patch's step reaches beyond the end of " + patch.path);
    auto at = node.items.begin() + static_cast<std::ptrdiff_t>(step.retain);
    at = node.items.erase(at, at + static_cast<std::ptrdiff_t>(step.erased));
    for (const Value& value : step.inserted_values)
      at = std::next(node.items.insert(at, cell_of(value)));
  }
}

Json Mirror::json() const { return json_of(*root_); }

Json Mirror::json_of(const Cell& cell) {
  return cell.child != nullptr ? json_of(*cell.child) : cell.json;
}

Json Mirror::json_of(const Node& node) {
  switch (node.kind) {
    case ContainerKind::kMap: {
      Json::Object object;
      for (const auto& [key, cell] : node.keys) object.emplace_back(key, json_of(cell));
      return object;
    }
    case ContainerKind::kList: {
      Json::Array array;
      for (const Cell& cell : node.items) array.push_back(json_of(cell));
      return array;
    }
    case ContainerKind::kText: {
      std::string text;
      for (char32_t scalar : node.text) append_utf8(text, scalar);
      return text;
    }
    case ContainerKind::kCounter:
      return node.count;
  }
  return {};
}

}  // namespace weft::test
