#include "transport/links/line_socket.h"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/folder.h"
#include "tests/transport/links/raw_peer.h"
#include "tests/transport/links/toy_device.h"

using namespace weft;
using namespace weft::links;
using namespace weft::test;

namespace {

/// Keeps requests; answers "echo ..." at once, everything else is the test's business.
class ToyServer final : public LineHandler {
 public:
  explicit ToyServer(EventLoop& loop, LineServer::Options options = {}) : loop_(loop) {
    server = LineServer::open(loop, *this, address(), std::move(options)).value();
  }

  void request(std::uint64_t connection, std::string line) override {
    REQUIRE_FALSE(requests.contains(connection));
    if (line.starts_with("echo ")) {
      server->send_line(connection, line.substr(5));
      server->finish(connection);
      CHECK_FALSE(server->send_line(connection, "ignored, since it is finished"));
    }
    if (line == "long") go_on(connection);
    last = connection;
    requests[connection] = std::move(line);
  }
  void drained(std::uint64_t connection) override {
    ++drained_count;
    go_on(connection);
  }
  void closed(std::uint64_t connection, std::string why) override {
    REQUIRE(requests.contains(connection));
    REQUIRE_FALSE(reasons.contains(connection));
    reasons[connection] = std::move(why);
  }

  Address address() const { return Address::parse("unix:" + path()).value(); }
  std::string path() const { return folder_.path() + "/control"; }
  /// Runs the loop on this thread while `client` is busy on its own.
  void serve(const std::function<void()>& client) {
    std::thread other([&] {
      client();
      loop_.post([this] { loop_.stop(); });
    });
    loop_.run();
    other.join();
  }
  /// The request was sent before, but perhaps not read by now.
  void when_asked(const std::function<void()>& function) {
    if (last != 0) return function();
    loop_.post([this, function] { when_asked(function); });
  }
  bool run_until(const std::function<bool()>& done) { return loop_.run_until(done, kPatienceMs); }

  static constexpr int kLongLines = 2000;
  std::map<std::uint64_t, std::string> requests;
  std::map<std::uint64_t, std::string> reasons;
  std::uint64_t last = 0;
  int drained_count = 0;
  std::unique_ptr<LineServer> server;

 private:
  /// An answer longer than any queue, at the client's pace.
  void go_on(std::uint64_t connection) {
    while (long_sent_ < kLongLines) {
      ++long_sent_;
      if (!server->send_line(connection, std::to_string(long_sent_) + std::string(5000, '.')))
        return;
    }
    server->finish(connection);
  }

  EventLoop& loop_;
  Folder folder_;
  int long_sent_ = 0;
};

/// The lines that came, the last of them perhaps not complete.
std::vector<std::string> lines_of(const RawPeer& peer) {
  std::vector<std::string> lines(1);
  for (std::byte byte : peer.received()) {
    if (byte == std::byte{'\n'})
      lines.emplace_back();
    else
      lines.back().push_back(static_cast<char>(byte));
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace

TEST_CASE("a request is a line, the answer lines, then the connection is closed") {
  EventLoop loop;
  ToyServer server(loop);
  server.serve([&] {
    for (const std::string& text : {std::string("hello"), std::string(900'000, 'x')}) {
      Result<LineClient> client = LineClient::connect(server.path(), kPatienceMs);
      REQUIRE(client.ok());
      CHECK(client->send("echo " + text).ok());
      const Result<std::optional<std::string>> line = client->next_line();
      REQUIRE(line.ok());
      CHECK(*line == text);
      const Result<std::optional<std::string>> end = client->next_line();
      REQUIRE(end.ok());
      CHECK_FALSE(end->has_value());
    }
  });
  REQUIRE(server.run_until([&] { return server.reasons.size() == 2; }));
  CHECK(server.reasons.at(1) == "the answer is complete");
  CHECK(server.server->connection_count() == 0);
}

TEST_CASE("a watching connection stays open, and lines are pushed from any thread by post") {
  EventLoop loop;
  ToyServer server(loop);
  server.serve([&] {
    LineClient client = LineClient::connect(server.path(), kPatienceMs).value();
    CHECK(client.send("watch").ok());
    for (int i = 0; i < 50; ++i) {
      loop.post([&, i] {
        server.when_asked(
            [&, i] { server.server->send_line(server.last, "event " + std::to_string(i)); });
      });
      CHECK(client.next_line().value() == "event " + std::to_string(i));
    }
    loop.post([&] { server.server->finish(server.last); });
    CHECK_FALSE(client.next_line().value().has_value());
  });
}

TEST_CASE("a client that goes away is noticed, while lines are sent or not") {
  EventLoop loop;
  ToyServer server(loop);
  RawPeer peer(server.address());
  peer.send(as_bytes("watch\n"));
  REQUIRE(server.run_until([&] { return server.last == 1; }));
  SUBCASE("silent") {}
  SUBCASE("having closed its own direction before") {
    peer.shut_down_sending();
    bool later = false;
    const EventLoop::Timer other = loop.after(30, [&] { later = true; });
    REQUIRE(server.run_until([&] { return later; }));
    CHECK(server.reasons.empty());
    server.server->send_line(1, "still there");
    REQUIRE(server.run_until([&] {
      peer.read();
      return !peer.received().empty();
    }));
  }
  SUBCASE("with lines that it did not take") {
    for (int i = 0; i < 100; ++i) server.server->send_line(1, std::string(10'000, 'x'));
  }
  peer.close();
  REQUIRE(server.run_until([&] { return server.reasons.contains(1); }));
  CHECK(server.reasons.at(1) == "the client is gone");
  CHECK_FALSE(server.server->send_line(1, "too late"));
  server.server->finish(1);
}

TEST_CASE("a client may close its own direction and still gets its answer") {
  EventLoop loop;
  ToyServer server(loop);
  RawPeer peer(server.address());
  peer.send(as_bytes("echo hello\n"));
  peer.shut_down_sending();
  REQUIRE(server.run_until([&] { return peer.is_closed(); }));
  CHECK(lines_of(peer) == std::vector<std::string>{"hello"});
}

TEST_CASE("a request that is too long is refused with a line, though it is still being sent") {
  EventLoop loop;
  LineServer::Options options;
  options.line_bytes_max = 1000;
  const std::string words = options.too_long_line;
  ToyServer server(loop, std::move(options));
  server.serve([&] {
    LineClient client = LineClient::connect(server.path(), kPatienceMs).value();
    CHECK(client.send("echo " + std::string(3'000'000, 'x')).ok());
    CHECK(client.next_line().value() == words);
    CHECK_FALSE(client.next_line().value().has_value());
    LineClient just = LineClient::connect(server.path(), kPatienceMs).value();
    CHECK(just.send("echo " + std::string(995, 'x')).ok());
    CHECK(just.next_line().value() == std::string(995, 'x'));
  });
  CHECK(server.requests.size() == 1);
}

TEST_CASE("who connects and asks nothing is cut off") {
  EventLoop loop;
  LineServer::Options options;
  options.request_timeout_ms = 30;
  ToyServer server(loop, std::move(options));
  RawPeer peer(server.address());
  peer.send(as_bytes("half a requ"));
  REQUIRE(server.run_until([&] { return peer.is_closed(); }));
  CHECK(server.requests.empty());
}

TEST_CASE("a slow reader is dropped, with whole lines and a last one that says so") {
  EventLoop loop;
  LineServer::Options options;
  options.out_bytes_max = 100'000;
  const std::string words = options.too_slow_line;
  ToyServer server(loop, std::move(options));
  RawPeer peer(server.address());
  peer.send(as_bytes("watch\n"));
  REQUIRE(server.run_until([&] { return server.last == 1; }));
  int sent = 0;
  // The loop runs between the lines, so the system's buffers fill first, then the queue.
  REQUIRE(server.run_until([&] {
    if (server.reasons.empty())
      server.server->send_line(1, std::to_string(sent++) + " " + std::string(3000, 'x'));
    loop.post([] {});
    return !server.reasons.empty();
  }));
  CHECK(server.reasons.at(1) == "its answer was read too slowly");
  REQUIRE(server.run_until([&] { return peer.is_closed(); }));
  const std::vector<std::string> lines = lines_of(peer);
  REQUIRE(lines.size() >= 2);
  REQUIRE(lines.size() < static_cast<std::size_t>(sent));
  for (std::size_t i = 0; i + 1 < lines.size(); ++i)
    CHECK(lines[i] == std::to_string(i) + " " + std::string(3000, 'x'));
  CHECK(lines.back() == words);
}

TEST_CASE("an answer longer than the queue goes at the client's pace") {
  EventLoop loop;
  LineServer::Options options;
  options.out_bytes_max = 100'000;
  ToyServer server(loop, std::move(options));
  server.serve([&] {
    LineClient client = LineClient::connect(server.path(), kPatienceMs).value();
    CHECK(client.send("long").ok());
    for (int i = 1; i <= ToyServer::kLongLines; ++i) {
      const std::optional<std::string> line = client.next_line().value();
      REQUIRE(line.has_value());
      CHECK(*line == std::to_string(i) + std::string(5000, '.'));
    }
    CHECK_FALSE(client.next_line().value().has_value());
  });
  CHECK(server.drained_count > 0);
}

TEST_CASE("a line of any length can be sent alone") {
  EventLoop loop;
  LineServer::Options options;
  options.out_bytes_max = 1000;
  ToyServer server(loop, std::move(options));
  server.serve([&] {
    LineClient client = LineClient::connect(server.path(), kPatienceMs).value();
    CHECK(client.send("echo " + std::string(500'000, 'x')).ok());
    CHECK(client.next_line().value() == std::string(500'000, 'x'));
    CHECK_FALSE(client.next_line().value().has_value());
  });
}

TEST_CASE("connections beyond the number that may be are told so") {
  EventLoop loop;
  LineServer::Options options;
  options.connections_max = 2;
  const std::string words = options.too_many_line;
  ToyServer server(loop, std::move(options));
  RawPeer first(server.address());
  RawPeer second(server.address());
  REQUIRE(server.run_until([&] { return server.server->connection_count() == 2; }));
  first.send(as_bytes("watch\n"));
  second.send(as_bytes("watch\n"));
  REQUIRE(server.run_until([&] { return server.requests.size() == 2; }));
  RawPeer third(server.address());
  REQUIRE(server.run_until([&] { return third.is_closed(); }));
  CHECK(lines_of(third) == std::vector<std::string>{words});
}

TEST_CASE("who connects and asks nothing gives way to who comes when all places are taken") {
  EventLoop loop;
  LineServer::Options options;
  options.connections_max = 3;
  ToyServer server(loop, std::move(options));
  RawPeer watching(server.address());
  watching.send(as_bytes("watch\n"));
  RawPeer half(server.address());
  half.send(as_bytes("ec"));
  REQUIRE(server.run_until([&] { return server.requests.size() == 1; }));
  RawPeer silent(server.address());
  REQUIRE(server.run_until([&] { return server.server->connection_count() == 3; }));
  for (int i = 0; i < 3; ++i) {
    RawPeer asking(server.address());
    asking.send(as_bytes("echo it\n"));
    REQUIRE(server.run_until([&] { return asking.is_closed(); }));
    CHECK(lines_of(asking) == std::vector<std::string>{"it"});
  }
  CHECK(silent.is_closed());
  half.send(as_bytes("ho half\n"));
  REQUIRE(server.run_until([&] { return half.is_closed(); }));
  CHECK(lines_of(half) == std::vector<std::string>{"half"});
  CHECK(server.requests.size() == 5);
}

TEST_CASE(
    "a server may go while connections are busy; the client is told that the answer broke off") {
  EventLoop loop;
  ToyServer server(loop);
  RawPeer asking(server.address());
  RawPeer half(server.address());
  asking.send(as_bytes("watch\n"));
  half.send(as_bytes("wat"));
  REQUIRE(server.run_until([&] { return server.last != 0; }));
  server.server->send_line(server.last, "one");
  server.server.reset();
  CHECK(server.reasons.empty());
  REQUIRE(server.run_until([&] { return asking.is_closed() && half.is_closed(); }));
  CHECK_FALSE(LineClient::connect(server.path()).ok());
}

TEST_CASE("only Unix sockets take commands") {
  EventLoop loop;
  ToyServer server(loop);
  const auto refused =
      LineServer::open(loop, server, Address::parse("tcp:127.0.0.1:0").value(), {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("a client says what is wrong where there is no server, or a silent one") {
  EventLoop loop;
  ToyServer server(loop);
  const Folder folder;
  const Result<LineClient> missing = LineClient::connect(folder.path() + "/s");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code() == ErrorCode::kNotFound);
  CHECK(missing.error().context().find("no such file") != std::string::npos);

  LineClient client = LineClient::connect(server.path(), 20).value();  // nobody runs the loop
  CHECK(client.send("two\nlines").error().code() == ErrorCode::kInvalidArgument);
  REQUIRE(client.send("echo hello").ok());
  const Result<std::optional<std::string>> slow = client.next_line();
  REQUIRE_FALSE(slow.ok());
  CHECK(slow.error().code() == ErrorCode::kIoError);
  CHECK(slow.error().context().find("took longer than 20 ms") != std::string::npos);
  client.set_timeout(0);
  server.serve([&] { CHECK(client.next_line().value() == "hello"); });
}
