#include "storage/files/whole_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "storage/files/names.h"
#include "tests/support/folder.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;
using files::Existing;

constexpr std::string_view kText = "{\"title\": \"CPU busy\"}\n";

std::string content_of(const std::string& path) {
  const Bytes bytes = files::read_file(path).value();
  return std::string(as_text(bytes));
}

void write(const std::string& path, std::string_view text = kText,
           Existing existing = Existing::kReplace) {
  const Status done = files::write_file(path, as_bytes(text), existing);
  REQUIRE_MESSAGE(done.ok(), done.error().message());
}

/// Kind, place and mode, not size and time.
struct Identity {
  dev_t device;
  ino_t inode;
  mode_t mode;
  dev_t special;
  friend bool operator==(const Identity&, const Identity&) = default;
};
Identity identity_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return {info.st_dev, info.st_ino, info.st_mode, info.st_rdev};
}

std::string read_some(int file) {
  std::array<char, 256> text{};
  const ssize_t size = ::read(file, text.data(), text.size());
  return std::string(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
}

std::size_t names_in(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST_CASE("a device, and a link to one, is written to and stays what it is") {
  Folder folder;
  const std::string null = folder.path() + "/null";
  // The same device as /dev/null, and not it: a fault here must not break the machine.
  if (::mknod(null.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
    MESSAGE("skipped: this user can't make device nodes");
    return;
  }
  const int probe = ::open(null.c_str(), O_WRONLY | O_CLOEXEC);
  if (probe < 0) {
    MESSAGE("skipped: the folder's filesystem has no devices");
    return;
  }
  ::close(probe);
  fs::create_symlink("null", folder.path() + "/link");
  fs::create_symlink(folder.path() + "/link", folder.path() + "/far");
  const Identity before = identity_of(null);
  for (const char* name : {"/null", "/link", "/far"})
    for (const Existing existing : {Existing::kReplace, Existing::kRefuse}) {
      CAPTURE(name);
      write(folder.path() + name, kText, existing);
      CHECK(!files::is_replaceable(folder.path() + name));
      CHECK(identity_of(null) == before);
    }
  CHECK(fs::is_symlink(folder.path() + "/link"));
  CHECK(fs::is_symlink(folder.path() + "/far"));
  CHECK(names_in(folder.path()) == 3);
}

TEST_CASE("a full device says so and stays") {
  Folder folder;
  const std::string full = folder.path() + "/full";
  if (::mknod(full.c_str(), S_IFCHR | 0666, makedev(1, 7)) != 0 ||
      ::access(full.c_str(), W_OK) != 0)
    return;
  const Identity before = identity_of(full);
  const Status done = files::write_file(full, as_bytes(kText), Existing::kReplace);
  REQUIRE(!done.ok());
  CHECK((done.error().code() == ErrorCode::kDiskFull ||
         done.error().code() == ErrorCode::kInvalidArgument));  // a folder without devices
  CHECK(done.error().context().starts_with(full));
  CHECK(identity_of(full) == before);
}

TEST_CASE("a fifo, and a link to one, is written to and stays") {
  Folder folder;
  const std::string fifo = folder.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  fs::create_symlink("fifo", folder.path() + "/link");
  const int reader = ::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  const Identity before = identity_of(fifo);
  for (const char* name : {"/fifo", "/link"}) {
    write(folder.path() + name);
    CHECK(read_some(reader) == kText);
    CHECK(identity_of(fifo) == before);
  }
  ::close(reader);
  CHECK(names_in(folder.path()) == 2);
}

TEST_CASE("an open file of this process gets the bytes where it stands") {
  Folder folder;
  const std::string path = folder.path() + "/out";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(file >= 0);
  REQUIRE(::write(file, "before\n", 7) == 7);
  const Identity before = identity_of(path);
  write("/dev/fd/" + std::to_string(file));
  fs::create_symlink("/proc/self/fd/" + std::to_string(file), folder.path() + "/link");
  write(folder.path() + "/link", "again\n");
  REQUIRE(::write(file, "after\n", 6) == 6);
  CHECK(content_of(path) == "before\n" + std::string(kText) + "again\nafter\n");
  CHECK(identity_of(path) == before);

  // Also once it has lost its name: another file may have that by now.
  fs::rename(path, folder.path() + "/moved");
  write(path, "another\n");
  write("/proc/self/fd/" + std::to_string(file), "last\n");
  CHECK(content_of(path) == "another\n");
  CHECK(content_of(folder.path() + "/moved").ends_with("after\nlast\n"));
  ::close(file);
  CHECK(names_in(folder.path()) == 3);
}

TEST_CASE("an open pipe gets the bytes") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  write("/dev/fd/" + std::to_string(ends[1]));
  CHECK(read_some(ends[0]) == kText);
  for (int end : ends) ::close(end);
}

TEST_CASE("a socket and a folder are refused, and stay") {
  Folder folder;
  const std::string path = folder.path() + "/socket";
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  fs::create_directory(folder.path() + "/folder");
  for (const char* name : {"/socket", "/folder"}) {
    CAPTURE(name);
    const Identity before = identity_of(folder.path() + name);
    const Status done =
        files::write_file(folder.path() + name, as_bytes(kText), Existing::kReplace);
    REQUIRE(!done.ok());
    CHECK(done.error().code() == ErrorCode::kInvalidArgument);
    CHECK(done.error().context().starts_with(folder.path() + name));
    CHECK(identity_of(folder.path() + name) == before);
  }
  ::close(socket);
}

TEST_CASE("a regular file is replaced whole and keeps its mode; its links stay links") {
  Folder folder;
  const std::string path = folder.path() + "/file";
  write(path, "old\n");
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  fs::create_directory(folder.path() + "/a");
  fs::create_symlink("../file", folder.path() + "/a/link");
  const ino_t before = identity_of(path).inode;
  const int reader = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  write(folder.path() + "/a/link");
  CHECK(fs::is_symlink(folder.path() + "/a/link"));
  CHECK(content_of(path) == kText);
  CHECK(identity_of(path).inode != before);
  CHECK((identity_of(path).mode & 07777) == 0640);
  CHECK(read_some(reader) == "old\n");  // who reads the old one reads it to the end
  ::close(reader);
  CHECK(names_in(folder.path()) == 2);
}

TEST_CASE("a link to nothing leads to where the file is made") {
  Folder folder;
  fs::create_symlink("made", folder.path() + "/link");
  write(folder.path() + "/link");
  CHECK(fs::is_symlink(folder.path() + "/link"));
  CHECK(content_of(folder.path() + "/made") == kText);
}

TEST_CASE("links that lead in a circle are an error") {
  Folder folder;
  fs::create_symlink("b", folder.path() + "/a");
  fs::create_symlink("a", folder.path() + "/b");
  CHECK(!files::write_file(folder.path() + "/a", as_bytes(kText), Existing::kReplace).ok());
}

TEST_CASE("where it must not replace, a file and a link to one stay, and a fifo is written to") {
  Folder folder;
  write(folder.path() + "/file", "old\n", Existing::kRefuse);
  fs::create_symlink("file", folder.path() + "/link");
  for (const char* name : {"/file", "/link"}) {
    const Status done = files::write_file(folder.path() + name, as_bytes(kText), Existing::kRefuse);
    REQUIRE(!done.ok());
    CHECK(done.error().context().find("exists already") != std::string::npos);
  }
  CHECK(content_of(folder.path() + "/file") == "old\n");
}

// --- names ---

TEST_CASE("what is of another kind than meant is not removed and not replaced") {
  Folder folder;
  const std::string fifo = folder.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  write(folder.path() + "/file");
  fs::create_directory(folder.path() + "/folder");
  const Identity before = identity_of(fifo);
  CHECK(files::remove_file(fifo).error().code() == ErrorCode::kInvalidArgument);
  CHECK(files::remove_file(folder.path() + "/folder").error().code() ==
        ErrorCode::kInvalidArgument);
  files::remove_link(fifo);
  CHECK(files::replace(folder.path() + "/file", fifo).error().code() ==
        ErrorCode::kInvalidArgument);
  CHECK(!files::remove_empty_folder(fifo).ok());
  CHECK(identity_of(fifo) == before);
  CHECK(files::remove_file(folder.path() + "/file").ok());
  CHECK(files::remove_file(folder.path() + "/file").ok());
  CHECK(!fs::exists(folder.path() + "/file"));
}

TEST_CASE("replacing through a link replaces what it leads to") {
  Folder folder;
  write(folder.path() + "/new", "new\n");
  write(folder.path() + "/old", "old\n");
  fs::create_symlink("old", folder.path() + "/link");
  REQUIRE(files::replace(folder.path() + "/new", folder.path() + "/link").ok());
  CHECK(fs::is_symlink(folder.path() + "/link"));
  CHECK(content_of(folder.path() + "/old") == "new\n");
}

TEST_CASE("removing a link leaves what it leads to") {
  Folder folder;
  write(folder.path() + "/file");
  fs::create_symlink("file", folder.path() + "/link");
  files::remove_link(folder.path() + "/link");
  CHECK(!fs::is_symlink(folder.path() + "/link"));
  CHECK(content_of(folder.path() + "/file") == kText);
}

}  // namespace
}  // namespace weft::test
