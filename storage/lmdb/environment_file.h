#pragma once
// The file below an Environment: where it may lie, how it is made, what is looked at before LMDB maps it.

#include <array>
#include <cstdint>
#include <string>

#include "storage/lmdb/environment.h"

namespace weft::lmdb {

inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
/// Sizes of the map, the largest that opens is taken.
inline constexpr std::array<std::uint64_t, 10> kMapBytes = {
    1024 * kGiB, 256 * kGiB, 64 * kGiB, 16 * kGiB, 4 * kGiB,
    2 * kGiB,    kGiB,       kGiB / 4,  kGiB / 16, kGiB / 64};

/// Is the process's address space limited (`ulimit -v`)?
bool is_address_space_limited();
/// Could so much more be mapped? Always yes where it isn't limited.
bool has_address_space(std::uint64_t bytes);

/// @errors kInvalidArgument: a network filesystem
Status check_filesystem(const std::string& folder);

/// Its head, and that it is as long as the head says. @errors kCorrupt
Status check_file(const std::string& path, bool read_only);

/// A copy of an environment's file as of one commit, beside a process that may be writing it. It has no name and goes
/// when it is closed.
/// @return  its descriptor
/// @errors kInUse: it is written too fast; kDiskFull, kIoError
Result<int> copy_beside_writer(const std::string& path);
/// By which an open file can be opened again.
std::string path_of_open(int file);

/// Makes sure of the room that LMDB's list of readers takes, which it writes to through a map: on a full disk that ends the
/// process. @pre  the environment is not open in this process @errors kDiskFull
Status reserve_lock_file(const std::string& folder);

/// Makes an environment with its databases where there is none, durably, whole or not at all.
Status make_environment(const Environment::Options& options);

}  // namespace weft::lmdb
