// Messages into segments. Sizes first, so that a segment is written in one piece of exactly the right size, in place.

#include <capnp/message.h>

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "crdt/base/assert.h"
#include "transport/wire/body.h"
#include "transport/wire/kj_errors.h"
#include "transport/wire/schema_types.h"

namespace weft::wire {
namespace {

constexpr std::size_t kRootPointerWords = 1;
constexpr std::size_t kPointerWords = 1;
constexpr std::size_t kListTagWords = 1;

// How many words lie behind the root struct. A list, data or text that is empty is a null pointer; only an element of
// a list of data is a pointer to nothing, which has no words either.

constexpr std::size_t words(std::size_t bytes) { return (bytes + kWordBytes - 1) / kWordBytes; }

std::size_t text_words(const std::string& text) {
  return text.empty() ? 0 : words(text.size() + 1);
}

template <typename Element>
std::size_t list_words(std::size_t count) {
  return count == 0 ? 0 : kListTagWords + count * capnp::sizeInWords<Element>();
}

template <typename T>
std::size_t words_behind(const T&) {
  return 0;
}
std::size_t words_behind(const sync::Hello& message) {
  return message.incarnations.size() + text_words(message.agent);
}
std::size_t words_behind(const sync::Welcome& message) {
  return list_words<schema::Resumable>(message.resumable.size());
}
std::size_t words_behind(const sync::Bye& message) { return text_words(message.text); }
std::size_t words_behind(const sync::Symbols& message) {
  const std::size_t count = message.symbols.size();
  return kSumsOfSymbol * count + words(sizeof(std::int32_t) * count);
}
std::size_t words_behind(const sync::NameRequest& message) { return message.names.size(); }
std::size_t deletion_words(const Deletion& deletion) {
  if (deletion.empty()) return 0;
  constexpr std::size_t kStructWords = 3;
  return kStructWords + list_words<schema::LogEnd>(deletion.entries().size());
}
std::size_t words_behind(const sync::Have& message) {
  std::size_t sum = list_words<schema::HeldDocument>(message.documents.size());
  for (const sync::HeldDocument& held : message.documents)
    sum += list_words<schema::LogEnd>(held.log_ends.size()) + deletion_words(held.deletion);
  return sum;
}
std::size_t words_behind(const sync::Deltas& message) {
  std::size_t sum = kPointerWords * message.deltas.size();
  for (const Bytes& delta : message.deltas) sum += words(delta.size());
  return sum;
}
std::size_t words_behind(const sync::State& message) { return words(message.payload.size()); }
std::size_t words_behind(const sync::Part& message) { return words(message.bytes.size()); }
std::size_t words_behind(const sync::Ack& message) {
  return list_words<schema::AckedEnd>(message.ends.size());
}
std::size_t words_behind(const sync::Presence& message) { return words(message.data.size()); }

template <typename T>
unsigned size_of(const std::vector<T>& list) {
  return static_cast<unsigned>(list.size());  // below 2^32: body_bytes has bounded it
}

capnp::Data::Reader data_of(const Bytes& bytes) {
  return {reinterpret_cast<const capnp::byte*>(bytes.data()), bytes.size()};
}
capnp::Text::Reader text_of(const std::string& text) { return {text.c_str(), text.size()}; }

/// Eight bytes of an id as a number whose little-endian form they are.
std::uint64_t id_half(const DocumentId& id, std::size_t begin) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::uint64_t{id.bytes[begin + i]} << (8 * i);
  return value;
}
template <typename Builder>
void write_id(const DocumentId& id, Builder out) {
  out.setLow(id_half(id, 0));
  out.setHigh(id_half(id, 8));
}
template <typename Builder>
void write_digest(const sync::Digest& sum, Builder out) {
  out.setLow(sum.low);
  out.setHigh(sum.high);
}

void write(const sync::Hello& in, schema::Hello::Builder out) {
  out.setVersionMin(in.version_min);
  out.setVersionMax(in.version_max);
  out.setReplica(in.replica.value);
  out.setEpoch(in.epoch);
  out.setLogEnd(in.log_end);
  out.setSetKey(in.set_key);
  out.setTimeMs(in.time_ms);
  out.setCreditBytes(in.credit_bytes);
  out.setDocumentCount(in.document_count);
  write_digest(in.sum, out.getSum());
  if (!in.incarnations.empty())
    out.setIncarnations(kj::arrayPtr(in.incarnations.data(), in.incarnations.size()));
  if (!in.agent.empty()) out.setAgent(text_of(in.agent));
}

void write(const sync::Welcome& in, schema::Welcome::Builder out) {
  out.setVersion(in.version);
  out.setKnownIncarnation(in.known_incarnation);
  out.setCursor(in.cursor);
  if (in.resumable.empty()) return;
  auto list = out.initResumable(size_of(in.resumable));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setTransfer(in.resumable[i].transfer);
    list[i].setReceivedBytes(in.resumable[i].received_bytes);
  }
}

void write(const sync::Bye& in, schema::Bye::Builder out) {
  out.setReason(static_cast<schema::ByeReason>(in.reason));
  if (!in.text.empty()) out.setText(text_of(in.text));
}

void write(const sync::SymbolRequest& in, schema::SymbolRequest::Builder out) {
  out.setBegin(in.begin);
  out.setCount(in.count);
}

void write(const sync::Symbols& in, schema::Symbols::Builder out) {
  out.setBegin(in.begin);
  out.setSetSize(in.set_size);
  if (in.symbols.empty()) return;
  auto sums = out.initSums(kSumsOfSymbol * size_of(in.symbols));
  auto counts = out.initCounts(size_of(in.symbols));
  for (unsigned i = 0; i < counts.size(); ++i) {
    const sync::Symbol& symbol = in.symbols[i];
    sums.set(kSumsOfSymbol * i, symbol.name);
    sums.set(kSumsOfSymbol * i + 1, symbol.version);
    sums.set(kSumsOfSymbol * i + 2, symbol.check);
    counts.set(i, symbol.count);
  }
}

void write(const sync::NameRequest& in, schema::NameRequest::Builder out) {
  if (!in.names.empty()) out.setNames(kj::arrayPtr(in.names.data(), in.names.size()));
}

void write(const Deletion& in, schema::Deletion::Builder out) {
  out.setBy(in.by().value);
  out.setAtMs(in.at_ms());
  auto list = out.initEnds(size_of(in.entries()));
  for (unsigned i = 0; i < list.size(); ++i) {
    auto end = list[i];
    end.setReplica(in.entries()[i].replica.value);
    end.setEnd(in.entries()[i].end);
    end.setChain(in.entries()[i].chain);
  }
}

void write_held(const sync::HeldDocument& in, schema::HeldDocument::Builder out) {
  write_id(in.document, out.getDocument());
  out.setAs(static_cast<schema::HeldAs>(in.as));
  out.setAnswer(in.answer);
  if (in.log_ends.empty()) return;
  auto list = out.initLogEnds(size_of(in.log_ends));
  for (unsigned i = 0; i < list.size(); ++i) {
    auto log = list[i];
    log.setReplica(in.log_ends[i].replica.value);
    log.setEnd(in.log_ends[i].end);
    log.setChain(in.log_ends[i].chain);
  }
}

void write(const sync::HeldDocument& in, schema::HeldDocument::Builder out) {
  write_held(in, out);
  if (!in.deletion.empty()) write(in.deletion, out.initDeletion());
}

void write(const sync::Have& in, schema::Have::Builder out) {
  if (in.documents.empty()) return;
  auto list = out.initDocuments(size_of(in.documents));
  for (unsigned i = 0; i < list.size(); ++i) write(in.documents[i], list[i]);
}

void write(const sync::AllAnnounced&, schema::AllAnnounced::Builder) {}

void write(const sync::NameDocument& in, schema::NameDocument::Builder out) {
  write_id(in.document, out.getDocument());
  out.setNumber(in.number);
}

void write(const sync::Deltas& in, schema::Deltas::Builder out) {
  out.setNumber(in.number);
  out.setChain(in.chain);
  if (in.deltas.empty()) return;
  auto list = out.initDeltas(size_of(in.deltas));
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, data_of(in.deltas[i]));
}

void write(const sync::State& in, schema::State::Builder out) {
  out.setNumber(in.number);
  if (!in.payload.empty()) out.setPayload(data_of(in.payload));
}

void write(const sync::Part& in, schema::Part::Builder out) {
  out.setNumber(in.number);
  out.setIsState(in.is_state);
  out.setTransfer(in.transfer);
  out.setOffset(in.offset);
  out.setTotal(in.total);
  if (!in.bytes.empty()) out.setBytes(data_of(in.bytes));
}

void write(const sync::Credit& in, schema::Credit::Builder out) {
  out.setTotalBytes(in.total_bytes);
}

void write(const sync::Ack& in, schema::Ack::Builder out) {
  if (in.ends.empty()) return;
  auto list = out.initEnds(size_of(in.ends));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setReplica(in.ends[i].replica.value);
    list[i].setNumber(in.ends[i].number);
    list[i].setEnd(in.ends[i].end);
  }
}

void write(const sync::Mark& in, schema::Mark::Builder out) {
  out.setPosition(in.position);
  out.setDocumentCount(in.document_count);
  write_digest(in.sum, out.getSum());
  out.setTimeMs(in.time_ms);
}

void write(const sync::LogRequest& in, schema::LogRequest::Builder out) {
  write_id(in.document, out.getDocument());
  out.setReplica(in.replica.value);
  out.setBegin(in.begin);
}

void write(const sync::Presence& in, schema::Presence::Builder out) {
  write_id(in.document, out.getDocument());
  out.setReplica(in.replica.value);
  out.setAge(in.age);
  out.setTtlMs(in.ttl_ms);
  if (!in.data.empty()) out.setData(data_of(in.data));
}

void write(const sync::Prune& in, schema::Prune::Builder out) { out.setReplica(in.replica.value); }

template <typename Message, std::size_t index = 0>
constexpr std::size_t index_of() {
  if constexpr (std::is_same_v<std::variant_alternative_t<index, sync::Message>, Message>)
    return index;
  else
    return index_of<Message, index + 1>();
}

}  // namespace

std::size_t body_bytes(const sync::Message& message) {
  return std::visit(
      [](const auto& in) {
        using Root = SchemaType<index_of<std::remove_cvref_t<decltype(in)>>()>;
        return kWordBytes * (kRootPointerWords + capnp::sizeInWords<Root>() + words_behind(in));
      },
      message);
}

void write_body(const sync::Message& message, std::span<std::byte> body) {
  const Status written = catch_kj(0, [&]() -> Status {
    capnp::FlatMessageBuilder builder(
        kj::arrayPtr(reinterpret_cast<capnp::word*>(body.data()), body.size() / kWordBytes));
    std::visit(
        [&](const auto& in) {
          using Root = SchemaType<index_of<std::remove_cvref_t<decltype(in)>>()>;
          write(in, builder.initRoot<Root>());
        },
        message);
    builder.requireFilled();
    return {};
  });
  WEFT_ASSERT(written.ok());  // body_bytes and write disagree
}

}  // namespace weft::wire
