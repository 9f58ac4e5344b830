#include "tests/transport/wire/random_message.h"

#include <algorithm>
#include <utility>

#include "crdt/base/assert.h"

namespace weft::test {
namespace {

using sync::Limits;

class Maker {
 public:
  explicit Maker(Random& random) : random_(random) {}

  void fill(sync::Hello& out) {
    out.version_min = static_cast<std::uint16_t>(number());
    out.version_max = static_cast<std::uint16_t>(number());
    out.replica = replica();
    out.epoch = number();
    out.log_end = number();
    out.set_key = number();
    out.time_ms = number();
    out.credit_bytes = number();
    out.document_count = number();
    out.sum = digest();
    out.incarnations = numbers(Limits::kIncarnations);
    out.agent = text(Limits::kAgentBytes);
  }
  void fill(sync::Welcome& out) {
    out.version = static_cast<std::uint16_t>(number());
    out.known_incarnation = number();
    out.cursor = number();
    out.resumable.resize(size(Limits::kTransfers));
    for (sync::Resumable& transfer : out.resumable) {
      transfer.transfer = number();
      transfer.received_bytes = up_to(Limits::kTransferBytes);
    }
  }
  void fill(sync::Bye& out) {
    out.reason = static_cast<sync::ByeReason>(random_.below(12));
    out.text = text(Limits::kTextBytes);
  }
  void fill(sync::SymbolRequest& out) {
    out.begin = number();
    out.count = static_cast<std::uint32_t>(up_to(Limits::kSymbols));
  }
  void fill(sync::Symbols& out) {
    out.begin = number();
    out.set_size = number();
    out.symbols.resize(size(Limits::kSymbols));
    for (sync::Symbol& symbol : out.symbols) {
      symbol.name = number();
      symbol.version = number();
      symbol.check = number();
      symbol.count = static_cast<std::int32_t>(number());
    }
  }
  void fill(sync::NameRequest& out) { out.names = numbers(Limits::kNames); }
  void fill(sync::Have& out) {
    out.documents.resize(size(Limits::kDocuments));
    std::size_t left = Limits::kReplicas;
    for (sync::HeldDocument& held : out.documents) {
      held.document = document();
      held.as = static_cast<sync::HeldAs>(random_.below(3));
      held.answer = random_.chance(1, 2);
      held.log_ends = log_ends(std::min<std::size_t>(left, random_.below(12)));
      left -= held.log_ends.size();
      if (random_.chance(3, 4) || left < 16) continue;
      for (const sync::LogEnd& end : log_ends(1 + random_.below(8)))
        held.deletion.raise(end.replica, end.end, end.chain);
      held.deletion.set_author({number()}, number());
      left -= held.deletion.entries().size() + Limits::kReplicasOfDeletion;
    }
    if (!out.documents.empty() && random_.chance(1, 8))
      out.documents.back().log_ends = log_ends(out.documents.back().log_ends.size() + left);
  }
  void fill(sync::AllAnnounced&) {}
  void fill(sync::NameDocument& out) {
    out.number = document_number();
    out.document = document();
  }
  void fill(sync::Deltas& out) {
    out.number = document_number();
    out.chain = static_cast<std::uint32_t>(number());
    if (random_.chance(1, 16)) {
      out.deltas.push_back(bytes(Limits::kPartBytes));
      return;
    }
    out.deltas.resize(size(Limits::kDeltas));
    for (Bytes& delta : out.deltas) delta = bytes_of(random_.below(40));
  }
  void fill(sync::State& out) {
    out.number = document_number();
    out.payload = bytes(Limits::kPartBytes);
  }
  void fill(sync::Part& out) {
    out.number = document_number();
    out.is_state = random_.chance(1, 2);
    out.transfer = number();
    out.bytes = bytes(Limits::kPartBytes);
    out.offset = up_to(Limits::kTransferBytes - out.bytes.size());
    out.total = out.offset + out.bytes.size();
    out.total += up_to(Limits::kTransferBytes - out.total);
  }
  void fill(sync::Credit& out) { out.total_bytes = number(); }
  void fill(sync::Ack& out) {
    out.ends.resize(size(Limits::kAcks));
    for (sync::AckedEnd& end : out.ends) {
      end.number = document_number();
      end.replica = replica();
      end.end = seq();
    }
  }
  void fill(sync::Mark& out) {
    out.position = number();
    out.document_count = number();
    out.sum = digest();
    out.time_ms = number();
  }
  void fill(sync::LogRequest& out) {
    out.document = document();
    out.replica = replica();
    out.begin = seq();
  }
  void fill(sync::Presence& out) {
    out.document = document();
    out.replica = replica();
    out.age = number();
    out.ttl_ms = static_cast<std::uint32_t>(number());
    out.data = bytes(Limits::kPresenceBytes);
  }
  void fill(sync::Prune& out) { out.replica = replica(); }

 private:
  std::uint64_t number() {
    const std::uint64_t value = random_.next();
    switch (random_.below(4)) {
      case 0:
        return 0;
      case 1:
        return value % 256;
      case 2:
        return ~std::uint64_t{0};
      default:
        return value;
    }
  }
  /// In [0, max], either end more often.
  std::uint64_t up_to(std::uint64_t max) {
    switch (random_.below(8)) {
      case 0:
        return 0;
      case 1:
        return max;
      default:
        return random_.below(max + 1);
    }
  }
  /// Of a list: small, mostly.
  std::size_t size(std::size_t max) {
    if (random_.chance(1, 8)) return up_to(max);
    return std::min<std::size_t>(max, random_.below(6));
  }
  std::uint32_t document_number() {
    return static_cast<std::uint32_t>(up_to(Limits::kNumberedDocuments - 1));
  }
  Seq seq() { return static_cast<Seq>(up_to(kMaxSeq)); }
  ReplicaId replica() { return {number()}; }
  DocumentId document() {
    DocumentId id;
    for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random_.next());
    return id;
  }
  sync::Digest digest() {
    sync::Digest sum;
    sum.low = number();
    sum.high = number();
    return sum;
  }
  std::vector<std::uint64_t> numbers(std::size_t count_max) {
    std::vector<std::uint64_t> list(size(count_max));
    for (std::uint64_t& value : list) value = number();
    return list;
  }
  std::vector<sync::LogEnd> log_ends(std::size_t count) {
    std::vector<sync::LogEnd> list(count);
    std::uint64_t replica = random_.below(2);
    for (sync::LogEnd& end : list) {
      end.replica.value = replica;
      replica += 1 + random_.below(~std::uint64_t{0} / (Limits::kReplicas + 1));
      end.end = 1 + static_cast<Seq>(up_to(kMaxSeq - 1));
      end.chain = number();
    }
    return list;
  }
  Bytes bytes(std::size_t size_max) { return bytes_of(size(size_max)); }
  Bytes bytes_of(std::size_t count) {
    Bytes content(count);
    for (std::byte& byte : content) byte = static_cast<std::byte>(random_.next() >> 32);
    return content;
  }
  std::string text(std::size_t size_max) {
    static constexpr const char* kScalars[] = {"a", "\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x99\x82"};
    std::string content(random_.chance(1, 8) ? 1 : 0, '\0');
    for (std::size_t want = up_to(size_max);;) {
      const std::string_view next = kScalars[random_.below(std::size(kScalars))];
      if (content.size() + next.size() > want) return content;
      content += next;
    }
  }

  Random& random_;
};

template <std::size_t index = 0>
void make(Maker& maker, std::size_t wanted, sync::Message& out) {
  if constexpr (index < kMessageTypes) {
    if (index == wanted)
      maker.fill(out.emplace<index>());
    else
      make<index + 1>(maker, wanted, out);
  }
}

Bytes hex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::byte>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  return out;
}

DocumentId sample_document(std::uint8_t first) {
  DocumentId id;
  for (std::uint8_t& byte : id.bytes) byte = first++;
  return id;
}

Deletion sample_deletion() {
  Deletion deletion;
  deletion.raise({0x0011'2233'4455'6677}, 12, 0xb1b2'b3b4'b5b6'b7b8);
  deletion.raise({0x8899'aabb'ccdd'eeff}, kMaxSeq, 0);
  deletion.set_author({0x0011'2233'4455'6677}, 1'700'000'000'456);
  return deletion;
}

}  // namespace

sync::Envelope random_envelope(Random& random, std::uint16_t type) {
  sync::Envelope envelope;
  envelope.sequence = static_cast<std::uint32_t>(random.next());
  Maker maker(random);
  make(maker, type - 1u, envelope.message);
  WEFT_ASSERT(sync::type_of(envelope.message) == type);
  return envelope;
}

std::vector<sync::Envelope> sample_envelopes() {
  constexpr ReplicaId kAuthor{0x0011'2233'4455'6677};
  constexpr ReplicaId kOther{0x8899'aabb'ccdd'eeff};
  const DocumentId board = sample_document(0x10);
  const DocumentId other = sample_document(0xa0);
  // What conformance/v1_delta_keystroke.hex holds.
  const Bytes keystroke = hex("4177665544332211007b68e5cf8bc09a0ce30701b6c82378");
  const Bytes bytes = hex("00ff1001");

  std::vector<sync::Message> messages;
  messages.push_back(sync::Hello{.version_min = 1,
                                 .version_max = 2,
                                 .replica = kAuthor,
                                 .epoch = 0x0102'0304'0506'0708,
                                 .log_end = 4711,
                                 .set_key = 0x1112'1314'1516'1718,
                                 .time_ms = 1'700'000'000'123,
                                 .credit_bytes = 4 << 20,
                                 .document_count = 3,
                                 .sum = {0x2122'2324'2526'2728, 0x3132'3334'3536'3738},
                                 .incarnations = {5, 0xffff'ffff'ffff'fffe},
                                 .agent = "weft 0.1.0 \xe2\x9c\x93"});
  messages.push_back(sync::Welcome{.version = 1,
                                   .known_incarnation = 0xffff'ffff'ffff'fffe,
                                   .cursor = 4000,
                                   .resumable = {{0x4142'4344'4546'4748, 131'072}, {1, 0}}});
  messages.push_back(
      sync::Bye{.reason = sync::ByeReason::kStore, .text = "the disk is full \xf0\x9f\x92\xbe"});
  messages.push_back(sync::SymbolRequest{.begin = 32, .count = 64});
  messages.push_back(sync::Symbols{
      .begin = 32,
      .set_size = 1'000'000,
      .symbols = {{0x5152'5354'5556'5758, 0x6162'6364'6566'6768, 0x7172'7374'7576'7778, -2},
                  {1, 2, 3, 4}}});
  messages.push_back(sync::NameRequest{.names = {0x8182'8384'8586'8788, 1, 0}});
  messages.push_back(sync::Have{
      .documents = {
          {board, sync::HeldAs::kLive, true, {{kAuthor, 200'000, 77}, {kOther, kMaxSeq, 0}}, {}},
          {other, sync::HeldAs::kPurged, false, {}, sample_deletion()}}});
  messages.push_back(sync::AllAnnounced{});
  messages.push_back(sync::NameDocument{.number = 1, .document = board});
  messages.push_back(sync::Deltas{.number = 1, .chain = 0x9192'9394, .deltas = {keystroke}});
  messages.push_back(sync::State{.number = 1, .payload = bytes});
  messages.push_back(sync::Part{.number = 1,
                                .is_state = true,
                                .transfer = 0xa1a2'a3a4'a5a6'a7a8,
                                .offset = 131'072,
                                .total = 131'076,
                                .bytes = bytes});
  messages.push_back(sync::Credit{.total_bytes = 5'000'000'000});
  messages.push_back(sync::Ack{.ends = {{1, kAuthor, 200'001}, {0, kOther, 7}}});
  messages.push_back(sync::Mark{.position = 4711,
                                .document_count = 3,
                                .sum = {0xb1b2'b3b4'b5b6'b7b8, 0xc1c2'c3c4'c5c6'c7c8},
                                .time_ms = 1'700'000'000'456});
  messages.push_back(sync::LogRequest{.document = board, .replica = kOther, .begin = 12});
  messages.push_back(sync::Presence{
      .document = board, .replica = kAuthor, .age = 9, .ttl_ms = 30'000, .data = bytes});
  messages.push_back(sync::Prune{.replica = kAuthor});
  WEFT_ASSERT(messages.size() == kMessageTypes);

  std::vector<sync::Envelope> envelopes;
  for (sync::Message& message : messages) {
    WEFT_ASSERT(sync::type_of(message) == envelopes.size() + 1);
    envelopes.push_back({static_cast<std::uint32_t>(envelopes.size()), std::move(message)});
  }
  return envelopes;
}

}  // namespace weft::test
