#include "peer/idle_compactor.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace weft {
namespace {

/// @param left  records that were left by the last attempt; 0: there was none
bool is_wanted(const DocumentUsage& usage, const IdleCompactor::Options& options,
               std::uint64_t left) {
  if (usage.records < left + options.records_min) return false;
  return usage.status == DocumentStatus::kLive &&
         usage.history_bytes <= options.history_bytes_max &&
         usage.records >=
             options.records_min * std::max<std::size_t>(usage.version.entries().size(), 1);
}

}  // namespace

IdleCompactor::IdleCompactor(Committer& committer, Options options)
    : committer_(committer), shared_(std::make_shared<Shared>()) {
  shared_->options = std::move(options);
}

void IdleCompactor::look(std::uint64_t now_ms, std::uint64_t batches, std::size_t waiting) {
  if (batches != batches_) {
    batches_ = batches;
    quiet_since_ms_ = now_ms;
    shared_->is_listed = false;
    shared_->documents.clear();
  }
  if (shared_->is_running || waiting > 0 || now_ms < quiet_since_ms_ + shared_->options.quiet_ms)
    return;
  if (!shared_->is_listed) {
    list();
  } else if (!shared_->documents.empty()) {
    compact_next();
  }
}

void IdleCompactor::list() {
  auto found = std::make_shared<std::deque<DocumentId>>();
  shared_->is_running = true;
  committer_.run(
      [found, shared = shared_](Store& store) -> Status {
        found->clear();
        WEFT_ASSIGN(const std::vector<DocumentUsage> all, store.documents());
        for (const DocumentUsage& usage : all) {
          const auto before = shared->left.find(usage.document);
          if (is_wanted(usage, shared->options, before == shared->left.end() ? 0 : before->second))
            found->push_back(usage.document);
        }
        return {};
      },
      [found, shared = shared_](const Status& status) {
        shared->is_running = false;
        shared->is_listed = true;
        if (status.ok()) shared->documents = std::move(*found);
      });
}

void IdleCompactor::compact_next() {
  const DocumentId id = shared_->documents.front();
  shared_->documents.pop_front();
  shared_->is_running = true;
  auto won = std::make_shared<Result<std::uint64_t>>(std::uint64_t{0});
  committer_.run(
      [won, id, shared = shared_](Store& store) -> Status {
        CompactOptions options;
        options.compressor = shared->options.compressor;
        *won = compact_document(store, id, options);
        const Result<std::optional<DocumentUsage>> now = store.document(id);
        if (now.ok() && *now) shared->left[id] = (*now)->records;
        return {};  // the disk may be full, and batches are more urgent (I2)
      },
      [won, id, shared = shared_](const Status& status) {
        shared->is_running = false;
        if (!status.ok()) return;  // it is being closed
        if (won->ok()) {
          ++shared->counts.documents;
          shared->counts.won_bytes += **won;
        } else {
          ++shared->counts.failed;
        }
        if (shared->options.on_document) shared->options.on_document(id, *won);
      });
}

}  // namespace weft
