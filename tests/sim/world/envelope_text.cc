#include "tests/sim/world/envelope_text.h"

#include <type_traits>
#include <variant>

namespace weft::sim {
namespace {

std::string short_name(const DocumentId& document) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < 4; ++i) {
    text += kDigits[document.bytes[i] >> 4];
    text += kDigits[document.bytes[i] & 15];
  }
  return text;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

struct Printer {
  std::string operator()(const sync::Hello& hello) const {
    return to_string(hello.replica) + " log end " + number(hello.log_end) + ", " +
           number(hello.document_count) + " documents, opened " +
           number(hello.incarnations.size()) + " times";
  }
  std::string operator()(const sync::Welcome& welcome) const {
    return "cursor " + number(welcome.cursor) + ", " + number(welcome.resumable.size()) +
           " to go on with";
  }
  std::string operator()(const sync::Bye& bye) const {
    return std::string(sync::reason_name(bye.reason)) + ": " + bye.text;
  }
  std::string operator()(const sync::SymbolRequest& request) const {
    return number(request.begin) + " + " + number(request.count);
  }
  std::string operator()(const sync::Symbols& symbols) const {
    return number(symbols.begin) + " + " + number(symbols.symbols.size()) + " of a set of " +
           number(symbols.set_size);
  }
  std::string operator()(const sync::NameRequest& request) const {
    return number(request.names.size()) + " names";
  }
  std::string operator()(const sync::Have& have) const {
    std::string text;
    for (const sync::HeldDocument& held : have.documents) {
      text += " [" + short_name(held.document);
      if (held.as == sync::HeldAs::kEvicted) text += " evicted";
      if (held.as == sync::HeldAs::kPurged) text += " purged";
      if (held.answer) text += " ?";
      for (const sync::LogEnd& end : held.log_ends)
        text += " " + to_string(end.replica) + ":" + number(end.end);
      text += "]";
    }
    return text;
  }
  std::string operator()(const sync::AllAnnounced&) const { return ""; }
  std::string operator()(const sync::NameDocument& name) const {
    return number(name.number) + " is " + short_name(name.document);
  }
  std::string operator()(const sync::Deltas& deltas) const {
    std::size_t bytes = 0;
    for (const Bytes& delta : deltas.deltas) bytes += delta.size();
    return "document " + number(deltas.number) + ", " + number(deltas.deltas.size()) + " with " +
           number(bytes) + " bytes";
  }
  std::string operator()(const sync::State& state) const {
    return "document " + number(state.number) + ", " + number(state.payload.size()) + " bytes";
  }
  std::string operator()(const sync::Part& part) const {
    return "document " + number(part.number) + ", " + number(part.offset) + " + " +
           number(part.bytes.size()) + " of " + number(part.total);
  }
  std::string operator()(const sync::Credit& credit) const { return number(credit.total_bytes); }
  std::string operator()(const sync::Ack& ack) const {
    std::string text;
    for (const sync::AckedEnd& end : ack.ends)
      text += " " + number(end.number) + "/" + to_string(end.replica) + ":" + number(end.end);
    return text;
  }
  std::string operator()(const sync::Mark& mark) const {
    return "log " + number(mark.position) + ", " + number(mark.document_count) +
           " documents, sum " + number(mark.sum.low);
  }
  std::string operator()(const sync::LogRequest& request) const {
    return short_name(request.document) + " " + to_string(request.replica) + " from " +
           number(request.begin);
  }
  std::string operator()(const sync::Presence& presence) const {
    return short_name(presence.document) + " " + to_string(presence.replica) + " age " +
           number(presence.age) + " ttl " + number(presence.ttl_ms);
  }
  std::string operator()(const sync::Prune& prune) const { return to_string(prune.replica); }
};

}  // namespace

std::string print(const sync::Envelope& envelope) {
  return "#" + number(envelope.sequence) + " " + sync::type_name(envelope.message) + " " +
         std::visit(Printer(), envelope.message);
}

}  // namespace weft::sim
