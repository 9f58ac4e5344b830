#pragma once
// Sockets without an event loop: numbers of endpoints, listening, options, who is at the other end. Everything here
// returns at once except lookup(), and all sockets are non-blocking and closed on exec.

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/result.h"
#include "transport/links/address.h"
#include "transport/links/fd.h"

namespace weft::links {

/// An address as the system knows it.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  /// "tcp:[::1]:7400"; IPv4 inside IPv6 as IPv4. For TCP only.
  std::string print() const;
  std::uint16_t port() const;  ///< 0 for Unix
  /// Whom a limit per address counts together: the IPv4 number, or the first half of the IPv6 one.
  std::string group() const;
};

/// The endpoints of an address that needs no looking up (a number, "localhost", a path); empty: it does.
std::vector<Endpoint> direct_endpoints(const Address& address);

/// Asks the system for the numbers of a host name; may block for many seconds.
/// @errors kNotFound, kIoError
Result<std::vector<Endpoint>> lookup(const std::string& host, std::uint16_t port);

Result<Fd> make_socket(int family, const std::string& what);

/// A listening TCP socket. @return it, and where it listens. @errors as LinkHub::listen
struct Listening {
  Fd socket;
  Endpoint endpoint;
};
Result<Listening> listen_tcp(const Endpoint& endpoint, const std::string& what);

/// Small frames go at once, and a peer whose machine is gone is noticed. Does nothing for Unix sockets.
void set_stream_options(int socket);

/// Who is at the other end of a Unix socket.
struct PeerProcess {
  std::uint32_t user = 0;
  std::int32_t process = 0;
};
Result<PeerProcess> peer_process(int socket);

/// Lets this process open `wanted` files, as far as the system allows it. @return how many it may open now
std::uint64_t raise_open_files(std::uint64_t wanted);

}  // namespace weft::links
