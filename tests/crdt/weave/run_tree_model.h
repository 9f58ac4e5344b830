#pragma once
// The oracle for run_tree_test.cc: a weave as a plain vector of elements, every question a loop.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/clock/ids.h"
#include "crdt/weave/run_tree.h"

namespace weft::test {

struct NaiveElement {
  LocalDot dot;
  bool hidden = false;
  std::string character;  // one scalar; empty in lists
};

struct NaiveWeave {
  std::vector<NaiveElement> elements;

  std::size_t index_of(LocalDot dot) const {
    for (std::size_t i = 0; i < elements.size(); ++i)
      if (elements[i].dot == dot) return i;
    return elements.size();
  }
  bool contains(LocalDot dot) const { return index_of(dot) != elements.size(); }
  LocalDot dot_or_none(std::size_t index) const {
    return index < elements.size() ? elements[index].dot : kNoDot;
  }
  /// The index of the visible element `pos`.
  std::size_t visible_index(std::size_t pos) const {
    for (std::size_t i = 0;; ++i) {
      if (elements[i].hidden) continue;
      if (pos-- == 0) return i;
    }
  }
  std::size_t visible_size() const { return visible_before(elements.size()); }
  std::size_t visible_before(std::size_t index) const {
    std::size_t result = 0;
    for (std::size_t i = 0; i < index; ++i)
      if (!elements[i].hidden) ++result;
    return result;
  }
  /// The visible characters, one by one.
  std::vector<std::string> characters() const {
    std::vector<std::string> result;
    for (const NaiveElement& element : elements)
      if (!element.hidden) result.push_back(element.character);
    return result;
  }
  std::vector<Run> maximal_runs() const {
    std::vector<Run> result;
    for (const NaiveElement& element : elements) {
      if (!result.empty() && result.back().hidden == element.hidden &&
          result.back().first.plus(result.back().count) == element.dot)
        ++result.back().count;
      else
        result.push_back({element.dot, 1, element.hidden});
    }
    return result;
  }
  void insert(std::size_t index, LocalDot first, const std::vector<std::string>& characters,
              bool hidden) {
    for (std::size_t i = 0; i < characters.size(); ++i)
      elements.insert(elements.begin() + static_cast<std::ptrdiff_t>(index + i),
                      {first.plus(static_cast<Seq>(i)), hidden, characters[i]});
  }
};

inline std::string join(const std::vector<std::string>& characters) {
  std::string result;
  for (const std::string& character : characters) result += character;
  return result;
}
inline TextMetrics measure_naively(const std::vector<std::string>& characters) {
  TextMetrics result;
  for (const std::string& character : characters) {
    result.scalars += 1;
    result.utf8 += character.size();
    result.utf16 += character.size() == 4 ? 2u : 1u;
    result.newlines += character == "\n" ? 1u : 0u;
  }
  return result;
}

}  // namespace weft::test
