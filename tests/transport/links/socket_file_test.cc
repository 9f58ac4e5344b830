#include "transport/links/socket_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/folder.h"
#include "transport/links/sockets.h"

using namespace weft;
using namespace weft::links;
using weft::test::Folder;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

void check_refused(const std::string& path, ErrorCode code, const std::string& words) {
  SocketFile file;
  const Result<Fd> socket = file.listen(path);
  REQUIRE_FALSE(socket.ok());
  INFO(socket.error().message());
  CHECK(socket.error().code() == code);
  CHECK(socket.error().context().find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("a socket's file is the user's alone, and goes with its object") {
  const Folder folder;
  const std::string path = folder.path() + "/s";
  const mode_t before = ::umask(0);
  {
    SocketFile file;
    const Result<Fd> socket = file.listen(path);
    ::umask(before);
    REQUIRE(socket.ok());
    CHECK(mode_of(path) == 0600);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a missing folder is made for the user alone, but not a whole path") {
  const Folder folder;
  const mode_t before = ::umask(0);
  SocketFile file;
  const bool made = file.listen(folder.path() + "/run/s").ok();
  ::umask(before);
  REQUIRE(made);
  CHECK(mode_of(folder.path() + "/run") == 0700);
  check_refused(folder.path() + "/a/b/s", ErrorCode::kNotFound, "making the folder");
}

TEST_CASE("a folder into which others can write is refused") {
  const Folder folder;
  REQUIRE(::chmod(folder.path().c_str(), 01777) == 0);
  check_refused(folder.path() + "/s", ErrorCode::kIoError, "mode 1777");
  REQUIRE(::chmod(folder.path().c_str(), 0770) == 0);
  check_refused(folder.path() + "/s", ErrorCode::kIoError, "chmod 700");
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  SocketFile file;
  CHECK(file.listen(folder.path() + "/s").ok());
}

TEST_CASE("the file of a process that is gone is replaced, one that is in use is not") {
  const Folder folder;
  const std::string path = folder.path() + "/s";
  {
    // As a process leaves it that was killed: bound, but nobody listens.
    const Fd socket = make_socket(AF_UNIX, "").value();
    Address address;
    address.kind = Address::Kind::kUnix;
    address.path = path;
    const Endpoint endpoint = direct_endpoints(address).front();
    REQUIRE(::bind(socket.get(), endpoint.data(), endpoint.size) == 0);
  }
  REQUIRE(std::filesystem::exists(path));
  SocketFile file;
  const Result<Fd> socket = file.listen(path);
  REQUIRE(socket.ok());
  check_refused(path, ErrorCode::kInUse, "process " + std::to_string(::getpid()));
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("a file that is no socket stays") {
  const Folder folder;
  const std::string path = folder.path() + "/s";
  std::ofstream(path) << "precious";
  check_refused(path, ErrorCode::kInUse, "no socket");
  CHECK(std::filesystem::file_size(path) == 8);
}

TEST_CASE("a file that somebody put in place of the socket's stays") {
  const Folder folder;
  const std::string path = folder.path() + "/s";
  {
    Result<Fd> socket = Fd();
    SocketFile file;
    socket = file.listen(path);
    REQUIRE(socket.ok());
    REQUIRE(::unlink(path.c_str()) == 0);
    std::ofstream(path) << "precious";
  }
  CHECK(std::filesystem::exists(path));
}
