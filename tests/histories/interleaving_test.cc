// Runs that two replicas type at one place at the same time stay whole, whichever way they type.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/histories/world.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

enum class Direction { kForward, kBackward, kPaste };

DocumentOptions writer(std::uint64_t replica) { return reader_options(replica); }

/// Types `letters` so that they read in order; each keystroke a transaction.
void type(Document& document, std::size_t at, const std::string& letters, Direction direction) {
  auto insert = [&](std::size_t index, const std::string& text) {
    document
        .transact(
            [&](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(index), text); })
        .value();
  };
  if (direction == Direction::kPaste) return insert(at, letters);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (direction == Direction::kForward) {
      insert(at + i, letters.substr(i, 1));
    } else {
      insert(at, letters.substr(letters.size() - 1 - i, 1));
    }
  }
}

void give(const Document& from, Document& to) {
  for (const Bytes& delta : from.deltas_since(to.version()).value()) to.apply(delta).value();
}

std::string run_of(char letter, std::size_t length) {
  std::string run;
  for (std::size_t i = 0; i < length; ++i)
    run.push_back(static_cast<char>(letter + static_cast<int>(i % 8)));
  return run;
}

/// `writers` replicas type at the same place of "[...]" at once; every run must be whole.
void check_runs(const std::vector<Direction>& directions, Random& random) {
  Document origin = Document::create(writer(99));
  std::size_t before = random.below(4);
  std::size_t after = random.below(4);
  type(origin, 0, std::string(before, '[') + std::string(after, ']'), Direction::kPaste);
  std::vector<Document> writers;
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < directions.size(); ++i) {
    Document& document =
        writers.emplace_back(Document::create(writer(1 + random.below(1'000'000))));
    give(origin, document);
    runs.push_back(run_of(i == 0 ? 'a' : i == 1 ? 'i' : 'q', 1 + random.below(12)));
    type(document, before, runs.back(), directions[i]);
  }
  for (Document& to : writers)
    for (Document& from : writers)
      if (&from != &to) give(from, to);
  for (Document& document : writers) {
    std::string text = document.text("/t").value().str();
    CAPTURE(text);
    REQUIRE(text == writers[0].text("/t").value().str());
    REQUIRE(text.size() == before + after + [&] {
      std::size_t sum = 0;
      for (const std::string& run : runs) sum += run.size();
      return sum;
    }());
    for (const std::string& run : runs) REQUIRE(text.find(run) != std::string::npos);
  }
}

TEST_CASE("runs typed at once at one place do not interleave, forward, backward or pasted") {
  constexpr Direction kAll[] = {Direction::kForward, Direction::kBackward, Direction::kPaste};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    for (Direction a : kAll) {
      for (Direction b : kAll) {
        check_runs({a, b}, random);
        check_runs({a, b, Direction::kBackward}, random);
      }
    }
  }
}

}  // namespace
}  // namespace weft::test
