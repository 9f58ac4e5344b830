// The example of README.md: a whole program, compiled and run here as it stands there.

#define main readme_main  // doctest has the real one

// README example: begin
#include <cstdio>

#include "crdt/document/document.h"
#include "crdt/document/json_text.h"
using namespace weft;

int main() {
  DocumentOptions options;
  options.replica = {0xa11ce};  // who writes here; an application draws it at random
  Document alice = Document::create(options);
  auto fill = [](Transaction& tx) {
    MapEdit cpu = tx.root().ensure_map("panels").ensure_map("cpu");
    cpu.set("title", "CPU").value();
    cpu.set("grid", Record{{"x", 0}, {"y", 0}, {"w", 12}, {"h", 8}}).value();  // never torn
    tx.root().ensure_text("notes").insert(utf8(0), "Look at node 7.\n").value();
  };
  alice.transact(fill).value();  // all or nothing; one delta

  Document bob = alice.fork({0xb0b});  // another device; both now edit offline
  auto retitle = [](const char* title) {
    return [=](Transaction& tx) { return tx.map("/panels/cpu")->set("title", title); };
  };
  alice.transact(retitle("CPU load")).value();
  bob.transact(retitle("CPU busy")).value();
  bob.transact([](Transaction& tx) { return tx.text("/notes")->insert(utf8(14), " first"); })
      .value();

  for (const Bytes& delta : alice.deltas_since(bob.version()).value()) bob.apply(delta).value();
  for (const Bytes& delta : bob.deltas_since(alice.version()).value()) alice.apply(delta).value();

  for (const Conflict& c : alice.conflicts())  // the last writer won; nothing is lost
    std::printf("%s: %s won, %s is kept\n", c.path.c_str(), print_json(c.winner.json).c_str(),
                print_json(c.losers[0].json).c_str());
  return alice.snapshot() == bob.snapshot() ? 0 : 1;
}
// README example: end

#undef main

#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

namespace {

std::string read(const char* path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The lines between the first line that holds `begin` and the next one that holds `end`.
std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  std::size_t first = text.find(begin);
  REQUIRE(first != std::string::npos);
  first = text.find('\n', first) + 1;
  std::size_t last = text.find(end, first);
  REQUIRE(last != std::string::npos);
  return text.substr(first, text.rfind('\n', last) + 1 - first);
}

}  // namespace

TEST_CASE("the README's example runs and its replicas end with the same state") {
  CHECK(readme_main() == 0);
}

TEST_CASE("README.md shows the example exactly as it is compiled here") {
  // ctest runs this in the project's root.
  std::string compiled = between(read("tests/readme/readme_example_test.cc"),
                                 "// README example: begin", "// README example: end");
  std::string shown =
      between(read("README.md"), "<!-- example: begin -->", "<!-- example: end -->");
  CHECK(shown == "```cpp\n" + compiled + "```\n");
}
