// The write rule of map keys and list elements (register.h), and map operations.
#include <algorithm>

#include "crdt/delta/value_codec.h"
#include "crdt/document/impl.h"

namespace weft {

bool DocumentImpl::in_past(LocalDot dot, const OpContext& context, Seq before) const {
  if (dot.replica == context.author) return dot.seq < before;
  if (context.covers_everything) return graph.knows(dot);
  return context.past->contains(dot);
}

bool DocumentImpl::write_register(Register& reg, FlatTable<Losers>& losers, std::uint64_t slot,
                                  Write write, LocalDot overwritten, const OpContext& context) {
  bool has_losers = reg.winner.has_losers;
  if (reg.winner.dot.is_none() || (reg.winner.dot == overwritten && !has_losers)) {
    reg.winner = std::move(write);
    return true;
  }
  Losers held;
  if (has_losers) held = std::move(*losers.find(slot));
  Write before = std::move(reg.winner);
  LocalDot winner_before = before.dot;
  before.has_losers = false;
  Seq seq = write.dot.seq;
  held.push_back(std::move(before));
  std::erase_if(held, [&](const Write& other) { return in_past(other.dot, context, seq); });
  held.push_back(std::move(write));
  std::sort(held.begin(), held.end(), [&](const Write& a, const Write& b) {
    return weight(b.dot, context) < weight(a.dot, context);
  });
  reg.winner = std::move(held.front());
  held.erase(held.begin());
  reg.winner.has_losers = !held.empty();
  if (held.empty()) {
    if (has_losers) losers.erase(slot);
  } else {
    losers[slot] = std::move(held);
  }
  return !(reg.winner.dot == winner_before);
}

void DocumentImpl::backup_register(ContainerIndex container, bool is_element, std::uint64_t slot) {
  if (!tx.journaling) return;
  Register* reg = find_register(container, is_element, slot);
  if (reg != nullptr) {
    if (reg->touched == journal.epoch) return;
    reg->touched = journal.epoch;
  }
  RegisterBackup& backup = journal.registers.emplace_back();
  backup.container = container;
  backup.is_element = is_element;
  backup.slot = slot;
  backup.existed = reg != nullptr;
  if (reg == nullptr) return;
  backup.reg = *reg;
  if (reg->winner.has_losers) backup.losers = *find_losers(container, is_element, slot);
}

void DocumentImpl::restore_register(const RegisterBackup& backup) {
  Container& holder = containers[backup.container];
  FlatTable<Losers>& losers = backup.is_element ? holder.sequence->losers : holder.map->losers;
  if (backup.losers.empty()) {
    losers.erase(backup.slot);
  } else {
    losers[backup.slot] = backup.losers;
  }
  if (backup.is_element) {
    Element* element = holder.sequence->elements.find(backup.slot);
    if (element != nullptr && backup.existed) element->reg = backup.reg;
    return;
  }
  auto key = static_cast<std::uint32_t>(backup.slot);
  MapEntry* entry = holder.map->find(key);
  if (entry->reg.visible()) --holder.map->visible_count;
  if (!backup.existed) {
    holder.map->erase_newest(key);
    return;
  }
  entry->reg = backup.reg;
  if (entry->reg.visible()) ++holder.map->visible_count;
}

namespace {

Error invalid(const char* what) { return Error(ErrorCode::kInvalidDelta, what); }

}  // namespace

Status DocumentImpl::apply_map_op(ContainerIndex container, const Op& op,
                                  const OpContext& context) {
  if (containers[container].kind != ContainerKind::kMap)
    return invalid("a map operation on a container that is no map");
  if (!op.a.is_none() && !in_past(op.a, context, op.seq))
    return invalid("the overwritten write is not in the author's past");
  LocalDot dot{context.author, op.seq};
  std::uint32_t key = op.key();
  Write write{{}, dot, op.kind == OpKind::kMapErase, false};
  std::uint32_t generations = 0;
  ByteSpan content = as_bytes(context.content.substr(op.content_begin, op.content_size));
  if (op.kind == OpKind::kMapSet) {
    write.value = Value::decode_trusted(content);
    if (write.value.is_container()) {
      ContainerKind kind = write.value.container_kind();
      ContainerIndex child = add_container(distinct_id(dot), kind, container, dot);
      containers[child].key = key;
      write.value = Value::container(child, kind);
    }
  } else if (op.kind == OpKind::kMapEnsure) {
    EnsureContent ensure = parse_ensure_content(content);
    generations = ensure.generation + 1;
    ContainerId id = mergeable_id(container, keys[key], ensure.kind, ensure.generation);
    ContainerIndex child = add_container(id, ensure.kind, container, dot);
    containers[child].key = key;
    containers[child].generation = ensure.generation;
    write.value = Value::container(child, ensure.kind);
  }
  backup_register(container, false, key);
  MapState& map = *containers[container].map;
  Register& reg = map.at(key).reg;
  reg.touched = journal.epoch;
  bool was_visible = reg.visible();
  bool changed = write_register(reg, map.losers, key, std::move(write), op.a, context);
  reg.generations = std::max(reg.generations, generations);
  map.visible_count +=
      static_cast<std::size_t>(reg.visible()) - static_cast<std::size_t>(was_visible);
  if (changed && observing() && (was_visible || reg.visible())) note_key(container, key);
  return {};
}

}  // namespace weft
