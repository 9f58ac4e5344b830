#include "peer/event_log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <cctype>
#include <exception>

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

EventLog::EventLog(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}
EventLog::~EventLog() = default;

Result<std::unique_ptr<EventLog>> EventLog::open(const Options& options) {
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
    return std::unique_ptr<EventLog>(
        new EventLog(std::make_unique<Sink>(options, std::move(sink))));
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInvalidArgument,
                 options.file + ": the log can't be written there: " + error.what());
  }
}

bool EventLog::is_wanted(LogLevel level) const {
  return sink_->logger_.should_log(level_of(level));
}

void EventLog::write(LogLevel level, std::string_view event, const Fields& fields) {
  if (!is_wanted(level)) return;
  sink_->logger_.log(level_of(level), log_line(sink_->format_, event, fields));
}

void EventLog::flush() { sink_->logger_.flush(); }

}  // namespace weft
