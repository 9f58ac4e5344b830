#include "bench/sync/peer_host.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

#include "bench/harness/stopwatch.h"
#include "bench/sync/orders.h"
#include "bench/sync/stage.h"
#include "bench/sync/typist.h"
#include "bench/trace/generate.h"
#include "bench/trace/replay.h"
#include "bench/trace/trace_reader.h"
#include "crdt/base/checksum.h"

namespace weft::bench {
namespace {

constexpr std::uint64_t kTickMs = 50;  // as a daemon
constexpr std::uint64_t kLookMs = 1;
constexpr std::uint64_t kLinksLookMs = 20;  // looking at many links takes a while
constexpr std::uint64_t kWaitMsMax = 30'000;
/// Edits of a trace between two looks at what else there is to do.
constexpr std::size_t kReplayedAtOnce = 500;

Error too_late(const std::string& what) {
  return Error(ErrorCode::kIoError, what + ": not in time");
}

/// When each operation of the first document was applied here and told to an observer.
class Applied {
 public:
  Applied(BenchPeer& peer, bool watches) : peer_(peer) {
    if (!watches) return;
    Result<Observer> observer = peer.node().observe(
        bench_document(0), [this](const Patch&) { patched_us_ = shared_clock_us(); });
    if (observer.ok()) observer_ = std::move(*observer);
    peer.on_received = [this] {
      const std::uint64_t ops = peer_.applied_ops(bench_document(0));
      if (ops > us_.size()) us_.resize(ops, patched_us_);
    };
  }
  ~Applied() { peer_.on_received = nullptr; }
  Applied(const Applied&) = delete;
  Applied& operator=(const Applied&) = delete;
  std::vector<double> take_us() { return std::move(us_); }

 private:
  BenchPeer& peer_;
  Observer observer_;
  double patched_us_ = 0;
  std::vector<double> us_;
};

class PeerHost {
 public:
  PeerHost() : tick_(loop_.every(kTickMs, [this] { tick(); })) {}

  /// Until the other end is gone.
  void serve(const Link& link) {
    for (;;) {
      const std::optional<Order> order = next_order();
      if (!order) return;
      Answer answer;
      times_.clear();
      Status status = obey(*order, answer);
      for (const auto& peer : peers_)
        if (status.ok() && !peer->fault().empty())
          status = Error(ErrorCode::kCorrupt, peer->fault());
      if (!status.ok()) answer.fault.set(status.error());
      if (!link.send(answer).ok()) return;
      for (const std::vector<double>& times : times_)
        if (status.ok() && !link.send_all(times).ok()) return;
    }
  }

  /// On a thread of its own: orders come while the loop runs.
  void listen(const Link& link) {
    for (;;) {
      Result<Order> order = link.receive<Order>();
      {
        std::lock_guard lock(mutex_);
        if (order.ok()) {
          orders_.push(*order);
        } else {
          is_over_ = true;
        }
      }
      loop_.post([this] { loop_.stop(); });  // so that next_order() looks
      if (!order.ok()) return;
    }
  }

 private:
  /// nullopt: there are no more.
  std::optional<Order> next_order() {
    for (;; loop_.run()) {
      std::lock_guard lock(mutex_);
      if (is_over_) return std::nullopt;
      if (orders_.empty()) continue;
      const Order order = orders_.front();
      orders_.pop();
      return order;
    }
  }

  Status obey(const Order& order, Answer& answer) {
    using Kind = Order::Kind;
    if (order.kind == Kind::kOpen) return open(order);
    if (peers_.empty()) return Error(ErrorCode::kInvalidArgument, "no peer was opened");
    switch (order.kind) {
      case Kind::kListen: {
        WEFT_ASSIGN(answer.port, first().listen());
        return {};
      }
      case Kind::kDial:
        for (const auto& peer : peers_) WEFT_TRY(peer->dial(order.port));
        return {};
      case Kind::kAwaitLinks:
        return await_links(order.links, answer);
      case Kind::kType:
        return type(order, answer);
      case Kind::kReplay:
        return replay(order, answer);
      case Kind::kRead: {
        Result<const Document*> document = first().node().read(bench_document(0));
        return document.ok() ? Status() : document.take_error();
      }
      case Kind::kAwait:
        return await_ops(order, answer);
      case Kind::kCatchUp:
        return catch_up(order, answer);
      case Kind::kRest:
        (void)Stage(loop_).run(order.interval_ms);
        return {};
      case Kind::kUsage:
        return look(answer);
      case Kind::kContent:
        return read_content(order.documents, answer);
      case Kind::kOpen:
        break;
    }
    return Error(ErrorCode::kInvalidArgument, "an order that nobody knows");
  }

  Status open(const Order& order) {
    raise_open_files();
    for (std::uint32_t i = 0; i < order.peers; ++i) {
      PeerSetup setup;
      setup.store = order.store;
      setup.folder = order.text;
      setup.links_max = order.links_max;
      setup.coalesce_ms = order.coalesce_ms;
      setup.counts_bytes = order.counts_bytes;
      WEFT_ASSIGN(std::unique_ptr<BenchPeer> peer, BenchPeer::open(loop_, setup));
      peers_.push_back(std::move(peer));
    }
    return {};
  }

  Status await_links(std::uint32_t links, Answer& answer) {
    const Stopwatch watch;
    std::size_t agreed = 0;  // peers that are there yet
    const bool there = look_until(
        [&] {
          while (agreed < peers_.size() && peers_[agreed]->agreed_links() >= links) ++agreed;
          return agreed == peers_.size();
        },
        kLinksLookMs);
    answer.ms = watch.ms();
    if (there) return {};
    std::string words = "links whose ends agree";
    for (const LinkStatus& link : peers_[agreed]->node().status().links) words += "; " + link.words;
    return too_late(words);
  }

  Status type(const Order& order, Answer& answer) {
    const std::size_t flushes = first().flush_us().size();
    const std::uint32_t edits = order.edits / order.documents;
    if (session_edits_ != edits) session_ = typed_session(session_edits_ = edits);
    Typist typist(loop_, first(), order, session_);
    const double begin_us = shared_clock_us();
    WEFT_TRY(typist.run());
    answer.at_us = begin_us;
    answer.ms = (shared_clock_us() - begin_us) / 1e3;
    for (std::uint32_t d = 0; d < order.documents; ++d)
      answer.ops += first().applied_ops(bench_document(d));
    const std::vector<double>& all = first().flush_us();
    times_ = {typist.edited_us(),
              typist.durable_us(),
              {all.begin() + static_cast<std::ptrdiff_t>(flushes), all.end()}};
    return {};
  }

  Status replay(const Order& order, Answer& answer) {
    WEFT_ASSIGN(const trace::Trace trace, order.text[0] == '\0'
                                              ? Result<trace::Trace>(typed_session(order.edits))
                                              : trace::read_trace(order.text));
    const DocumentId id = bench_document(0);
    for (std::size_t at = 0; at < trace.edits.size(); ++at) {
      Result<Commit> commit = first().node().edit(id, [&](Transaction& transaction) -> Status {
        TextEdit text = transaction.root().ensure_text(trace::kTextKey);
        return trace::apply_edit(text, trace, trace.edits[at]);
      });
      if (!commit.ok()) return commit.take_error();
      if (at % kReplayedAtOnce == 0) (void)Stage(loop_).run(1);
    }
    if (!look_until([this] { return first().node().is_flushed(); }))
      return too_late("a replayed trace on the disk");
    answer.ops = first().applied_ops(id);
    return {};
  }

  Status await_ops(const Order& order, Answer& answer) {
    Applied applied(first(), order.watch);
    std::size_t there = 0;  // peers that have them
    const bool all = look_until([&] {
      for (; there < peers_.size(); ++there) {
        std::uint64_t ops = 0;
        for (std::uint32_t d = 0; d < order.documents; ++d)
          ops += peers_[there]->applied_ops(bench_document(d));
        if (ops < order.ops) return false;
      }
      return true;
    });
    answer.at_us = shared_clock_us();
    if (order.watch) times_ = {applied.take_us()};
    return all ? Status() : too_late("operations of another process");
  }

  Status catch_up(const Order& order, Answer& answer) {
    const DocumentId id = bench_document(0);
    const Stopwatch watch;
    WEFT_TRY(first().dial(order.port));
    const bool there = look_until([&] { return first().durable_ops(id) >= order.ops; });
    answer.ms = watch.ms();
    return there ? Status() : too_late("catching up");
  }

  Status look(Answer& answer) {
    answer.usage = usage_now();
    for (const auto& peer : peers_) {
      for (std::size_t i = 0; i < Traffic::kTypes; ++i) {
        answer.sent.frames[i] += peer->sent().frames[i];
        answer.sent.bytes[i] += peer->sent().bytes[i];
        answer.received.frames[i] += peer->received().frames[i];
        answer.received.bytes[i] += peer->received().bytes[i];
      }
    }
    return {};
  }

  Status read_content(std::uint32_t documents, Answer& answer) {
    std::optional<std::uint64_t> digest;
    for (const auto& peer : peers_) {
      std::uint64_t own = 0;
      for (std::uint32_t d = 0; d < documents; ++d) {
        WEFT_ASSIGN(const Document* document, peer->node().read(bench_document(d)));
        WEFT_ASSIGN(const std::string text, trace::replayed_text(*document));
        own = xxh3_64(as_bytes(text), own);
      }
      if (digest && own != *digest)
        return Error(ErrorCode::kCorrupt, "two peers have different texts");
      digest = own;
    }
    answer.digest = *digest;
    return {};
  }

  /// Looks now and then, since looking costs something.
  bool look_until(const std::function<bool()>& condition, std::uint64_t pause_ms = kLookMs) {
    Stage stage(loop_);
    const links::EventLoop::Timer timer = loop_.every(pause_ms, [&] {
      if (condition()) stage.finish();
    });
    return stage.run(kWaitMsMax);
  }

  void tick() {
    for (const auto& peer : peers_) peer->tick();
  }
  BenchPeer& first() { return *peers_.front(); }

  static void raise_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }

  links::EventLoop loop_;
  links::EventLoop::Timer tick_;
  std::vector<std::unique_ptr<BenchPeer>> peers_;
  std::vector<std::vector<double>> times_;  ///< that follow the answer
  trace::Trace session_;  ///< of the last typing: who types on has it made already
  std::uint32_t session_edits_ = 0;
  std::mutex mutex_;  ///< of what follows
  std::queue<Order> orders_;
  bool is_over_ = false;
};

}  // namespace

int run_peer_host_command() {
  std::signal(SIGPIPE, SIG_IGN);
  const Link link(STDOUT_FILENO);
  PeerHost host;
  std::thread listener([&] { host.listen(link); });
  host.serve(link);
  // Peers and listener go with the process: the stores are temporary.
  _exit(0);
}

}  // namespace weft::bench
