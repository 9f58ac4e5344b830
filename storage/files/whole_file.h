#pragma once
// Whole files in and out. Every error names the file and says what to do.
//
//   what lies at the path                     write_file
//   nothing                                   makes it: all or nothing, durable
//   a regular file                            replaces it: all or nothing, durable; its permissions stay
//   a link to one of these                    the link stays, what it leads to is made or replaced
//   a device, a fifo                          writes to it; it stays
//   /dev/stdout, /dev/fd/N, /proc/self/fd/N   writes to the open file, where it stands
//   a folder, a socket                        an error
//
// Threads: any.

#include <string>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"

namespace weft::files {

/// @param path  "-" is standard input
/// @errors kNotFound: no such file; kInvalidArgument: cannot be read
Result<Bytes> read_file(const std::string& path);

enum class Existing { kReplace, kRefuse };

/// As the table says.
/// @param existing  kRefuse: a regular file stays. What is not replaced is written to all the same.
/// @errors kInvalidArgument: it exists (kRefuse), or cannot be written; kNotFound: no such folder; kDiskFull
Status write_file(const std::string& path, ByteSpan data, Existing existing);

/// Does write_file() put a file there, that is: is there nothing yet, or a regular file?
bool is_replaceable(const std::string& path);

/// A small file whose loss does no harm: written in place, and not made durable.
Status write_hint(const std::string& path, ByteSpan data);

}  // namespace weft::files
