// Canaries: the checks of the fuzzers of sessions and of the control socket notice a fault if there is one.

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/control_checks.h"
#include "tests/fuzz/session_checks.h"

namespace weft::test {
namespace {

Bytes conversation() { return kSessionFuzz.seeds().front().bytes; }

TEST_CASE("a device that hoards what it is sent is noticed") {
  CHECK(words(check_session(conversation())) == "");
  static std::vector<Bytes> hoard;
  const Verdict verdict =
      check_session(conversation(), [](Node& node, LinkId link, sync::Envelope envelope) {
        hoard.emplace_back(std::size_t{16} << 20);
        node.receive(link, std::move(envelope));
      });
  hoard.clear();
  CHECK(words(verdict) == "too much is kept");
}

TEST_CASE("a device that can't be edited after what it was sent is noticed") {
  CHECK(words(check_session(conversation(), [](Node& node, LinkId, sync::Envelope) {
          node.shut_down();
        })) == "the device can't be edited any more");
}

TEST_CASE("messages that end their link count as not accepted") {
  const Verdict good = check_session(conversation());
  CHECK(good.accepted == good.parts);
  const Verdict bad =
      check_session(conversation(), [](Node& node, LinkId link, sync::Envelope envelope) {
        envelope.sequence += 7;
        node.receive(link, std::move(envelope));
      });
  CHECK(bad.accepted == 0);
}

TEST_CASE("a control socket that says nothing, or too much, is noticed") {
  constexpr std::string_view kAsked = "{\"cmd\":\"status\"}\n";
  CHECK(words(check_control(kAsked)) == "");
  CHECK(check_control(kAsked).accepted == 1);
  CHECK(check_control("{\"cmd\":\"dance\"}\n").accepted == 0);
  CHECK(words(check_control(kAsked, [](Control&, Control::Connection, const std::string&) {})) !=
        "");
  CHECK(words(check_control(
            kAsked, [](Control& control, Control::Connection connection, const std::string& line) {
              control.request(connection, line);
              control.request(connection, line);
            })) != "");
}

}  // namespace
}  // namespace weft::test
