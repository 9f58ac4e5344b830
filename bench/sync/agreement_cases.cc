#include "bench/sync/agreement_cases.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/sync/orders.h"
#include "bench/sync/usage.h"
#include "bench/trace/prng.h"
#include "storage/documents.h"
#include "transport/wire/frame.h"

namespace weft::bench {
namespace {

constexpr std::uint64_t kBeganMs = 1'700'000'000'000;
constexpr std::uint64_t kStepMs = 50;
constexpr std::uint64_t kWaitMsMax = 30'000;
constexpr ReplicaId kAuthor{77};
constexpr std::size_t kBatch = 1000;

/// Batches are durable when the node asks; or never, so that a store stays as it is.
class VirtualCommitter final : public Committer {
 public:
  VirtualCommitter(Store& store, bool stores) : store_(store), stores_(stores) {}
  void commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) override {
    if (!stores_) return;
    auto held = std::make_shared<CommitBatch>(std::move(batch));
    waiting_.push_back(
        [this, held, done = std::move(done)] { done(store_.append(held->records, held->notes)); });
  }
  void run(std::function<Status(Store&)> job, std::function<void(Status)> done) override {
    if (!stores_) return;
    waiting_.push_back([this, job = std::move(job), done = std::move(done)] { done(job(store_)); });
  }
  bool step() {
    if (waiting_.empty()) return false;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next();
    return true;
  }

 private:
  Store& store_;
  const bool stores_;
  std::deque<std::function<void()>> waiting_;
};

/// A device between two openings of its store.
struct Device {
  std::unique_ptr<MemoryStore> store;
  std::unique_ptr<VirtualCommitter> committer;
  std::unique_ptr<Node> node;
  LinkId link = 0;
  bool is_agreed = false;
  Traffic sent;
  std::size_t named = 0;  ///< documents, in its Haves
};

class Meeting {
 public:
  explicit Meeting(std::uint64_t seed) : random_(seed) {
    for (std::uint64_t i = 0; i < 2; ++i) {
      MemoryStore::Options options;
      options.replica = {0x1000 + i};
      options.epoch = 0x2000 + i;
      options.random = [this] { return random_.next(); };
      devices_[i].store = std::make_unique<MemoryStore>(options);
    }
  }
  Store& store(std::size_t i) { return *devices_[i].store; }

  /// Opens both stores again and connects. @param stores  what they find out is kept
  Status begin(bool stores) {
    for (Device& device : devices_) {
      device.node.reset();
      device.store->reopen();
      device.committer = std::make_unique<VirtualCommitter>(*device.store, stores);
      device.sent = {};
      device.named = 0;
      device.is_agreed = false;
      Node::Options options;
      options.wall_ms = [this] { return kBeganMs + now_ms_; };
      options.random = [this] { return random_.next(); };
      options.on_event = [&device](const NodeEvent& event) {
        if (event.kind == NodeEvent::Kind::kCaughtUp) device.is_agreed = true;
      };
      options.agent = "weft-bench";
      WEFT_ASSIGN(device.node, Node::open(*device.store, *device.committer, std::move(options)));
      device.node->tick(now_ms_);
      device.link = device.node->add_link({.dialled = &device == &devices_[0], .name = ""});
    }
    return {};
  }

  /// @param done  asked after each message
  Status run_until(const std::function<bool()>& done) {
    for (const std::uint64_t end_ms = now_ms_ + kWaitMsMax; now_ms_ < end_ms;) {
      bool has_moved = false;
      for (std::size_t i = 0; i < 2; ++i) {
        Device& from = devices_[i];
        Device& to = devices_[1 - i];
        while (from.committer->step()) has_moved = true;
        std::optional<sync::Envelope> envelope = from.node->poll(from.link);
        if (!envelope) continue;
        has_moved = true;
        const std::size_t type = sync::type_of(envelope->message);
        ++from.sent.frames[type];
        from.sent.bytes[type] += wire::frame_bytes(envelope->message);
        if (const auto* have = std::get_if<sync::Have>(&envelope->message))
          from.named += have->documents.size();
        to.node->receive(to.link, std::move(*envelope));
        if (done()) return {};
      }
      if (has_moved) continue;
      now_ms_ += kStepMs;
      for (Device& device : devices_) device.node->tick(now_ms_);
      if (done()) return {};
    }
    return Error(ErrorCode::kIoError, "two devices did not agree in time");
  }
  const Device& device(std::size_t i) const { return devices_[i]; }
  bool is_agreed() const { return devices_[0].is_agreed && devices_[1].is_agreed; }

 private:
  trace::Prng random_;
  std::uint64_t now_ms_ = 0;
  Device devices_[2];
};

/// A document of two edits.
struct SmallDocument {
  DocumentId id;
  Bytes first;
  Bytes second;
};

Result<SmallDocument> make_document(std::uint32_t number) {
  SmallDocument small{bench_document(number), {}, {}};
  DocumentOptions options;
  options.id = small.id;
  options.replica = kAuthor;
  Document document = Document::create(options);
  for (Bytes* delta : {&small.first, &small.second}) {
    WEFT_ASSIGN(const Commit commit, document.transact([&](Transaction& transaction) {
      return transaction.root().set("title", std::int64_t{number});
    }));
    delta->assign(commit.delta.begin(), commit.delta.end());
  }
  return small;
}

/// Fills both stores. @param different  so many documents have their second edit in one store only
Status fill(Meeting& meeting, std::uint32_t documents, std::uint32_t different) {
  for (std::uint32_t begin = 0; begin < documents; begin += kBatch) {
    std::vector<SmallDocument> made;
    std::vector<NewRecord> records[2];
    const std::uint32_t end = std::min<std::uint32_t>(documents, begin + kBatch);
    for (std::uint32_t d = begin; d < end; ++d) {
      WEFT_ASSIGN(SmallDocument small, make_document(d));
      made.push_back(std::move(small));
    }
    for (std::uint32_t d = begin; d < end; ++d) {
      const SmallDocument& small = made[d - begin];
      // Spread over all of them.
      const bool is_different = std::uint64_t{d} * different / documents !=
                                (std::uint64_t{d} + 1) * different / documents;
      const std::size_t newer = (std::uint64_t{d} * different / documents) % 2;
      for (std::size_t i = 0; i < 2; ++i) {
        NewRecord record;
        WEFT_TRY(record_of(small.id, small.first, record));
        records[i].push_back(record);
        if (!is_different || i != newer) continue;
        WEFT_TRY(record_of(small.id, small.second, record));
        records[i].push_back(record);
      }
    }
    for (std::size_t i = 0; i < 2; ++i) WEFT_TRY(meeting.store(i).append(records[i]));
  }
  return {};
}

Status add_equal(const AgreementOptions& options, Report& report) {
  Meeting meeting(60);
  WEFT_TRY(fill(meeting, options.equal_documents, 0));
  for (const char* which : {"first", "again"}) {
    WEFT_TRY(meeting.begin(true));
    WEFT_TRY(meeting.run_until([&] { return meeting.is_agreed(); }));
    double larger = 0;
    double frames = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      const Traffic& sent = meeting.device(i).sent;
      larger = std::max(larger, static_cast<double>(sent.bytes_in_all()));
      for (const std::uint64_t each : sent.frames) frames += static_cast<double>(each);
    }
    const std::string name = std::to_string(options.equal_documents) + "-documents-" + which;
    report.add(exact("agree_bytes", name, "bytes", larger));
    report.add(exact("agree_frames", name, "count", frames));
    // So that both have noted how far they know the other's log.
    std::uint32_t looks = 0;
    WEFT_TRY(meeting.run_until([&] { return ++looks > 200; }));
  }
  return {};
}

Status add_different(const AgreementOptions& options, Report& report) {
  Meeting meeting(61);
  WEFT_TRY(fill(meeting, options.documents, options.different));
  std::vector<double> find_bytes;
  std::vector<double> round_trips;
  std::vector<double> name_bytes;
  for (std::uint32_t key = 0; key < options.keys; ++key) {
    WEFT_TRY(meeting.begin(false));
    const Traffic& one = meeting.device(0).sent;
    const Traffic& other = meeting.device(1).sent;
    // The end of what each has to name.
    WEFT_TRY(meeting.run_until([&] {
      return one.frames_of<sync::AllAnnounced>() > 0 && other.frames_of<sync::AllAnnounced>() > 0;
    }));
    for (std::size_t i = 0; i < 2; ++i)
      if (meeting.device(i).named < options.different)
        return Error(ErrorCode::kCorrupt,
                     "documents named: " + std::to_string(meeting.device(i).named) +
                         ", those that differ: " + std::to_string(options.different));
    const auto both = [&]<typename... T>() {
      return static_cast<double>(one.bytes_of<T...>() + other.bytes_of<T...>());
    };
    find_bytes.push_back(both.operator()<sync::SymbolRequest, sync::Symbols, sync::NameRequest>());
    name_bytes.push_back(both.operator()<sync::Have>());
    round_trips.push_back(static_cast<double>(one.frames_of<sync::SymbolRequest>()));
  }
  const std::string name =
      std::to_string(options.different) + "-of-" + std::to_string(options.documents) + "-documents";
  report.add(summarize("find_bytes", name, "bytes", find_bytes));
  report.add(summarize("find_round_trips", name, "count", round_trips));
  report.add(summarize("name_bytes", name, "bytes", name_bytes));
  return {};
}

}  // namespace

Status add_agreement(const AgreementOptions& options, Report& report) {
  WEFT_TRY(add_equal(options, report));
  return add_different(options, report);
}

}  // namespace weft::bench
