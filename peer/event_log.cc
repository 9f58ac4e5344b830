#include "peer/event_log.h"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "crdt/document/json_text.h"

namespace weft {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

/// Does it stand for itself as a value in key=value?
bool is_plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char each) {
    return std::isalnum(static_cast<unsigned char>(each)) != 0 ||
           std::string_view("-_./:+[]@").find(each) != std::string_view::npos;
  });
}

/// On one line and without control characters, those that UTF-8 writes as c2 80 to c2 9f included: a log
/// may be a terminal, and what stands in it may come from the other end of a link.
std::string safe_json(const Json& value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = print_json(value);
  for (std::size_t at = text.find('\xc2'); at != std::string::npos;
       at = text.find('\xc2', at + 1)) {
    if (at + 1 == text.size()) break;
    const auto next = static_cast<unsigned char>(text[at + 1]);
    if (next >= 0xa0) continue;
    const std::string escaped{'\\', 'u', '0', '0', kHex[next >> 4], kHex[next & 15]};
    text.replace(at, 2, escaped);
  }
  std::replace(text.begin(), text.end(), '\x7f', ' ');
  return text;
}

std::string value_text(const Json& value) {
  const std::string* text = value.as_string();
  return text != nullptr && is_plain(*text) ? *text : safe_json(value);
}

/// Lines at the end of a file, each by one write: of two processes that write there none cuts another's line.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(int file) : file_(file) {}
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override { ::close(file_); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const char* at = line.data();
    for (std::size_t left = line.size(); left > 0;) {
      const ssize_t written = ::write(file_, at, left);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;  // a full disk: the peer goes on without this line
      at += written;
      left -= static_cast<std::size_t>(written);
    }
  }
  void flush_() override {}

  const int file_;
};

/// Lines begin with the time, or are JSON that begins with it. What is no regular file has no content to lose.
bool is_log_or_empty(const std::string& name) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(name, error)) return true;
  std::ifstream file(name, std::ios::binary);
  std::string begin(32, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  constexpr std::string_view kJson = "{\"time\":\"";
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  std::string_view time = begin;
  if (time.starts_with(kJson)) time.remove_prefix(kJson.size());
  return begin.empty() ||
         (time.size() > kShape.size() &&
          std::equal(kShape.begin(), kShape.end(), time.begin(), [](char shape, char c) {
            return shape == '0' ? c >= '0' && c <= '9' : c == shape;
          }));
}

/// For appending. What is no regular file is written to as it is, never made or replaced.
Result<int> open_log_file(const std::string& name) {
  if (!is_log_or_empty(name))
    return Error(ErrorCode::kInvalidArgument,
                 name + ": holds something else than a log of `weft peer`; name another file");
  // Without O_NONBLOCK a fifo that nobody reads would keep the peer from starting.
  const int file =
      ::open(name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (file >= 0) return file;
  const int fault = errno;
  std::string why = std::strerror(fault);
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::path(name).parent_path();
  if (fault == ENOENT && !folder.empty() && !std::filesystem::exists(folder, ignored))
    why = "there is no folder " + folder.string() + "; make it first";
  if (fault == ENXIO) why = "nobody reads from it";
  return Error(ErrorCode::kInvalidArgument, name + ": the log can't be written there: " + why);
}

}  // namespace

const char* level_name(LogLevel level) {
  constexpr const char* kNames[] = {"debug", "info", "warning", "error", "off"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string log_line(LogFormat format, std::string_view event, const EventLog::Fields& fields) {
  std::string line;
  if (format == LogFormat::kJson) {
    line = "\"event\":" + safe_json(event);
    for (const auto& [key, value] : fields) line += "," + safe_json(key) + ":" + safe_json(value);
    return line;
  }
  line = event;
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=' + value_text(value);
  }
  return line;
}

class EventLog::Sink {
 public:
  static Result<std::shared_ptr<Sink>> make(const Options& options);

  Sink(const Options& options, spdlog::sink_ptr sink)
      : format_(options.format), logger_("weft", std::move(sink)) {
    const char* pattern = format_ == LogFormat::kJson
                              ? "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",%v}"
                              : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
    logger_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
    logger_.set_level(level_of(options.level));
    logger_.flush_on(spdlog::level::info);
  }

  LogFormat format_;
  spdlog::logger logger_;
};

EventLog::EventLog(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}
EventLog::~EventLog() = default;

std::shared_ptr<EventLog::Sink> EventLog::sink() const {
  std::lock_guard lock(mutex_);
  return sink_;
}

Result<std::shared_ptr<EventLog::Sink>> EventLog::Sink::make(const Options& options) {
  spdlog::sink_ptr sink;
  if (options.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    WEFT_ASSIGN(const int file, open_log_file(options.file));
    sink = std::make_shared<FileSink>(file);
  }
  return std::make_shared<Sink>(options, std::move(sink));
}

Result<std::unique_ptr<EventLog>> EventLog::open(const Options& options) {
  WEFT_ASSIGN(std::shared_ptr<Sink> sink, Sink::make(options));
  return std::unique_ptr<EventLog>(new EventLog(std::move(sink)));
}

Status EventLog::reopen(const Options& options) {
  WEFT_ASSIGN(std::shared_ptr<Sink> made, Sink::make(options));
  std::lock_guard lock(mutex_);
  sink_.swap(made);
  return {};
}

bool EventLog::is_wanted(LogLevel level) const {
  return sink()->logger_.should_log(level_of(level));
}

void EventLog::write(LogLevel level, std::string_view event, const Fields& fields) {
  const std::shared_ptr<Sink> to = sink();
  if (!to->logger_.should_log(level_of(level))) return;
  to->logger_.log(level_of(level), log_line(to->format_, event, fields));
}

void EventLog::flush() { sink()->logger_.flush(); }

}  // namespace weft
