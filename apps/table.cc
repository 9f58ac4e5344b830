#include "apps/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "apps/terminal.h"
#include "crdt/base/utf8.h"

namespace weft::cli {
namespace {

constexpr std::size_t kNarrowest = 8;  // of a column that is cut
constexpr std::size_t kGap = 2;        // between columns

}  // namespace

std::size_t output_width() {
  winsize size{};
  if (stdout_is_terminal() && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
    return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  return columns == nullptr ? 0 : std::strtoul(columns, nullptr, 10);
}

std::string cut(const std::string& text, std::size_t width) {
  if (width == 0 || count_scalars(text) <= width) return text;
  return text.substr(0, utf8_offset_of_scalar(text, width - 1)) + "…";
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t width) const {
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = columns_[i].name.size();
    for (const auto& row : rows_) widest = std::max(widest, count_scalars(row[i]));
    widths.push_back(widest);
    total += widest + (i == 0 ? 0 : kGap);
  }
  while (width != 0 && total > width) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].may_shrink && widths[i] > kNarrowest &&
          (widest == nullptr || widths[i] > *widest))
        widest = &widths[i];
    if (widest == nullptr) break;
    --*widest;
    --total;
  }
  const auto line = [&](const auto& cell_of) {
    std::string result;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = cut(cell_of(i), widths[i]);
      const std::string space(widths[i] - std::min(widths[i], count_scalars(cell)), ' ');
      if (i != 0) result.append(kGap, ' ');
      result += columns_[i].is_right ? space + cell : cell + space;
    }
    result.erase(result.find_last_not_of(' ') + 1);
    return result;
  };
  std::string result = bold(line([&](std::size_t i) { return columns_[i].name; })) + "\n";
  for (const auto& row : rows_) result += line([&](std::size_t i) { return row[i]; }) + "\n";
  return result;
}

}  // namespace weft::cli
