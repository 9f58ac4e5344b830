// Observers: collecting what changes while it changes, delivering it when all is done.
#include "crdt/document/observe.h"

#include <algorithm>
#include <array>

#include "crdt/base/utf8.h"
#include "crdt/document/impl.h"

namespace weft {
namespace {

std::array<std::size_t, 3> by_unit(const TextMetrics& metrics) {
  return {static_cast<std::size_t>(metrics.scalars), static_cast<std::size_t>(metrics.utf8),
          static_cast<std::size_t>(metrics.utf16)};
}

bool has_prefix(std::string_view path, std::string_view prefix) {
  return path.size() >= prefix.size() && path.substr(0, prefix.size()) == prefix &&
         (path.size() == prefix.size() || prefix.empty() || path[prefix.size()] == '/');
}

}  // namespace

CollectedPatch& PatchCollector::of(ContainerIndex container) {
  if (const std::uint32_t* at = index.find(container)) return patches[*at];
  index[container] = static_cast<std::uint32_t>(patches.size());
  patches.emplace_back().container = container;
  return patches.back();
}

void DocumentImpl::note_text(ContainerIndex container, RunTree& tree, std::size_t pos,
                             const TextMetrics& before, std::string_view inserted) {
  CollectedStep step;
  step.retain = {pos, tree.unit_of(Unit::kUtf8, pos), tree.unit_of(Unit::kUtf16, pos)};
  step.inserted = {count_scalars(inserted), inserted.size(), count_utf16(inserted)};
  auto old_size = by_unit(before);
  auto new_size = by_unit(tree.visible());
  for (std::size_t unit = 0; unit < 3; ++unit)
    step.erased[unit] = old_size[unit] + step.inserted[unit] - new_size[unit];
  std::vector<CollectedStep>& steps = collector->of(container).steps;
  bool continues = !steps.empty() && step.erased[0] == 0 && steps.back().inserted[0] > 0 &&
                   steps.back().retain[0] + steps.back().inserted[0] == pos;
  if (continues) {
    for (std::size_t unit = 0; unit < 3; ++unit) steps.back().inserted[unit] += step.inserted[unit];
    steps.back().text += inserted;
    return;
  }
  step.text = inserted;
  steps.push_back(std::move(step));
}

void DocumentImpl::note_list(ContainerIndex container, std::size_t pos, std::size_t erased,
                             std::vector<Value> inserted) {
  CollectedStep step;
  step.retain.fill(pos);
  step.erased.fill(erased);
  step.values = std::move(inserted);
  collector->of(container).steps.push_back(std::move(step));
}

void DocumentImpl::note_key(ContainerIndex container, std::uint32_t key) {
  CollectedPatch& patch = collector->of(container);
  std::uint8_t& noted = patch.noted_keys[key];
  if (noted == 0) patch.keys.push_back(key);
  noted = 1;
}

void DocumentImpl::note_counter(ContainerIndex container, std::int64_t before, std::int64_t after) {
  std::int64_t& delta = collector->of(container).counter_delta;
  delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(delta) +
                                    static_cast<std::uint64_t>(after) -
                                    static_cast<std::uint64_t>(before));
}

void DocumentImpl::note_whole_document() {
  if (!observing()) return;
  for (const MapEntry& entry : containers[kRootContainer].map->entries)
    if (entry.reg.visible()) note_key(kRootContainer, entry.key);
}

void DocumentImpl::discard_patches() {
  if (collector) collector->clear();
}

bool DocumentImpl::is_observing(std::uint64_t id) const {
  return std::any_of(observers.begin(), observers.end(),
                     [id](const ObserverEntry& entry) { return entry.id == id; });
}

Patch DocumentImpl::make_patch(const CollectedPatch& from, const std::string& path, Unit unit) {
  Patch patch;
  patch.container = from.container;
  patch.kind = containers[from.container].kind;
  patch.path = path;
  patch.counter_delta = from.counter_delta;
  for (std::uint32_t key : from.keys) {
    const Register& reg = containers[from.container].map->find(key)->reg;
    KeyChange change{std::string(keys[key]), !reg.visible(), {}, {}};
    if (reg.visible()) {
      change.value = reg.winner.value;
      change.json = json_of(change.value);
    }
    patch.keys.push_back(std::move(change));
  }
  const auto at = static_cast<std::size_t>(unit);
  for (const CollectedStep& step : from.steps) {
    patch.steps.push_back({step.retain[at], step.erased[at], step.text, step.values, {}});
    for (const Value& value : step.values)
      patch.steps.back().inserted_json.push_back(json_of(value));
  }
  return patch;
}

/// Writes down all that observers are told, and for whom.
DocumentImpl::Delivery DocumentImpl::make_delivery(bool local, const std::string& origin) {
  PatchCollector collected = std::move(*collector);
  collector->clear();
  // A child that has just become visible is read whole by whoever learns of it: no steps for it.
  FlatTable<std::uint8_t> fresh;
  for (const CollectedPatch& patch : collected.patches) {
    for (std::uint32_t key : patch.keys) {
      const Register& reg = containers[patch.container].map->find(key)->reg;
      if (reg.visible() && reg.winner.value.is_container())
        fresh[reg.winner.value.container_index()] = 1;
    }
    for (const CollectedStep& step : patch.steps)
      for (const Value& value : step.values)
        if (value.is_container()) fresh[value.container_index()] = 1;
  }
  auto is_fresh = [&](ContainerIndex at) {
    for (; at != kRootContainer; at = containers[at].parent)
      if (fresh.find(at) != nullptr) return true;
    return false;
  };
  // Parents before what is in them: a path is that of the state when all is done, and it is the parent's
  // patch that moves a list's children there.
  auto depth = [&](const CollectedPatch& patch) {
    std::size_t levels = 0;
    for (ContainerIndex at = patch.container; at != kRootContainer; at = containers[at].parent)
      ++levels;
    return levels;
  };
  std::stable_sort(
      collected.patches.begin(), collected.patches.end(),
      [&](const CollectedPatch& a, const CollectedPatch& b) { return depth(a) < depth(b); });
  Delivery delivery;
  delivery.listeners = observers;  // a callback may start or end observations
  for (const CollectedPatch& from : collected.patches) {
    if (is_fresh(from.container)) continue;
    auto path = path_of(from.container);
    if (!path) continue;
    std::array<std::optional<std::size_t>, 3> by_unit;  // patches of this container
    for (std::size_t i = 0; i < delivery.listeners.size(); ++i) {
      const ObserverEntry& listener = delivery.listeners[i];
      if (!has_prefix(*path, listener.path_prefix)) continue;
      std::optional<std::size_t>& number = by_unit[static_cast<std::size_t>(listener.unit)];
      if (!number) {
        number = delivery.patches.size();
        Patch& patch = delivery.patches.emplace_back(make_patch(from, *path, listener.unit));
        patch.local = local;
        patch.origin = origin;
      }
      delivery.calls.push_back({i, *number});
    }
  }
  return delivery;
}

void DocumentImpl::deliver_patches(bool local, std::string origin) {
  if (!collector || collector->patches.empty()) return;
  deliveries.push_back(make_delivery(local, origin));
  // Inside a callback: whoever delivers goes on with it, so that every observer hears of this behind the rest
  // of what the callback answers to.
  if (!delivering) run_deliveries();
}

void DocumentImpl::run_deliveries() {
  std::shared_ptr<bool> still_alive = alive;
  delivering = true;
  while (!deliveries.empty()) {
    const Delivery delivery = std::move(deliveries.front());
    deliveries.pop_front();
    for (const Delivery::Call& call : delivery.calls) {
      const ObserverEntry& listener = delivery.listeners[call.listener];
      if (!is_observing(listener.id)) continue;
      listener.callback(delivery.patches[call.patch]);
      if (!*still_alive) return;
    }
  }
  delivering = false;
}

Observer Document::observe(std::function<void(const Patch&)> callback, std::string_view path_prefix,
                           Unit unit) {
  DocumentImpl& impl = *impl_;
  std::uint64_t id = impl.next_observer++;
  impl.observers.push_back({id, std::move(callback), std::string(path_prefix), unit});
  impl.typing = DocumentImpl::Typing();
  if (!impl.collector) impl.collector = std::make_unique<PatchCollector>();
  return Observer([&impl, id, alive = impl.alive] {
    if (!*alive) return;
    std::erase_if(impl.observers, [id](const auto& entry) { return entry.id == id; });
    if (impl.observers.empty()) impl.collector.reset();
  });
}

}  // namespace weft
