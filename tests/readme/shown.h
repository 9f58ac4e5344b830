#pragma once
// Is a README's example the program that is compiled here? Tests run in the project's root.

#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

namespace weft::test {

inline std::string read_text(const char* path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The lines between the first line that holds `begin` and the next one that holds `end`.
inline std::string between(const std::string& text, const std::string& begin,
                           const std::string& end) {
  std::size_t first = text.find(begin);
  REQUIRE(first != std::string::npos);
  first = text.find('\n', first) + 1;
  std::size_t last = text.find(end, first);
  REQUIRE(last != std::string::npos);
  return text.substr(first, text.rfind('\n', last) + 1 - first);
}

inline void check_shown(const char* readme, const char* source) {
  const std::string compiled =
      between(read_text(source), "// README example: begin", "// README example: end");
  const std::string shown =
      between(read_text(readme), "<!-- example: begin -->", "<!-- example: end -->");
  CHECK(shown == "```cpp\n" + compiled + "```\n");
}

}  // namespace weft::test
