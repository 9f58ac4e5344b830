#pragma once
// Fd: a file descriptor that is closed with its object.

#include <unistd.h>

#include <utility>

namespace weft::links {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  explicit operator bool() const { return number_ >= 0; }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  void reset() {
    if (number_ >= 0) ::close(number_);  // an error here means nothing for a socket
    number_ = -1;
  }

 private:
  int number_ = -1;
};

}  // namespace weft::links
