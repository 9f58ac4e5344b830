#include "transport/links/address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace weft::links {
namespace {

constexpr const char* kForms = "write tcp:HOST:PORT, tcp:[::1]:PORT or unix:PATH";

Error wrong(std::string_view text, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "address '" + std::string(text) + "': " + what);
}

/// IPv6 as a number, perhaps with the interface that it is meant for: fe80::1%eth0.
bool is_ipv6(const std::string& host) {
  const std::size_t percent = host.find('%');
  in6_addr number;
  if (inet_pton(AF_INET6, host.substr(0, percent).c_str(), &number) != 1) return false;
  return percent == std::string::npos ||
         (percent + 1 < host.size() && host.size() - percent - 1 < IF_NAMESIZE);
}

bool is_ipv4(const std::string& host) {
  in_addr number;
  return inet_pton(AF_INET, host.c_str(), &number) == 1;
}

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view port) {
  std::uint16_t value = 0;
  const char* end = port.data() + port.size();
  auto [at, fault] = std::from_chars(port.data(), end, value);
  if (port.empty() || fault != std::errc() || at != end)
    return wrong(text, "'" + std::string(port) + "' is no port: write a number from 0 to 65535");
  return value;
}

Result<Address> parse_tcp(std::string_view text, std::string_view rest) {
  if (rest.starts_with("//")) return wrong(text, "write tcp:HOST:PORT, without //");
  Address address;
  address.kind = Address::Kind::kTcp;
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return wrong(text, "the ] after the host is missing");
    address.host = rest.substr(1, close - 1);
    if (!is_ipv6(address.host))
      return wrong(text, "'" + address.host + "' in brackets is no IPv6 number");
    if (close + 1 == rest.size() || rest[close + 1] != ':')
      return wrong(text, "the port is missing: write tcp:[" + address.host + "]:7400");
    port = rest.substr(close + 2);
  } else {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos)
      return wrong(text, is_number(rest) && rest.find('.') == std::string_view::npos
                             ? "the host is missing: write tcp:127.0.0.1:" + std::string(rest)
                             : "the port is missing: write tcp:" + std::string(rest) + ":7400");
    if (colon != rest.rfind(':'))
      return wrong(text, "an IPv6 number stands in brackets: write tcp:[::1]:7400");
    address.host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
    if (address.host.empty())
      return wrong(text, "the host is missing: write tcp:127.0.0.1:" + std::string(port) +
                             " for this machine only, tcp:0.0.0.0:" + std::string(port) +
                             " for all of its networks");
    if (address.host.size() > Address::kHostBytes) return wrong(text, "the host is too long");
    if (!std::all_of(address.host.begin(), address.host.end(), is_name_letter))
      return wrong(text, "'" + address.host + "' is no host: write a name or a number");
    if (is_number(address.host) && !is_ipv4(address.host))
      return wrong(text,
                   "'" + address.host + "' is no IPv4 number: write four numbers from 0 to 255");
  }
  WEFT_ASSIGN(address.port, parse_port(text, port));
  return address;
}

Result<Address> parse_unix(std::string_view text, std::string_view path) {
  if (path.empty()) return wrong(text, "the path is missing: write unix:PATH");
  if (path.find('\0') != std::string_view::npos) return wrong(text, "the path holds a NUL");
  if (path.size() > Address::kPathBytes)
    return wrong(text, "the path has " + std::to_string(path.size()) +
                           " bytes and the system takes " + std::to_string(Address::kPathBytes) +
                           ": use a shorter one, for instance relative to the working directory");
  Address address;
  address.kind = Address::Kind::kUnix;
  address.path = path;
  return address;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.starts_with("tcp:")) return parse_tcp(text, text.substr(4));
  if (text.starts_with("unix:")) return parse_unix(text, text.substr(5));
  if (text.empty()) return wrong(text, kForms);
  if (text.find('/') != std::string_view::npos && text.find("://") == std::string_view::npos &&
      text.find(':') == std::string_view::npos)
    return wrong(text, "write unix:" + std::string(text) + " for a Unix socket");
  // What would be right with tcp: before it?
  if (Result<Address> guess = parse_tcp(text, text); guess.ok())
    return wrong(text, "write " + guess->print());
  return wrong(text, kForms);
}

std::string Address::print() const {
  if (kind == Kind::kUnix) return "unix:" + path;
  const bool brackets = host.find(':') != std::string::npos;
  return "tcp:" + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Address::is_loopback() const {
  if (kind == Kind::kUnix || host == "localhost") return true;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace weft::links
