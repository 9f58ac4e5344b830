#include "tests/sim/world/sim_committer.h"

#include <utility>

namespace weft::sim {
namespace {

constexpr std::uint64_t kRetryUs = 100'000;
constexpr std::uint64_t kReportUsMax = 300;

bool can_pass(const Error& error) {
  return error.code() == ErrorCode::kDiskFull || error.code() == ErrorCode::kQuota;
}

}  // namespace

SimCommitter::SimCommitter(Timeline& timeline, SimStore& store, const FlushModel& model,
                           std::uint64_t seed)
    : timeline_(timeline), store_(store), model_(model), random_(seed) {}

SimCommitter::~SimCommitter() { *alive_ = false; }

void SimCommitter::commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) {
  Request request;
  request.batch = std::move(batch);
  request.batch_done = std::move(done);
  push(std::move(request));
}

void SimCommitter::run(std::function<Status(Store&)> job, std::function<void(Status)> done) {
  Request request;
  request.job = std::move(job);
  request.job_done = std::move(done);
  push(std::move(request));
}

void SimCommitter::run_to_make_room(std::function<Status(Store&)> job,
                                    std::function<void(Status)> done) {
  Request request;
  request.job = std::move(job);
  request.job_done = std::move(done);
  request.makes_room = true;
  push(std::move(request));
}

void SimCommitter::push(Request request) {
  waiting_.push_back(std::move(request));
  if (!is_busy_) begin_flush();
}

void SimCommitter::later(std::uint64_t delay_us, void (SimCommitter::*step)()) {
  timeline_.after_us(delay_us, [this, step, alive = alive_] {
    if (*alive) (this->*step)();
  });
}

void SimCommitter::begin_flush() {
  is_busy_ = !waiting_.empty();
  if (!is_busy_) return;
  flying_.swap(waiting_);
  std::uint64_t took_us = model_.least_us + random_.below(model_.most_us - model_.least_us + 1);
  if (random_.chance(model_.slow_in_10000, 10'000)) took_us = model_.slow_us;
  later(took_us, &SimCommitter::end_flush);
}

bool SimCommitter::do_job(Request& request) {
  SimStore::Turn turn(store_);
  Status status = request.job(store_);
  if (!status.ok() && can_pass(status.error())) return false;
  reports_.push_back(
      [done = std::move(request.job_done), shared = std::make_shared<Status>(std::move(status))] {
        if (done) done(std::move(*shared));
      });
  return true;
}

bool SimCommitter::write_first() {
  Request& request = flying_.front();
  if (request.job) {
    if (!do_job(request)) return false;
  } else {
    SimStore::Turn turn(store_);
    Result<AppendResult> result = store_.append(request.batch.records, request.batch.notes);
    if (!result.ok() && can_pass(result.error())) return false;
    reports_.push_back([done = std::move(request.batch_done),
                        shared = std::make_shared<Result<AppendResult>>(std::move(result))] {
      if (done) done(std::move(*shared));
    });
  }
  flying_.pop_front();
  return true;
}

void SimCommitter::make_room(std::deque<Request>& requests) {
  std::erase_if(requests, [&](Request& request) { return request.makes_room && do_job(request); });
}

void SimCommitter::end_flush() {
  while (!flying_.empty() && write_first()) {
  }
  if (!flying_.empty()) {
    make_room(flying_);
    make_room(waiting_);
  }
  if (on_written) on_written();
  later(random_.below(kReportUsMax), &SimCommitter::report);
}

void SimCommitter::report() {
  std::vector<std::function<void()>> reports = std::move(reports_);
  reports_.clear();
  std::shared_ptr<bool> alive = alive_;
  for (const std::function<void()>& tell : reports) {
    tell();
    if (!*alive) return;
  }
  if (flying_.empty()) return begin_flush();
  later(kRetryUs, &SimCommitter::end_flush);
}

void SimCommitter::power_cut() {
  for (std::uint64_t left = random_.below(flying_.size() + 1); left > 0; --left)
    if (!write_first()) break;
  if (on_written) on_written();
}

}  // namespace weft::sim
