#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/growth/growth_cases.h"
#include "bench/harness/heap.h"
#include "bench/trace/prng.h"
#include "peer/node.h"
#include "storage/memory/memory_store.h"

namespace weft::bench {
namespace {

constexpr std::size_t kOpenBytesMax = std::size_t{4} << 20;

DocumentId id_of(std::uint32_t number) {
  DocumentId id;
  id.bytes[0] = static_cast<std::uint8_t>(number);
  id.bytes[1] = static_cast<std::uint8_t>(number >> 8);
  return id;
}

DocumentOptions others_options(const DocumentId& id) {
  DocumentOptions options;
  options.replica = {8};
  options.id = id;
  return options;
}

class InstantCommitter final : public Committer {
 public:
  explicit InstantCommitter(Store& store) : store_(store) {}
  void commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) override {
    auto held = std::make_shared<CommitBatch>(std::move(batch));
    work_.push_back(
        [this, held, done = std::move(done)] { done(store_.append(held->records, held->notes)); });
  }
  void run(std::function<Status(Store&)> job, std::function<void(Status)> done) override {
    work_.push_back([this, job = std::move(job), done = std::move(done)] { done(job(store_)); });
  }
  void work() {
    while (!work_.empty()) {
      const std::function<void()> next = std::move(work_.front());
      work_.pop_front();
      next();
    }
  }

 private:
  Store& store_;
  std::deque<std::function<void()>> work_;
};

std::string text_of(std::uint32_t bytes, trace::Prng& prng) {
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>('a' + prng.below(26));
  return text;
}

enum class Way : std::uint8_t { kMade, kReceived };

/// What a node holds of so many documents beyond its store, once all are stored.
Result<double> held_bytes(Way way, std::uint32_t documents, std::uint32_t bytes) {
  const HeapCount heap;
  MemoryStore store({.replica = {7}, .epoch = 1, .before_append = nullptr});
  InstantCommitter committer(store);
  Node::Options options;
  options.wall_ms = [] { return std::uint64_t{1'700'000'000'000}; };
  options.random = [number = std::uint64_t{0}]() mutable { return ++number; };
  options.open_bytes_max = kOpenBytesMax;
  WEFT_ASSIGN(std::unique_ptr<Node> node, Node::open(store, committer, std::move(options)));
  trace::Prng prng(31);
  std::uint64_t now_ms = 0;
  for (std::uint32_t i = 0; i < documents; ++i) {
    const std::string text = text_of(bytes, prng);
    const auto fill = [&](Transaction& tx) {
      return tx.root().ensure_text("text").insert(scalar(0), text);
    };
    if (way == Way::kMade) {
      WEFT_TRY(node->edit(id_of(i), fill));
    } else {
      Document other = Document::create(others_options(id_of(i)));
      WEFT_ASSIGN(const Commit commit, other.transact(fill));
      WEFT_TRY(node->apply(id_of(i), Bytes(commit.delta.begin(), commit.delta.end())));
    }
    committer.work();
    node->tick(now_ms += 50);
  }
  for (int i = 0; i < 100; ++i) {
    node->tick(now_ms += 50);
    committer.work();
  }
  const double held = static_cast<double>(heap.bytes_in_use());
  if (!node->is_flushed()) return Error(ErrorCode::kIoError, "something is not stored");
  node.reset();
  // What the store alone takes.
  return std::max(held - static_cast<double>(heap.bytes_in_use()), 0.0);
}

}  // namespace

Status add_memory_held(const GrowthSizes& sizes, Report& report) {
  for (const auto& [way, name] :
       {std::pair(Way::kMade, "made"), std::pair(Way::kReceived, "received")}) {
    std::vector<double> held;
    std::vector<double> all;
    for (const std::uint32_t documents : sizes.held_documents) {
      WEFT_ASSIGN(const double bytes, held_bytes(way, documents, sizes.held_document_bytes));
      all.push_back(static_cast<double>(documents) * sizes.held_document_bytes);
      report.add(exact("memory_held", std::string(name) + "-" + format_number(all.back()), "bytes",
                       bytes));
      held.push_back(bytes);
    }
    report.add(growth_of("memory_held", name, all.front(), held.front(), all.back(), held.back()));
  }
  return {};
}

}  // namespace weft::bench
