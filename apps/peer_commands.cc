// weft peer: a device that keeps a store in step with others; and what one tells of itself.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
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

/// Takes away what a start that failed has made; what was there before, or holds anything, stays.
class NewStore {
 public:
  explicit NewStore(const PeerConfig& config)
      : folder_(config.store),
        is_new_(config.create && !is_store(config.store)),
        is_new_folder_(is_new_ && !std::filesystem::exists(config.store, ignored_)) {}
  NewStore(const NewStore&) = delete;
  NewStore& operator=(const NewStore&) = delete;
  ~NewStore() {
    if (is_new_) remove();
  }
  void keep() { is_new_ = false; }

 private:
  /// Nobody opens it for writing meanwhile.
  void remove() {
    lmdb::StoreFolder store(folder_);
    if (is_store(folder_)) {
      if (!store.lock().ok()) return;
      const Result<std::unique_ptr<LmdbStore>> opened = open_store(folder_, Access::kRead);
      if (!opened.ok() || (*opened)->info().records != 0) return;
    }
    for (const std::string& each : {store.log(), store.derived()})
      (void)lmdb::remove_environment(each);
    for (const char* file : {"/closed", "/opening.lock", "/writer.lock"})
      (void)files::remove_file(folder_ + file);
    if (is_new_folder_) (void)files::remove_empty_folder(folder_);
  }

  std::error_code ignored_;
  const std::string folder_;
  bool is_new_;
  const bool is_new_folder_;
};

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
  NewStore made(config);
  Result<std::unique_ptr<LmdbStore>> store = open_store(Daemon::store_options(config));
  if (!store.ok() && store.error().code() == ErrorCode::kNotFound)
    return Error(ErrorCode::kNotFound,
                 store.error().context() + ", or give --create to make it and start on it");
  if (!store.ok()) return store.take_error();
  Daemon::Reread reread;
  if (!options.config_file.empty()) reread = [options] { return config_of(options); };
  WEFT_ASSIGN(std::unique_ptr<Daemon> daemon,
              Daemon::open(std::move(config), std::move(*store), std::move(reread)));
  made.keep();
  Status stored = daemon->run();
  if (!stored.ok()) return about_store(folder, stored.error());
  return {};
}

// --- asking one ---

struct AskOptions {
  std::string store;
  bool json = false;
  std::uint64_t timeout_ms = kQuestionMs;
  bool force = false;
};

Result<PeerClient> peer_of(const AskOptions& options) {
  if (!options.store.empty()) return PeerClient::connect(options.store, options.timeout_ms);
  WEFT_ASSIGN(const std::string folder, usual_store());
  return PeerClient::connect(folder, options.timeout_ms);
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

/// "yes", "no: 4 operations in 2 documents are at no other device, for 3 min"
std::string step_words(const Json& status) {
  const Json* in_step = status.find("in_step");
  if (in_step != nullptr && in_step->as_bool() != nullptr && *in_step->as_bool()) return "yes";
  if (number_in(status, "pending_documents") == 0) return "no: see `weft sync status`";
  return "no: " + pending_words(status);
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
  print_field("in step", step_words(status));
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
  for (const Json& trim : list_in(status, "trimmed_apart"))
    print_field("trimmed apart",
                "document " + text_in(trim, "document") + ": this device and " +
                    text_in(trim, "other") +
                    " have each trimmed what the other lacks, and can't go on from each other's "
                    "state. A device that has both brings them together. Without one: save it "
                    "here (`weft doc show STORE:ID --json > FILE`), give it up (`weft store status "
                    "STORE ID evicted "
                    "--force`), make it live again, and edit back what is missing");
}

Status show_status(const AskOptions& options) {
  WEFT_ASSIGN(PeerClient peer, peer_of(options));
  WEFT_ASSIGN(const Json status, peer.ask({{"cmd", "status"}}, options.timeout_ms));
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
  WEFT_ASSIGN(const Json answer, peer.ask({{"cmd", "metrics"}}, options.timeout_ms));
  print(text_in(answer, "text"));
  return {};
}

/// Waits until the store is free again.
Status stop_peer(const AskOptions& options) {
  WEFT_ASSIGN(PeerClient peer, peer_of(options));
  bool has_stopped = false;
  // One that hangs says nothing at all; one that stops may have much to store.
  WEFT_TRY(peer.ask({{"cmd", "health"}}, options.timeout_ms));
  WEFT_TRY(peer.each({{"cmd", "stop"}, {"force", options.force}}, kStopMs,
                     [&](const Json& line) -> Result<bool> {
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

std::shared_ptr<AskOptions> add_asking(CLI::App& peer, Action& action, const std::string& name,
                                       const std::string& help, bool with_json,
                                       Status (*run)(const AskOptions&)) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command = peer.add_subcommand(name, help);
  command->add_option("--store", options->store,
                      "The store that the peer keeps; else $WEFT_STORE, else this folder");
  if (with_json) command->add_flag("--json", options->json, "One JSON object");
  add_timeout_option(*command, options->timeout_ms);
  command->footer("Example:\n  weft peer " + name + " --store boards");
  command->callback([=, &action] { action = [=] { return run(*options); }; });
  return options;
}

// --- health ---

/// Exit codes of `weft peer health`; 1 and 2 are those of every command.
enum class Health : int {
  kReady = 0,
  kNoAnswer = 3,
  kStoreFailed = 4,
  kUnsaved = 5,
  kNoLink = 6,
  kStale = 7,
};

struct HealthOptions {
  AskOptions ask;
  std::uint64_t max_lag_ms = 0;  ///< 0: any
  std::int64_t links = -1;       ///< -1: one, where any is dialled
};

struct Verdict {
  Health health = Health::kReady;
  std::string state;  ///< one word or two
  std::string words;
};

Verdict judge(const Json& answer, const HealthOptions& options) {
  if (const std::string why = text_in(answer, "store_error"); !why.empty())
    return {Health::kStoreFailed, "store failed", "nothing is stored any more: " + why};
  if (const std::string why = text_in(answer, "unsaved"); !why.empty())
    return {Health::kUnsaved, "unsaved",
            count_words(answer, "unsaved_records", "record") + " can't be stored for now: " + why};
  const std::uint64_t links = number_in(answer, "links_live");
  const std::uint64_t dialled = number_in(answer, "dialled");
  const std::uint64_t wanted = options.links >= 0 ? static_cast<std::uint64_t>(options.links)
                                                  : std::min<std::uint64_t>(dialled, 1);
  if (links < wanted)
    return {Health::kNoLink, "no link",
            count_words(answer, "links_live", "link") + ", at least " + std::to_string(wanted) +
                " wanted"};
  const std::uint64_t lag_ms = number_in(answer, "lag_ms");
  if (options.max_lag_ms != 0 && lag_ms > options.max_lag_ms)
    return {Health::kStale, "stale",
            "not in step for " + duration_words(lag_ms) + ": " +
                count_words(answer, "pending_operations", "operation") +
                " at no other device, behind by " +
                count_words(answer, "behind_operations", "operation")};
  return {Health::kReady, "ready", count_words(answer, "links_live", "link")};
}

Status tell_health(const HealthOptions& options) {
  WEFT_ASSIGN(const std::string folder,
              options.ask.store.empty() ? usual_store() : Result<std::string>(options.ask.store));
  Result<PeerClient> peer = PeerClient::connect(folder, options.ask.timeout_ms);
  Result<Json> answer = peer.ok() ? peer->ask({{"cmd", "health"}}, options.ask.timeout_ms)
                                  : Result<Json>(peer.take_error());
  if (!answer.ok() && answer.error().code() != ErrorCode::kIoError) return answer.take_error();
  const Verdict verdict = answer.ok()
                              ? judge(*answer, options)
                              : Verdict{Health::kNoAnswer, "no answer", answer.error().context()};
  if (options.ask.json) {
    Json::Object line{{"state", verdict.state}, {"words", verdict.words}};
    if (answer.ok() && answer->as_object() != nullptr)
      for (auto& [name, value] : *answer->as_object()) line.emplace_back(name, std::move(value));
    print_line(std::move(line));
  } else {
    print(printable(folder) + ": " + verdict.state + "; " + printable(verdict.words) + "\n");
  }
  if (verdict.health != Health::kReady) throw Exit{static_cast<int>(verdict.health)};
  return {};
}

void add_health(CLI::App& peer, Action& action) {
  auto options = std::make_shared<HealthOptions>();
  CLI::App* command =
      peer.add_subcommand("health", "Say by the exit code whether it can be relied on");
  command->add_option("--store", options->ask.store,
                      "The store that the peer keeps; else $WEFT_STORE, else this folder");
  add_timeout_option(*command, options->ask.timeout_ms);
  command
      ->add_option_function<std::string>(
          "--max-lag",
          [options](const std::string& text) {
            const Result<std::uint64_t> ms = parse_duration(text);
            if (!ms.ok() || *ms == 0)
              throw CLI::ValidationError("--max-lag", "'" + text + "' is no time, as 30s or 5min");
            options->max_lag_ms = *ms;
          },
          "Stale is what is not in step for longer; else nothing is")
      ->type_name("TIME");
  command
      ->add_option("--links", options->links,
                   "How many links it needs; else one, where it dials anybody")
      ->type_name("COUNT")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--json", options->ask.json, "One JSON object");
  command->footer(
      "Exit codes:\n"
      "  0  ready\n"
      "  1  no peer runs on the store, or it is stopping\n"
      "  2  wrong usage\n"
      "  3  no answer: the peer hangs or is busy\n"
      "  4  store failed: nothing is stored any more; restart it and look at its log\n"
      "  5  unsaved: edits are in memory only, since the disk or the quota is full\n"
      "  6  no link: fewer than --links\n"
      "  7  stale: own edits are at no other device, or others' are missing here, for --max-lag\n\n"
      "Example:\n  weft peer health --store boards --timeout 2s --max-lag 5min");
  command->callback([=, &action] { action = [options] { return tell_health(*options); }; });
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
  add_health(*peer, action);
  add_asking(*peer, action, "metrics", "Print its metrics, as Prometheus reads them", false,
             show_metrics);
  const auto stopping = add_asking(
      *peer, action, "stop", "End the running peer, with everything stored", false, stop_peer);
  peer->get_subcommand("stop")->add_flag(
      "--force", stopping->force, "Also where the disk is full: what is in memory alone is lost");
  peer->footer(
      "It runs until Ctrl-C, SIGTERM or `weft peer stop`, and logs to standard error. Meanwhile "
      "the\n"
      "other commands read its store beside it and write through it.\n"
      "At SIGHUP it reads the config file again (log-*, connect and new listen keys; what waits "
      "for a\n"
      "restart is logged) and opens the log file anew, as a rotation wants it. Started by systemd\n"
      "(Type=notify) it says when it is ready, reloads or stops, and that it lives "
      "(WatchdogSec=).\n\n"
      "TCP links are not encrypted yet, so they stay on this machine unless --insecure is "
      "given.\n\n"
      "Examples:\n"
      "  weft peer --store boards --create --listen tcp:127.0.0.1:7400\n"
      "  weft peer --store copies --create --connect tcp:127.0.0.1:7400\n"
      "  weft peer --store boards --listen unix:boards.sock tcp:127.0.0.1:7400 --quota 2GiB\n"
      "  weft peer --config boards.conf --log-format json\n"
      "  weft peer status --store boards\n"
      "  weft peer health --store boards --max-lag 5min; echo $?\n"
      "  weft sync status boards                 # is it in step with the others? if not, why?\n"
      "  weft doc watch boards:4f1c\n"
      "  weft peer stop --store boards\n\n"
      "A config file:\n"
      "  store   = boards\n"
      "  listen  = tcp:127.0.0.1:7400\n"
      "  listen  = unix:boards.sock\n"
      "  quota   = 2 GiB       # a comment");
  peer->callback([=, &action] {
    if (!peer->get_subcommands().empty()) return;
    action = [options] { return run_peer(*options); };
  });
}

}  // namespace weft::cli
