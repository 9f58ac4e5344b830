#include "peer/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "crdt/clock/release.h"
#include "crdt/document/json_text.h"
#include "peer/control.h"
#include "peer/control_json.h"
#include "peer/event_journal.h"
#include "peer/idle_compactor.h"
#include "peer/node.h"
#include "peer/peer_facts.h"
#include "peer/service_manager.h"
#include "peer/store_thread.h"
#include "storage/archive/archive.h"
#include "storage/codec/zstd_codec.h"
#include "storage/documents.h"
#include "storage/files/names.h"
#include "transport/links/event_loop.h"
#include "transport/links/line_socket.h"
#include "transport/links/link_hub.h"
#include "transport/links/network_watch.h"

namespace weft {
namespace {

using links::Address;
using links::EventLoop;
using links::LineServer;
using links::LinkHub;

constexpr std::uint64_t kTickMs = 50;
constexpr std::uint64_t kLookMs = 1'000;
/// From the begin of the end until what is not flushed by then is given up, but for one more try.
constexpr std::uint64_t kStopMsMax = 30'000;
constexpr std::chrono::milliseconds kRelaxedGather{100};
/// A request of the command line: a document as JSON.
constexpr std::size_t kRequestBytesMax = std::size_t{64} << 20;

std::uint64_t wall_ms() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
  return static_cast<std::uint64_t>(std::max<decltype(ms)>(ms, 0));
}

std::uint64_t random_64() {
  static std::random_device device;
  const std::uint64_t high = device();
  return high << 32 | device();
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  return statm.good() || statm.eof()
             ? resident * static_cast<std::uint64_t>(std::max(page_bytes, 0L))
             : 0;
}

std::string error_line(ErrorCode code, const char* why) {
  return print_json(error_json(Error(code, why)));
}

const char* signal_name(int number) {
  switch (number) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "SIGHUP";
  }
}

}  // namespace

class Daemon::Impl final : public links::LinkHandler, public links::LineHandler {
 public:
  Impl(PeerConfig config, std::unique_ptr<LmdbStore> store, Reread reread)
      : config_(std::move(config)), reread_(std::move(reread)), store_(std::move(store)) {}
  ~Impl() override;

  Status open();
  Status run();
  void stop(const std::string& why);

  // --- LinkHandler ---
  std::uint32_t link_up(bool dialled, std::string name) override;
  void received(std::uint32_t link, sync::Envelope envelope) override {
    node_->receive(link, std::move(envelope));
  }
  void garbage(std::uint32_t link, const Error& error) override {
    node_->receive_garbage(link, error);
  }
  std::optional<sync::Envelope> poll(std::uint32_t link) override { return node_->poll(link); }
  std::optional<sync::Bye> ended(std::uint32_t link) override { return node_->ended(link); }
  void link_down(std::uint32_t link, std::string why) override;

  // --- LineHandler ---
  void request(std::uint64_t connection, std::string line) override {
    control_->tick(loop_.now_ms());  // its bounds count from now, not from the last tick
    control_->request(connection, line);
  }
  void drained(std::uint64_t connection) override { control_->drained(connection); }
  void closed(std::uint64_t connection, std::string) override { control_->closed(connection); }

 private:
  Status open_node();
  Status open_control();
  Status open_links();
  void open_warm();
  void start_timers();
  void start_compacting();
  PeerFacts facts() const;
  void look_at_place();
  void look();
  void take_signal(int number);
  void reload();
  Status apply_log(const EventLog::Options& options);
  Status apply_addresses(const PeerConfig& config);
  void check_stopped();
  void keep_states();
  Status close();
  std::string link_name(LinkId link) const;

  PeerConfig config_;
  const Reread reread_;
  const ServiceManager service_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<EventJournal> journal_;
  ZstdCompressor compressor_{ZstdCompressor::kQuickLevel};
  EventLoop loop_;
  std::unique_ptr<LmdbStore> store_;
  std::unique_ptr<StoreThread> store_thread_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<IdleCompactor> compactor_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<LineServer> server_;
  std::unique_ptr<LinkHub> hub_;
  std::unique_ptr<links::NetworkWatch> network_;
  EventLoop::Timer tick_;
  EventLoop::Timer look_;
  EventLoop::Timer deadline_;
  EventLoop::Timer watchdog_;

  std::uint64_t started_ms_ = 0;
  std::map<LinkId, std::string> link_names_;
  std::string closing_why_;  ///< of the link that is being taken down

  const bool was_on_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool is_stopping_ = false;
  bool are_links_closed_ = false;
  bool is_overdue_ = false;
};

// --- opening ---

Status Daemon::Impl::open() {
  // From here on: who sends these early must not end it.
  for (int number : {SIGUSR1, SIGUSR2, SIGPIPE}) std::signal(number, SIG_IGN);
  WEFT_ASSIGN(log_, EventLog::open(config_.log));
  journal_ = std::make_unique<EventJournal>(*log_, [this] { return loop_.now_ms(); });
  started_ms_ = loop_.now_ms();
  WEFT_TRY(open_node());
  WEFT_TRY(open_control());
  WEFT_TRY(open_links());
  open_warm();
  start_timers();
  Json::Array listening;
  for (const links::ListenStatus& each : hub_->listening())
    listening.push_back(each.address.print());
  log_->info("started", {{"store", config_.store},
                         {"replica", to_string(node_->replica())},
                         {"documents", static_cast<std::int64_t>(node_->status().documents)},
                         {"listening", std::move(listening)},
                         {"control", config_.control_path()},
                         {"pid", std::int64_t{::getpid()}}});
  if (!store_->new_identity().empty())
    log_->warning("new_replica", {{"why", store_->new_identity()}});
  if (!store_->derived_fault().empty())
    log_->warning("derived_made_anew", {{"why", store_->derived_fault()}});
  if (!store_->damaged().empty())
    log_->error("damaged_records", {{"count", static_cast<std::int64_t>(store_->damaged().size())},
                                    {"see", "weft store verify " + config_.store}});
  return {};
}

Status Daemon::Impl::open_node() {
  StoreThread::Options thread;
  thread.post = [this](std::function<void()> function) { loop_.post(std::move(function)); };
  thread.on_unsaved = [this](const Status& status) {
    journal_->note_unsaved(status);
    control_->unsaved(status);
  };
  thread.on_flush = [this](const StoreThread::Flush& flush) { journal_->note_flush(flush); };
  if (config_.relaxed) thread.gather = kRelaxedGather;
  store_thread_ = std::make_unique<StoreThread>(*store_, std::move(thread));

  Node::Options options;
  options.wall_ms = wall_ms;
  options.clock_floor_ms = kReleasedMs;
  options.random = random_64;
  options.wake = [this](LinkId link) {
    if (hub_) hub_->wake(link);
  };
  options.on_event = [this](const NodeEvent& event) {
    journal_->note(event, link_name(event.link), closing_why_);
  };
  options.agent = "weft " WEFT_VERSION;
  options.compressor = &compressor_;
  options.open_documents_max = config_.documents_max;
  options.open_bytes_max = config_.memory_bytes_max;
  options.pending_bytes_max = config_.pending_bytes_max;
  options.coalesce_ms = config_.coalesce_ms;
  options.heartbeat_ms = config_.heartbeat_ms;
  options.timeout_ms = config_.timeout_ms;
  WEFT_ASSIGN(node_, Node::open(*store_, *store_thread_, std::move(options)));
  node_->tick(loop_.now_ms());
  return {};
}

Status Daemon::Impl::open_control() {
  Control::Options options;
  options.send = [this](std::uint64_t connection, std::string_view line) {
    return server_->send_line(connection, line);
  };
  options.finish = [this](std::uint64_t connection) { server_->finish(connection); };
  options.facts = [this] { return facts(); };
  options.stop = [this] { stop("asked to"); };
  options.relaxed = config_.relaxed;
  control_ = std::make_unique<Control>(*node_, std::move(options));

  // Whoever asks looks in the store's folder, so a socket elsewhere is named there. This process holds the
  // store, so a link that is there already is of one that is gone.
  const std::string usual = control_path_of(config_.store);
  files::remove_link(usual);
  Result<Address> address = Address::parse("unix:" + config_.control_path());
  if (!address.ok())
    return Error(address.error().code(), "the control socket " + config_.control_path() + ": " +
                                             address.error().context() +
                                             "; give --control PATH, a shorter one");
  LineServer::Options server;
  server.line_bytes_max = kRequestBytesMax;
  server.out_bytes_max = kRequestBytesMax;
  server.too_long_line =
      error_line(ErrorCode::kTooLarge, "the request is longer than a peer takes, 64 MiB");
  server.too_slow_line = error_line(
      ErrorCode::kLimit, "lines are missing from here on: they were read too slowly; ask again");
  server.too_many_line =
      error_line(ErrorCode::kLimit, "the peer has too many connections; try again later");
  Result<std::unique_ptr<LineServer>> opened =
      LineServer::open(loop_, *this, *address, std::move(server));
  if (!opened.ok())
    return Error(opened.error().code(), "the control socket: " + opened.error().context());
  server_ = std::move(*opened);
  if (config_.control.empty()) return {};
  std::error_code error;
  std::filesystem::create_symlink(std::filesystem::absolute(config_.control, error), usual, error);
  if (error)
    return Error(ErrorCode::kIoError, usual +
                                          " can't be made, by which the command line "
                                          "finds the control socket: " +
                                          error.message());
  return {};
}

Status Daemon::Impl::open_links() {
  LinkHub::Options options;
  options.links_max = config_.links_max;
  options.links_per_address_max = config_.links_max;
  options.insecure = config_.insecure;
  options.random = random_64;
  options.report = [this](const std::string& line) { journal_->note_links(line); };
  hub_ = std::make_unique<LinkHub>(loop_, *this, std::move(options));
  for (const std::string& each : config_.listen) {
    WEFT_ASSIGN(const Address address, Address::parse(each));
    WEFT_TRY(hub_->listen(address));
  }
  for (const std::string& each : config_.connect) {
    WEFT_ASSIGN(const Address address, Address::parse(each));
    WEFT_TRY(hub_->dial(address));
  }
  Result<std::unique_ptr<links::NetworkWatch>> watch =
      links::NetworkWatch::open(loop_, [this] { hub_->network_changed(); });
  if (watch.ok()) {
    network_ = std::move(*watch);
  } else {
    log_->debug("network_not_watched", {{"why", watch.error().context()}});
  }
  return {};
}

void Daemon::Impl::open_warm() {
  for (const DocumentId& id : config_.warm) {
    Result<const Document*> document = node_->read(id);
    if (!document.ok())
      log_->warning("not_warm", {{"document", to_string(id)}, {"why", document.error().message()}});
  }
}

void Daemon::Impl::start_compacting() {
  if (config_.no_compact) return;
  IdleCompactor::Options options;
  options.compressor = &compressor_;
  options.on_document = [this](const DocumentId& id, const Result<std::uint64_t>& won_bytes) {
    if (won_bytes.ok()) {
      log_->info("compacted", {{"document", to_string(id)},
                               {"won_bytes", static_cast<std::int64_t>(*won_bytes)}});
    } else {
      log_->warning("not_compacted",
                    {{"document", to_string(id)}, {"why", won_bytes.error().context()}});
    }
  };
  compactor_ = std::make_unique<IdleCompactor>(*store_thread_, std::move(options));
}

void Daemon::Impl::start_timers() {
  tick_ = loop_.every(kTickMs, [this] {
    node_->tick(loop_.now_ms());
    control_->tick(loop_.now_ms());
    if (is_stopping_) check_stopped();
  });
  start_compacting();
  look_ = loop_.every(kLookMs, [this] { look(); });
  // From the loop: when that hangs nothing is said any more.
  if (service_.watchdog_ms() != 0)
    watchdog_ = loop_.every(std::max<std::uint64_t>(service_.watchdog_ms() / 2, 1),
                            [this] { service_.tell("WATCHDOG=1"); });
}

// --- links ---

std::uint32_t Daemon::Impl::link_up(bool dialled, std::string name) {
  const LinkId link = node_->add_link({.dialled = dialled, .name = name});
  log_->debug("link_open", {{"link", name}, {"dialled", dialled}});
  link_names_[link] = std::move(name);
  return link;
}

void Daemon::Impl::link_down(std::uint32_t link, std::string why) {
  closing_why_ = std::move(why);
  node_->remove_link(link);  // which tells of it
  link_names_.erase(link);
}

std::string Daemon::Impl::link_name(LinkId link) const {
  auto found = link_names_.find(link);
  return found == link_names_.end() ? std::string() : found->second;
}

// --- what is told ---

/// Now and then: what changes without an event.
/// Also while nothing is written: who asks whether all is stored wants to know.
void Daemon::Impl::look_at_place() {
  if (const Status place = store_->check_place(); !place.ok()) node_->fail_store(place.error());
}

void Daemon::Impl::look() {
  look_at_place();
  if (compactor_ && !is_stopping_)
    compactor_->look(loop_.now_ms(), store_->commit_count(), store_thread_->waiting_count());
  for (const links::DialStatus& each : hub_->dialled())
    journal_->note_dialled(each.address.print(), !each.link && each.attempts > 0, each.state);
  if (config_.quota_bytes == 0) return;
  if (const Result<LmdbStore::Space> space = store_->space(); space.ok())
    journal_->note_space(space->total(), space->quota_bytes);
}

PeerFacts Daemon::Impl::facts() const {
  PeerFacts facts;
  facts.version = WEFT_VERSION;
  facts.pid = ::getpid();
  facts.uptime_ms = loop_.now_ms() - started_ms_;
  facts.resident_bytes = resident_bytes();
  facts.store = config_.store;
  facts.control = config_.control_path();
  for (const links::ListenStatus& each : hub_->listening())
    facts.listening.push_back({each.address.print(), each.state});
  for (const links::DialStatus& each : hub_->dialled())
    facts.dialled.push_back({each.address.print(), each.link, each.state});
  if (const Result<LmdbStore::Space> space = store_->space(); space.ok()) {
    facts.log_bytes = space->log_bytes;
    facts.log_free_bytes = space->log_free_bytes;
    facts.derived_bytes = space->derived_bytes;
    facts.quota_bytes = space->quota_bytes;
  }
  const StoreInfo info = store_->info();
  facts.records = info.records;
  facts.payload_bytes = info.payload_bytes;
  facts.flushes = journal_->flushes();
  facts.unsaved = journal_->unsaved();
  facts.events = journal_->events();
  if (compactor_) facts.compacted = compactor_->counts();
  return facts;
}

// --- running and stopping ---

Status Daemon::Impl::run() {
  WEFT_TRY(loop_.on_signal({SIGINT, SIGTERM, SIGHUP}, [this](int number) { take_signal(number); }));
  service_.tell("READY=1");
  loop_.run();
  return close();
}

void Daemon::Impl::take_signal(int number) {
  const bool has_file = reread_ != nullptr || !config_.log.file.empty();
  const bool is_hangup = number == SIGHUP && !has_file && was_on_terminal_;
  if (number != SIGHUP || is_hangup) return stop(signal_name(number));
  if (!is_stopping_) reload();
}

/// What is wrong with the new configuration is said, and everything stays as it was.
void Daemon::Impl::reload() {
  service_.tell_reloading();
  PeerConfig wanted = config_;
  Status done;
  if (reread_) {
    Result<PeerConfig> read = reread_();
    if (read.ok()) wanted = std::move(*read);
    if (!read.ok()) done = read.take_error();
  }
  if (done.ok()) done = apply_log(wanted.log);
  const std::vector<std::string> changed = changed_keys(config_, wanted);
  if (done.ok()) done = apply_addresses(wanted);
  if (done.ok()) {
    Json::Array taken;
    Json::Array waiting;
    for (const std::string& key : changed) {
      const bool is_taken =
          key.starts_with("log-") || key == "connect" ||
          (key == "listen" && config_.listen.size() == wanted.listen.size());  // else some went
      (is_taken ? taken : waiting).emplace_back(key);
      if (is_taken) config_.given[key] = wanted.given[key];
    }
    EventLog::Fields fields{{"changed", std::move(taken)}};
    if (!waiting.empty()) fields.emplace_back("after_a_restart", std::move(waiting));
    log_->info("reloaded", fields);
  } else {
    log_->error("reload_failed", {{"why", done.error().context()}});
  }
  service_.tell("READY=1");
}

Status Daemon::Impl::apply_log(const EventLog::Options& options) {
  WEFT_TRY(log_->reopen(options));
  config_.log = options;
  return {};
}

/// Links of addresses that are dialled as before stay as they are. What is listened on stays: who is linked goes on.
Status Daemon::Impl::apply_addresses(const PeerConfig& config) {
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  for (const std::string& each : config.listen) {
    if (has(config_.listen, each)) continue;
    WEFT_ASSIGN(const Address address, Address::parse(each));
    WEFT_TRY(hub_->listen(address));
    config_.listen.push_back(each);
  }
  for (const std::string& each : config.connect) {
    WEFT_ASSIGN(const Address address, Address::parse(each));
    WEFT_TRY(hub_->dial(address));
  }
  for (const std::string& each : config_.connect) {
    if (has(config.connect, each)) continue;
    WEFT_ASSIGN(const Address address, Address::parse(each));
    hub_->forget(address);
  }
  config_.connect = config.connect;
  return {};
}

void Daemon::Impl::stop(const std::string& why) {
  if (std::exchange(is_stopping_, true)) return;
  service_.tell("STOPPING=1");
  // From here on the system's own answer to these holds: the process ends.
  for (int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
  log_->info("stopping", {{"why", why}});
  look_at_place();
  control_->shut_down();
  node_->shut_down();
  hub_->stop([this] {
    are_links_closed_ = true;
    check_stopped();
  });
  deadline_ = loop_.after(kStopMsMax, [this] {
    is_overdue_ = true;
    check_stopped();
  });
}

/// Nothing is awaited that can't come: the links' end has its own time limit, and so has the flushing.
void Daemon::Impl::check_stopped() {
  const bool is_flushed = node_->is_flushed() || !journal_->unsaved().empty();
  if (is_overdue_ || (are_links_closed_ && is_flushed)) loop_.stop();
}

/// So that the next start opens them fast.
void Daemon::Impl::keep_states() {
  for (const DocumentOverview& each : node_->documents()) {
    if (!each.is_open || each.status != DocumentStatus::kLive) continue;
    Result<const Document*> document = node_->read(each.document);
    if (!document.ok()) continue;
    const std::optional<StoredState> kept = store_->state(each.document);
    if (kept && kept->version == (*document)->version()) continue;
    (void)store_state(*store_, **document);  // a hint: what fails here is no loss
  }
}

Status Daemon::Impl::close() {
  tick_ = {};
  look_ = {};
  deadline_ = {};
  network_.reset();
  hub_.reset();
  Status stored = store_thread_->close();
  bool is_drained = false;
  loop_.post([&] { is_drained = true; });
  loop_.run_until([&] { return is_drained; }, kStopMsMax);
  if (stored.ok()) {
    keep_states();
  } else {
    const std::size_t lost = store_thread_->lost_count();
    stored = Error(stored.error().code(),
                   "could not be stored, and lost here: " + std::to_string(lost) +
                       (lost == 1 ? " record; " : " records; ") + stored.error().context());
  }
  if (const std::string why = node_->status().store_error; stored.ok() && !why.empty())
    stored = Error(ErrorCode::kIoError, why);
  node_.reset();
  if (Status closed = store_->close(); !closed.ok() && stored.ok()) stored = closed.take_error();
  if (stored.ok()) {
    log_->info("stopped");
  } else {
    log_->error("stopped", {{"why", stored.error().context()}});
  }
  control_->stopped(stored);
  loop_.run_until([&] { return server_->connection_count() == 0; }, 1'000);
  return stored;
}

Daemon::Impl::~Impl() {
  // What calls back goes before what it calls.
  tick_ = {};
  look_ = {};
  deadline_ = {};
  watchdog_ = {};
  server_.reset();
  network_.reset();
  hub_.reset();
  if (store_thread_) (void)store_thread_->close();
  if (!config_.control.empty()) files::remove_link(control_path_of(config_.store));
}

// --- the public face ---

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() = default;

LmdbStore::Options Daemon::store_options(const PeerConfig& config) {
  LmdbStore::Options options;
  options.folder = config.store;
  options.create = config.create;
  options.quota_bytes = config.quota_bytes;
  return options;  // never relaxed: the store's thread gathers batches instead (docs/threads.md)
}

Result<std::unique_ptr<Daemon>> Daemon::open(PeerConfig config, std::unique_ptr<LmdbStore> store,
                                             Reread reread) {
  auto impl = std::make_unique<Impl>(std::move(config), std::move(store), std::move(reread));
  WEFT_TRY(impl->open());
  return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

Status Daemon::run() { return impl_->run(); }
void Daemon::stop() { impl_->stop("asked to"); }

}  // namespace weft
