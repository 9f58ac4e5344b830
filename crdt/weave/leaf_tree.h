#pragma once
// LeafTree: the spine of the weave: a B+tree that owns the leaves and sums their metrics.
//
// Inner nodes hold, per child, the sum of its visible scalars, bytes, UTF-16 units and newlines, and
// know nothing else. The sums lag behind in one place: writing to a leaf costs nothing above it as
// long as the same leaf is written (`touch`); its change is handed up when another one is touched, or
// when somebody wants to read (`settle`).
//
//     inner          [ sums | sums | sums ]        height 2: the root's children's children are leaves
//     inner     [ | | ]   [ | ]   [ | | | ]
//     leaves    a-b-c  -  d-e  -  f-g-h-i          doubly linked
//
// Leaves live in a pool and are never given back while the tree lives, but used again: the dot index
// may still name a dead leaf where it holds nothing (dot_index.h), and looking there must be safe.
//
// Invariants
//   I1  There is at least one leaf; no leaf is without runs, unless it is the only one.
//   I2  sums[m][i] is the metric m of child i, except on the path of the touched leaf, which is off by
//       the same difference everywhere: metrics of the leaf now, minus `recorded_`.
//   I3  total_ is the sum over the root as recorded.
// Nodes may be underfull: a node goes away when it is empty (free at empty: Johnson & Shasha 1993),
// leaves are joined earlier, by RunTree.

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "crdt/base/assert.h"
#include "crdt/weave/leaf.h"

namespace weft {

enum class Metric : std::uint8_t { kScalars, kUtf8, kUtf16, kNewlines };
inline constexpr std::size_t kMetricCount = 4;

inline std::array<std::uint64_t, kMetricCount> as_array(const TextMetrics& metrics) {
  return {metrics.scalars, metrics.utf8, metrics.utf16, metrics.newlines};
}
inline TextMetrics as_metrics(const std::array<std::uint64_t, kMetricCount>& sums) {
  return {sums[0], sums[1], sums[2], sums[3]};
}

template <class Shape>
struct InnerNode : TreeNode<Shape> {
  std::uint32_t count = 0;
  TreeNode<Shape>* child[Shape::kFanout];
  std::uint64_t sums[kMetricCount][Shape::kFanout];

  std::uint32_t slot_of(const TreeNode<Shape>* node) const {
    std::uint32_t slot = node->slot_hint;
    if (slot < count && child[slot] == node) return slot;
    for (slot = 0; child[slot] != node;) ++slot;
    node->slot_hint = slot;
    return slot;
  }
  TextMetrics total() const;
  void set(std::uint32_t slot, TreeNode<Shape>* node, const TextMetrics& metrics);
  void insert(std::uint32_t slot, TreeNode<Shape>* node, const TextMetrics& metrics);
  void erase(std::uint32_t slot);
  void move_tail(std::uint32_t from, InnerNode& to);
};

template <class Shape>
class LeafTree {
 public:
  using LeafType = Leaf<Shape>;
  using Inner = InnerNode<Shape>;
  using Node = TreeNode<Shape>;
  struct Found {
    LeafType* leaf;
    std::uint64_t before;  ///< the metric of everything left of the leaf
  };

  /// With one empty leaf.
  LeafTree();
  LeafTree(LeafTree&&) noexcept = default;
  LeafTree& operator=(LeafTree&&) noexcept = default;

  LeafType* first() const { return first_; }
  LeafType* last() const { return last_; }
  LeafType* at_id(std::uint32_t id) const { return leaves_[id].get(); }
  bool has_one_leaf() const { return height_ == 0; }
  TextMetrics total() const {
    return touched_ == nullptr ? total_ : total_ - recorded_ + touched_->metrics();
  }

  /// To be called before a leaf's metrics change.
  void touch(LeafType* leaf) {
    if (leaf == touched_) return;
    settle();
    touched_ = leaf;
    recorded_ = leaf->metrics();
  }
  LeafType* touched() const { return touched_; }
  /// Brings all sums up to date. @post  I2 without the exception
  void settle() {
    if (touched_ != nullptr && touched_->metrics() != recorded_) flush();
  }

  /// The first leaf up to whose end the metric reaches `value`; the first leaf of all for 0. Settled.
  Found find(Metric metric, std::uint64_t value) const;
  /// Needs to be settled, unless `leaf` is the touched one.
  std::uint64_t before(const LeafType* leaf, Metric metric) const;
  /// Is `a` left of `b`? They differ.
  bool is_left_of(const LeafType* a, const LeafType* b) const;

  /// A new leaf after `leaf`, empty. The caller moves runs from `leaf` there and calls `recount`, or
  /// touches and fills it. Settled.
  LeafType* insert_after(LeafType* leaf);
  /// Records anew the metrics of two neighbours after runs have moved between them. Settled.
  void recount(LeafType* a, LeafType* b);
  /// Takes a leaf out that has no runs left. The only leaf stays. Settled.
  void erase(LeafType* leaf);

  /// Appends a leaf without telling the inner nodes; then `build` makes them. For bulk loading.
  LeafType* append_unlinked();
  void build();

  std::size_t leaf_slots() const { return leaves_.size(); }
  void check_invariants() const;

 private:
  LeafType* new_leaf();
  Inner* new_inner();
  void flush();
  void record(LeafType* leaf);
  void insert_child(Node* left, const TextMetrics& left_metrics, Node* fresh,
                    const TextMetrics& fresh_metrics);
  void erase_child(Node* node);
  TextMetrics check_node(const Node* node, const Inner* parent, std::uint32_t level,
                         const LeafType*& expected) const;

  std::vector<std::unique_ptr<LeafType>> leaves_;  // by id
  std::vector<std::uint32_t> free_leaves_;
  std::vector<std::unique_ptr<Inner>> inners_;
  std::vector<Inner*> free_inners_;
  Node* root_ = nullptr;
  LeafType* first_ = nullptr;
  LeafType* last_ = nullptr;
  std::uint32_t height_ = 0;
  LeafType* touched_ = nullptr;
  TextMetrics recorded_;
  TextMetrics total_;
};

}  // namespace weft
