#include "tests/oracle/sibling_tree.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

namespace weft::test {
namespace {

struct Node {
  Slot slot;
  bool is_root = false;  ///< the begin of the sequence
  Node* parent = nullptr;
  bool left_child = false;
  std::size_t depth = 0;
  std::vector<Node*> left;
  std::vector<Node*> right;
};

class Tree {
 public:
  Tree(const std::vector<Slot>& slots, SiblingRule rule) : rule_(rule) {
    root_.is_root = true;
    for (const Slot& slot : slots) nodes_[slot.dot].slot = slot;
    for (auto& [dot, node] : nodes_) hang(node);
    for (auto& [dot, node] : nodes_) node.depth = depth_of(node);
    sort_children(root_);
    for (auto& [dot, node] : nodes_) sort_children(node);
  }

  std::vector<Dot> order() const {
    std::vector<Dot> result;
    walk(root_, result);
    return result;
  }

 private:
  Node& at(const Dot& dot) {
    auto found = nodes_.find(dot);
    if (found == nodes_.end()) std::abort();
    return found->second;
  }

  void hang(Node& node) {
    const Slot& slot = node.slot;
    bool left = rule_ != SiblingRule::kNoLeftChildren && slot.ro.has_value() &&
                at(*slot.ro).slot.lo == slot.lo;
    node.left_child = left;
    node.parent = left ? &at(*slot.ro) : slot.lo.has_value() ? &at(*slot.lo) : &root_;
    (left ? node.parent->left : node.parent->right).push_back(&node);
  }

  static std::size_t depth_of(const Node& node) {
    std::size_t depth = 0;
    for (const Node* up = node.parent; up != nullptr; up = up->parent) ++depth;
    return depth;
  }

  void sort_children(Node& node) {
    std::sort(node.left.begin(), node.left.end(),
              [&](const Node* a, const Node* b) { return left_goes_first(*a, *b); });
    std::sort(node.right.begin(), node.right.end(),
              [&](const Node* a, const Node* b) { return right_goes_first(*a, *b); });
  }

  bool left_goes_first(const Node& a, const Node& b) const {
    if (rule_ == SiblingRule::kLeftAscending) return a.slot.stamp < b.slot.stamp;
    return a.slot.stamp > b.slot.stamp;
  }

  bool right_goes_first(const Node& a, const Node& b) {
    int order = rule_ == SiblingRule::kRightStampOnly || rule_ == SiblingRule::kNoLeftChildren
                    ? 0
                    : compare_positions(a.slot.ro, b.slot.ro);
    if (rule_ == SiblingRule::kRightNearFirst) order = -order;
    if (order != 0) return order > 0;
    return a.slot.stamp > b.slot.stamp;
  }

  /// -1, 0, 1: `a` lies left of, is, lies right of `b`; none is the end.
  int compare_positions(const std::optional<Dot>& a, const std::optional<Dot>& b) {
    if (a == b) return 0;
    if (!a.has_value()) return 1;
    if (!b.has_value()) return -1;
    const Node* x = &at(*a);
    const Node* y = &at(*b);
    const Node* below_x = nullptr;  // the child of x that we came up from
    const Node* below_y = nullptr;
    while (x->depth > y->depth) below_x = std::exchange(x, x->parent);
    while (y->depth > x->depth) below_y = std::exchange(y, y->parent);
    while (x != y) {
      below_x = std::exchange(x, x->parent);
      below_y = std::exchange(y, y->parent);
    }
    if (below_x == nullptr) return below_y->left_child ? 1 : -1;  // a is an ancestor of b
    if (below_y == nullptr) return below_x->left_child ? -1 : 1;
    if (below_x->left_child != below_y->left_child) return below_x->left_child ? -1 : 1;
    bool first = below_x->left_child ? left_goes_first(*below_x, *below_y)
                                     : right_goes_first(*below_x, *below_y);
    return first ? -1 : 1;
  }

  static void walk(const Node& node, std::vector<Dot>& out) {
    for (const Node* child : node.left) walk(*child, out);
    if (!node.is_root) out.push_back(node.slot.dot);
    for (const Node* child : node.right) walk(*child, out);
  }

  SiblingRule rule_;
  Node root_;
  std::map<Dot, Node> nodes_;
};

}  // namespace

std::vector<Dot> weave_order(const std::vector<Slot>& slots, SiblingRule rule) {
  return Tree(slots, rule).order();
}

}  // namespace weft::test
