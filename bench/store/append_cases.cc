#include "bench/store/append_cases.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "bench/harness/meter.h"
#include "bench/store/child_process.h"
#include "bench/store/temporary_folder.h"

namespace weft::bench {
namespace {

/// Turns of each engine; fewer where there are fewer batches.
constexpr std::uint32_t kTurns = 20;

struct Order {
  std::uint32_t batch_count = 0;
  bool finish = false;
};

struct Answer {
  Fault fault;
  MeterReading reading;  ///< of this turn
  // Since the engine was made:
  std::uint64_t cpu_ns = 0;
  std::uint64_t device_bytes = 0;
  std::uint64_t commits = 0;
  std::uint64_t digest = 0;  ///< of what was read back; set by the turn that finishes
};

/// What runs in an engine's process.
class EngineProcess {
 public:
  static Result<EngineProcess> make(EngineKind kind, const AppendOptions& options,
                                    const std::string& folder, std::uint32_t batch_size) {
    WEFT_ASSIGN(auto engine, make_engine(kind, folder));
    return EngineProcess(std::move(engine), options, batch_size);
  }

  Answer obey(const Order& order) {
    Answer answer;
    Status status = order.finish ? finish(answer) : append(order.batch_count, answer);
    if (!status.ok()) answer.fault.set(status.error());
    return answer;
  }

 private:
  EngineProcess(std::unique_ptr<LogEngine> engine, const AppendOptions& options,
                std::uint32_t batch_size)
      : batch_size_(batch_size),
        workload_(options.workload),
        engine_(std::move(engine)),
        meter_(std::make_unique<Meter>(
            [engine = engine_.get()](std::string_view path) { return engine->is_log(path); })),
        cpu_begin_ns_(process_cpu_ns()),
        device_bytes_begin_(device_bytes().value_or(0)) {}

  Status append(std::uint32_t batch_count, Answer& answer) {
    const std::uint64_t cpu_before_ns = thread_cpu_ns();
    const std::span<const NewRecord> records =
        workload_.next(std::size_t{batch_count} * batch_size_);
    preparing_ns_ += thread_cpu_ns() - cpu_before_ns;
    Status status;
    answer.reading = meter_->measure(false, [&] {
      for (std::size_t at = 0; at < records.size() && status.ok(); at += batch_size_)
        status = engine_->append(records.subspan(at, batch_size_));
    });
    count(answer);
    return status;
  }

  Status finish(Answer& answer) {
    Status status;
    answer.reading = meter_->measure(true, [&] { status = engine_->finish(); });
    WEFT_TRY(std::move(status));
    count(answer);
    WEFT_ASSIGN(answer.digest, engine_->digest(workload_.documents()));
    if (answer.digest != workload_.digest())
      return Error(ErrorCode::kCorrupt, "what was read back is not what was appended");
    return {};
  }

  void count(Answer& answer) {
    watching_ns_ += answer.reading.watching_ns;
    answer.cpu_ns =
        process_cpu_ns() - cpu_begin_ns_ - preparing_ns_ - static_cast<std::uint64_t>(watching_ns_);
    answer.device_bytes = device_bytes().value_or(0) - device_bytes_begin_;
    answer.commits = engine_->commit_count();
  }

  std::uint32_t batch_size_;
  Workload workload_;
  std::unique_ptr<LogEngine> engine_;
  std::unique_ptr<Meter> meter_;
  std::uint64_t cpu_begin_ns_;
  std::uint64_t device_bytes_begin_;
  std::uint64_t preparing_ns_ = 0;  ///< CPU time of making records
  double watching_ns_ = 0;
};

void serve(EngineKind kind, const AppendOptions& options, const std::string& folder,
           std::uint32_t batch_size, const Link& link) {
  Result<EngineProcess> process = EngineProcess::make(kind, options, folder, batch_size);
  for (;;) {
    Result<Order> order = link.receive<Order>();
    if (!order.ok()) return;
    Answer answer;
    if (process.ok()) {
      answer = process->obey(*order);
    } else {
      answer.fault.set(process.error());
    }
    if (!link.send(answer).ok() || order->finish) return;
  }
}

/// One engine as its parent sees it, and what its turns add up to.
struct Contestant {
  EngineKind kind;
  TemporaryFolder folder;
  ChildProcess process;
  std::vector<double> wall_us = {};  ///< per delta, by turn
  std::vector<double> outside_us = {};
  double wall_ns = 0;
  double outside_ns = 0;
  double finish_ms = 0;
  std::uint64_t log_flushes = 0;
  std::uint64_t other_flushes = 0;
  std::uint64_t finish_flushes = 0;
  std::uint64_t written_bytes = 0;
  Answer last = {};

  Status take_turn(const Order& order, std::uint32_t batch_size) {
    WEFT_TRY(process.link().send(order));
    WEFT_ASSIGN(last, process.link().receive<Answer>());
    Status status = last.fault.status();
    if (!status.ok())
      return Error(status.error().code(),
                   std::string(engine_name(kind)) + ": " + status.error().message());
    const MeterReading& reading = last.reading;
    wall_ns += reading.wall_ns;
    outside_ns += reading.wall_ns - reading.flush_ns;
    other_flushes += reading.other_flushes;
    written_bytes += reading.written_bytes;
    if (order.finish) {
      finish_ms = reading.wall_ns / 1e6;
      finish_flushes = reading.log_flushes + reading.other_flushes;
    } else {
      const double deltas = static_cast<double>(order.batch_count) * batch_size;
      wall_us.push_back(reading.wall_ns / 1e3 / deltas);
      outside_us.push_back((reading.wall_ns - reading.flush_ns) / 1e3 / deltas);
      log_flushes += reading.log_flushes;
    }
    return {};
  }
};

Result<Contestant> enter(EngineKind kind, const AppendOptions& options, std::uint32_t batch_size) {
  WEFT_ASSIGN(TemporaryFolder folder, TemporaryFolder::make(options.folder));
  WEFT_ASSIGN(ChildProcess process, ChildProcess::start([&](const Link& link) {
                serve(kind, options, folder.path(), batch_size, link);
              }));
  return Contestant{kind, std::move(folder), std::move(process)};
}

Line by_turn(const char* name, const std::string& case_name, const std::vector<double>& turns,
             double whole) {
  Line line = summarize(name, case_name, "us", turns);
  line.median = whole;
  return line;
}

/// The lines of one engine.
void report_engine(const Contestant& engine, const std::string& case_name, double batches,
                   double deltas, Report& report) {
  const std::uint64_t digest = engine.last.digest;
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  const auto add = [&](const char* name, const char* unit, double value) {
    report.add(exact(name, case_name, unit, value, digest));
  };
  add("log_flushes_per_batch", "count", number(engine.log_flushes) / batches);
  add("commits_per_batch", "count", number(engine.last.commits) / batches);
  add("other_flushes_per_batch", "count", number(engine.other_flushes) / batches);
  add("finish_flushes", "count", number(engine.finish_flushes));
  if (engine.last.device_bytes == 0) {
    report.add(not_run("device_bytes_per_delta", case_name,
                       "the folder is in memory (tmpfs), or /proc/self/io is missing"));
  } else {
    add("device_bytes_per_delta", "bytes", number(engine.last.device_bytes) / deltas);
  }
  add("written_bytes_per_delta", "bytes", number(engine.written_bytes) / deltas);
  report.add(by_turn("append_wall", case_name, engine.wall_us, engine.wall_ns / 1e3 / deltas));
  report.add(
      by_turn("append_outside", case_name, engine.outside_us, engine.outside_ns / 1e3 / deltas));
  add("append_cpu", "us", number(engine.last.cpu_ns) / 1e3 / deltas);
  add("finish", "ms", engine.finish_ms);
}

void report_ratios(const Contestant& weft, const Contestant& other, const std::string& case_name,
                   Report& report) {
  const std::string against = std::string("_vs_") + engine_name(other.kind);
  report.add(exact("outside" + against, case_name, "ratio", weft.outside_ns / other.outside_ns));
  report.add(exact("cpu" + against, case_name, "ratio",
                   static_cast<double>(weft.last.cpu_ns) / static_cast<double>(other.last.cpu_ns)));
}

/// What is missing because an engine is.
void report_missing(EngineKind kind, const std::string& suffix, Report& report) {
  const std::string name = engine_name(kind);
  const std::string why = name + " was not found when this was built";
  report.add(not_run("append_outside", name + suffix, why));
  for (const char* figure : {"outside_vs_", "cpu_vs_"})
    report.add(not_run(figure + name, "weft" + suffix, why));
}

}  // namespace

Status add_appends(const AppendOptions& options, std::uint32_t batch_size, Report& report) {
  const std::uint32_t batches = std::max<std::uint32_t>(1, options.delta_count / batch_size);
  const std::uint32_t turns = std::min(kTurns, batches);
  const std::string suffix = "-" + std::to_string(batch_size);
  std::vector<Contestant> engines;
  for (const EngineKind kind : options.engines) {
    if (!is_built_in(kind)) {
      report_missing(kind, suffix, report);
      continue;
    }
    WEFT_ASSIGN(Contestant engine, enter(kind, options, batch_size));
    engines.push_back(std::move(engine));
  }
  for (std::uint64_t turn = 0; turn < turns; ++turn) {
    const auto begin = static_cast<std::uint32_t>(turn * batches / turns);
    const auto end = static_cast<std::uint32_t>((turn + 1) * batches / turns);
    for (Contestant& engine : engines) WEFT_TRY(engine.take_turn({end - begin, false}, batch_size));
  }
  for (Contestant& engine : engines) WEFT_TRY(engine.take_turn({0, true}, batch_size));

  for (const Contestant& engine : engines) {
    report_engine(engine, engine_name(engine.kind) + suffix, batches,
                  static_cast<double>(batches) * batch_size, report);
    const Contestant& first = engines.front();
    if (first.kind == EngineKind::kWeft && engine.kind != EngineKind::kWeft)
      report_ratios(first, engine, "weft" + suffix, report);
  }
  return {};
}

}  // namespace weft::bench
