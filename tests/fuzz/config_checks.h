#pragma once
// What has to hold of a peer's config file, whatever lies in it: what is wrong is said with the place, and what is
// accepted means the same when it is written again, a `key = value` a line. Input: the file's text.

#include <string>
#include <string_view>

#include "peer/config.h"
#include "tests/fuzz/fuzzer.h"

namespace weft::test {

/// What is under test; a canary puts something faulty in its place.
using ParseConfig = Result<ConfigValues> (*)(std::string_view, const std::string&);

inline bool say_the_same(const ConfigValues& a, const ConfigValues& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, values] : a) {
    const auto found = b.find(key);
    if (found == b.end() || found->second.size() != values.size()) return false;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (found->second[i].text != values[i].text) return false;
  }
  return true;
}

inline bool names_the_place(const Error& error) {
  return error.code() == ErrorCode::kInvalidArgument &&
         error.context().find("peer.conf") != std::string::npos;
}

/// What keys say of each other stands at no one place.
inline bool names_a_key(const Error& error) {
  for (const ConfigKey& key : config_keys())
    if (error.context().starts_with(std::string(key.name) + ":")) return true;
  return false;
}

inline Verdict check_config(std::string_view text, ParseConfig parse = parse_config) {
  Result<ConfigValues> values = parse(text, "peer.conf");
  if (!values.ok()) {
    if (!names_the_place(values.error())) return faulty("an error that does not say where");
    return accepted_if(false);
  }
  std::string again;
  for (const auto& [key, all] : *values)
    for (const ConfigValue& value : all) again += key + " = " + value.text + "\n";
  const Result<ConfigValues> twice = parse(again, "peer.conf");
  if (!twice.ok() || !say_the_same(*values, *twice))
    return faulty("what was read says something else when it is written again");
  const bool has_store = values->contains("store");
  const Result<PeerConfig> config = make_config(*std::move(values), {});
  if (!config.ok()) {
    if (has_store && !names_the_place(config.error()) && !names_a_key(config.error()))
      return faulty("a wrong value that does not say where");
    return accepted_if(false);
  }
  return accepted_if(true);
}

}  // namespace weft::test
