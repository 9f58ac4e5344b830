#include "peer/config.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "tests/support/folder.h"

using namespace weft;

namespace {

/// What is wrong with a file of this text, or with what it says.
std::string fault(std::string_view text) {
  Result<ConfigValues> values = parse_config(text, "peer.conf");
  if (!values.ok()) return values.error().context();
  Result<PeerConfig> config = make_config(std::move(*values), {});
  return config.ok() ? std::string() : config.error().context();
}

PeerConfig config_of(std::string_view text, const ConfigValues& over = {}) {
  Result<ConfigValues> values = parse_config(text, "peer.conf");
  REQUIRE(values.ok());
  return make_config(std::move(*values), over).value();
}

}  // namespace

TEST_CASE("a config file says all that a peer needs") {
  const PeerConfig config = config_of(
      "# a comment\n"
      "\n"
      "store = boards\n"
      "  create=yes  \n"
      "listen = tcp:127.0.0.1:7400\r\n"
      "listen = unix:a folder/boards.sock\n"
      "connect = tcp:[::1]:7401\n"
      "insecure = no\n"
      "control = other.sock\n"
      "log-level = warning\n"
      "log-format = json\n"
      "log-file = peer = log.txt\n"
      "quota = 1.5 GiB\n"
      "relaxed = true\n"
      "warm = 000102030405060708090a0b0c0d0e0f\n"
      "documents-max = 12\n"
      "memory-max = 64M\n"
      "links-max = 5\n"
      "coalesce = 30 ms\n"
      "heartbeat = 0.5 s\n"
      "timeout = 1min");
  CHECK(config.store == "boards");
  CHECK(config.create);
  CHECK(config.listen ==
        std::vector<std::string>{"tcp:127.0.0.1:7400", "unix:a folder/boards.sock"});
  CHECK(config.connect == std::vector<std::string>{"tcp:[::1]:7401"});
  CHECK(!config.insecure);
  CHECK(config.control_path() == "other.sock");
  CHECK(config.log.level == LogLevel::kWarning);
  CHECK(config.log.format == LogFormat::kJson);
  CHECK(config.log.file == "peer = log.txt");
  CHECK(config.quota_bytes == std::uint64_t{3} << 29);
  CHECK(config.relaxed);
  REQUIRE(config.warm.size() == 1);
  CHECK(config.warm[0].bytes[15] == 15);
  CHECK(config.documents_max == 12);
  CHECK(config.memory_bytes_max == std::size_t{64} << 20);
  CHECK(config.links_max == 5);
  CHECK(config.coalesce_ms == 30);
  CHECK(config.heartbeat_ms == 500);
  CHECK(config.timeout_ms == 60'000);
}

TEST_CASE("what is not said has a default, and the control socket lies in the store") {
  const PeerConfig config = config_of("store = boards");
  CHECK(!config.create);
  CHECK(config.listen.empty());
  CHECK(config.quota_bytes == 0);
  CHECK(config.log.level == LogLevel::kInfo);
  CHECK(config.control_path() == "boards/peer.sock");
}

TEST_CASE("the command line takes the place of all that the file says of a key") {
  ConfigValues over;
  over["listen"] = {{"tcp:127.0.0.1:1", "--listen"}};
  over["quota"] = {{"1K", "--quota"}};
  const PeerConfig config = config_of(
      "store = boards\nlisten = unix:a\nlisten = unix:b\nconnect = unix:c\nquota = 5", over);
  CHECK(config.listen == std::vector<std::string>{"tcp:127.0.0.1:1"});
  CHECK(config.connect == std::vector<std::string>{"unix:c"});
  CHECK(config.quota_bytes == 1024);
}

TEST_CASE("an unknown key is named with its line and the nearest one") {
  CHECK(fault("store = a\n\nlisen = unix:b") ==
        "peer.conf:3: there is no key 'lisen'; is 'listen' meant?");
  CHECK(fault("Store = a") == "peer.conf:1: there is no key 'Store'; is 'store' meant?");
  CHECK(fault("log_level = info") ==
        "peer.conf:1: there is no key 'log_level'; is 'log-level' meant?");
  CHECK(fault("= a") == "peer.conf:1: there is no key ''; is 'warm' meant?");
}

TEST_CASE("a bad value is named with its line, its key and what to write") {
  const std::string store = "store = a\n";
  CHECK(fault(store + "quota = lots").starts_with("peer.conf:2: quota: 'lots' is no size; write"));
  CHECK(fault(store + "quota = -1").starts_with("peer.conf:2: quota: '-1' is no size"));
  CHECK(fault(store + "quota = 1 parsec").starts_with("peer.conf:2: quota: '1 parsec' is no size"));
  CHECK(fault(store + "quota = 1e300").starts_with("peer.conf:2: quota: '1e300' is no size"));
  CHECK(fault(store + "relaxed = maybe") == "peer.conf:2: relaxed: 'maybe' is neither yes nor no");
  CHECK(fault(store + "heartbeat = 5 hours")
            .starts_with("peer.conf:2: heartbeat: '5 hours' is no time"));
  CHECK(fault(store + "warm = 12").starts_with("peer.conf:2: warm: '12' is no document id"));
  CHECK(fault(store + "documents-max = 0")
            .starts_with("peer.conf:2: documents-max: '0' is no number"));
  CHECK(
      fault(store + "log-level = loud").starts_with("peer.conf:2: log-level: 'loud' is no level"));
  CHECK(
      fault(store + "log-format = xml").starts_with("peer.conf:2: log-format: 'xml' is no format"));
  CHECK(fault(store + "listen = nowhere").starts_with("peer.conf:2: listen: "));
  CHECK(fault(store + "connect = tcp:host").starts_with("peer.conf:2: connect: "));
}

TEST_CASE("a line without a value, and a key that stands twice, are refused") {
  CHECK(fault("store") == "peer.conf:1: write store = FOLDER");
  CHECK(fault("relaxed") == "peer.conf:1: write relaxed = yes");
  CHECK(fault("store =") == "peer.conf:1: store has no value");
  CHECK(fault("store = a\nstore = b") == "peer.conf:2: store stands at peer.conf:1 already");
}

TEST_CASE("what only shows when all is known is said too") {
  CHECK(fault("quota = 5").starts_with("no store is named; give --store FOLDER"));
  CHECK(fault("store = a\nheartbeat = 20 s").starts_with("timeout: at least twice the heartbeat"));
}

TEST_CASE("a file that is not there is named") {
  const test::Folder folder;
  const std::string file = folder.path() + "/peer.conf";
  const Result<ConfigValues> missing = read_config(file);
  REQUIRE(!missing.ok());
  CHECK(missing.error().code() == ErrorCode::kNotFound);
  CHECK(missing.error().context().starts_with(file + ": there is no such config file"));
  CHECK(!read_config(folder.path()).ok());
  std::ofstream(file) << "store = a\n";
  REQUIRE(read_config(file).ok());
  CHECK(read_config(file)->at("store").front().where == file + ":1");
  std::ofstream(file, std::ios::trunc).flush();
  CHECK(read_config(file)->empty());
}

TEST_CASE("every key has help and the nearest key to itself is itself") {
  for (const ConfigKey& key : config_keys()) {
    CHECK(std::string(key.help).size() > 10);
    CHECK(nearest_key(key.name).name == std::string(key.name));
  }
}

TEST_CASE("a comment begins with a # behind a blank; between quotes a # is part of the value") {
  const PeerConfig config = config_of(
      "store = boards # where they are\n"
      "quota = 2 GiB\t# most of the disk\n"
      "create = yes #\n"
      "log-file = peer#1.log\n"
      "listen = \"unix:a #1/boards.sock\"   # quoted\n"
      "control = \" blanks \"");
  CHECK(config.store == "boards");
  CHECK(config.quota_bytes == std::uint64_t{2} << 30);
  CHECK(config.create);
  CHECK(config.log.file == "peer#1.log");
  CHECK(config.listen == std::vector<std::string>{"unix:a #1/boards.sock"});
  CHECK(config.control == " blanks ");
  CHECK(fault("store = # nothing") == "peer.conf:1: store has no value");
  CHECK(fault("store = \"\"") == "peer.conf:1: store has no value");
  CHECK(fault("store = \"a") == "peer.conf:1: store: the quote \" is not closed");
  CHECK(fault("store = \"a\" b") ==
        "peer.conf:1: store: only a # comment may follow the closing quote, not 'b'");
}

TEST_CASE("what changed between two configurations goes by key") {
  const PeerConfig before = config_of("store = a\nlisten = unix:b\nlog-level = info");
  CHECK(changed_keys(before, before).empty());
  const PeerConfig after = config_of("store = a\nlisten = unix:b\nlisten = unix:c\nquota = 1K");
  CHECK(changed_keys(before, after) == std::vector<std::string>{"listen", "log-level", "quota"});
}
