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

  for (const Conflict& c : alice.conflicts().value())  // the last writer won; nothing is lost
    std::printf("%s: %s won, %s is kept\n", c.path.c_str(), print_json(c.winner.json).c_str(),
                print_json(c.losers[0].json).c_str());
  return alice.snapshot() == bob.snapshot() ? 0 : 1;
}
// README example: end

#undef main

#include "tests/readme/shown.h"

TEST_CASE("the README's example runs and its replicas end with the same state") {
  CHECK(readme_main() == 0);
}

TEST_CASE("README.md shows the example exactly as it is compiled here") {
  weft::test::check_shown("README.md", "tests/readme/readme_example_test.cc");
}
