#include "transport/links/address.h"

#include <string>

#include <doctest/doctest.h>

using weft::ErrorCode;
using weft::Result;
using weft::links::Address;

namespace {

void check_refused(const std::string& text, const std::string& advice) {
  CAPTURE(text);
  const Result<Address> address = Address::parse(text);
  REQUIRE_FALSE(address.ok());
  CHECK(address.error().code() == ErrorCode::kInvalidArgument);
  INFO(address.error().context());
  CHECK(address.error().context().find(advice) != std::string::npos);
}

}  // namespace

TEST_CASE("an address prints as it was written") {
  for (const char* text :
       {"tcp:127.0.0.1:7400", "tcp:localhost:0", "tcp:boards.example-1.net:65535", "tcp:[::1]:7400",
        "tcp:[::]:1", "tcp:[fe80::1%eth0]:7400", "unix:boards.sock", "unix:/run/weft/a b:c.sock"}) {
    CAPTURE(text);
    const Result<Address> address = Address::parse(text);
    REQUIRE(address.ok());
    CHECK(address->print() == text);
    CHECK(Address::parse(address->print()).value() == *address);
  }
}

TEST_CASE("the parts of an address are named") {
  const Address tcp = Address::parse("tcp:[::1]:7400").value();
  CHECK(tcp.kind == Address::Kind::kTcp);
  CHECK(tcp.host == "::1");
  CHECK(tcp.port == 7400);
  const Address local = Address::parse("unix:/tmp/x").value();
  CHECK(local.kind == Address::Kind::kUnix);
  CHECK(local.path == "/tmp/x");
}

TEST_CASE("a wrong address is refused with what to write instead") {
  check_refused("", "write tcp:HOST:PORT");
  check_refused("localhost:7400", "write tcp:localhost:7400");
  check_refused("7400", "write tcp:HOST:PORT");
  check_refused("tcp:7400", "write tcp:127.0.0.1:7400");
  check_refused("/run/weft.sock", "write unix:/run/weft.sock");
  check_refused("./weft.sock", "write unix:./weft.sock");
  check_refused("http://localhost:7400", "write tcp:HOST:PORT");
  check_refused("tcp://localhost:7400", "without //");
  check_refused("tcp:localhost", "write tcp:localhost:7400");
  check_refused("tcp::7400", "tcp:127.0.0.1:7400 for this machine only");
  check_refused("tcp:::1:7400", "in brackets");
  check_refused("tcp:[::1]", "write tcp:[::1]:7400");
  check_refused("tcp:[::1", "]");
  check_refused("tcp:[::g]:1", "no IPv6 number");
  check_refused("tcp:[]:1", "no IPv6 number");
  check_refused("tcp:[fe80::1%]:1", "no IPv6 number");
  check_refused("tcp:localhost:", "0 to 65535");
  check_refused("tcp:localhost:65536", "0 to 65535");
  check_refused("tcp:localhost:-1", "0 to 65535");
  check_refused("tcp:localhost:80x", "0 to 65535");
  check_refused("tcp:1.2.3:80", "four numbers");
  check_refused("tcp:300.1.1.1:80", "four numbers");
  check_refused("tcp:a b:80", "no host");
  check_refused("tcp:" + std::string(254, 'a') + ":80", "too long");
  check_refused("unix:", "unix:PATH");
  check_refused("unix:" + std::string(108, 'a'), "shorter");
  check_refused(std::string("unix:a\0b", 8), "NUL");
}

TEST_CASE("only what surely stays on this machine is loopback") {
  for (const char* text : {"tcp:localhost:1", "tcp:127.0.0.1:1", "tcp:127.8.9.1:1", "tcp:[::1]:1",
                           "tcp:[0:0:0:0:0:0:0:1]:1", "unix:x"}) {
    CAPTURE(text);
    CHECK(Address::parse(text).value().is_loopback());
  }
  for (const char* text : {"tcp:0.0.0.0:1", "tcp:[::]:1", "tcp:10.0.0.1:1", "tcp:128.0.0.1:1",
                           "tcp:localhost.example:1", "tcp:[fe80::1%lo]:1", "tcp:[::2]:1"}) {
    CAPTURE(text);
    CHECK_FALSE(Address::parse(text).value().is_loopback());
  }
}
