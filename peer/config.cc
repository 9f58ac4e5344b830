#include "peer/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "peer/parse_id.h"
#include "transport/links/address.h"

namespace weft {
namespace {

Error bad(std::string why) { return Error(ErrorCode::kInvalidArgument, std::move(why)); }

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// --- values ---

struct Measure {
  std::string_view name;
  double factor;
};

/// A number and perhaps a unit. nullopt: neither that nor within 2^53.
std::optional<std::uint64_t> parse_quantity(std::string_view text,
                                            std::span<const Measure> measures) {
  text = trimmed(text);
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view name =
      trimmed(text.substr(static_cast<std::size_t>(parsed.ptr - text.data())));
  for (const Measure& measure : measures) {
    const double value = std::round(number * measure.factor);
    if (name == measure.name && value < 9.0e15) return static_cast<std::uint64_t>(value);
  }
  return std::nullopt;
}

Result<bool> parse_flag(std::string_view text) {
  for (std::string_view each : {"yes", "true", "on", "1"})
    if (text == each) return true;
  for (std::string_view each : {"no", "false", "off", "0"})
    if (text == each) return false;
  return bad(quoted(text) + " is neither yes nor no");
}

Result<std::size_t> parse_count(std::string_view text, std::size_t least, std::size_t most) {
  std::size_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && count >= least &&
      count <= most)
    return count;
  return bad(quoted(text) + " is no number from " + std::to_string(least) + " to " +
             std::to_string(most));
}

Status set_level(PeerConfig& config, const std::string& value) {
  for (LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError, LogLevel::kOff}) {
    if (value != level_name(level)) continue;
    config.log.level = level;
    return {};
  }
  return bad(quoted(value) + " is no level; write debug, info, warning, error or off");
}

Status set_format(PeerConfig& config, const std::string& value) {
  if (value != "text" && value != "json")
    return bad(quoted(value) + " is no format; write text or json");
  config.log.format = value == "json" ? LogFormat::kJson : LogFormat::kText;
  return {};
}

Status add_address(std::vector<std::string>& addresses, const std::string& value) {
  WEFT_TRY(links::Address::parse(value));
  addresses.push_back(value);
  return {};
}

template <bool PeerConfig::*member>
Status set_flag(PeerConfig& config, const std::string& value) {
  WEFT_ASSIGN(config.*member, parse_flag(value));
  return {};
}

template <std::string PeerConfig::*member>
Status set_text(PeerConfig& config, const std::string& value) {
  config.*member = value;
  return {};
}

template <std::uint64_t PeerConfig::*member>
Status set_size(PeerConfig& config, const std::string& value) {
  WEFT_ASSIGN(config.*member, parse_size(value));
  return {};
}

template <std::uint64_t PeerConfig::*member>
Status set_duration(PeerConfig& config, const std::string& value) {
  WEFT_ASSIGN(config.*member, parse_duration(value));
  return {};
}

template <std::size_t PeerConfig::*member>
Status set_count(PeerConfig& config, const std::string& value) {
  WEFT_ASSIGN(config.*member, parse_count(value, 1, 1'000'000));
  return {};
}

constexpr auto kValue = ConfigKey::Kind::kValue;
constexpr auto kList = ConfigKey::Kind::kList;
constexpr auto kFlag = ConfigKey::Kind::kFlag;

constexpr ConfigKey kKeys[] = {
    {"store", kValue, "FOLDER", "The store that the peer keeps", set_text<&PeerConfig::store>},
    {"create", kFlag, "", "Make the store where there is none", set_flag<&PeerConfig::create>},
    {"listen", kList, "ADDRESS", "Take links here: unix:PATH or tcp:HOST:PORT",
     [](PeerConfig& config, const std::string& value) {
       return add_address(config.listen, value);
     }},
    {"connect", kList, "ADDRESS", "Keep a link to the peer that listens there",
     [](PeerConfig& config, const std::string& value) {
       return add_address(config.connect, value);
     }},
    {"insecure", kFlag, "", "Allow TCP beyond this machine; nothing is encrypted yet",
     set_flag<&PeerConfig::insecure>},
    {"control", kValue, "PATH", "The control socket; else STORE/peer.sock",
     set_text<&PeerConfig::control>},
    {"log-level", kValue, "LEVEL", "debug, info, warning, error or off; else info", set_level},
    {"log-format", kValue, "FORMAT", "text or json, one line for each event; else text",
     set_format},
    {"log-file", kValue, "FILE", "Where the log goes; else standard error",
     [](PeerConfig& config, const std::string& value) -> Status {
       config.log.file = value;
       return {};
     }},
    {"quota", kValue, "SIZE", "What the store's files may take, as 2 GiB",
     set_size<&PeerConfig::quota_bytes>},
    {"relaxed", kFlag, "",
     "Flush for all edits of 100 ms at once; who does not wait hears before it",
     set_flag<&PeerConfig::relaxed>},
    {"no-compact", kFlag, "", "Don't seal documents' history while nothing happens",
     set_flag<&PeerConfig::no_compact>},
    {"warm", kList, "DOCUMENT", "A document to open at start, by its id",
     [](PeerConfig& config, const std::string& value) -> Status {
       WEFT_ASSIGN(DocumentId id, parse_document_id(value));
       config.warm.push_back(id);
       return {};
     }},
    {"documents-max", kValue, "COUNT", "Documents that are open at once; else 128",
     set_count<&PeerConfig::documents_max>},
    {"memory-max", kValue, "SIZE", "What open documents may take, about; else 256 MiB",
     [](PeerConfig& config, const std::string& value) -> Status {
       WEFT_ASSIGN(config.memory_bytes_max, parse_size(value));
       return {};
     }},
    {"pending-max", kValue, "SIZE",
     "What may wait in a document for deltas that are missing; else 16 MiB",
     [](PeerConfig& config, const std::string& value) -> Status {
       WEFT_ASSIGN(config.pending_bytes_max, parse_size(value));
       return {};
     }},
    {"links-max", kValue, "COUNT", "Links that are taken at once; else 64",
     set_count<&PeerConfig::links_max>},
    {"coalesce", kValue, "TIME", "Own edits wait so long for others before they are sent; else 0",
     set_duration<&PeerConfig::coalesce_ms>},
    {"heartbeat", kValue, "TIME", "How often a quiet link says that it lives; else 5 s",
     set_duration<&PeerConfig::heartbeat_ms>},
    {"timeout", kValue, "TIME", "A link on which nothing came for so long is closed; else 20 s",
     set_duration<&PeerConfig::timeout_ms>},
};

/// Changes of one character that lead from `a` to `b` (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row[b.size()];
}

const ConfigKey* find_key(std::string_view name) {
  for (const ConfigKey& key : kKeys)
    if (name == key.name) return &key;
  return nullptr;
}

/// The value in `text`: up to a comment, or what stands between quotes. @errors a quote is not closed
Result<std::string> value_of(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('"')) {
    const std::size_t end = text.find('"', 1);
    if (end == std::string_view::npos) return bad("the quote \" is not closed");
    const std::string_view rest = trimmed(text.substr(end + 1));
    if (!rest.empty() && rest.front() != '#')
      return bad("only a # comment may follow the closing quote, not " + quoted(rest));
    return std::string(text.substr(1, end - 1));
  }
  for (std::size_t at = 0; at < text.size(); ++at)
    if (text[at] == '#' && (at == 0 || text[at - 1] == ' ' || text[at - 1] == '\t'))
      return std::string(trimmed(text.substr(0, at)));
  return std::string(text);
}

Status parse_line(std::string_view line, const std::string& where, ConfigValues& values) {
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return {};
  const std::size_t equals = line.find('=');
  const std::string_view name = trimmed(line.substr(0, equals));
  const ConfigKey* key = find_key(name);
  if (key == nullptr)
    return bad(where + ": there is no key " + quoted(name) + "; is '" + nearest_key(name).name +
               "' meant?");
  if (equals == std::string_view::npos)
    return bad(where + ": write " + key->name + " = " +
               (key->kind == kFlag ? "yes" : std::string(key->value)));
  Result<std::string> value = value_of(line.substr(equals + 1));
  if (!value.ok()) return bad(where + ": " + key->name + ": " + value.error().context());
  const std::string& text = *value;
  if (text.empty()) return bad(where + ": " + key->name + " has no value");
  std::vector<ConfigValue>& given = values[key->name];
  if (key->kind != kList && !given.empty())
    return bad(where + ": " + key->name + " stands at " + given.front().where + " already");
  given.push_back({text, where});
  return {};
}

/// What only shows when all is known.
Status check_together(const PeerConfig& config) {
  if (config.store.empty())
    return bad("no store is named; give --store FOLDER, or `store = FOLDER` in the config file");
  if (config.heartbeat_ms < 10) return bad("heartbeat: at least 10 ms");
  if (config.timeout_ms < config.heartbeat_ms * 2)
    return bad("timeout: at least twice the heartbeat, or links that are only quiet are closed");
  return {};
}

}  // namespace

std::string control_path_of(const std::string& store) { return store + "/peer.sock"; }

std::string PeerConfig::control_path() const {
  return control.empty() ? control_path_of(store) : control;
}

std::span<const ConfigKey> config_keys() { return kKeys; }

const ConfigKey& nearest_key(std::string_view name) {
  return *std::min_element(std::begin(kKeys), std::end(kKeys),
                           [&](const ConfigKey& a, const ConfigKey& b) {
                             return distance(name, a.name) < distance(name, b.name);
                           });
}

Result<ConfigValues> parse_config(std::string_view text, const std::string& name) {
  ConfigValues values;
  std::size_t number = 1;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    WEFT_TRY(
        parse_line(text.substr(begin, end - begin), name + ":" + std::to_string(number), values));
    begin = end + 1;
  }
  return values;
}

Result<ConfigValues> read_config(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text;
  bool is_read = in.is_open();
  try {
    text.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  } catch (const std::exception&) {
    is_read = false;  // a folder
  }
  if (!is_read)
    return Error(ErrorCode::kNotFound,
                 file + ": there is no such config file, or it can't be read");
  return parse_config(text, file);
}

Result<PeerConfig> make_config(ConfigValues values, const ConfigValues& over) {
  for (const auto& [name, given] : over) values[name] = given;
  PeerConfig config;
  for (const ConfigKey& key : kKeys) {
    for (const ConfigValue& value : values[key.name]) {
      config.given[key.name].push_back(value.text);
      Status set = key.set(config, value.text);
      if (set.ok()) continue;
      const std::string option = std::string("--") + key.name;
      return bad(value.where + ": " + (value.where == option ? "" : std::string(key.name) + ": ") +
                 set.error().context());
    }
  }
  WEFT_TRY(check_together(config));
  return config;
}

std::vector<std::string> changed_keys(const PeerConfig& before, const PeerConfig& after) {
  const auto given = [](const PeerConfig& config, const char* key) {
    const auto found = config.given.find(key);
    return found == config.given.end() ? std::vector<std::string>() : found->second;
  };
  std::vector<std::string> changed;
  for (const ConfigKey& key : kKeys)
    if (given(before, key.name) != given(after, key.name)) changed.emplace_back(key.name);
  return changed;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  constexpr double k = 1024;
  constexpr Measure kMeasures[] = {{"", 1},
                                   {"B", 1},
                                   {"KiB", k},
                                   {"K", k},
                                   {"MiB", k * k},
                                   {"M", k * k},
                                   {"GiB", k * k * k},
                                   {"G", k * k * k},
                                   {"TiB", k * k * k * k},
                                   {"T", k * k * k * k}};
  if (const auto bytes = parse_quantity(text, kMeasures)) return *bytes;
  return bad(quoted(text) + " is no size; write a number of bytes, or one with KiB, MiB, GiB, TiB");
}

Result<std::uint64_t> parse_duration(std::string_view text) {
  constexpr Measure kMeasures[] = {{"ms", 1}, {"s", 1'000}, {"min", 60'000}};
  if (const auto ms = parse_quantity(text, kMeasures)) return *ms;
  return bad(quoted(text) + " is no time; write a number with ms, s or min");
}

}  // namespace weft
