#pragma once
// SocketFile: the file of a Unix socket that this process listens on. Only the own user can connect: the file has
// mode 0600 from its first moment on, and its folder is one into which no other user can put a file instead.
//
// Invariants
//   I1  A file that is no socket, or behind which somebody listens, is never removed.
//   I2  The file is removed with the object, unless it was replaced meanwhile. The object must go before the socket,
//       which keeps the file's inode number from being used again.

#include <sys/types.h>

#include <string>

#include "crdt/base/result.h"
#include "transport/links/fd.h"

namespace weft::links {

class SocketFile {
 public:
  SocketFile() = default;
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile();

  /// Makes the file and listens. A folder that is missing is made with mode 0700, unless its own folder is missing.
  /// @return the listening socket
  /// @errors kInUse: somebody listens there, or it is something else than a socket; kNotFound: no such folder;
  ///         kIoError: the folder is not safe, or the system's words
  Result<Fd> listen(const std::string& path);

 private:
  void remove();

  std::string made_folder_;  ///< goes with the file, if it is empty then
  std::string path_;         ///< empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace weft::links
