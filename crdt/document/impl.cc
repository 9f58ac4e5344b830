#include "crdt/document/impl.h"

#include "crdt/clock/deletion.h"
#include "crdt/document/json_pointer.h"

#include <algorithm>

#include "crdt/base/sha256.h"
#include "crdt/document/observe.h"

namespace weft {

MapEntry* MapState::find(std::uint32_t key) {
  if (entries.size() <= kLinearMax) {
    for (MapEntry& entry : entries)
      if (entry.key == key) return &entry;
    return nullptr;
  }
  const std::uint32_t* at = index.find(key);
  return at == nullptr ? nullptr : &entries[*at];
}

MapEntry& MapState::at(std::uint32_t key) {
  MapEntry* entry = find(key);
  return entry != nullptr ? *entry : add(key);
}

MapEntry& MapState::add(std::uint32_t key) {
  entries.emplace_back().key = key;
  if (entries.size() == kLinearMax + 1) {
    for (std::uint32_t i = 0; i < entries.size(); ++i) index[entries[i].key] = i;
  } else if (entries.size() > kLinearMax) {
    index[key] = static_cast<std::uint32_t>(entries.size() - 1);
  }
  return entries.back();
}

void MapState::erase_newest(std::uint32_t key) {
  WEFT_ASSERT(!entries.empty() && entries.back().key == key);
  if (entries.size() > kLinearMax) index.erase(key);
  entries.pop_back();
  if (entries.size() == kLinearMax) index.clear();
}

DocumentImpl::DocumentImpl(DocumentOptions given)
    : options(std::move(given)), pending(options.pending_bytes_max) {
  reset_state();
}

DocumentImpl::~DocumentImpl() { *alive = false; }

void DocumentImpl::reset_state() {
  crowded.clear();
  graph = CausalGraph();
  log = OperationLog();
  keys = KeyTable();
  containers.clear();
  names.clear();
  name_by_dot.clear();
  container_by_id.clear();
  needs_weft = 0;
  self = intern_replica(options.replica);
  names.push_back({kNoDot, kRootContainer});
  Container& root = containers.emplace_back();
  root.map = std::make_unique<MapState>();
  container_by_id.emplace(root.id, kRootContainer);
}

ReplicaIndex DocumentImpl::intern_replica(ReplicaId replica) {
  ReplicaIndex index = graph.intern(replica);
  if (index == log.replica_count()) log.add_replica();
  return index;
}

std::optional<std::uint32_t> DocumentImpl::find_name(LocalDot dot) const {
  if (dot.is_none()) return 0;
  const std::uint32_t* name = name_by_dot.find(dot.packed());
  if (name == nullptr) return std::nullopt;
  return *name;
}

Container& DocumentImpl::add_container(const ContainerId& id, ContainerKind kind,
                                       ContainerIndex parent) {
  Container& made = containers.emplace_back();
  made.kind = kind;
  made.id = id;
  made.parent = parent;
  if (kind == ContainerKind::kMap) made.map = std::make_unique<MapState>();
  if (kind == ContainerKind::kList) made.sequence = std::make_unique<SequenceState>(false);
  if (kind == ContainerKind::kText) made.sequence = std::make_unique<SequenceState>(true);
  return made;
}

ContainerIndex DocumentImpl::add_container(const ContainerId& id, ContainerKind kind,
                                           ContainerIndex parent, LocalDot dot) {
  auto [at, is_new] =
      container_by_id.try_emplace(id, static_cast<ContainerIndex>(containers.size()));
  if (is_new) add_container(id, kind, parent).depth = containers[parent].depth + 1;
  auto name = static_cast<std::uint32_t>(names.size());
  names.push_back({dot, at->second});
  name_by_dot[dot.packed()] = name;
  containers[at->second].names.push_back(name);
  return at->second;
}

ContainerId DocumentImpl::mergeable_id(ContainerIndex parent, std::string_view key,
                                       ContainerKind kind, std::uint32_t generation) const {
  Bytes input;
  ByteWriter out(input);
  out.bytes(std::as_bytes(std::span(containers[parent].id.bytes)));
  out.sized(as_bytes(key));
  out.u8(static_cast<std::uint8_t>(kind));
  out.varint(generation);
  auto digest = sha256(input);
  ContainerId id;
  std::memcpy(id.bytes.data(), digest.data(), 16);
  id.bytes[15] |= 1;
  return id;
}

ContainerId DocumentImpl::distinct_id(LocalDot dot) const {
  ContainerId id;
  std::uint64_t replica = graph.id(dot.replica).value;
  std::memcpy(id.bytes.data(), &replica, 8);
  std::memcpy(id.bytes.data() + 8, &dot.seq, 4);
  return id;
}

Register* DocumentImpl::find_register(ContainerIndex container, bool is_element,
                                      std::uint64_t slot) {
  Container& holder = containers[container];
  if (is_element) {
    Element* element = holder.sequence ? holder.sequence->elements.find(slot) : nullptr;
    return element == nullptr ? nullptr : &element->reg;
  }
  MapEntry* entry = holder.map ? holder.map->find(static_cast<std::uint32_t>(slot)) : nullptr;
  return entry == nullptr ? nullptr : &entry->reg;
}

Losers* DocumentImpl::find_losers(ContainerIndex container, bool is_element, std::uint64_t slot) {
  Container& holder = containers[container];
  if (is_element) return holder.sequence ? holder.sequence->losers.find(slot) : nullptr;
  return holder.map ? holder.map->losers.find(slot) : nullptr;
}

Register* DocumentImpl::place_of(ContainerIndex container) {
  const Container& child = containers[container];
  if (child.parent == kNoContainer) return nullptr;
  return find_register(child.parent, child.in_list,
                       child.in_list ? child.element.packed() : child.key);
}

bool DocumentImpl::is_shown(ContainerIndex container) {
  if (container == kRootContainer) return true;
  const Container& child = containers[container];
  const Register* place = place_of(container);
  if (place == nullptr || !place->visible() || !place->winner.value.is_container() ||
      place->winner.value.container_index() != container)
    return false;
  if (!child.in_list) return true;
  const Element* element = containers[child.parent].sequence->elements.find(child.element.packed());
  return element != nullptr && element->erase_count == 0;
}

bool DocumentImpl::is_reachable(ContainerIndex container) {
  for (; container != kRootContainer; container = containers[container].parent)
    if (!is_shown(container)) return false;
  return true;
}

namespace {

std::optional<std::size_t> parse_index(std::string_view token) {
  if (token.empty() || token.size() > 9 || (token.size() > 1 && token[0] == '0'))
    return std::nullopt;
  std::size_t index = 0;
  for (char c : token) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + static_cast<std::size_t>(c - '0');
  }
  return index;
}

}  // namespace

std::string DocumentImpl::slot_path(ContainerIndex container, std::uint64_t slot, bool is_element) {
  std::string path = path_of(container).value_or("");
  if (!is_element) {
    append_pointer_token(path, keys[static_cast<std::uint32_t>(slot)]);
    return path;
  }
  LocalDot dot = LocalDot::unpacked(slot);
  const Element* element = containers[container].sequence->elements.find(slot);
  auto tree = tree_of(container);
  if (element != nullptr && tree.ok()) {
    auto at = (*tree)->locate(element->slot);
    if (at && !at->hidden) {
      append_pointer_token(path, std::to_string(at->pos));
      return path;
    }
  }
  append_pointer_token(path, to_string(graph.dot(dot)));  // erased: it has no index any more
  return path;
}

std::optional<std::string> DocumentImpl::path_of(ContainerIndex container) {
  if (container == kRootContainer) return std::string();
  if (!is_reachable(container)) return std::nullopt;
  const Container& child = containers[container];
  return slot_path(child.parent, child.in_list ? child.element.packed() : child.key, child.in_list);
}

Result<DocumentImpl::Target> DocumentImpl::find_path(std::string_view path, bool allow_erased) {
  Target target;
  target.value = Value::container(kRootContainer, containers[kRootContainer].kind);
  target.visible = true;
  if (!path.empty() && path[0] != '/')
    return Error(ErrorCode::kInvalidArgument,
                 "a path is empty or starts with '/', not '" + std::string(path) + "'");
  std::size_t at = 0;
  while (at < path.size()) {
    std::size_t next = path.find('/', at + 1);
    if (next == std::string_view::npos) next = path.size();
    WEFT_ASSIGN(std::string token, pointer_token(path.substr(at + 1, next - at - 1)));
    std::string here(path.substr(0, next));
    if (!target.visible || !target.value.is_container())
      return Error(ErrorCode::kNotFound, "nothing is below '" + std::string(path.substr(0, at)) +
                                             "': it is no map and no list");
    ContainerIndex parent = target.value.container_index();
    const Container& holder = containers[parent];
    target.parent = parent;
    if (holder.map) {
      auto key = keys.find(token);
      const MapEntry* entry = key ? holder.map->find(*key) : nullptr;
      if (entry == nullptr || (!entry->reg.visible() && !(allow_erased && next == path.size())))
        return Error(ErrorCode::kNotFound, "there is nothing at '" + here + "'");
      target.is_element = false;
      target.slot = *key;
      target.visible = entry->reg.visible();
      target.value = entry->reg.winner.value;
    } else if (holder.sequence && !holder.sequence->is_text) {
      auto index = parse_index(token);
      WEFT_ASSIGN(RunTree * tree, tree_of(parent));
      if (!index || *index >= tree->visible().scalars)
        return Error(ErrorCode::kNotFound, "there is no element at '" + here + "'; the list has " +
                                               std::to_string(tree->visible().scalars));
      LocalDot element = holder.sequence->element_of_slot(tree->dot_at(*index));
      target.is_element = true;
      target.slot = element.packed();
      target.value = holder.sequence->elements.find(element.packed())->reg.winner.value;
    } else {
      return Error(ErrorCode::kNotFound, "nothing is below '" + std::string(path.substr(0, at)) +
                                             "': it is a " + std::string(kind_name(holder.kind)));
    }
    at = next;
  }
  return target;
}

Result<ContainerIndex> DocumentImpl::container_at(std::string_view path, ContainerKind kind) {
  WEFT_ASSIGN(Target target, find_path(path));
  if (!target.value.is_container(kind)) {
    std::string_view is =
        target.value.is_container() ? kind_name(target.value.container_kind()) : "plain value";
    return Error(ErrorCode::kWrongKind, "'" + std::string(path) + "' is a " + std::string(is) +
                                            ", not a " + std::string(kind_name(kind)));
  }
  return target.value.container_index();
}

Result<Json> DocumentImpl::try_json_of(ContainerIndex container) {
  Error damaged;
  Json json = json_of(container, damaged);
  if (damaged) return damaged;
  return json;
}

Json DocumentImpl::json_of(const Value& value) {
  Error damaged;
  Json json = json_of(value, damaged);
  WEFT_ASSERT(!damaged);  // @pre
  return json;
}

/// What the document's upkeep writes is no content.
bool DocumentImpl::is_reserved(ContainerIndex container, std::uint32_t key) const {
  return container == kRootContainer && keys[key] == kRestoredKey;
}

Json DocumentImpl::json_of(const Value& value, Error& damaged) {
  return value.is_container() ? json_of(value.container_index(), damaged) : value.json();
}

Json DocumentImpl::json_of(ContainerIndex index, Error& damaged) {
  const Container& container = containers[index];
  switch (container.kind) {
    case ContainerKind::kMap: {
      Json::Object object;
      for (const MapEntry& entry : container.map->entries)
        if (entry.reg.visible() && !is_reserved(index, entry.key))
          object.emplace_back(std::string(keys[entry.key]),
                              json_of(entry.reg.winner.value, damaged));
      std::sort(object.begin(), object.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      return Json(std::move(object));
    }
    case ContainerKind::kList: {
      Json::Array array;
      auto tree = tree_of(index);
      if (!tree.ok()) {
        damaged = tree.take_error();
        return Json();
      }
      const SequenceState& sequence = *container.sequence;
      (*tree)->for_each_visible_run(0, visible_size(**tree), [&](Run run) {
        for (Seq i = 0; i < run.count; ++i) {
          LocalDot element = sequence.element_of_slot(run.first.plus(i));
          array.push_back(
              json_of(sequence.elements.find(element.packed())->reg.winner.value, damaged));
        }
      });
      return Json(std::move(array));
    }
    case ContainerKind::kText:
      return container.sequence->tree ? Json(container.sequence->tree->text())
                                      : Json(std::string(container.sequence->text_view()));
    case ContainerKind::kCounter:
      return Json(shown_sum(container.counter));
  }
  return Json();
}

}  // namespace weft
