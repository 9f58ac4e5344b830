#include "crdt/document/bounded_stack.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include <doctest/doctest.h>
#include "tests/support/random.h"

using namespace weft;

TEST_CASE("a bounded stack is a deque that loses its front") {
  test::Random random(50);
  for (const std::size_t size_max : {1u, 2u, 3u, 7u, 100u}) {
    BoundedStack<int> stack;
    std::deque<int> oracle;
    for (int step = 0; step < 2000; ++step) {
      if (const std::uint64_t draw = random.below(100); draw < 60 || oracle.empty()) {
        stack.push(step, size_max);
        oracle.push_back(step);
        if (oracle.size() > size_max) oracle.pop_front();
      } else if (draw < 99) {
        stack.pop();
        oracle.pop_back();
      } else {
        stack.clear();
        oracle.clear();
      }
      REQUIRE(stack.size() == oracle.size());
      REQUIRE(stack.empty() == oracle.empty());
      if (!oracle.empty()) REQUIRE(stack.top() == oracle.back());
    }
  }
}

TEST_CASE("what a bounded stack forgets is gone at once") {
  BoundedStack<std::shared_ptr<int>> stack;
  const std::weak_ptr<int> deepest = [&] {
    auto made = std::make_shared<int>(1);
    std::weak_ptr<int> seen = made;
    stack.push(std::move(made), 2);
    return seen;
  }();
  stack.push(std::make_shared<int>(2), 2);
  CHECK_FALSE(deepest.expired());
  stack.push(std::make_shared<int>(3), 2);
  CHECK(deepest.expired());
}
