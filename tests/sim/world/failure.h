#pragma once
// Failure: what a simulation throws where something is wrong; the kind says which promise was broken.

#include <cstdint>
#include <stdexcept>
#include <string>

namespace weft::sim {

/// The numbers are exit codes of `weft simulate`.
enum class FailureKind : std::uint8_t {
  kNone = 0,
  kDiverged = 10,      ///< devices that have the same operations, or should, differ
  kLostEdit = 11,      ///< an acknowledged edit is gone
  kNotConverged = 12,  ///< time is up, and something is still on its way, or nothing is
  kNotQuiet = 13,      ///< all is the same everywhere, and they go on sending it
  kInvariant = 14,     ///< a promise about what may be said when was broken
  kFalseReport = 15,   ///< a fork that is none or could be avoided, a deletion that nobody reported
  kNotRepeatable = 16,    ///< the same seed, another trace
  kDied = 17,             ///< an assertion, a crash, an endless loop
  kNotAcknowledged = 18,  ///< all is the same everywhere, and somebody does not know
};
const char* failure_name(FailureKind kind);

class Failure : public std::runtime_error {
 public:
  Failure(FailureKind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  FailureKind kind() const { return kind_; }

 private:
  FailureKind kind_;
};

inline void expect(bool condition, FailureKind kind, const std::string& what) {
  if (!condition) throw Failure(kind, what);
}

}  // namespace weft::sim
