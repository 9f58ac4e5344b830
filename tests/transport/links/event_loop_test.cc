#include "transport/links/event_loop.h"

#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/transport/links/toy_device.h"
#include "transport/links/name_lookup.h"

using weft::links::Endpoint;
using weft::links::EventLoop;
using weft::links::NameLookup;
using weft::test::kPatienceMs;

TEST_CASE("functions posted by other threads run on the loop's thread, each thread's in order") {
  constexpr int kCalls = 1000;
  EventLoop loop;
  const std::thread::id own = std::this_thread::get_id();
  std::vector<int> counts(3, 0);  // written by the loop's thread only
  std::vector<std::thread> threads;
  for (std::size_t writer = 0; writer < counts.size(); ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < kCalls; ++i)
        loop.post([&, writer, i] {
          CHECK(std::this_thread::get_id() == own);
          CHECK(counts[writer]++ == i);
        });
    });
  }
  CHECK(loop.run_until(
      [&] { return counts[0] == kCalls && counts[1] == kCalls && counts[2] == kCalls; },
      kPatienceMs));
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a post is never run from inside the call") {
  EventLoop loop;
  std::vector<int> order;
  loop.post([&] {
    loop.post([&] { order.push_back(2); });
    order.push_back(1);
  });
  CHECK(loop.run_until([&] { return order.size() == 2; }, kPatienceMs));
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("run goes on until stop is called, from another thread, and can be called again") {
  EventLoop loop;
  for (int round = 0; round < 2; ++round) {
    std::thread other([&] { loop.post([&] { loop.stop(); }); });
    loop.run();
    other.join();
  }
  loop.stop();
  loop.run();  // returns at once
  CHECK_FALSE(loop.run_until([] { return false; }, 1));
}

TEST_CASE("a timer calls again and again until its handle is gone") {
  EventLoop loop;
  int calls = 0;
  std::optional<EventLoop::Timer> timer = loop.every(1, [&] { ++calls; });
  CHECK(loop.run_until([&] { return calls >= 3; }, kPatienceMs));
  timer.reset();
  const int before = calls;
  int others = 0;
  const EventLoop::Timer other = loop.every(1, [&] { ++others; });
  CHECK(loop.run_until([&] { return others >= 3; }, kPatienceMs));
  CHECK(calls == before);
}

TEST_CASE("a timer may be dropped or replaced from inside its own function") {
  EventLoop loop;
  int calls = 0;
  EventLoop::Timer timer;
  timer = loop.every(1, [&] {
    ++calls;
    timer = loop.after(1, [&] {
      calls += 10;
      timer = {};
    });
  });
  CHECK(loop.run_until([&] { return calls == 11; }, kPatienceMs));
  bool later = false;
  const EventLoop::Timer other = loop.after(5, [&] { later = true; });
  CHECK(loop.run_until([&] { return later; }, kPatienceMs));
  CHECK(calls == 11);
}

TEST_CASE("a signal calls its function with its number") {
  EventLoop loop;
  std::vector<int> came;
  REQUIRE(loop.on_signal({SIGUSR1, SIGUSR2}, [&](int number) { came.push_back(number); }).ok());
  std::raise(SIGUSR1);
  CHECK(loop.run_until([&] { return came.size() == 1; }, kPatienceMs));
  std::raise(SIGUSR2);
  CHECK(loop.run_until([&] { return came.size() == 2; }, kPatienceMs));
  CHECK(came == std::vector<int>{SIGUSR1, SIGUSR2});
  const weft::Status refused = loop.on_signal({SIGKILL}, [](int) {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code() == weft::ErrorCode::kInvalidArgument);
}

TEST_CASE("a name is looked up on another thread and told on the loop's") {
  EventLoop loop;
  std::optional<std::vector<Endpoint>> found;
  const NameLookup lookup(loop, "localhost", 7400, [&](weft::Result<std::vector<Endpoint>> result) {
    REQUIRE(result.ok());
    found = std::move(*result);
  });
  REQUIRE(loop.run_until([&] { return found.has_value(); }, kPatienceMs));
  REQUIRE_FALSE(found->empty());
  CHECK(found->front().port() == 7400);
}

TEST_CASE("a lookup that nobody waits for any more tells nobody") {
  EventLoop loop;
  bool told = false;
  for (int i = 0; i < 20; ++i)
    NameLookup(loop, "localhost", 7400, [&](weft::Result<std::vector<Endpoint>>) { told = true; });
  const EventLoop::Timer other = loop.after(20, [&] { loop.stop(); });
  loop.run();
  CHECK_FALSE(told);
}
