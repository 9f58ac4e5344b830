#include "crdt/sync/message.h"

namespace weft::sync {

const char* reason_name(ByeReason reason) {
  switch (reason) {
    case ByeReason::kDone:
      return "done";
    case ByeReason::kProtocol:
      return "protocol";
    case ByeReason::kLimit:
      return "limit";
    case ByeReason::kGarbage:
      return "garbage";
    case ByeReason::kVersion:
      return "version";
    case ByeReason::kIdentityChanged:
      return "identity changed";
    case ByeReason::kSelf:
      return "self";
    case ByeReason::kTimeout:
      return "timeout";
    case ByeReason::kLost:
      return "lost";
    case ByeReason::kOverloaded:
      return "overloaded";
    case ByeReason::kStore:
      return "store";
    case ByeReason::kDouble:
      return "double";
  }
  return "unknown";
}

const char* type_name(const Message& message) {
  constexpr const char* kNames[] = {
      "Hello",  "Welcome",      "Bye",          "SymbolRequest", "Symbols",  "NameRequest",
      "Have",   "AllAnnounced", "NameDocument", "Deltas",        "State",    "Part",
      "Credit", "Ack",          "Mark",         "LogRequest",    "Presence", "Prune"};
  static_assert(std::size(kNames) == std::variant_size_v<Message>);
  return kNames[message.index()];
}

std::size_t charge(const Message& message) {
  constexpr std::size_t kOverhead = 64;  // frame, message, names
  if (const auto* deltas = std::get_if<Deltas>(&message)) {
    std::size_t bytes = kOverhead;
    for (const Bytes& delta : deltas->deltas) bytes += delta.size() + 8;
    return bytes;
  }
  if (const auto* state = std::get_if<State>(&message)) return kOverhead + state->payload.size();
  if (const auto* part = std::get_if<Part>(&message)) return kOverhead + part->bytes.size();
  return 0;
}

}  // namespace weft::sync
