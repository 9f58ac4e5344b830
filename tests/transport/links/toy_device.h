#pragma once
// A device without documents: it keeps what comes on its links, sends what a test puts into their outboxes, and says
// hello first, as a session does.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/sync/message.h"
#include "tests/support/random.h"
#include "transport/links/link_hub.h"

namespace weft::test {

/// Long enough for a loaded machine under a sanitizer; nothing waits for it unless a test fails.
inline constexpr std::uint64_t kPatienceMs = 60'000;

struct ToyLink {
  bool dialled = false;
  std::string name;
  std::deque<sync::Envelope> outbox;
  std::vector<sync::Envelope> received;
  std::vector<std::string> garbage;
  std::optional<sync::Bye> ended;
  std::optional<std::string> down;  ///< why
};

class ToyDevice final : public links::LinkHandler {
 public:
  ToyDevice(links::EventLoop& loop, links::LinkHub::Options options = {})
      : loop_(loop), random_(17), hub(loop, *this, complete(std::move(options))) {}

  std::uint32_t link_up(bool dialled, std::string name) override {
    const std::uint32_t id = next_id_++;
    ToyLink& link = links[id];
    link.dialled = dialled;
    link.name = std::move(name);
    if (says_hello) link.outbox.push_back({0, sync::AllAnnounced{}});
    ++up_count;
    return id;
  }
  void received(std::uint32_t id, sync::Envelope envelope) override {
    ToyLink& link = at(id);
    if (echoes) {
      link.outbox.push_back(envelope);
      hub.wake(id);
    }
    if (const auto* bye = std::get_if<sync::Bye>(&envelope.message)) {
      link.ended = *bye;
      hub.wake(id);
    }
    link.received.push_back(std::move(envelope));
  }
  void garbage(std::uint32_t id, const Error& error) override {
    ToyLink& link = at(id);
    link.garbage.push_back(error.message());
    link.outbox.push_back({9, sync::Bye{sync::ByeReason::kGarbage, "no message"}});
  }
  std::optional<sync::Envelope> poll(std::uint32_t id) override {
    ToyLink& link = at(id);
    if (link.outbox.empty()) return std::nullopt;
    sync::Envelope next = std::move(link.outbox.front());
    link.outbox.pop_front();
    return next;
  }
  std::optional<sync::Bye> ended(std::uint32_t id) override { return at(id).ended; }
  void link_down(std::uint32_t id, std::string why) override {
    at(id).down = std::move(why);
    ++down_count;
  }

  /// Ends a link as a session does.
  void end(std::uint32_t id, sync::Bye bye) {
    at(id).outbox.push_back({1, bye});
    at(id).ended = std::move(bye);
    hub.wake(id);
  }
  void send(std::uint32_t id, sync::Envelope envelope) {
    at(id).outbox.push_back(std::move(envelope));
    hub.wake(id);
  }
  links::Address listen(const std::string& text) {
    return hub.listen(links::Address::parse(text).value()).value();
  }
  bool run_until(const std::function<bool()>& done) { return loop_.run_until(done, kPatienceMs); }

 private:
  ToyLink& at(std::uint32_t id) {
    const auto found = links.find(id);
    REQUIRE(found != links.end());
    REQUIRE_FALSE(found->second.down.has_value());  // link_down() was the last word
    return found->second;
  }
  links::LinkHub::Options complete(links::LinkHub::Options options) {
    if (!options.random) options.random = [this] { return random_.next(); };
    if (!options.report)
      options.report = [this](std::string line) { reports.push_back(std::move(line)); };
    return options;
  }

  links::EventLoop& loop_;
  Random random_;
  std::uint32_t next_id_ = 1;

 public:
  std::map<std::uint32_t, ToyLink> links;
  std::vector<std::string> reports;
  bool echoes = false;
  bool says_hello = true;
  std::size_t up_count = 0;
  std::size_t down_count = 0;
  links::LinkHub hub;  ///< last: the first to go
};

/// A message with `size` bytes of data.
inline sync::Envelope part(std::uint32_t sequence, std::size_t size, Random& random) {
  sync::Part message;
  message.number = 3;
  message.transfer = random.next();
  message.total = size + 1;
  message.bytes.resize(size);
  for (std::byte& byte : message.bytes) byte = static_cast<std::byte>(random.next());
  return {sequence, std::move(message)};
}

}  // namespace weft::test
