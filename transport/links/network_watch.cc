#include "transport/links/network_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "transport/links/async.h"
#include "transport/links/os_error.h"

namespace weft::links {
namespace {

constexpr std::size_t kReadBytes = std::size_t{16} << 10;

/// Is there something in it that is new? What goes away makes nothing reachable.
bool has_something_new(const char* bytes, std::size_t size) {
  while (size >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, bytes, sizeof head);
    if (head.nlmsg_type == RTM_NEWLINK || head.nlmsg_type == RTM_NEWADDR ||
        head.nlmsg_type == RTM_NEWROUTE)
      return true;
    const std::size_t step = NLMSG_ALIGN(head.nlmsg_len);
    if (step < sizeof head || step >= size) break;
    bytes += step;
    size -= step;
  }
  return false;
}

}  // namespace

struct NetworkWatch::Impl {
  Impl(EventLoop& loop, std::function<void()> called) : socket(loop), changed(std::move(called)) {}

  Status open();
  Task watch(std::shared_ptr<Impl> self);
  bool read_all();

  AsyncFd socket;
  std::function<void()> changed;
};

Status NetworkWatch::Impl::open() {
  Fd made(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!made) return os_error(errno, "watching the network");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups =
      RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return os_error(errno, "watching the network");
  return socket.open(std::move(made));
}

/// @return has anything come that is new?
bool NetworkWatch::Impl::read_all() {
  std::array<char, kReadBytes> buffer;
  bool is_new = false;
  for (;;) {
    const ssize_t size = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size > 0) {
      is_new = is_new || has_something_new(buffer.data(), static_cast<std::size_t>(size));
    } else if (size < 0 && errno == ENOBUFS) {
      is_new = true;  // more came than the system keeps
    } else if (size == 0 || errno != EINTR) {
      return is_new;
    }
  }
}

Task NetworkWatch::Impl::watch(std::shared_ptr<Impl> /*self*/) {
  co_await yield();
  while (socket.is_open()) {
    const bool ready = co_await socket.readable();
    if (!ready || !socket.is_open()) break;
    if (read_all() && changed) changed();
  }
}

NetworkWatch::NetworkWatch(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

NetworkWatch::~NetworkWatch() {
  impl_->changed = nullptr;
  impl_->socket.close();
}

Result<std::unique_ptr<NetworkWatch>> NetworkWatch::open(EventLoop& loop,
                                                         std::function<void()> changed) {
  auto impl = std::make_shared<Impl>(loop, std::move(changed));
  WEFT_TRY(impl->open());
  spawn(loop, impl->watch(impl));
  return std::unique_ptr<NetworkWatch>(new NetworkWatch(std::move(impl)));
}

}  // namespace weft::links
