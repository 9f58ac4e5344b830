#include "tests/netlab/fabric.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace weft::netlab {

std::string error_text(const std::string& what, int error) {
  return what + ": " + std::generic_category().message(error);
}

int checked(int result, const std::string& what) {
  if (result < 0) throw std::runtime_error(error_text(what, errno));
  return result;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace weft::netlab
