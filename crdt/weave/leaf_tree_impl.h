#pragma once
// LeafTree's functions; included by run_tree_impl.h, instantiated in run_tree.cc.

#include "crdt/weave/leaf_tree.h"

namespace weft {

// -- inner nodes -------------------------------------------------------------------------------------

template <class Shape>
TextMetrics InnerNode<Shape>::total() const {
  std::array<std::uint64_t, kMetricCount> result{};
  for (std::size_t m = 0; m < kMetricCount; ++m)
    for (std::uint32_t i = 0; i < count; ++i) result[m] += sums[m][i];
  return as_metrics(result);
}

template <class Shape>
void InnerNode<Shape>::set(std::uint32_t slot, TreeNode<Shape>* node, const TextMetrics& metrics) {
  child[slot] = node;
  node->parent = this;
  const auto values = as_array(metrics);
  for (std::size_t m = 0; m < kMetricCount; ++m) sums[m][slot] = values[m];
}

template <class Shape>
void InnerNode<Shape>::insert(std::uint32_t slot, TreeNode<Shape>* node,
                              const TextMetrics& metrics) {
  std::memmove(child + slot + 1, child + slot, (count - slot) * sizeof *child);
  for (auto& sum : sums) std::memmove(sum + slot + 1, sum + slot, (count - slot) * sizeof *sum);
  ++count;
  set(slot, node, metrics);
}

template <class Shape>
void InnerNode<Shape>::erase(std::uint32_t slot) {
  --count;
  std::memmove(child + slot, child + slot + 1, (count - slot) * sizeof *child);
  for (auto& sum : sums) std::memmove(sum + slot, sum + slot + 1, (count - slot) * sizeof *sum);
}

template <class Shape>
void InnerNode<Shape>::move_tail(std::uint32_t from, InnerNode& to) {
  for (std::uint32_t i = from; i < count; ++i)
    to.insert(to.count, child[i], {sums[0][i], sums[1][i], sums[2][i], sums[3][i]});
  count = from;
}

// -- nodes come and go -------------------------------------------------------------------------------

template <class Shape>
LeafTree<Shape>::LeafTree() {
  root_ = append_unlinked();
}

template <class Shape>
auto LeafTree<Shape>::new_leaf() -> LeafType* {
  if (free_leaves_.empty()) {
    leaves_.emplace_back(new LeafType);  // the run arrays stay uninitialised
    leaves_.back()->id = static_cast<std::uint32_t>(leaves_.size() - 1);
    return leaves_.back().get();
  }
  LeafType* leaf = leaves_[free_leaves_.back()].get();
  free_leaves_.pop_back();
  return leaf;
}

template <class Shape>
auto LeafTree<Shape>::new_inner() -> Inner* {
  if (free_inners_.empty()) {
    inners_.emplace_back(new Inner);
    return inners_.back().get();
  }
  Inner* inner = free_inners_.back();
  free_inners_.pop_back();
  inner->parent = nullptr;
  inner->count = 0;
  return inner;
}

template <class Shape>
auto LeafTree<Shape>::append_unlinked() -> LeafType* {
  LeafType* leaf = new_leaf();
  leaf->previous = last_;
  (last_ != nullptr ? last_->next : first_) = leaf;
  last_ = leaf;
  return leaf;
}

template <class Shape>
auto LeafTree<Shape>::insert_after(LeafType* leaf) -> LeafType* {
  LeafType* fresh = new_leaf();
  fresh->previous = leaf;
  fresh->next = leaf->next;
  (leaf->next != nullptr ? leaf->next->previous : last_) = fresh;
  leaf->next = fresh;
  insert_child(leaf, leaf->metrics(), fresh, {});
  return fresh;
}

/// Puts `fresh` to the right of `left`, splitting upwards. The sum of both is what `left` was before,
/// so that nothing changes above.
template <class Shape>
void LeafTree<Shape>::insert_child(Node* left, const TextMetrics& left_metrics, Node* fresh,
                                   const TextMetrics& fresh_metrics) {
  Inner* parent = left->parent;
  if (parent == nullptr) {
    parent = new_inner();
    parent->insert(0, left, left_metrics);
    root_ = parent;
    ++height_;
  }
  const std::uint32_t slot = parent->slot_of(left);
  parent->set(slot, left, left_metrics);
  if (parent->count < Shape::kFanout) {
    parent->insert(slot + 1, fresh, fresh_metrics);
    return;
  }
  // At the right end the left part stays full: text that grows at its end fills its nodes.
  Inner* right = new_inner();
  const std::uint32_t keep =
      slot + 1 == parent->count ? parent->count - 1 : (parent->count + 1) / 2;
  parent->move_tail(keep, *right);
  if (slot < keep)
    parent->insert(slot + 1, fresh, fresh_metrics);
  else
    right->insert(slot - keep + 1, fresh, fresh_metrics);
  insert_child(parent, parent->total(), right, right->total());
}

template <class Shape>
void LeafTree<Shape>::erase(LeafType* leaf) {
  if (has_one_leaf()) return;
  record(leaf);  // to nothing
  if (touched_ == leaf) touched_ = nullptr;
  (leaf->previous != nullptr ? leaf->previous->next : first_) = leaf->next;
  (leaf->next != nullptr ? leaf->next->previous : last_) = leaf->previous;
  erase_child(leaf);
  leaf->parent = nullptr;
  leaf->previous = leaf->next = nullptr;
  leaf->text.clear();
  free_leaves_.push_back(leaf->id);
}

template <class Shape>
void LeafTree<Shape>::erase_child(Node* node) {
  Inner* parent = node->parent;
  parent->erase(parent->slot_of(node));
  if (parent->count == 0) {
    erase_child(parent);  // not the root: a root has at least two children
    free_inners_.push_back(parent);
    return;
  }
  while (height_ > 0 && static_cast<Inner*>(root_)->count == 1) {
    auto* old = static_cast<Inner*>(root_);
    root_ = old->child[0];
    root_->parent = nullptr;
    --height_;
    free_inners_.push_back(old);
  }
}

template <class Shape>
void LeafTree<Shape>::build() {
  std::vector<Node*> nodes;
  std::vector<TextMetrics> metrics;
  for (LeafType* leaf = first_; leaf != nullptr; leaf = leaf->next) {
    nodes.push_back(leaf);
    metrics.push_back(leaf->metrics());
  }
  while (nodes.size() > 1) {
    ++height_;
    std::size_t out = 0;
    for (std::size_t in = 0; in < nodes.size(); ++out) {
      Inner* inner = new_inner();
      for (; in < nodes.size() && inner->count < Shape::kFanout; ++in)
        inner->insert(inner->count, nodes[in], metrics[in]);
      nodes[out] = inner;
      metrics[out] = inner->total();
    }
    nodes.resize(out);
    metrics.resize(out);
  }
  root_ = nodes[0];
  total_ = metrics[0];
}

// -- sums --------------------------------------------------------------------------------------------

/// Hands the difference between a leaf's metrics and what its parent has for it up to the root.
template <class Shape>
void LeafTree<Shape>::flush() {
  const auto change = as_array(touched_->metrics() - recorded_);
  const Node* node = touched_;
  for (Inner* inner = node->parent; inner != nullptr; node = inner, inner = inner->parent) {
    const std::uint32_t slot = inner->slot_of(node);
    for (std::size_t m = 0; m < kMetricCount; ++m) inner->sums[m][slot] += change[m];
  }
  total_ += as_metrics(change);
  recorded_ = touched_->metrics();
}

template <class Shape>
void LeafTree<Shape>::record(LeafType* leaf) {
  LeafType* const touched = touched_;
  touched_ = leaf;
  const Inner* inner = leaf->parent;
  const std::uint32_t slot = inner->slot_of(leaf);
  recorded_ = {inner->sums[0][slot], inner->sums[1][slot], inner->sums[2][slot],
               inner->sums[3][slot]};
  settle();
  touched_ = touched;
  if (touched != nullptr) recorded_ = touched->metrics();
}

template <class Shape>
void LeafTree<Shape>::recount(LeafType* a, LeafType* b) {
  if (a->parent == b->parent) {  // nearly always; then nothing changes above
    a->parent->set(a->parent->slot_of(a), a, a->metrics());
    b->parent->set(b->parent->slot_of(b), b, b->metrics());
    if (touched_ != nullptr) recorded_ = touched_->metrics();
    return;
  }
  // Both at once: while one is recorded the other, if it is the touched one, is not settled (I2).
  touched_ = nullptr;
  record(a);
  record(b);
}

template <class Shape>
auto LeafTree<Shape>::find(Metric metric, std::uint64_t value) const -> Found {
  const Node* node = root_;
  std::uint64_t before = 0;
  for (std::uint32_t level = height_; level > 0; --level) {
    const auto* inner = static_cast<const Inner*>(node);
    const std::uint64_t* sums = inner->sums[static_cast<std::size_t>(metric)];
    std::uint32_t i = 0;
    for (; i + 1 < inner->count && before + sums[i] < value; ++i) before += sums[i];
    node = inner->child[i];
    node->slot_hint = i;
  }
  return {const_cast<LeafType*>(static_cast<const LeafType*>(node)), before};
}

template <class Shape>
std::uint64_t LeafTree<Shape>::before(const LeafType* leaf, Metric metric) const {
  std::uint64_t result = 0;
  const Node* node = leaf;
  for (const Inner* inner = node->parent; inner != nullptr; node = inner, inner = inner->parent) {
    const std::uint64_t* sums = inner->sums[static_cast<std::size_t>(metric)];
    const std::uint32_t slot = inner->slot_of(node);
    for (std::uint32_t i = 0; i < slot; ++i) result += sums[i];
  }
  return result;
}

template <class Shape>
bool LeafTree<Shape>::is_left_of(const LeafType* a, const LeafType* b) const {
  const Node* x = a;
  const Node* y = b;
  while (x->parent != y->parent) {
    x = x->parent;
    y = y->parent;
  }
  return x->parent->slot_of(x) < x->parent->slot_of(y);
}

// -- invariants --------------------------------------------------------------------------------------

template <class Shape>
TextMetrics LeafTree<Shape>::check_node(const Node* node, const Inner* parent, std::uint32_t level,
                                        const LeafType*& expected) const {
  WEFT_ASSERT(node->parent == parent);
  if (level == 0) {
    WEFT_ASSERT(node == expected);
    expected = expected->next;
    const auto* leaf = static_cast<const LeafType*>(node);
    return leaf == touched_ ? recorded_ : leaf->metrics();
  }
  const auto* inner = static_cast<const Inner*>(node);
  WEFT_ASSERT(inner->count >= 1 && inner->count <= Shape::kFanout);
  WEFT_ASSERT(parent != nullptr || inner->count >= 2);
  for (std::uint32_t i = 0; i < inner->count; ++i) {
    const TextMetrics metrics = check_node(inner->child[i], inner, level - 1, expected);
    const TextMetrics recorded{inner->sums[0][i], inner->sums[1][i], inner->sums[2][i],
                               inner->sums[3][i]};
    WEFT_ASSERT(metrics == recorded);  // (I2)
  }
  return inner->total();
}

template <class Shape>
void LeafTree<Shape>::check_invariants() const {
  const LeafType* expected = first_;
  WEFT_ASSERT(check_node(root_, nullptr, height_, expected) == total_);  // (I3)
  WEFT_ASSERT(expected == nullptr);
  std::size_t live = 0;
  const LeafType* previous = nullptr;
  for (const LeafType* leaf = first_; leaf != nullptr; previous = leaf, leaf = leaf->next, ++live) {
    WEFT_ASSERT(leaf->previous == previous);
    WEFT_ASSERT(leaf->run_count > 0 || has_one_leaf());  // (I1)
    WEFT_ASSERT(at_id(leaf->id) == leaf);
  }
  WEFT_ASSERT(previous == last_);
  WEFT_ASSERT(live + free_leaves_.size() == leaves_.size());
  for (std::uint32_t id : free_leaves_) WEFT_ASSERT(leaves_[id]->run_count == 0);
}

}  // namespace weft
