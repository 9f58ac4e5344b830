#pragma once
// ToyDevice: a node on a memory store, without sockets and threads; what is to be stored waits for work(). The same
// calls always make the same device.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "peer/node.h"
#include "storage/documents.h"
#include "storage/memory/memory_store.h"

namespace weft::test {

class QueuedCommitter final : public Committer {
 public:
  explicit QueuedCommitter(Store& store) : store_(store) {}
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

class ToyDevice {
 public:
  explicit ToyDevice(std::uint64_t replica)
      : random_(replica << 16),
        store_({.replica = {replica}, .epoch = replica, .before_append = nullptr}),
        committer_(store_) {
    Node::Options options;
    options.wall_ms = [this] { return 1'700'000'000'000 + now_ms_; };
    options.random = [this] { return ++random_; };
    options.pending_bytes_max = std::size_t{64} << 10;
    node_ = Node::open(store_, committer_, std::move(options)).value();
    pass(1);
  }

  Node& node() { return *node_; }
  MemoryStore& store() { return store_; }
  void work() { committer_.work(); }
  void pass(std::uint64_t ms) { node_->tick(now_ms_ += ms); }

  static DocumentId document(std::uint8_t number) { return {{0x4f, number}}; }
  void edit(std::uint8_t number, const std::string& key, const Value& value) {
    (void)node_->edit(document(number), [&](Transaction& tx) {
      TextEdit text = tx.root().ensure_text("text");
      (void)text.insert(scalar(0), key);
      return tx.root().set(key, value);
    });
  }

 private:
  std::uint64_t random_;
  std::uint64_t now_ms_ = 0;
  MemoryStore store_;
  QueuedCommitter committer_;
  std::unique_ptr<Node> node_;
};

}  // namespace weft::test
