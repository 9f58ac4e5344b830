#include "transport/links/sockets.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "transport/links/os_error.h"
#include "transport/links/port_owner.h"

namespace weft::links {
namespace {

const sockaddr_in& as_v4(const Endpoint& endpoint) {
  return reinterpret_cast<const sockaddr_in&>(endpoint.storage);
}
const sockaddr_in6& as_v6(const Endpoint& endpoint) {
  return reinterpret_cast<const sockaddr_in6&>(endpoint.storage);
}

Endpoint make_v4(in_addr number, std::uint16_t port) {
  Endpoint endpoint;
  auto& v4 = reinterpret_cast<sockaddr_in&>(endpoint.storage);
  v4.sin_family = AF_INET;
  v4.sin_addr = number;
  v4.sin_port = htons(port);
  endpoint.size = sizeof v4;
  return endpoint;
}

Endpoint make_v6(in6_addr number, std::uint32_t scope, std::uint16_t port) {
  Endpoint endpoint;
  auto& v6 = reinterpret_cast<sockaddr_in6&>(endpoint.storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = number;
  v6.sin6_scope_id = scope;
  v6.sin6_port = htons(port);
  endpoint.size = sizeof v6;
  return endpoint;
}

Endpoint make_unix(const std::string& path) {
  Endpoint endpoint;
  auto& local = reinterpret_cast<sockaddr_un&>(endpoint.storage);
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), std::min(path.size(), sizeof local.sun_path - 1));
  endpoint.size = sizeof local;
  return endpoint;
}

/// An IPv4 number, plain or as ::ffff:1.2.3.4, which is how a socket that listens on [::] sees it.
bool find_v4(const Endpoint& endpoint, in_addr& number) {
  if (endpoint.family() == AF_INET) {
    number = as_v4(endpoint).sin_addr;
    return true;
  }
  if (endpoint.family() != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&as_v6(endpoint).sin6_addr))
    return false;
  std::memcpy(&number, as_v6(endpoint).sin6_addr.s6_addr + 12, sizeof number);
  return true;
}

void set_option(int socket, int level, int option, int value) {
  ::setsockopt(socket, level, option, &value, sizeof value);  // it works without, a little worse
}

}  // namespace

std::string Endpoint::print() const {
  char text[INET6_ADDRSTRLEN] = "";
  in_addr v4;
  if (find_v4(*this, v4)) {
    inet_ntop(AF_INET, &v4, text, sizeof text);
    return "tcp:" + std::string(text) + ":" + std::to_string(port());
  }
  if (family() != AF_INET6) return "unix";
  inet_ntop(AF_INET6, &as_v6(*this).sin6_addr, text, sizeof text);
  std::string host = text;
  char interface[IF_NAMESIZE];
  if (as_v6(*this).sin6_scope_id != 0 &&
      if_indextoname(as_v6(*this).sin6_scope_id, interface) != nullptr)
    host += "%" + std::string(interface);
  return "tcp:[" + host + "]:" + std::to_string(port());
}

std::uint16_t Endpoint::port() const {
  if (family() == AF_INET) return ntohs(as_v4(*this).sin_port);
  if (family() == AF_INET6) return ntohs(as_v6(*this).sin6_port);
  return 0;
}

std::string Endpoint::group() const {
  in_addr v4;
  if (find_v4(*this, v4)) return std::string(reinterpret_cast<const char*>(&v4), sizeof v4);
  if (family() != AF_INET6) return {};
  return std::string(reinterpret_cast<const char*>(as_v6(*this).sin6_addr.s6_addr), 8);
}

std::vector<Endpoint> direct_endpoints(const Address& address) {
  if (address.kind == Address::Kind::kUnix) return {make_unix(address.path)};
  in_addr v4;
  if (address.host == "localhost") {
    v4.s_addr = htonl(INADDR_LOOPBACK);
    return {make_v4(v4, address.port), make_v6(in6addr_loopback, 0, address.port)};
  }
  if (inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return {make_v4(v4, address.port)};
  const std::size_t percent = address.host.find('%');
  in6_addr v6;
  if (inet_pton(AF_INET6, address.host.substr(0, percent).c_str(), &v6) == 1) {
    const std::uint32_t scope =
        percent == std::string::npos ? 0 : if_nametoindex(address.host.c_str() + percent + 1);
    return {make_v6(v6, scope, address.port)};
  }
  return {};
}

Result<std::vector<Endpoint>> lookup(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int fault = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (fault != 0) return lookup_error(fault, errno, host);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    Endpoint endpoint;
    std::memcpy(&endpoint.storage, entry->ai_addr, entry->ai_addrlen);
    endpoint.size = entry->ai_addrlen;
    endpoints.push_back(endpoint);
  }
  if (endpoints.empty()) return lookup_error(EAI_NONAME, 0, host);
  return endpoints;
}

Result<Fd> make_socket(int family, const std::string& what) {
  Fd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return os_error(errno, what);
  return socket;
}

Result<Listening> listen_tcp(const Endpoint& endpoint, const std::string& what) {
  WEFT_ASSIGN(Fd socket, make_socket(endpoint.family(), what));
  // So that a daemon can start again while links of its last run linger in the system.
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  // [::] means all networks, IPv4's too, whatever the system's default is.
  if (endpoint.family() == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(socket.get(), endpoint.data(), endpoint.size) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    if (errno != EADDRINUSE) return os_error(errno, what);
    const std::string owner = port_owner(endpoint.port());
    return owner.empty()
               ? os_error(EADDRINUSE, what)
               : Error(ErrorCode::kInUse,
                       what + ": " + owner + " listens there: end it, or choose another port");
  }
  Listening listening;
  listening.endpoint.size = sizeof listening.endpoint.storage;
  if (::getsockname(socket.get(), listening.endpoint.data(), &listening.endpoint.size) != 0)
    return os_error(errno, what);
  listening.socket = std::move(socket);
  return listening;
}

void set_stream_options(int socket) {
  sockaddr_storage own;
  socklen_t size = sizeof own;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) != 0) return;
  if (own.ss_family == AF_UNIX) return;
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

Result<PeerProcess> peer_process(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return os_error(errno, "asking who is at the other end of a Unix socket");
  return PeerProcess{credentials.uid, credentials.pid};
}

std::uint64_t raise_open_files(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  rlimit raised = limit;
  raised.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace weft::links
