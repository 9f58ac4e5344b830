#pragma once
// ChildProcess: a process of its own for what is measured by process (CPU time, bytes written, peak memory), and a
// socket to exchange plain structs with it. It ends with the object.
//
// Where the body does not exec, the parent must have one thread only.

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "crdt/base/result.h"

namespace weft::bench {

/// What went wrong in the other process, as part of a message; nothing did where it was not set.
class Fault {
 public:
  void set(const Error& error);
  Status status() const;

 private:
  char text_[240] = "";
};

/// One end of the socket. Both ends come from the same build, so structs go as they lie in memory.
class Link {
 public:
  explicit Link(int socket) : socket_(socket) {}

  template <typename T>
  Status send(const T& message) const {
    static_assert(std::is_trivially_copyable_v<T>);
    return send_bytes(&message, sizeof message);
  }
  /// @errors kIoError: the other end is gone
  template <typename T>
  Result<T> receive() const {
    static_assert(std::is_trivially_copyable_v<T>);
    T message{};
    WEFT_TRY(receive_bytes(&message, sizeof message));
    return message;
  }
  /// Any number of them; the other end has to know that they come.
  template <typename T>
  Status send_all(const std::vector<T>& messages) const {
    static_assert(std::is_trivially_copyable_v<T>);
    WEFT_TRY(send(messages.size()));
    return send_bytes(messages.data(), messages.size() * sizeof(T));
  }
  template <typename T>
  Result<std::vector<T>> receive_all() const {
    static_assert(std::is_trivially_copyable_v<T>);
    WEFT_ASSIGN(const auto count, receive<std::size_t>());
    std::vector<T> messages(count);
    WEFT_TRY(receive_bytes(messages.data(), count * sizeof(T)));
    return messages;
  }
  int socket() const { return socket_; }

 private:
  Status send_bytes(const void* data, std::size_t size) const;
  Status receive_bytes(void* data, std::size_t size) const;
  int socket_;
};

class ChildProcess {
 public:
  /// Runs `body` in a new process, which ends when it returns.
  static Result<ChildProcess> start(const std::function<void(const Link&)>& body);
  /// Runs this program again with other arguments; its standard output is its end of the link.
  static Result<ChildProcess> start_again(const std::vector<std::string>& arguments);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();
  const Link& link() const { return link_; }

 private:
  ChildProcess(pid_t process, int socket) : process_(process), link_(socket) {}
  pid_t process_;
  Link link_;
};

}  // namespace weft::bench
