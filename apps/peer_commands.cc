// weft peer: a device that keeps a store in step with others; and what one tells of itself.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/describe.h"
#include "apps/peer_client.h"
#include "apps/store_access.h"
#include "apps/terminal.h"
#include "peer/config.h"
#include "peer/daemon.h"
#include "storage/lmdb/store_folder.h"

namespace weft::cli {
namespace {

constexpr std::uint64_t kStopMs = 120'000;

// --- running one ---

struct PeerOptions {
  std::string config_file;
  std::map<std::string, std::vector<std::string>> given;  ///< by key
  std::map<std::string, bool> flags;
};

ConfigValues given_values(const PeerOptions& options) {
  ConfigValues values;
  for (const auto& [key, texts] : options.given)
    for (const std::string& text : texts) values[key].push_back({text, "--" + key});
  for (const auto& [key, is_set] : options.flags)
    if (is_set) values[key].push_back({"yes", "--" + key});
  return values;
}

/// @errors what is wrong with the file; what is wrong with the command line is thrown
Result<PeerConfig> config_of(const PeerOptions& options) {
  ConfigValues values;
  if (!options.config_file.empty()) {
    WEFT_ASSIGN(values, read_config(options.config_file));
  }
  Result<PeerConfig> config = make_config(std::move(values), given_values(options));
  if (!config.ok() && (options.config_file.empty() || config.error().context().starts_with("--")))
    throw CLI::ValidationError(config.error().context(), CLI::ExitCodes::ValidationError);
  return config;
}

Status run_peer(const PeerOptions& options) {
  WEFT_ASSIGN(PeerConfig config, config_of(options));
  const std::string folder = config.store;
  if (is_store(folder)) {
    if (std::optional<PeerClient> running = PeerClient::try_connect(folder)) {
      const Result<Json> status = running->ask({{"cmd", "status"}});
      return Error(ErrorCode::kInUse,
                   folder + ": a peer runs on this store already" +
                       (status.ok() ? ", process " + std::to_string(number_in(*status, "pid"))
                                    : std::string()) +
                       "; `weft peer status --store " + folder + "` says what it does");
    }
  }
  Result<std::unique_ptr<LmdbStore>> store = open_store(Daemon::store_options(config));
  if (!store.ok() && store.error().code() == ErrorCode::kNotFound)
    return Error(ErrorCode::kNotFound,
                 store.error().context() + ", or give --create to make it and start on it");
  if (!store.ok()) return store.take_error();
  WEFT_ASSIGN(std::unique_ptr<Daemon> daemon, Daemon::open(std::move(config), std::move(*store)));
  Status stored = daemon->run();
  if (!stored.ok()) return about_store(folder, stored.error());
  return {};
}

// --- asking one ---

struct AskOptions {
  std::string store;
  bool json = false;
};

Result<PeerClient> peer_of(const AskOptions& options) {
  if (!options.store.empty()) return PeerClient::connect(options.store);
  WEFT_ASSIGN(const std::string folder, usual_store());
  return PeerClient::connect(folder);
}

void print_field(const std::string& name, const std::string& value) {
  print(name + std::string(12 - std::min<std::size_t>(name.size(), 11), ' ') + printable(value) +
        "\n");
}

std::string bytes_in(const Json& object, std::string_view key) {
  return byte_words(number_in(object, key));
}

std::string count_words(const Json& object, std::string_view key, std::string_view noun) {
  return counted(static_cast<std::size_t>(number_in(object, key)), noun);
}

std::string double_in(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  const double* number = value == nullptr ? nullptr : value->as_double();
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", number == nullptr ? 0.0 : *number);
  return text;
}

void print_store(const Json& status, const Json& store) {
  print_field("store", text_in(store, "folder") + ", replica " + text_in(status, "replica"));
  print_field("", count_words(status, "documents", "document") + ", " +
                      std::to_string(number_in(status, "open_documents")) + " of them open (" +
                      bytes_in(status, "open_bytes") + "); " +
                      count_words(store, "records", "record"));
  const std::uint64_t quota = number_in(store, "quota_bytes");
  print_field(
      "", "files " + byte_words(number_in(store, "log_bytes") + number_in(store, "derived_bytes")) +
              (quota == 0 ? std::string() : " of at most " + byte_words(quota)));
  const std::string unsaved = text_in(store, "unsaved");
  if (!unsaved.empty()) {
    print_field("unsaved", count_words(store, "unsaved_records", "record") +
                               ", tried again and again: " + unsaved);
  }
  if (const std::string error = text_in(store, "error"); !error.empty())
    print_field("failed", error);
  const Json* offset = status.find("clock_offset_ms");
  if (const std::int64_t* ms = offset == nullptr ? nullptr : offset->as_int();
      ms != nullptr && *ms != 0)
    print_field("clock",
                std::string(*ms < 0 ? "ahead" : "behind") + " by " +
                    duration_words(static_cast<std::uint64_t>(*ms < 0 ? -*ms : *ms)) +
                    ", as several linked devices agree: edits get their time; set this clock");
}

void print_links(const Json& status) {
  for (const Json& each : list_in(status, "listening"))
    print_field("listening", text_in(each, "address") + ", " + text_in(each, "state"));
  for (const Json& each : list_in(status, "dialled"))
    print_field("dialled", text_in(each, "address") + ", " + text_in(each, "state"));
  for (const Json& link : list_in(status, "links"))
    print_field("link", text_in(link, "name") + ", replica " + text_in(link, "replica") + ": " +
                            text_in(link, "words") + "; sent " + bytes_in(link, "bytes_sent") +
                            ", received " + bytes_in(link, "bytes_received"));
  for (const Json& fork : list_in(status, "forks"))
    print_field("forked", "replica " + text_in(fork, "replica") + " in document " +
                              text_in(fork, "document") + ": one history from " +
                              text_in(fork, "held_from") + ", another from " +
                              text_in(fork, "other_from"));
}

Status show_status(const AskOptions& options) {
  WEFT_ASSIGN(PeerClient peer, peer_of(options));
  WEFT_ASSIGN(const Json status, peer.ask({{"cmd", "status"}}));
  if (options.json) {
    print_line(status);
    return {};
  }
  print_field("peer", "process " + std::to_string(number_in(status, "pid")) + ", weft " +
                          text_in(status, "version") + ", for " +
                          duration_words(number_in(status, "uptime_ms")) + ", " +
                          bytes_in(status, "resident_bytes"));
  const Json* store = status.find("store");
  if (store != nullptr) print_store(status, *store);
  if (const Json* flushes = status.find("flushes"))
    print_field("flushes", std::to_string(number_in(*flushes, "count")) + ", mean " +
                               double_in(*flushes, "mean_ms") + " ms, longest " +
                               double_in(*flushes, "max_ms") + " ms");
  print_links(status);
  return {};
}

Status show_metrics(const AskOptions& options) {
  WEFT_ASSIGN(PeerClient peer, peer_of(options));
  WEFT_ASSIGN(const Json answer, peer.ask({{"cmd", "metrics"}}));
  print(text_in(answer, "text"));
  return {};
}

/// Waits until the store is free again.
Status stop_peer(const AskOptions& options) {
  WEFT_ASSIGN(PeerClient peer, peer_of(options));
  bool has_stopped = false;
  WEFT_TRY(peer.each({{"cmd", "stop"}}, kStopMs, [&](const Json& line) -> Result<bool> {
    const Json* result = line.find("result");
    has_stopped = result != nullptr && result->find("stopped") != nullptr;
    return !has_stopped;
  }));
  if (!has_stopped)
    return Error(ErrorCode::kIoError, peer.folder() +
                                          ": the peer ended without a word that all is "
                                          "stored; its log says more");
  print(printable(peer.folder()) + ": the peer has stopped, everything is stored\n");
  return {};
}

void add_asking(CLI::App& peer, Action& action, const std::string& name, const std::string& help,
                bool with_json, Status (*run)(const AskOptions&)) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command = peer.add_subcommand(name, help);
  command->add_option("--store", options->store,
                      "The store that the peer keeps; else $WEFT_STORE, else this folder");
  if (with_json) command->add_flag("--json", options->json, "One JSON object");
  command->footer("Example:\n  weft peer " + name + " --store boards");
  command->callback([=, &action] { action = [=] { return run(*options); }; });
}

void add_keys(CLI::App& peer, const std::shared_ptr<PeerOptions>& options) {
  for (const ConfigKey& key : config_keys()) {
    const std::string name = std::string("--") + key.name;
    if (key.kind == ConfigKey::Kind::kFlag) {
      peer.add_flag(name, options->flags[key.name], key.help);
      continue;
    }
    CLI::Option* option = peer.add_option(name, options->given[key.name], key.help);
    option->type_name(key.value);
    if (key.kind == ConfigKey::Kind::kValue) option->expected(1);
  }
}

}  // namespace

void add_peer_commands(CLI::App& app, Action& action) {
  CLI::App* peer = app.add_subcommand(
      "peer", "Run a peer, which keeps a store in step with others; ask one how it is");
  peer->require_subcommand(0, 1);
  auto options = std::make_shared<PeerOptions>();
  peer->add_option("--config", options->config_file,
                   "A file of `key = value` lines; keys are the options here, without --")
      ->type_name("FILE");
  add_keys(*peer, options);
  add_asking(*peer, action, "status", "Say what the running peer does", true, show_status);
  add_asking(*peer, action, "metrics", "Print its metrics, as Prometheus reads them", false,
             show_metrics);
  add_asking(*peer, action, "stop", "End the running peer, with everything stored", false,
             stop_peer);
  peer->footer(
      "It runs until Ctrl-C, SIGTERM or `weft peer stop`, and logs to standard error. Meanwhile "
      "the\n"
      "other commands read its store beside it and write through it.\n\n"
      "TCP links are not encrypted yet, so they stay on this machine unless --insecure is "
      "given.\n\n"
      "Examples:\n"
      "  weft peer --store boards --create --listen tcp:127.0.0.1:7400\n"
      "  weft peer --store copies --create --connect tcp:127.0.0.1:7400\n"
      "  weft peer --store boards --listen unix:boards.sock tcp:127.0.0.1:7400 --quota 2GiB\n"
      "  weft peer --config boards.conf --log-format json\n"
      "  weft peer status --store boards\n"
      "  weft sync status boards                 # is it in step with the others? if not, why?\n"
      "  weft doc watch boards:4f1c\n"
      "  weft peer stop --store boards\n\n"
      "A config file:\n"
      "  store   = boards\n"
      "  listen  = tcp:127.0.0.1:7400\n"
      "  listen  = unix:boards.sock\n"
      "  quota   = 2 GiB");
  peer->callback([=, &action] {
    if (!peer->get_subcommands().empty()) return;
    action = [options] { return run_peer(*options); };
  });
}

}  // namespace weft::cli
