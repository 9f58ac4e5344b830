#pragma once
// Handles: what an application holds of a container. A handle is two words, cheap to copy, and valid
// as long as its Document; handles made by a Transaction (…Edit) can also write, until that
// transaction ends. A container whose key was erased keeps working; it is only unreachable by path.
//
// Writing never throws and never half-applies: an operation that fails leaves the document as it was,
// marks the transaction failed (its commit then returns that error and takes everything back), and
// returns the error.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "crdt/base/position.h"
#include "crdt/base/result.h"
#include "crdt/clock/version_vector.h"
#include "crdt/map/value.h"

namespace weft {

class DocumentImpl;

enum class Side : std::uint8_t {
  kBefore,
  kAfter
};  ///< which side of its element an anchor keeps to

/// A position that survives edits and deletions: beside an element, by its dot.
/// `at_edge` anchors have no element: kBefore = the begin of the sequence, kAfter = its end.
struct Anchor {
  Dot dot;
  Side side = Side::kAfter;
  bool at_edge = false;
  friend bool operator==(const Anchor&, const Anchor&) = default;
};

/// Who wrote a stretch of text.
struct BlameSpan {
  std::size_t begin = 0;  ///< scalars, half-open
  std::size_t end = 0;
  Dot first;  ///< dot of the first element; the others follow on
  std::uint64_t committed_at_ms = 0;
  std::string message;
};

class MapView;
class ListView;
class TextView;
class CounterView;

class ContainerView {
 public:
  std::uint32_t index() const { return container_; }
  /// JSON pointer of the container; nullopt where it is unreachable (its key was erased or lost).
  /// Where a list's order can't be read (damage), its element is named by its dot, as an erased one is.
  std::optional<std::string> path() const;
  /// @errors kInvalidArgument: the handle refers to nothing; kCorrupt: the order of a list can't be read
  Result<Json> json() const;

 protected:
  ContainerView(DocumentImpl* impl, std::uint32_t container) : impl_(impl), container_(container) {}
  DocumentImpl* impl_;
  std::uint32_t container_;
};

class MapView : public ContainerView {
 public:
  MapView(DocumentImpl* impl, std::uint32_t container) : ContainerView(impl, container) {}
  std::size_t size() const;
  bool contains(std::string_view key) const;
  std::optional<Value> get(std::string_view key) const;
  std::vector<std::string> keys() const;  ///< sorted by bytes
  /// Every key and its value, in no order; `visit` must not change the document.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    visit_entries(
        [](void* data, std::string_view key, const Value& value) {
          (*static_cast<std::remove_reference_t<Visit>*>(data))(key, value);
        },
        &visit);
  }
  /// The handle of a child, as get() and for_each() name it. @pre  `child` is a container of this document
  MapView child_map(const Value& child) const { return {impl_, child.container_index()}; }
  inline ListView child_list(const Value& child) const;
  inline TextView child_text(const Value& child) const;
  inline CounterView child_counter(const Value& child) const;
  /// Is a child there that ensure made, the same one on every replica?
  bool is_mergeable(std::string_view key) const;
  /// The child at `key`. @errors kNotFound; kWrongKind: something else is there
  Result<MapView> map(std::string_view key) const;
  Result<ListView> list(std::string_view key) const;
  Result<TextView> text(std::string_view key) const;
  Result<CounterView> counter(std::string_view key) const;

 private:
  void visit_entries(void (*visit)(void*, std::string_view, const Value&), void* data) const;
};

class ListView : public ContainerView {
 public:
  ListView(DocumentImpl* impl, std::uint32_t container) : ContainerView(impl, container) {}
  // All of these: @errors kInvalidArgument: the handle refers to nothing; kCorrupt: the order can't be read
  Result<std::size_t> size() const;
  Result<Value> get(std::size_t index) const;  ///< @errors kOutOfRange
  Result<std::vector<Value>> values() const;
  Result<MapView> map(std::size_t index) const;
  Result<ListView> list(std::size_t index) const;
  Result<TextView> text(std::size_t index) const;
  Result<CounterView> counter(std::size_t index) const;
  Result<Anchor> anchor(std::size_t index, Side side) const;
  /// The index where the anchor stands now. @errors kNotFound: not an element of this list
  Result<std::size_t> resolve(const Anchor& anchor) const;
};

class TextView : public ContainerView {
 public:
  TextView(DocumentImpl* impl, std::uint32_t container) : ContainerView(impl, container) {}
  std::string str() const;
  std::size_t size(Unit unit = Unit::kScalar) const;
  std::size_t line_count() const;
  /// Visible text in [begin, end). @errors kOutOfRange, kSplitsCharacter
  Result<std::string> slice(Position begin, Position end) const;
  Result<std::size_t> convert(Position position, Unit to) const;
  Result<LineColumn> line_column(Position position, Unit column_unit = Unit::kScalar) const;
  Result<Position> position(LineColumn at, Unit column_unit = Unit::kScalar) const;
  /// An anchor at the gap `at`: kBefore keeps to the element after the gap, kAfter to the one before.
  Result<Anchor> anchor(Position at, Side side) const;
  Result<std::size_t> resolve(const Anchor& anchor, Unit unit = Unit::kScalar) const;
  Result<std::vector<BlameSpan>> blame(Position begin, Position end) const;
};

class CounterView : public ContainerView {
 public:
  CounterView(DocumentImpl* impl, std::uint32_t container) : ContainerView(impl, container) {}
  /// The sum of all additions; where that lies beyond 64 bits, the nearest number that does not.
  std::int64_t value() const;
};

inline ListView MapView::child_list(const Value& child) const {
  return {impl_, child.container_index()};
}
inline TextView MapView::child_text(const Value& child) const {
  return {impl_, child.container_index()};
}
inline CounterView MapView::child_counter(const Value& child) const {
  return {impl_, child.container_index()};
}

class ListEdit;
class TextEdit;
class CounterEdit;

class MapEdit : public MapView {
 public:
  MapEdit(DocumentImpl* impl, std::uint32_t container) : MapView(impl, container) {}
  Status set(std::string_view key, const Value& value);
  Status set(std::string_view key, NewContainer child);
  Status erase(std::string_view key);  ///< @errors kNotFound: no such key
  /// An erasure over everything that is known of the key, also where it is erased already: what was written
  /// concurrently with the erasure before loses to it, and what lies inside a child is no conflict any more.
  /// @errors kNotFound: the key was never written
  Status erase_anew(std::string_view key);
  /// Writes a child that was made in this map again, shown or hidden, over everything that is known of its key.
  /// @param child  as WriteInfo::value and get() name it. @errors kInvalidArgument: it was not made in this map
  Status restore(const Value& child);
  /// The mergeable child at `key`: the same one on every replica that makes it.
  /// On an error the transaction is failed, and the handle refers to nothing and refuses everything.
  MapEdit ensure_map(std::string_view key);
  ListEdit ensure_list(std::string_view key);
  TextEdit ensure_text(std::string_view key);
  CounterEdit ensure_counter(std::string_view key);
  Result<MapEdit> map(std::string_view key) const;
  Result<ListEdit> list(std::string_view key) const;
  Result<TextEdit> text(std::string_view key) const;
  Result<CounterEdit> counter(std::string_view key) const;
};

class ListEdit : public ListView {
 public:
  ListEdit(DocumentImpl* impl, std::uint32_t container) : ListView(impl, container) {}
  Status insert(std::size_t index, const Value& value);
  Status insert(std::size_t index, const std::vector<Value>& values);
  Status insert(std::size_t index, NewContainer child);
  Status push_back(const Value& value);
  Status erase(std::size_t index, std::size_t count = 1);
  Status set(std::size_t index, const Value& value);
  /// Moves the element at `from` so that it stands at `to` afterwards.
  Status move(std::size_t from, std::size_t to);
  Result<MapEdit> map(std::size_t index) const;
  Result<ListEdit> list(std::size_t index) const;
  Result<TextEdit> text(std::size_t index) const;
  Result<CounterEdit> counter(std::size_t index) const;
};

class TextEdit : public TextView {
 public:
  TextEdit(DocumentImpl* impl, std::uint32_t container) : TextView(impl, container) {}
  /// @errors kOutOfRange, kSplitsCharacter, kInvalidUtf8, kTooLarge
  Status insert(Position at, std::string_view utf8);
  /// Erases `count` units of begin's unit. @errors kOutOfRange, kSplitsCharacter
  Status erase(Position begin, std::size_t count);
};

class CounterEdit : public CounterView {
 public:
  CounterEdit(DocumentImpl* impl, std::uint32_t container) : CounterView(impl, container) {}
  Status add(std::int64_t amount);
  /// Adds what makes the sum `wanted`, in as many additions as that takes.
  /// @errors kOutOfRange: the sum is further beyond 64 bits than a few additions reach
  Status add_up_to(std::int64_t wanted);
};

}  // namespace weft
