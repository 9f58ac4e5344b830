#pragma once
// Messages for tests: random ones of every type, and one sample of each that never changes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "crdt/sync/message.h"
#include "tests/support/random.h"

namespace weft::test {

inline constexpr std::size_t kMessageTypes = std::variant_size_v<sync::Message>;

/// The seed of a test: WEFT_SEED where it is set.
inline std::uint64_t message_seed() {
  const char* given = std::getenv("WEFT_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 1;
}

/// Within sync::Limits; one in a few has a list, a text or a number at its limit.
/// @param type  1 to kMessageTypes
sync::Envelope random_envelope(Random& random, std::uint16_t type);

/// One of each type, with something in every field: those of the golden vectors, and small.
std::vector<sync::Envelope> sample_envelopes();

}  // namespace weft::test
