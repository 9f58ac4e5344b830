#include "tests/storage/bad_disk.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace weft::test {

using bench::FileCall;
using bench::FileCallInfo;
using bench::Verdict;

// --- one that lets calls fail ---

BadDisk::BadDisk(const std::string& folder)
    : folder_(std::filesystem::canonical(folder).string()) {}

void BadDisk::fail(Calls calls, std::uint64_t good, std::uint64_t bad, Verdict verdict) {
  std::lock_guard lock(mutex_);
  calls_ = calls;
  good_ = good;
  bad_ = bad;
  verdict_ = verdict;
  failed_ = 0;
}

std::uint64_t BadDisk::failed() const {
  std::lock_guard lock(mutex_);
  return failed_;
}

namespace {

bool is_chosen(BadDisk::Calls calls, const FileCallInfo& info) {
  switch (calls) {
    case BadDisk::Calls::kWrites:
      return info.call == FileCall::kWrite && !info.is_flush;
    case BadDisk::Calls::kHeadWrites:
      return info.call == FileCall::kWrite && info.is_flush;
    case BadDisk::Calls::kFlushes:
      return info.call == FileCall::kSync;
    case BadDisk::Calls::kAll:
      return true;
  }
  return false;
}

}  // namespace

Verdict BadDisk::before(const FileCallInfo& info) {
  std::lock_guard lock(mutex_);
  if (!info.path.starts_with(folder_) || !is_chosen(calls_, info)) return {};
  if (good_ > 0) {
    --good_;
    return {};
  }
  if (bad_ == 0) return {};
  --bad_;
  ++failed_;
  return verdict_;
}

// --- one that gets full ---

FullDisk::FullDisk(const std::string& folder, std::uint64_t room_bytes)
    : folder_(std::filesystem::canonical(folder).string()), room_(room_bytes) {}

void FullDisk::add_room(std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  room_ += bytes;
}

Verdict FullDisk::before(const FileCallInfo& info) {
  const bool is_write = info.call == FileCall::kWrite;
  if (!info.path.starts_with(folder_) || (!is_write && info.call != FileCall::kReserve)) return {};
  std::lock_guard lock(mutex_);
  const std::string path(info.path);
  auto found = ends_.find(path);
  if (found == ends_.end()) {
    struct stat status {};
    (void)stat(path.c_str(), &status);
    const auto size = static_cast<std::uint64_t>(std::max(status.st_size, status.st_blocks * 512));
    found = ends_.emplace(path, (size + kBlockBytes - 1) / kBlockBytes * kBlockBytes).first;
  }
  std::uint64_t& end = found->second;
  const std::uint64_t wanted =
      (info.offset + info.size + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  if (wanted <= end) return {};
  if (wanted - end <= room_) {
    room_ -= wanted - end;
    end = wanted;
    return {};
  }
  if (!is_write || end + room_ / kBlockBytes * kBlockBytes <= info.offset) return {.error = ENOSPC};
  end += room_ / kBlockBytes * kBlockBytes;
  room_ %= kBlockBytes;
  return {.limit = end - info.offset};
}

}  // namespace weft::test
