#include "transport/links/port_owner.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

namespace weft::links {
namespace {

namespace fs = std::filesystem;

/// Numbers of the sockets that listen on the port, from a table of Linux (proc(5), /proc/net/tcp):
///   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
///    0: 0100007F:1CE8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13021
void add_listening(const char* table, std::uint16_t port, std::set<std::string>& sockets) {
  constexpr unsigned kListening = 0x0a;
  std::ifstream file(table);
  for (std::string line; std::getline(file, line);) {
    unsigned line_port = 0;
    unsigned state = 0;
    char inode[32] = "";
    if (std::sscanf(line.c_str(), " %*[^:]: %*[0-9A-F]:%x %*[0-9A-F:] %x %*s %*s %*s %*s %*s %31s",
                    &line_port, &state, inode) == 3 &&
        line_port == port && state == kListening)
      sockets.insert("socket:[" + std::string(inode) + "]");
  }
}

bool holds_one_of(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (fs::directory_iterator at(process / "fd", error), end; !error && at != end;
       at.increment(error)) {
    std::error_code unreadable;
    if (sockets.contains(fs::read_symlink(at->path(), unreadable).string())) return true;
  }
  return false;
}

}  // namespace

std::string port_owner(std::uint16_t port) {
  std::set<std::string> sockets;
  add_listening("/proc/net/tcp", port, sockets);
  add_listening("/proc/net/tcp6", port, sockets);
  if (sockets.empty()) return {};
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string number = at->path().filename().string();
    if (number.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!holds_one_of(at->path(), sockets)) continue;
    std::string name;
    std::ifstream file(at->path() / "comm");
    std::getline(file, name);
    return "process " + number + (name.empty() ? "" : " (" + name + ")");
  }
  return {};
}

}  // namespace weft::links
