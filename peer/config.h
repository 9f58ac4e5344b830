#pragma once
// PeerConfig: how a peer runs. Its keys are the same in a file and on the command line.
//
//   # a comment
//   store   = boards
//   listen  = unix:boards.sock
//   listen  = tcp:127.0.0.1:7400
//   connect = tcp:127.0.0.1:7401
//   quota   = 2 GiB        # a comment begins with a # behind a blank
//   control = "run/a #1"   # between quotes it is part of the value
//
// One `key = value` a line; a key that is a list may stand several times, any other once. Paths are relative
// to where the peer is started. What the command line gives for a key takes the place of all that the
// file says of it.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/document/document.h"
#include "peer/event_log.h"

namespace weft {

struct PeerConfig {
  std::string store;    ///< a folder
  bool create = false;  ///< make the store where there is none
  std::vector<std::string> listen;
  std::vector<std::string> connect;
  bool insecure = false;  ///< TCP beyond loopback, where nothing is encrypted yet
  std::string control;    ///< the control socket's path; empty: control_path()
  EventLog::Options log;
  std::uint64_t quota_bytes = 0;  ///< of the store's files; 0: no limit
  bool relaxed = false;           ///< edits are acknowledged before their flush, 100 ms at most
  bool no_compact = false;        ///< don't seal the history of documents while nothing happens
  std::vector<DocumentId> warm;   ///< opened at start
  std::size_t documents_max = 128;
  std::size_t memory_bytes_max = std::size_t{256} << 20;
  std::size_t pending_bytes_max = std::size_t{16} << 20;
  std::size_t links_max = 64;
  std::uint64_t coalesce_ms = 0;
  std::uint64_t heartbeat_ms = 5'000;
  std::uint64_t timeout_ms = 20'000;

  std::map<std::string, std::vector<std::string>> given;  ///< the values, as they were written

  std::string control_path() const;
};

/// Where the control socket of the peer that runs on a store is found.
std::string control_path_of(const std::string& store);

struct ConfigKey {
  enum class Kind : std::uint8_t { kValue, kList, kFlag };
  const char* name;
  Kind kind;
  const char* value;  ///< what its value is called, as "FOLDER"
  const char* help;
  Status (*set)(PeerConfig& config, const std::string& value);
};
/// All of them, in the order in which help lists them.
std::span<const ConfigKey> config_keys();
/// The key that `name` was perhaps meant to be; the nearest.
const ConfigKey& nearest_key(std::string_view name);

/// What is given for each key, and where ("peer.conf:3", "--listen").
struct ConfigValue {
  std::string text;
  std::string where;
};
using ConfigValues = std::map<std::string, std::vector<ConfigValue>, std::less<>>;

/// @param name  what errors call the file
/// @errors kInvalidArgument, as "peer.conf:3: there is no key 'lisen'; is 'listen' meant?"
Result<ConfigValues> parse_config(std::string_view text, const std::string& name);
/// @errors kNotFound; those of parse_config
Result<ConfigValues> read_config(const std::string& file);
/// @param over  these win @errors kInvalidArgument, with where the value stands
Result<PeerConfig> make_config(ConfigValues values, const ConfigValues& over);

/// The keys that say something else in `after`, in the order of config_keys().
std::vector<std::string> changed_keys(const PeerConfig& before, const PeerConfig& after);

/// "64", "64 KiB", "1.5 GiB", "2G" in bytes. @errors kInvalidArgument
Result<std::uint64_t> parse_size(std::string_view text);
/// "250 ms", "5 s", "2 min" in milliseconds. @errors kInvalidArgument
Result<std::uint64_t> parse_duration(std::string_view text);

}  // namespace weft
