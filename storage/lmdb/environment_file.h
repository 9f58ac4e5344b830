#pragma once
// The file below an Environment: where it may lie, how it is made, what is looked at before LMDB maps it.

#include <array>
#include <cstdint>
#include <string>

#include "storage/lmdb/environment.h"

namespace weft::lmdb {

inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
/// Sizes of the map, the largest that opens is taken.
inline constexpr std::array<std::uint64_t, 4> kMapBytes = {1024 * kGiB, 256 * kGiB, 64 * kGiB,
                                                           16 * kGiB};

/// @errors kInvalidArgument: a network filesystem
Status check_filesystem(const std::string& folder);

/// Its head, and that it is as long as the head says. @errors kCorrupt
Status check_file(const std::string& path, bool read_only);

/// Makes an environment with its databases where there is none, durably, whole or not at all.
Status make_environment(const Environment::Options& options);

}  // namespace weft::lmdb
