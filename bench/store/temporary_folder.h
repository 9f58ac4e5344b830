#pragma once
// TemporaryFolder: a new, empty folder, gone with the object.

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "crdt/base/result.h"

namespace weft::bench {

class TemporaryFolder {
 public:
  /// @errors kIoError: `parent` is not there, or nothing can be made in it
  static Result<TemporaryFolder> make(const std::filesystem::path& parent) {
    std::string path = (parent / "weft-bench-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr)
      return Error(ErrorCode::kIoError, path + ": " + std::strerror(errno));
    return TemporaryFolder(std::move(path));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace weft::bench
