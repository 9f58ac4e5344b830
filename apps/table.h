#pragma once
// A table of short texts, as wide as the terminal at most.

#include <cstddef>
#include <string>
#include <vector>

namespace weft::cli {

/// Of the terminal that standard output is, else $COLUMNS; 0: as wide as it gets.
std::size_t output_width();

/// `text` on one line in at most `width` characters, with an ellipsis where it is cut.
std::string cut(const std::string& text, std::size_t width);

class Table {
 public:
  struct Column {
    std::string name;
    bool is_right = false;  ///< numbers
    bool may_shrink = false;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// As many cells as there are columns; they are made fit for a terminal.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// What may shrink is cut, the widest column first, until the table is `width` wide.
  std::string text(std::size_t width) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace weft::cli
