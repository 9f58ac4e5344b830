#pragma once
// Files of recorded data: as they are, or unpacked where they are gzip.

#include <string>

#include "crdt/base/result.h"

namespace weft::trace {

/// The whole file. @errors kNotFound: no such file; kCorrupt: it ends or breaks inside its gzip stream
Result<std::string> read_unpacked(const std::string& path);

}  // namespace weft::trace
