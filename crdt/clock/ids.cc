#include "crdt/clock/ids.h"

namespace weft {

std::string to_string(ReplicaId replica) {
  static const char kHex[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[15 - i] = kHex[(replica.value >> (4 * i)) & 15];
  return text;
}

std::string to_string(const Dot& dot) {
  return to_string(dot.replica) + ":" + std::to_string(dot.seq);
}

}  // namespace weft
