#pragma once
// Mirror: a copy of a document that an application keeps up to date by patches.
//
// A child that becomes visible comes in a patch as a container Value and nothing else: whoever learns of
// it reads it whole, there and then (settle). Until that it is an empty container.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crdt/document/document.h"

namespace weft::test {

class Mirror {
 public:
  explicit Mirror(Unit unit = Unit::kScalar);
  /// A copy of what the document shows now.
  explicit Mirror(const Document& document, Unit unit = Unit::kScalar);
  ~Mirror();
  Mirror(Mirror&&) noexcept;
  Mirror& operator=(Mirror&&) noexcept;

  /// Throws Failure where the patch does not fit.
  void apply(const Patch& patch);
  /// Reads the children that have become visible from `document`, which knows them by the same index.
  void settle(const Document& document);
  /// The same from a document that knows them by other indices: after the last patch, by path.
  void settle_by_path(const Document& document);
  Json json() const;

 private:
  struct Node;
  struct Cell {
    Json json;
    std::unique_ptr<Node> child;
  };
  struct Node {
    ContainerKind kind = ContainerKind::kMap;
    bool unread = false;      ///< became visible by a patch
    std::uint32_t index = 0;  ///< of the container in its document
    std::map<std::string, Cell> keys;
    std::vector<Cell> items;
    std::u32string text;
    std::int64_t count = 0;
  };

  static Cell cell_of(const Value& value);
  template <typename Visit>
  static void for_each_child(Node& node, Visit visit);
  static bool has_unread(Node& node);
  static void index_nodes(Node& node, std::map<std::uint32_t, Node*>& out);
  static void settle_by_index(Node& node, const std::map<std::uint32_t, Node*>& read);
  static void settle_alike(Node& node, Node& read);
  static std::unique_ptr<Node> copy_map(const MapView& map);
  static std::unique_ptr<Node> copy_list(const ListView& list);
  template <typename View, typename Name>
  static Cell copy_cell(const View& parent, const Name& name, const Value& value);
  Node& find(const std::string& path);
  void apply_steps(Node& node, const Patch& patch) const;
  static Json json_of(const Node& node);
  static Json json_of(const Cell& cell);

  Unit unit_;  ///< of steps in text
  std::unique_ptr<Node> root_;
};

}  // namespace weft::test
