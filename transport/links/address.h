#pragma once
// Address: where a peer listens, as people write it.
//
//   tcp:HOST:PORT     tcp:127.0.0.1:7400   tcp:boards.example:7400   tcp:[::1]:7400   tcp:[fe80::1%eth0]:7400
//   unix:PATH         unix:boards.sock     unix:/run/weft/boards.sock
//
// Invariants
//   I1  parse(print(a)) = a.
//   I2  A TCP address has a host; a Unix address a path that fits into a sockaddr_un, without NUL.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "crdt/base/result.h"

namespace weft::links {

struct Address {
  enum class Kind : std::uint8_t { kTcp, kUnix };

  static constexpr std::size_t kHostBytes = 253;  ///< DNS allows no more
  static constexpr std::size_t kPathBytes = 107;  ///< what a sockaddr_un takes

  Kind kind = Kind::kTcp;
  std::string host;        ///< tcp: a name or a number, IPv6 without its brackets
  std::uint16_t port = 0;  ///< tcp: 0 asks for any free port, when listening
  std::string path;        ///< unix

  /// @errors kInvalidArgument: names what is wrong and what to write instead
  static Result<Address> parse(std::string_view text);
  std::string print() const;

  /// Does it surely stay on this machine? True for Unix sockets, "localhost", 127.0.0.0/8 and ::1; false for
  /// every other name, whatever it stands for.
  bool is_loopback() const;

  friend auto operator<=>(const Address&, const Address&) = default;
};

}  // namespace weft::links
