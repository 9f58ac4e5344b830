// Byzantine sessions: a stranger that may send any well-formed message, in any number and order, to a real node. What it
// can bring about has ceilings: memory, work, bytes answered, and what becomes of honest peers meanwhile.
//
// Each attack is a function that makes the next message; whoever is cut off connects again, as another device. The budgets
// that hold it are those of docs/adr/0019. WEFT_SEED and WEFT_SIZE (smoke, ci, full) as everywhere.

#include <malloc.h>
#include <time.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/peer/rig.h"
#include "tests/support/size.h"
#include "tests/transport/wire/random_message.h"
#include "transport/wire/frame.h"

namespace weft::test {
namespace {

/// 0 where the allocator does not say (sanitizers).
std::size_t heap_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::size_t message_count() {
  const Size wanted = size();
  if (wanted == Size::kFull) return 200'000;
  return wanted == Size::kSmoke ? 1'000 : 6'000;
}

std::size_t frame_bytes(const sync::Message& message) {
  Bytes frame;
  wire::encode_frame({0, message}, frame);
  return frame.size();
}

struct Ceilings {
  std::size_t heap_bytes = std::size_t{48} << 20;
  std::size_t answered_bytes = std::size_t{4} << 20;  ///< beside what was received, once
  std::size_t answered_per_byte = 4;
  double seconds_per_message = 0.000'5;
};

/// A node with some documents, an honest peer, and a stranger.
class Attack {
 public:
  static constexpr std::uint64_t kDocuments = 200;

  explicit Attack(std::uint64_t seed) : rig_(2, seed), random_(seed) {
    for (std::uint64_t i = 0; i < kDocuments; ++i) rig_.set(0, id_of(i), "key", "value");
    wire_ = &rig_.connect(0, 1);
    rig_.settle();
    own_ = rig_.node(0).replica();
  }

  Random& random() { return random_; }
  ReplicaId own() const { return own_; }
  DocumentId known() { return id_of(random_.below(kDocuments)); }
  DocumentId invented() {
    DocumentId id;
    for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random_.next());
    return id;
  }
  std::vector<sync::LogEnd> invented_ends(std::size_t count) {
    std::vector<sync::LogEnd> ends;
    std::uint64_t replica = random_.next() >> 20;
    for (std::size_t i = 0; i < count; ++i)
      ends.push_back(
          {{replica += 1 + random_.below(1000)}, 1 + static_cast<Seq>(random_.below(99)), 0});
    return ends;
  }

  // --- the stranger's end ---

  /// As another device. What stands is dropped.
  void connect() {
    if (link_ != 0) rig_.node(0).remove_link(link_);
    link_ = rig_.node(0).add_link({false, "stranger"});
    sequence_ = 0;
    ++connections_;
    numbers_ = 0;
    sync::Hello hello;
    hello.version_min = hello.version_max = sync::kProtocolVersion;
    hello.replica = {random_.next()};
    hello.epoch = random_.next();
    hello.incarnations = {random_.next()};
    hello.credit_bytes = ~std::uint64_t{0};
    hello.document_count = random_.below(1000);
    say(hello);
  }
  void greet() {
    connect();
    say(sync::Welcome());
  }
  void say(sync::Message message) {
    received_ += frame_bytes(message);
    ++messages_;
    rig_.node(0).receive(link_, {sequence_++, std::move(message)});
  }
  /// Reads what the node says.
  void read(std::size_t most = 64) {
    for (; most > 0; --most) {
      std::optional<sync::Envelope> envelope = rig_.node(0).poll(link_);
      if (!envelope) return;
      answered_ += frame_bytes(envelope->message);
      if (std::holds_alternative<sync::NameDocument>(envelope->message)) ++numbers_;
    }
  }
  bool is_cut_off() { return rig_.node(0).ended(link_).has_value(); }
  std::uint32_t numbers() const { return numbers_; }

  /// So many messages; a tick of 100 ms after each hundred of them.
  void run(std::size_t count, const std::function<void(Attack&)>& next, const Ceilings& ceilings) {
    greet();
    read();
    rig_.settle(200);
    const std::size_t heap = heap_in_use();
    const double cpu = cpu_seconds();
    messages_ = received_ = answered_ = connections_ = 0;
    std::size_t highest = heap;
    for (std::size_t i = 0; messages_ < count; ++i) {
      if (is_cut_off()) greet();
      next(*this);
      if (i % 100 != 99) continue;
      rig_.flush();
      rig_.tick();
      highest = std::max(highest, heap_in_use());
    }
    const double seconds = cpu_seconds() - cpu;
    MESSAGE(messages_, " messages of ", received_, " bytes on ", connections_ + 1,
            " links: ", (highest - heap) >> 10, " KiB, ", answered_, " bytes answered, ",
            seconds / static_cast<double>(messages_) * 1e6, " us each");
    CHECK(highest - heap <= ceilings.heap_bytes);
    CHECK(answered_ <= ceilings.answered_bytes + received_ * ceilings.answered_per_byte);
    CHECK(seconds <= 0.5 + ceilings.seconds_per_message * static_cast<double>(messages_));
    check_honest();
  }

  /// Whoever is honest is still served, by the same device.
  void check_honest() {
    rig_.node(0).remove_link(link_);
    link_ = 0;
    rig_.settle(500);
    if (wire_->stands) rig_.disconnect(*wire_);
    rig_.connect(0, 1);
    rig_.settle(30'000);
    const DocumentId id = id_of(kDocuments + 1);
    rig_.set(0, id, "from", "here");
    rig_.settle(500);
    rig_.set(1, id, "to", "here");
    rig_.settle(500);
    CHECK(rig_.content(0, id) == R"({"from":"here","to":"here"})");
    CHECK(rig_.content(1, id) == rig_.content(0, id));
    CHECK(rig_.peer(0).count(NodeEvent::Kind::kIdentityChanged) <= 4);
  }
  Rig& rig() { return rig_; }

 private:
  Rig rig_;
  Random random_;
  Rig::Wire* wire_ = nullptr;
  ReplicaId own_;
  LinkId link_ = 0;
  std::uint32_t sequence_ = 0;
  std::uint32_t numbers_ = 0;
  std::size_t messages_ = 0;
  std::size_t received_ = 0;
  std::size_t answered_ = 0;
  std::size_t connections_ = 0;
};

sync::Message have_of(sync::HeldDocument held) {
  sync::Have have;
  have.documents.push_back(std::move(held));
  return have;
}

struct Named {
  const char* name;
  std::function<void(Attack&)> next;
  Ceilings ceilings{};
  std::size_t costs = 1;  ///< a message of it costs the test as much as so many
};

std::vector<Named> attacks() {
  std::vector<Named> all;
  all.push_back({"asks for the names of all documents, again and again", [](Attack& attack) {
                   attack.say(sync::SymbolRequest{0, 0});
                   attack.read();
                 }});
  all.push_back({"asks for symbols and reads nothing", [](Attack& attack) {
                   attack.say(sync::SymbolRequest{0, 4096});
                 }});
  all.push_back({"asks for symbols",
                 [](Attack& attack) {
                   attack.say(sync::SymbolRequest{attack.random().below(8192), 4096});
                   attack.read();
                 },
                 {.answered_bytes = std::size_t{24} << 20}});
  all.push_back({"asks for names", [](Attack& attack) {
                   sync::NameRequest request;
                   request.names.resize(1 + attack.random().below(100));
                   for (std::uint64_t& name : request.names) name = attack.random().next();
                   attack.say(std::move(request));
                   attack.read();
                 }});
  all.push_back(
      {"names documents that it invents",
       [](Attack& attack) {
         sync::Have have;
         for (int i = 0; i < 256; ++i)
           have.documents.push_back(
               {attack.invented(), sync::HeldAs::kLive, true, attack.invented_ends(1), {}});
         attack.say(std::move(have));
         attack.read();
       },
       {.seconds_per_message = 0.02},
       40});
  all.push_back(
      {"names writers that it invents",
       [](Attack& attack) {
         attack.say(
             have_of({attack.known(), sync::HeldAs::kLive, true, attack.invented_ends(4000), {}}));
         attack.read();
       },
       {.seconds_per_message = 0.02},
       40});
  all.push_back({"acknowledges writers that it invents",
                 [](Attack& attack) {
                   if (attack.numbers() == 0) {
                     attack.say(have_of({attack.known(), sync::HeldAs::kLive, true, {}, {}}));
                     return attack.read();
                   }
                   sync::Ack ack;
                   for (const sync::LogEnd& end : attack.invented_ends(1000))
                     ack.ends.push_back({0, end.replica, end.end});
                   attack.say(std::move(ack));
                 },
                 {.seconds_per_message = 0.02},
                 40});
  all.push_back({"numbers documents that it invents", [](Attack& attack) {
                   static std::uint32_t number = 0;
                   attack.say(sync::NameDocument{number++, attack.invented()});
                   if (attack.is_cut_off()) number = 0;
                 }});
  all.push_back(
      {"leaves transfers behind",
       [](Attack& attack) {
         const DocumentId id = attack.invented();
         attack.say(have_of({id, sync::HeldAs::kLive, true, attack.invented_ends(1), {}}));
         attack.read();
         attack.say(sync::NameDocument{0, id});
         for (int i = 0; i < 8; ++i) {
           sync::Part part;
           part.transfer = 77;
           part.offset = static_cast<std::uint64_t>(i) * (64 << 10);
           part.total = 64 << 20;
           part.bytes.assign(64 << 10, std::byte{1});
           attack.say(std::move(part));
         }
         attack.greet();
       },
       {.heap_bytes = std::size_t{96} << 20, .seconds_per_message = 0.002},
       4});
  all.push_back({"is present everywhere, as everybody", [](Attack& attack) {
                   sync::Presence presence;
                   presence.document = attack.invented();
                   presence.replica = {attack.random().next()};
                   presence.age = attack.random().next();
                   presence.ttl_ms = 300'000;
                   presence.data.assign(1024, std::byte{1});
                   attack.say(std::move(presence));
                 }});
  all.push_back({"says that this device was rolled back, in a Welcome", [](Attack& attack) {
                   attack.connect();
                   sync::Welcome welcome;
                   welcome.known_incarnation = attack.random().next();
                   attack.say(std::move(welcome));
                   attack.read();
                   attack.rig().flush();
                 }});
  all.push_back({"says that this device was rolled back, in a Have", [](Attack& attack) {
                   attack.say(
                       have_of({attack.random().chance(1, 2) ? attack.known() : attack.invented(),
                                sync::HeldAs::kLive,
                                true,
                                {{attack.rig().node(0).replica(), 1000, 7}},
                                {}}));
                   attack.read();
                   attack.rig().flush();
                 }});
  all.push_back(
      {"has less and less of what it was sent", [](Attack& attack) {
         attack.say(have_of({id_of(1), sync::HeldAs::kLive, true, {}, {}}));
         attack.read();
         attack.say(have_of({id_of(1), sync::HeldAs::kLive, true, {{attack.own(), 1, 0}}, {}}));
       }});
  all.push_back({"asks for a log again and again", [](Attack& attack) {
                   attack.say(sync::LogRequest{attack.known(), attack.own(), 0});
                   attack.read();
                 }});
  all.push_back({"connects, says hello and goes", [](Attack& attack) {
                   attack.connect();
                   attack.read();
                 }});
  all.push_back({"wants nothing and everything", [](Attack& attack) {
                   attack.say(sync::Prune{{attack.random().below(3)}});
                   attack.read();
                 }});
  all.push_back({"says anything",
                 [](Attack& attack) {
                   const auto type =
                       static_cast<std::uint16_t>(3 + attack.random().below(kMessageTypes - 2));
                   if (type == 3) return;
                   attack.say(random_envelope(attack.random(), type).message);
                   attack.read();
                 },
                 {.answered_bytes = std::size_t{64} << 20, .seconds_per_message = 0.02},
                 4});
  return all;
}

TEST_CASE("a stranger that sends what it likes can't take memory, work or peers") {
  for (const Named& named : attacks()) {
    const std::string name = named.name;
    CAPTURE(name);
    CAPTURE(message_seed());
    Attack attack(message_seed());
    attack.run(message_count() / named.costs, named.next, named.ceilings);
  }
}

TEST_CASE("the own presence finds room beside a stranger's") {
  Attack attack(message_seed());
  attack.greet();
  attack.read();
  for (int i = 0; i < 20'000; ++i) {
    attack.say(sync::Presence{
        attack.invented(), {attack.random().next()}, 1, 300'000, Bytes(8, std::byte{1})});
    if (i % 500 == 499) attack.rig().tick(1'000);
  }
  REQUIRE(attack.rig().node(0).set_presence(id_of(1), Bytes(3, std::byte{7}), 60'000).ok());
  CHECK(attack.rig().node(0).presence(id_of(1)).size() == 1);
}

TEST_CASE("a device that was rolled back is still told so while strangers lie") {
  // Three claims are believed at once; the fourth has to wait, and so has whoever makes it.
  Attack attack(message_seed());
  Rig& rig = attack.rig();
  for (int i = 0; i < 50; ++i) {
    attack.connect();
    sync::Welcome welcome;
    welcome.known_incarnation = attack.random().next() | 1;
    attack.say(std::move(welcome));
    rig.settle(200);
  }
  CHECK(rig.peer(0).count(NodeEvent::Kind::kIdentityChanged) == 3);
  CHECK(rig.peer(0).count(NodeEvent::Kind::kClaimRefused) == 47);
  rig.tick(10 * 60'000);
  attack.connect();
  sync::Welcome welcome;
  welcome.known_incarnation = 4711;
  attack.say(std::move(welcome));
  rig.settle(200);
  CHECK(rig.peer(0).count(NodeEvent::Kind::kIdentityChanged) == 4);
}

}  // namespace
}  // namespace weft::test
