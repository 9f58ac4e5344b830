#pragma once
// Golden vectors: bytes under tests/conformance/, as hexadecimal lines behind comments.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "crdt/base/bytes.h"

namespace weft::test {

inline std::string to_hex(const Bytes& bytes) {
  std::string text;
  char digits[3];
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(bytes[i]));
    text += digits;
    if (i % 32 == 31 || i + 1 == bytes.size()) text += '\n';
  }
  return text;
}

/// The vector's bytes; written anew from `made` first where WEFT_REGENERATE_GOLDEN is set.
/// @param source  the test that it belongs to
inline Bytes golden(const std::string& name, const std::string& what, const std::string& source,
                    const Bytes& made) {
  std::string path = "tests/conformance/" + name + ".hex";
  // What an earlier version wrote stays as it is.
  if (std::getenv("WEFT_REGENERATE_GOLDEN") != nullptr && !name.starts_with("v1_"))
    std::ofstream(path) << "# " << what << "\n# " << source << "\n" << to_hex(made);
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), path);
  Bytes bytes;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    for (std::size_t i = 0; i + 1 < line.size(); i += 2)
      bytes.push_back(static_cast<std::byte>(std::stoul(line.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

}  // namespace weft::test
