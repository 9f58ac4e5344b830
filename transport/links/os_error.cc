#include "transport/links/os_error.h"

#include <netdb.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace weft::links {

std::string os_words(int number) {
  switch (number) {
    case ECONNREFUSED:
      return "connection refused: nobody listens there";
    case ECONNRESET:
    case EPIPE:
      return "the other end broke the link off";
    case ETIMEDOUT:
      return "no answer: the host is off, or a firewall drops what is sent there";
    case EHOSTUNREACH:
    case ENETUNREACH:
      return "no way there: is the network up?";
    case EADDRINUSE:
      return "the address is in use: end who listens there, or choose another one";
    case EADDRNOTAVAIL:
      return "this machine has no such address: choose one that `ip address` shows";
    case EACCES:
    case EPERM:
      return "not permitted: choose a port from 1024 on, or a file that this user may use";
    case EMFILE:
      return "this process has too many open files: raise the limit (ulimit -n)";
    case ENFILE:
      return "the system has too many open files";
    case ENOENT:
      return "no such file";
    case EAGAIN:
      return "whoever listens there is too busy to answer";
    default:
      return std::error_code(number, std::generic_category()).message();
  }
}

Error os_error(int number, const std::string& what) {
  ErrorCode code = ErrorCode::kIoError;
  switch (number) {
    case EADDRINUSE:
      code = ErrorCode::kInUse;
      break;
    case ENOENT:
    case ECONNREFUSED:
    case EADDRNOTAVAIL:
      code = ErrorCode::kNotFound;
      break;
    default:
      break;
  }
  return Error(code, what.empty() ? os_words(number) : what + ": " + os_words(number));
}

Error lookup_error(int fault, int number, const std::string& host) {
  switch (fault) {
    case EAI_NONAME:
    case EAI_NODATA:
      return Error(ErrorCode::kNotFound,
                   host + ": no host of this name: is it spelled right? or write its number");
    case EAI_AGAIN:
      return Error(ErrorCode::kIoError,
                   host + ": the name can't be looked up now: is the network up?");
    case EAI_SYSTEM:
      return os_error(number, host);
    default:
      return Error(ErrorCode::kIoError, host + ": " + gai_strerror(fault));
  }
}

std::string duration_words(std::uint64_t ms) {
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (ms < 10'000) {
    const std::uint64_t tenths = ms / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
  }
  if (ms < 120'000) return std::to_string(ms / 1000) + " s";
  if (ms < 7'200'000) return std::to_string(ms / 60'000) + " min";
  return std::to_string(ms / 3'600'000) + " h";
}

}  // namespace weft::links
