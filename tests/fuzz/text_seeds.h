#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzzer.h"

namespace weft::test {

inline void add_text(std::vector<Seed>& seeds, const std::string& name, std::string_view text) {
  const ByteSpan bytes = as_bytes(text);
  seeds.push_back({name + "_" + std::to_string(seeds.size()), Bytes(bytes.begin(), bytes.end())});
}

}  // namespace weft::test
