#pragma once
// What this binary was built from and how.

#include <string_view>

namespace weft::bench {

std::string_view build_commit();    ///< short hash, "-dirty" behind it where the tree had changes
std::string_view build_compiler();  ///< "g++ 12.2.0"
std::string_view build_flags();

}  // namespace weft::bench
