#include "peer/store_thread.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace weft {
namespace {

using std::chrono::steady_clock;

bool can_pass(const Error& error) {
  return error.code() == ErrorCode::kDiskFull || error.code() == ErrorCode::kQuota;
}

Error closed() { return Error(ErrorCode::kReadOnly, "the store is closed"); }

}  // namespace

StoreThread::StoreThread(Store& store, Options options)
    : store_(store), options_(std::move(options)), thread_([this] { work(); }) {}

StoreThread::~StoreThread() { (void)close(); }

// --- the node's thread ---

void StoreThread::commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) {
  Request request;
  request.batch = std::move(batch);
  request.batch_done = std::move(done);
  push(std::move(request));
}

void StoreThread::run(std::function<Status(Store&)> job, std::function<void(Status)> done) {
  Request request;
  request.job = std::move(job);
  request.job_done = std::move(done);
  push(std::move(request));
}

void StoreThread::run_to_make_room(std::function<Status(Store&)> job,
                                   std::function<void(Status)> done) {
  Request request;
  request.job = std::move(job);
  request.job_done = std::move(done);
  request.makes_room = true;
  push(std::move(request));
}

void StoreThread::push(Request request) {
  request.since = steady_clock::now();
  {
    std::lock_guard lock(mutex_);
    if (!closing_) {
      waiting_.push_back(std::move(request));
      work_.notify_one();
      return;
    }
  }
  auto refused = std::make_shared<Request>(std::move(request));
  post([refused] {
    if (refused->batch_done) refused->batch_done(closed());
    if (refused->job_done) refused->job_done(closed());
  });
}

std::size_t StoreThread::waiting_count() const {
  std::lock_guard lock(mutex_);
  return waiting_.size() + busy_count_;
}

Status StoreThread::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    work_.notify_one();
  }
  if (thread_.joinable()) {
    thread_.join();
    if (Status flushed = store_.flush(); !flushed.ok() && !gave_up_)
      gave_up_ = flushed.take_error();
  }
  if (gave_up_) return gave_up_.clone();
  return {};
}

// --- the store's thread ---

void StoreThread::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Requests group = next_group(lock);
    if (group.empty()) return;
    busy_count_ = group.size();
    lock.unlock();
    if (group.front().job) {
      do_job(std::move(group.front()));
    } else {
      append_group(std::move(group));
    }
    lock.lock();
  }
}

/// Before the answers are posted: who gets them finds nothing waiting any more.
void StoreThread::set_done() {
  std::lock_guard lock(mutex_);
  busy_count_ = 0;
}

/// One job, or batches that go into one append. Empty: there is nothing more, and it closes.
StoreThread::Requests StoreThread::next_group(std::unique_lock<std::mutex>& lock) {
  work_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
  Requests group;
  if (waiting_.empty()) return group;
  const bool has_job = static_cast<bool>(waiting_.front().job);
  if (!has_job && options_.gather.count() > 0)
    work_.wait_until(lock, waiting_.front().since + options_.gather,
                     [&] { return closing_ || waiting_.back().job; });
  for (std::size_t bytes = 0; !waiting_.empty();) {
    Request& next = waiting_.front();
    bytes += next.batch.bytes;
    if (!group.empty() && (has_job || next.job || bytes > options_.append_bytes_max)) break;
    group.push_back(std::move(next));
    waiting_.pop_front();
  }
  return group;
}

void StoreThread::do_job(Request request) {
  auto status = std::make_shared<Status>(request.job(store_));
  set_done();
  for (std::chrono::milliseconds pause = options_.retry_pause_min;
       !status->ok() && can_pass(status->error());
       pause = std::min(pause * 2, options_.retry_pause_max)) {
    tell_unsaved(&status->error());
    const bool is_last = pause_or_closing(pause);
    *status = request.job(store_);
    if (is_last) break;
  }
  if (status->ok()) tell_unsaved(nullptr);
  post([status, done = std::move(request.job_done)] {
    if (done) done(std::move(*status));
  });
}

Result<AppendResult> StoreThread::append_once(std::span<const Request> group) {
  std::vector<NewRecord> records;
  std::vector<PeerNote> notes;
  for (const Request& each : group) {
    records.insert(records.end(), each.batch.records.begin(), each.batch.records.end());
    notes.insert(notes.end(), each.batch.notes.begin(), each.batch.notes.end());
  }
  const auto begin = steady_clock::now();
  Result<AppendResult> result = store_.append(records, notes);
  if (result.ok() && options_.on_flush) {
    Flush flush{.took = steady_clock::now() - begin,
                .batches = group.size(),
                .records = records.size(),
                .bytes = 0};
    for (const NewRecord& record : records) flush.bytes += record.payload.size();
    post([this, flush] { options_.on_flush(flush); });
  }
  return result;
}

/// Until the store takes or refuses it, or the thread is to end (I2). Nothing follows what was given up (I1).
Result<AppendResult> StoreThread::append_patiently(std::span<const Request> group) {
  if (gave_up_) return gave_up_.clone();
  for (std::chrono::milliseconds pause = options_.retry_pause_min;;
       pause = std::min(pause * 2, options_.retry_pause_max)) {
    Result<AppendResult> result = append_once(group);
    // Not at the end, when each batch is tried by itself: the next may be lost.
    if (result.ok() && !is_closing()) tell_unsaved(nullptr);
    if (result.ok() || !can_pass(result.error())) return result;
    tell_unsaved(&result.error());
    if (!pause_or_closing(pause)) continue;
    result = append_once(group);
    if (!result.ok() && can_pass(result.error())) gave_up_ = result.error().clone();
    return result;
  }
}

void StoreThread::append_group(Requests group) {
  std::vector<Result<AppendResult>> results;
  Result<AppendResult> together = append_patiently(group);
  if (together.ok()) {
    for (std::size_t i = 0; i < group.size(); ++i) results.emplace_back(*together);
  } else if (group.size() == 1) {
    results.push_back(std::move(together));
  } else {
    for (const Request& each : group) results.push_back(append_patiently({&each, 1}));
  }
  answer(std::move(group), std::move(results));
}

void StoreThread::answer(Requests group, std::vector<Result<AppendResult>> results) {
  for (std::size_t i = 0; i < group.size(); ++i)
    if (!results[i].ok() && can_pass(results[i].error()))
      lost_count_ += group[i].batch.records.size();
  set_done();
  auto requests = std::make_shared<Requests>(std::move(group));
  auto answers = std::make_shared<std::vector<Result<AppendResult>>>(std::move(results));
  post([requests, answers] {
    for (std::size_t i = 0; i < requests->size(); ++i)
      if ((*requests)[i].batch_done) (*requests)[i].batch_done(std::move((*answers)[i]));
  });
}

/// @param why  null: it is saved again
void StoreThread::tell_unsaved(const Error* why) {
  if (is_unsaved_ == (why != nullptr)) return;
  is_unsaved_ = why != nullptr;
  if (!options_.on_unsaved) return;
  auto status = std::make_shared<Status>();
  if (why != nullptr) *status = why->clone();
  post([this, status] { options_.on_unsaved(std::move(*status)); });
}

bool StoreThread::is_closing() {
  std::lock_guard lock(mutex_);
  return closing_;
}

/// Before the next try; shorter where room was made meanwhile. @return  it closes
bool StoreThread::pause_or_closing(std::chrono::milliseconds pause) {
  const steady_clock::time_point end = steady_clock::now() + pause;
  std::unique_lock lock(mutex_);
  for (std::size_t seen = 0;;) {
    const bool has_made_room = make_room(lock, seen);
    if (has_made_room || closing_) return closing_;
    if (!work_.wait_until(lock, end, [&] { return closing_ || waiting_.size() > seen; }))
      return false;
  }
}

/// Does the jobs that make room, of those that wait behind what can't be stored. One that finds no room itself stays
/// where it is.
/// @param seen  so many of those that wait were looked at
bool StoreThread::make_room(std::unique_lock<std::mutex>& lock, std::size_t& seen) {
  bool has_made_room = false;
  while (seen < waiting_.size()) {
    const auto at = waiting_.begin() + static_cast<std::ptrdiff_t>(seen);
    if (!at->makes_room) {
      ++seen;
      continue;
    }
    Request request = std::move(*at);
    waiting_.erase(at);
    ++busy_count_;
    lock.unlock();
    auto status = std::make_shared<Status>(request.job(store_));
    const bool is_done = status->ok() || !can_pass(status->error());
    lock.lock();
    --busy_count_;
    if (!is_done) {  // meanwhile something may have come, but only behind it
      waiting_.insert(waiting_.begin() + static_cast<std::ptrdiff_t>(seen++), std::move(request));
      continue;
    }
    has_made_room = has_made_room || status->ok();
    lock.unlock();
    post([status, done = std::move(request.job_done)] {
      if (done) done(std::move(*status));
    });
    lock.lock();
  }
  return has_made_room;
}

void StoreThread::post(std::function<void()> function) { options_.post(std::move(function)); }

}  // namespace weft
