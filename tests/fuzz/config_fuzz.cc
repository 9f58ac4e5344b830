// Fuzzer: a peer's config file. See config_checks.h for what has to hold.

#include "tests/fuzz/config_checks.h"
#include "tests/fuzz/text_seeds.h"

namespace weft::test {
namespace {

/// A value that the key takes; null: none of those tried.
const char* value_for(const ConfigKey& key) {
  for (const char* value : {"yes", "12", "64 MiB", "250 ms", "000102030405060708090a0b0c0d0e0f",
                            "tcp:127.0.0.1:7400", "warning", "json", "a folder/file.txt"}) {
    PeerConfig config;
    if (key.set(config, value).ok()) return value;
  }
  return nullptr;
}

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  // Every key alone, with the first value that it takes, and all together.
  std::string whole = "# all of them\n\n";
  for (const ConfigKey& key : config_keys()) {
    const char* value = value_for(key);
    if (value == nullptr) continue;
    const std::string line = std::string(key.name) + " = " + value + "\n";
    whole += "  " + line;
    add_text(all, key.name, std::string(key.name) == "store" ? line : "store = s\r\n" + line);
  }
  add_text(all, "all", whole);
  add_text(all, "lists",
           "store=s\nlisten = unix:s.sock\nlisten=tcp:[::1]:1\nconnect = tcp:localhost:7401\n"
           "quota = 1.5 GiB\nheartbeat = 0.5 s\ntimeout = 1min");
  return all;
}

}  // namespace

const Fuzzer kConfigFuzz{"config_fuzz", [](ByteSpan input) { return check_config(as_text(input)); },
                         seeds};

}  // namespace weft::test
