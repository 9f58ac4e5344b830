// The inputs of dashboard_fuzz that are kept, in every build.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/dashboard_checks.h"

namespace weft {
namespace {

TEST_CASE("what has to hold of dashboards holds of every input that is kept") {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("tests/fuzz/corpus/dashboard_fuzz")) {
    CAPTURE(entry.path().filename().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string input(std::istreambuf_iterator<char>(file), {});
    const char* fault = test::check_dashboards(input);
    CHECK_MESSAGE(fault == nullptr, std::string(fault == nullptr ? "" : fault));
    ++count;
  }
  CHECK(count >= 5);
}

}  // namespace
}  // namespace weft
