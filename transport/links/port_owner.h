#pragma once
// Who listens on a TCP port of this machine, for error messages.

#include <cstdint>
#include <string>

namespace weft::links {

/// "process 4711 (weft)"; empty where that can't be seen, for instance since it is another user's.
std::string port_owner(std::uint16_t port);

}  // namespace weft::links
