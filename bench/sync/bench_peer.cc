#include "bench/sync/bench_peer.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "transport/wire/frame.h"

namespace weft::bench {
namespace {

std::uint64_t wall_ms() {
  using namespace std::chrono;
  const auto ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  return static_cast<std::uint64_t>(ms);
}

/// Identities, keys and pauses; nothing that is measured depends on them.
std::function<std::uint64_t()> make_random() {
  return [device = std::make_shared<std::random_device>()] {
    const std::uint64_t high = (*device)();
    return high << 32 | (*device)();
  };
}

/// Appends at once; the answer comes when the node's own call has returned, as Committer wants it.
class InlineCommitter final : public Committer {
 public:
  InlineCommitter(links::EventLoop& loop, Store& store) : loop_(loop), store_(store) {}
  void commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) override {
    auto result = std::make_shared<Result<AppendResult>>(store_.append(batch.records, batch.notes));
    loop_.post([result, done = std::move(done)] { done(std::move(*result)); });
  }
  void run(std::function<Status(Store&)> job, std::function<void(Status)> done) override {
    auto result = std::make_shared<Status>(job(store_));
    loop_.post([result, done = std::move(done)] { done(std::move(*result)); });
  }

 private:
  links::EventLoop& loop_;
  Store& store_;
};

}  // namespace

BenchPeer::BenchPeer(links::EventLoop& loop, const PeerSetup& setup)
    : loop_(loop), setup_(setup), random_(make_random()) {}

Result<std::unique_ptr<BenchPeer>> BenchPeer::open(links::EventLoop& loop, const PeerSetup& setup) {
  std::unique_ptr<BenchPeer> peer(new BenchPeer(loop, setup));
  WEFT_TRY(peer->open());
  return peer;
}

Status BenchPeer::open_store() {
  if (setup_.store == StoreKind::kMemory) {
    MemoryStore::Options options;
    options.replica = {random_()};
    options.epoch = random_();
    options.random = random_;
    auto store = std::make_unique<MemoryStore>(std::move(options));
    store->reopen();  // so that it has an incarnation
    store_ = std::move(store);
    committer_ = std::make_unique<InlineCommitter>(loop_, *store_);
    return {};
  }
  LmdbStore::Options options;
  options.folder = setup_.folder;
  options.create = true;
  WEFT_ASSIGN(store_, LmdbStore::open(std::move(options)));
  StoreThread::Options thread;
  thread.post = [this](std::function<void()> function) { loop_.post(std::move(function)); };
  thread.on_flush = [this](const StoreThread::Flush& flush) {
    flush_us_.push_back(std::chrono::duration<double, std::micro>(flush.took).count());
  };
  committer_ = std::make_unique<StoreThread>(*store_, std::move(thread));
  return {};
}

Status BenchPeer::open() {
  WEFT_TRY(open_store());
  Node::Options options;
  options.wall_ms = wall_ms;
  options.random = random_;
  options.wake = [this](LinkId link) {
    if (hub_) hub_->wake(link);
  };
  options.on_event = [this](const NodeEvent& event) {
    using Kind = NodeEvent::Kind;
    for (const Kind bad : {Kind::kDeltaRefused, Kind::kReplicaForked, Kind::kIdentityChanged,
                           Kind::kStoreFailed, Kind::kDiverged})
      if (event.kind == bad) fault_ = std::string(event_name(event.kind)) + ": " + event.text;
  };
  options.agent = "weft-bench";
  options.compressor = &compressor_;
  options.coalesce_ms = setup_.coalesce_ms;
  WEFT_ASSIGN(node_, Node::open(*store_, *committer_, std::move(options)));
  tick();

  links::LinkHub::Options hub;
  hub.links_max = setup_.links_max;
  hub.links_per_address_max = setup_.links_max;
  hub.random = random_;
  hub_ = std::make_unique<links::LinkHub>(loop_, *this, std::move(hub));
  return {};
}

Result<std::uint16_t> BenchPeer::listen() {
  WEFT_ASSIGN(const links::Address any, links::Address::parse("tcp:127.0.0.1:0"));
  WEFT_ASSIGN(const links::Address address, hub_->listen(any));
  return address.port;
}

Status BenchPeer::dial(std::uint16_t port) {
  WEFT_ASSIGN(const links::Address address,
              links::Address::parse("tcp:127.0.0.1:" + std::to_string(port)));
  return hub_->dial(address);
}

void BenchPeer::tick() { node_->tick(loop_.now_ms()); }

std::size_t BenchPeer::agreed_links() const {
  const NodeStatus status = node_->status();
  return static_cast<std::size_t>(std::count_if(
      status.links.begin(), status.links.end(),
      [](const LinkStatus& link) { return link.synced_ms_ago != ~std::uint64_t{0}; }));
}

std::uint64_t BenchPeer::applied_ops(const DocumentId& id) {
  Result<const Document*> document = node_->read(id);
  return document.ok() ? count_ops((*document)->version()) : 0;
}

std::uint64_t BenchPeer::durable_ops(const DocumentId& id) const {
  Result<DocumentSyncStatus> status = node_->sync_status(id);
  return status.ok() ? count_ops(status->overview.version) : 0;
}

std::uint64_t count_ops(const VersionVector& version) {
  std::uint64_t count = 0;
  for (const VersionVector::Entry& entry : version.entries()) count += entry.end;
  return count;
}

// --- LinkHandler ---

std::uint32_t BenchPeer::link_up(bool dialled, std::string name) {
  return node_->add_link({.dialled = dialled, .name = std::move(name)});
}

void BenchPeer::received(std::uint32_t link, sync::Envelope envelope) {
  const std::size_t type = sync::type_of(envelope.message);
  ++received_.frames[type];
  if (setup_.counts_bytes) received_.bytes[type] += wire::frame_bytes(envelope.message);
  node_->receive(link, std::move(envelope));
  if (on_received) on_received();
}

void BenchPeer::garbage(std::uint32_t link, const Error& error) {
  fault_ = "garbage: " + error.message();
  node_->receive_garbage(link, error);
}

std::optional<sync::Envelope> BenchPeer::poll(std::uint32_t link) {
  std::optional<sync::Envelope> envelope = node_->poll(link);
  if (!envelope) return envelope;
  const std::size_t type = sync::type_of(envelope->message);
  ++sent_.frames[type];
  if (setup_.counts_bytes) sent_.bytes[type] += wire::frame_bytes(envelope->message);
  if (on_sent) on_sent();
  return envelope;
}

void BenchPeer::link_down(std::uint32_t link, std::string /*why*/) { node_->remove_link(link); }

}  // namespace weft::bench
