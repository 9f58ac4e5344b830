#pragma once
// EventLog: what a peer says while it runs: one line for each event, for people (key=value) or for machines
// (JSON), on standard error or in a file. The one place that knows spdlog.
//
//   2026-05-01T12:00:00.123Z info link_up link=tcp:127.0.0.1:7401 replica=00c0ffee00c0ffee
//   {"time":"2026-05-01T12:00:00.123Z","level":"info","event":"link_up","link":"tcp:127.0.0.1:7401", ...}
//
// Threads: all functions from any thread.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/map/value.h"

namespace weft {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat : std::uint8_t { kText, kJson };

/// "debug", "info", "warning", "error", "off".
const char* level_name(LogLevel level);

class EventLog {
 public:
  struct Options {
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kText;
    /// Appended to, made with mode 0600; its folder has to be there. Empty: standard error.
    std::string file;
  };
  using Fields = std::vector<std::pair<std::string_view, Json>>;

  /// @errors kInvalidArgument: the file can't be written
  static Result<std::unique_ptr<EventLog>> open(const Options& options);
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  ~EventLog();

  /// Writes as `options` say from here on: to the file that now has the name, which a rotation may have moved away.
  /// @errors as open(); then it goes on as it did
  Status reopen(const Options& options);

  bool is_wanted(LogLevel level) const;
  /// @param event  one word, as "link_up"
  void write(LogLevel level, std::string_view event, const Fields& fields = {});
  void debug(std::string_view event, const Fields& fields = {}) {
    write(LogLevel::kDebug, event, fields);
  }
  void info(std::string_view event, const Fields& fields = {}) {
    write(LogLevel::kInfo, event, fields);
  }
  void warning(std::string_view event, const Fields& fields = {}) {
    write(LogLevel::kWarning, event, fields);
  }
  void error(std::string_view event, const Fields& fields = {}) {
    write(LogLevel::kError, event, fields);
  }
  void flush();

 private:
  class Sink;
  explicit EventLog(std::shared_ptr<Sink> sink);
  std::shared_ptr<Sink> sink() const;

  mutable std::mutex mutex_;
  std::shared_ptr<Sink> sink_;
};

/// What follows the level on a line of the format.
std::string log_line(LogFormat format, std::string_view event, const EventLog::Fields& fields);

/// Lets through so many words of a kind in a time and counts the others.
class LogLimit {
 public:
  /// @param burst  at once; afterwards one each `period_ms`
  LogLimit(std::uint32_t burst, std::uint64_t period_ms)
      : burst_(burst), period_ms_(period_ms), left_(burst) {}

  /// May this be said? @param now_ms  monotonic
  bool take(std::uint64_t now_ms) {
    const std::uint64_t periods = (now_ms - since_ms_) / period_ms_;
    if (periods >= burst_ - left_) {
      left_ = burst_;
      since_ms_ = now_ms;
    } else {
      left_ += static_cast<std::uint32_t>(periods);
      since_ms_ += periods * period_ms_;
    }
    if (left_ == 0) {
      ++skipped_;
      return false;
    }
    --left_;
    return true;
  }
  /// How many were not said since this was asked last.
  std::uint64_t take_skipped() { return std::exchange(skipped_, 0); }

 private:
  std::uint32_t burst_;
  std::uint64_t period_ms_;
  std::uint32_t left_;
  std::uint64_t since_ms_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace weft
