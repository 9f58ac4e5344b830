#pragma once
// Error numbers of the system as weft's errors: the only place in links/ that maps them.

#include <cstdint>
#include <string>

#include "crdt/base/result.h"

namespace weft::links {

/// What the number means for a socket, and what to do: "connection refused: nobody listens there".
std::string os_words(int number);

/// "`what`: words", with the code that fits. `what` names the address or file, or is empty.
Error os_error(int number, const std::string& what);

/// The same for what getaddrinfo returns; `number` is errno where it says to look there.
Error lookup_error(int fault, int number, const std::string& host);

/// "1.5 s", "20 ms", "3 min": for people.
std::string duration_words(std::uint64_t ms);

}  // namespace weft::links
