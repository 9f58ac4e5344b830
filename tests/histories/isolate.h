#pragma once
// Runs checks in a child process, so that a crash, an assertion or an endless loop of the engine is a
// failure like any other: reported with its seed, and shrunk.

#include <cstdint>
#include <functional>
#include <string>

namespace weft::test {

struct Outcome {
  bool ok = true;
  std::string report;          ///< what the check said, or how the child died and its last words
  std::uint64_t progress = 0;  ///< what the check last stored in its Progress
};

/// The child's place in its work; survives its death. Storing also restarts the child's time limit.
class Progress {
 public:
  Progress(volatile std::uint64_t* shared, unsigned seconds) : shared_(shared), seconds_(seconds) {}
  void store(std::uint64_t value);

 private:
  volatile std::uint64_t* shared_;
  unsigned seconds_;
};

/// @param body  returns what is wrong, "" if nothing; an exception's text counts as that, too
/// @param seconds_max  between two steps of progress
Outcome run_isolated(const std::function<std::string(Progress&)>& body, unsigned seconds_max = 60);

}  // namespace weft::test
