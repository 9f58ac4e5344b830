#include "bench/store/child_process.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <utility>

namespace weft::bench {
namespace {

Error system_error(const char* what) {
  return Error(ErrorCode::kIoError, std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

void Fault::set(const Error& error) {
  const std::string words = error.message();
  const std::size_t size = words.copy(text_, sizeof text_ - 1);
  text_[size] = '\0';
}

Status Fault::status() const {
  if (text_[0] == '\0') return {};
  return Error(ErrorCode::kIoError, text_);
}

Status Link::send_bytes(const void* data, std::size_t size) const {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::send(socket_, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return system_error("sending to another process");
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return {};
}

Status Link::receive_bytes(void* data, std::size_t size) const {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::read(socket_, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("hearing from another process");
    if (got == 0) return Error(ErrorCode::kIoError, "another process ended before it answered");
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

Result<ChildProcess> ChildProcess::start(const std::function<void(const Link&)>& body) {
  std::cout.flush();
  std::cerr.flush();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("socketpair");
  const pid_t process = fork();
  if (process < 0) {
    Error error = system_error("fork");
    ::close(ends[0]);
    ::close(ends[1]);
    return error;
  }
  if (process == 0) {
    ::close(ends[0]);
    body(Link(ends[1]));
    _exit(0);  // what the parent registered for its exit is not the child's
  }
  ::close(ends[1]);
  return ChildProcess(process, ends[0]);
}

Result<ChildProcess> ChildProcess::start_again(const std::vector<std::string>& arguments) {
  return start([&](const Link& link) {
    std::vector<char*> words;
    std::string name = "weft-bench";
    words.push_back(name.data());
    std::vector<std::string> copies = arguments;
    for (std::string& each : copies) words.push_back(each.data());
    words.push_back(nullptr);
    if (dup2(link.socket(), STDOUT_FILENO) >= 0) execv("/proc/self/exe", words.data());
  });
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : process_(std::exchange(other.process_, -1)), link_(std::exchange(other.link_, Link(-1))) {}

ChildProcess::~ChildProcess() {
  if (process_ < 0) return;
  // Which it takes as the end. Children that were started later hold copies of this socket, so close() alone would
  // not tell it.
  ::shutdown(link_.socket(), SHUT_RDWR);
  ::close(link_.socket());
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace weft::bench
