#include "transport/links/socket_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "transport/links/os_error.h"
#include "transport/links/sockets.h"

namespace weft::links {
namespace {

constexpr int kBacklog = 1024;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Who could write into the folder could put a socket of their own where ours should be.
Status check_folder(int folder, const std::string& name) {
  struct stat info {};
  if (::fstat(folder, &info) != 0) return os_error(errno, name);
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(info.st_mode & 07777));
    return Error(ErrorCode::kIoError,
                 "the folder '" + name + "' (mode " + mode +
                     ") can be written by other users, who could put a socket of their own "
                     "there: choose a folder of your own, or chmod 700 it");
  }
  const uid_t own = ::geteuid();
  if (own != 0 && info.st_uid != own && info.st_uid != 0)
    return Error(ErrorCode::kIoError,
                 "the folder '" + name + "' belongs to another user: choose one of your own");
  return {};
}

void remove_empty_folder(const std::string& name) {
  ::rmdir(name.c_str());  // raw file call: takes nothing but an empty folder
}

/// Takes the name away where a socket lies there, and nothing else.
void remove_socket(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode))
    ::unlink(path.c_str());  // raw file call: a socket, looked at just now
}

/// A folder that was made for a socket. Goes with it unless it is kept, or something else lies in it.
class MadeFolder {
 public:
  MadeFolder() = default;
  MadeFolder(const MadeFolder&) = delete;
  MadeFolder& operator=(const MadeFolder&) = delete;
  ~MadeFolder() {
    if (!name_.empty()) remove_empty_folder(name_);
  }
  Status make(const std::string& name) {
    if (::mkdir(name.c_str(), 0700) == 0) {
      name_ = name;
    } else if (errno != EEXIST) {
      return os_error(errno, "making the folder '" + name + "'");
    }
    return {};
  }
  std::string keep() { return std::exchange(name_, {}); }

 private:
  std::string name_;
};

/// The folder, locked: of two processes that start at once, one looks, removes and binds before the other.
Result<Fd> lock_folder(const std::string& name) {
  Fd folder(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return os_error(errno, "the folder '" + name + "'");
  WEFT_TRY(check_folder(folder.get(), name));
  for (int attempt = 0; ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return os_error(errno, "locking the folder '" + name + "'");
    if (attempt == 200)
      return Error(ErrorCode::kInUse, "the folder '" + name + "' is locked by another process");
    const timespec pause{0, 5'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return folder;
}

/// Removes the file of a process that is gone. (SocketFile's I1)
Status remove_stale(const std::string& path, const Endpoint& endpoint) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0)
    return errno == ENOENT ? Status() : Status(os_error(errno, "unix:" + path));
  if (!S_ISSOCK(info.st_mode))
    return Error(ErrorCode::kInUse,
                 "unix:" + path + ": there is a file that is no socket: choose another path");
  WEFT_ASSIGN(Fd probe, make_socket(AF_UNIX, "unix:" + path));
  const int fault = ::connect(probe.get(), endpoint.data(), endpoint.size) == 0 ? 0 : errno;
  if (fault == ECONNREFUSED) {
    remove_socket(path);
    return {};
  }
  if (fault != 0 && fault != EAGAIN) return os_error(fault, "unix:" + path);
  std::string who = "somebody";
  if (Result<PeerProcess> peer = peer_process(probe.get()); peer.ok() && peer->process > 0)
    who = "process " + std::to_string(peer->process);
  return Error(ErrorCode::kInUse,
               "unix:" + path + ": " + who + " listens there: end it, or choose another path");
}

}  // namespace

SocketFile::SocketFile(SocketFile&& other) noexcept
    : made_folder_(std::exchange(other.made_folder_, {})),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  if (this != &other) {
    remove();
    made_folder_ = std::exchange(other.made_folder_, {});
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

SocketFile::~SocketFile() { remove(); }

Result<Fd> SocketFile::listen(const std::string& path) {
  const std::string what = "unix:" + path;
  Address address;
  address.kind = Address::Kind::kUnix;
  address.path = path;
  const Endpoint endpoint = direct_endpoints(address).front();
  MadeFolder made;
  WEFT_TRY(made.make(folder_of(path)));
  WEFT_ASSIGN(const Fd folder, lock_folder(folder_of(path)));
  WEFT_TRY(remove_stale(path, endpoint));
  WEFT_ASSIGN(Fd socket, make_socket(AF_UNIX, what));
  // Linux gives the file the mode that the socket has when it is bound: no moment with another one.
  if (::fchmod(socket.get(), 0600) != 0 ||
      ::bind(socket.get(), endpoint.data(), endpoint.size) != 0)
    return os_error(errno, what);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    const int number = errno;
    remove_socket(path);
    return os_error(number, what);
  }
  remove();
  made_folder_ = made.keep();
  path_ = path;
  device_ = info.st_dev;
  inode_ = info.st_ino;
  return socket;
}

void SocketFile::remove() {
  struct stat info {};
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_)
    remove_socket(path_);
  path_.clear();
  if (!made_folder_.empty()) remove_empty_folder(made_folder_);
  made_folder_.clear();
}

}  // namespace weft::links
