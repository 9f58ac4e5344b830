#pragma once
// Failure: what a check throws; the harness turns it into a report and shrinks the history.

#include <stdexcept>
#include <string>
#include <utility>

#include "crdt/base/result.h"

namespace weft::test {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void expect(bool condition, const std::string& what) {
  if (!condition) throw Failure(what);
}

/// The value; a Failure where there is an error.
template <typename T>
T must(Result<T> result, const std::string& what) {
  if (!result.ok()) throw Failure(what + " fails: " + result.error().message());
  return std::move(result).value();
}

inline void expect_equal(const std::string& expected, const std::string& got,
                         const std::string& what) {
  if (expected != got) throw Failure(what + "\n  expected: " + expected + "\n  got:      " + got);
}

}  // namespace weft::test
