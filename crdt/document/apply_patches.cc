#include "crdt/document/apply_patches.h"

#include <string>
#include <utility>
#include <vector>

namespace weft {
namespace {

// --- new children: made empty, then filled ---

Status fill(MapEdit to, const MapView& from);
Status fill(ListEdit to, const ListView& from);
Status fill(TextEdit to, const TextView& from) {
  const std::string text = from.str();
  return text.empty() ? Status() : to.insert(scalar(0), text);
}
Status fill(CounterEdit to, const CounterView& counter) {
  return counter.value() == 0 ? Status() : to.add(counter.value());
}

template <typename Edit, typename View>
Status fill_result(Result<Edit> to, const Result<View>& from) {
  if (!to.ok()) return to.take_error();
  if (!from.ok()) return from.error().clone();
  return fill(*std::move(to), *from);
}

/// Fills the child at `place`, a key or an index, as it is in `from`.
template <typename Edit, typename View, typename Place>
Status fill_child(const Edit& to, const View& from, const Place& place, ContainerKind kind) {
  switch (kind) {
    case ContainerKind::kMap:
      return fill_result(to.map(place), from.map(place));
    case ContainerKind::kList:
      return fill_result(to.list(place), from.list(place));
    case ContainerKind::kText:
      return fill_result(to.text(place), from.text(place));
    case ContainerKind::kCounter:
      return fill_result(to.counter(place), from.counter(place));
  }
  return {};
}

/// An ensure that fails leaves its error in the transaction, and no child to be filled.
void ensure(MapEdit& map, std::string_view key, ContainerKind kind) {
  switch (kind) {
    case ContainerKind::kMap:
      return (void)map.ensure_map(key);
    case ContainerKind::kList:
      return (void)map.ensure_list(key);
    case ContainerKind::kText:
      return (void)map.ensure_text(key);
    case ContainerKind::kCounter:
      return (void)map.ensure_counter(key);
  }
}

/// Makes `key` hold what it holds in `from`: where that is a child, a new one.
Status put_key(MapEdit& to, const MapView& from, const std::string& key) {
  const std::optional<Value> value = from.get(key);
  if (!value)
    return Error(ErrorCode::kNotFound, "there is no key '" + key + "' to take the value from");
  if (!value->is_container()) return to.set(key, *value);
  const ContainerKind kind = value->container_kind();
  if (from.is_mergeable(key)) {
    const std::optional<Value> before = to.get(key);
    if (before && before->is_container()) WEFT_TRY(to.erase(key));  // ensure would go on with it
    ensure(to, key, kind);
  } else {
    WEFT_TRY(to.set(key, NewContainer{kind}));
  }
  return fill_child(to, from, key, kind);
}

/// Inserts the elements [begin, end) of `from` so that they stand at the same indices.
Status insert_elements(ListEdit& to, const ListView& from, std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end;) {
    std::vector<Value> plain;  // side by side they are one operation
    while (at + plain.size() < end) {
      WEFT_ASSIGN(Value value, from.get(at + plain.size()));
      if (value.is_container()) break;
      plain.push_back(std::move(value));
    }
    if (!plain.empty()) {
      WEFT_TRY(to.insert(at, plain));
      at += plain.size();
      continue;
    }
    WEFT_ASSIGN(const Value child, from.get(at));
    WEFT_TRY(to.insert(at, NewContainer{child.container_kind()}));
    WEFT_TRY(fill_child(to, from, at, child.container_kind()));
    ++at;
  }
  return {};
}

Status fill(MapEdit to, const MapView& from) {
  for (const std::string& key : from.keys()) WEFT_TRY(put_key(to, from, key));
  return {};
}

Status fill(ListEdit to, const ListView& from) {
  WEFT_ASSIGN(const std::size_t end, from.size());
  return insert_elements(to, from, 0, end);
}

// --- patches ---

Status apply_keys(MapEdit map, const MapView& source, const Patch& patch) {
  for (const KeyChange& change : patch.keys)
    WEFT_TRY(change.erased ? map.erase(change.key) : put_key(map, source, change.key));
  return {};
}

/// Steps go from left to right, so behind a step everything up to its end is as in `source`.
Status apply_steps(ListEdit list, const ListView& source, const Patch& patch) {
  for (const SequenceStep& step : patch.steps) {
    const std::vector<Value>& values = step.inserted_values;
    if (step.erased == 1 && values.size() == 1 && !values[0].is_container()) {
      WEFT_TRY(list.set(step.retain, values[0]));  // the element stays the same one
      continue;
    }
    if (step.erased > 0) WEFT_TRY(list.erase(step.retain, step.erased));
    WEFT_TRY(insert_elements(list, source, step.retain, step.retain + values.size()));
  }
  return {};
}

Status apply_steps(TextEdit text, const Patch& patch) {
  for (const SequenceStep& step : patch.steps) {
    if (step.erased > 0) WEFT_TRY(text.erase(scalar(step.retain), step.erased));
    if (!step.inserted_text.empty()) WEFT_TRY(text.insert(scalar(step.retain), step.inserted_text));
  }
  return {};
}

Status apply_patch(Transaction& tx, const Patch& patch, const Document& source) {
  switch (patch.kind) {
    case ContainerKind::kMap: {
      WEFT_ASSIGN(MapEdit map, tx.map(patch.path));
      WEFT_ASSIGN(MapView from, source.map(patch.path));
      return apply_keys(map, from, patch);
    }
    case ContainerKind::kList: {
      WEFT_ASSIGN(ListEdit list, tx.list(patch.path));
      WEFT_ASSIGN(ListView from, source.list(patch.path));
      return apply_steps(list, from, patch);
    }
    case ContainerKind::kText: {
      WEFT_ASSIGN(TextEdit text, tx.text(patch.path));
      return apply_steps(text, patch);
    }
    case ContainerKind::kCounter: {
      WEFT_ASSIGN(CounterEdit counter, tx.counter(patch.path));
      return counter.add(patch.counter_delta);
    }
  }
  return {};
}

}  // namespace

/// A container's patch comes before those of its children, whose paths are those of `source`.
Status apply_patches(Transaction& tx, std::span<const Patch> patches, const Document& source) {
  for (const Patch& patch : patches) {
    Status status = apply_patch(tx, patch, source);
    if (status.ok()) continue;
    tx.fail(status.error().clone());
    return status;
  }
  return {};
}

}  // namespace weft
