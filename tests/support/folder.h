#pragma once
// Folder: a new, empty folder, gone with the object.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "crdt/base/assert.h"

namespace weft::test {

class Folder {
 public:
  /// @param parent  where it is made
  explicit Folder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    path_ = (parent / "weft-test-XXXXXX").string();
    WEFT_ASSERT(mkdtemp(path_.data()) != nullptr);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// In memory where there is such a place, and room in it: for tests that make thousands of files.
inline std::filesystem::path fast_parent() {
  constexpr std::uintmax_t kRoomBytes = std::uintmax_t{512} << 20;
  std::error_code error;
  const std::filesystem::path memory = "/dev/shm";
  const std::filesystem::space_info space = std::filesystem::space(memory, error);
  return !error && space.available >= kRoomBytes ? memory : std::filesystem::temp_directory_path();
}

}  // namespace weft::test
