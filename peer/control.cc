#include "peer/control.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crdt/document/json_text.h"
#include "peer/control_json.h"
#include "peer/control_request.h"

namespace weft {
namespace {

constexpr std::int64_t kWaitMsMax = 3'600'000;

}  // namespace

Control::Control(Node& node, Options options)
    : node_(node), options_(std::move(options)), self_(std::make_shared<Control*>(this)) {}

Control::~Control() = default;

void Control::tick(std::uint64_t now_ms) {
  if (now_ms_ == 0)  // who asked before the first tick has waited for nothing yet
    for (auto& [connection, talk] : talks_) talk.answer_by_ms += now_ms;
  now_ms_ = now_ms;
  std::vector<Connection> over;
  for (const auto& [connection, talk] : talks_)
    if (talk.is_waiting && talk.is_issued && talk.wait_ms && now_ms >= talk.answer_by_ms)
      over.push_back(connection);
  for (Connection connection : over) {
    const std::uint64_t waited_s = *talks_.at(connection).wait_ms / 1'000;
    answer_early(connection, unsaved_.empty() ? "the disk has not taken it for " +
                                                    std::to_string(waited_s) + " s"
                                              : unsaved_);
  }
}

// --- connections ---

void Control::request(Connection connection, const std::string& line) {
  talks_[connection];
  Result<Json> request = parse_json(line);
  Status done;
  if (!request.ok()) {
    done = bad_request("the request is no JSON: " + request.error().message());
  } else if (is_shut_down_) {
    done = Error(ErrorCode::kReadOnly, "the peer is stopping; start it again");
  } else {
    done = dispatch(connection, *request);
  }
  if (!done.ok()) refuse(connection, done.error());
}

/// "wait_ms" of a request that writes.
Status Control::read_wait(Connection connection, const Json& request) {
  const Json* wait = request.find("wait_ms");
  if (wait == nullptr) return {};
  const std::int64_t* ms = wait->as_int();
  if (ms == nullptr || *ms < 0 || *ms > kWaitMsMax) return bad_request("wait_ms: 0 to 3,600,000");
  Talk& talk = talks_[connection];
  talk.wait_ms = static_cast<std::uint64_t>(*ms);
  talk.answer_by_ms = now_ms_ + *talk.wait_ms;
  return {};
}

/// May another request be one that is answered for long? (I3)
Status Control::check_long_answers() const {
  const auto is_long = [](const auto& each) {
    return each.second.is_watch || !each.second.lines.empty();
  };
  const auto count = static_cast<std::size_t>(std::count_if(talks_.begin(), talks_.end(), is_long));
  if (count < options_.long_max) return {};
  return Error(ErrorCode::kLimit, "the peer is being watched by " + std::to_string(count) +
                                      " clients, as many as it takes; end one, then try again");
}

Status Control::dispatch(Connection connection, const Json& request) {
  WEFT_TRY(read_wait(connection, request));
  WEFT_ASSIGN(const std::string cmd, text_of(request, "cmd"));
  struct Question {
    std::string_view cmd;
    Result<Json> (Control::*ask)(const Json&);
  };
  constexpr std::array<Question, 5> kQuestions{{{"status", &Control::status},
                                                {"health", &Control::health},
                                                {"metrics", &Control::metrics},
                                                {"sync-status", &Control::sync_status},
                                                {"presence", &Control::presence}}};
  for (const Question& each : kQuestions) {
    if (cmd != each.cmd) continue;
    WEFT_ASSIGN(const Json result, (this->*each.ask)(request));
    answer(connection, result);
    return {};
  }
  struct Task {
    std::string_view cmd;
    Status (Control::*begin)(Connection, const Json&);
  };
  constexpr std::array<Task, 9> kTasks{{{"watch", &Control::watch},
                                        {"edit", &Control::edit},
                                        {"dashboard", &Control::dashboard},
                                        {"splice", &Control::splice},
                                        {"resolve", &Control::resolve},
                                        {"set-status", &Control::set_status},
                                        {"trash-empty", &Control::empty_trash},
                                        {"trim", &Control::trim},
                                        {"stop", &Control::stop}}};
  for (const Task& each : kTasks)
    if (cmd == each.cmd) return (this->*each.begin)(connection, request);
  if (cmd == "documents") return documents(connection);
  return bad_request("there is no command '" + cmd +
                     "'; is this weft newer than the peer that runs?");
}

void Control::answer(Connection connection, const Json& result) {
  auto talk = talks_.find(connection);
  if (talk == talks_.end()) return;
  talks_.erase(talk);
  options_.send(connection, print_json(wrapped("result", result)));
  options_.finish(connection);
}

void Control::refuse(Connection connection, const Error& error) {
  if (talks_.erase(connection) == 0) return;
  options_.send(connection, print_json(error_json(error)));
  options_.finish(connection);
}

void Control::closed(Connection connection) { talks_.erase(connection); }

void Control::drained(Connection connection) { send_waiting_lines(connection); }

void Control::send_waiting_lines(Connection connection) {
  auto talk = talks_.find(connection);
  if (talk == talks_.end() || talk->second.lines.empty()) return;
  std::deque<std::string>& lines = talk->second.lines;
  bool may_more = true;
  while (may_more && !lines.empty()) {
    may_more = options_.send(connection, lines.front());
    lines.pop_front();
  }
  if (!lines.empty()) return;
  talks_.erase(talk);
  options_.finish(connection);
}

// --- the end ---

/// What is in memory alone would be gone; while the peer runs it can still come to the disk.
Status Control::stop(Connection connection, const Json& request) {
  if (const std::uint64_t records = node_.status().unsaved_records;
      !unsaved_.empty() && records != 0 && !is_forced(request))
    return Error(ErrorCode::kDiskFull, "not stopped: " + std::to_string(records) +
                                           (records == 1 ? " record is" : " records are") +
                                           " in memory alone, and would be lost: " + unsaved_ +
                                           "; stop it again when there is room, or with --force");
  talks_[connection].is_stop = true;
  options_.send(connection, print_json(wrapped("result", Json::Object{{"stopping", true}})));
  options_.stop();
  return {};
}

void Control::shut_down() {
  if (std::exchange(is_shut_down_, true)) return;
  std::vector<Connection> watching;
  for (const auto& [connection, talk] : talks_)
    if (!talk.is_stop && !talk.is_waiting) watching.push_back(connection);
  for (Connection connection : watching)
    refuse(connection, Error(ErrorCode::kReadOnly, "the peer stops"));
}

void Control::stopped(const Status& status) {
  std::vector<Connection> rest;
  for (const auto& [connection, talk] : talks_) rest.push_back(connection);
  for (Connection connection : rest) {
    if (status.ok() && talks_[connection].is_stop) {
      answer(connection, Json::Object{{"stopped", true}});
    } else {
      refuse(connection, status.ok() ? Error(ErrorCode::kReadOnly,
                                             "the peer stopped before this "
                                             "was known to be stored")
                                     : status.error().clone());
    }
  }
}

}  // namespace weft
