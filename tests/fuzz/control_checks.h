#pragma once
// What has to hold of the control socket, whatever a client asks: each request is answered and its connection finished
// once (watches when the peer stops), every answer is a line of JSON, and nothing crashes. Input: a request a line.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "crdt/document/json_text.h"
#include "peer/control.h"
#include "peer/control_json.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/toy_device.h"

namespace weft::test {

/// What is under test; a canary puts something faulty in its place.
using AskControl = void (*)(Control&, Control::Connection, const std::string&);

class ControlRun {
 public:
  explicit ControlRun(AskControl ask) : ask_(ask), device_(0xa1) {
    device_.edit(1, "a", Value(std::int64_t{1}));
    device_.work();
    Control::Options options;
    options.send = [this](Control::Connection connection, std::string_view line) {
      take(connection, line);
      return true;
    };
    options.finish = [this](Control::Connection connection) {
      if (++finished_[connection] > 1) fault_ = "a connection is finished twice";
    };
    options.facts = [] { return PeerFacts(); };
    options.stop = [this] { is_stopping_ = true; };
    control_.emplace(device_.node(), std::move(options));
  }

  void request(std::string_view line, Verdict& verdict) {
    ask_(*control_, ++last_, std::string(line));
    device_.work();
    device_.pass(20);
    ++verdict.parts;
    if (results_[last_]) ++verdict.accepted;
  }

  /// @return  a fault, or null
  const char* finish() {
    control_->shut_down();
    device_.work();
    control_->stopped(Status());
    for (Control::Connection each = 1; each <= last_ && fault_ == nullptr; ++each) {
      if (finished_[each] == 0) fault_ = "a request is never finished";
      if (lines_[each] == 0) fault_ = "a request is never answered";
    }
    control_.reset();
    device_.node().check_invariants();
    return fault_;
  }

 private:
  void take(Control::Connection connection, std::string_view line) {
    ++lines_[connection];
    if (finished_[connection] != 0) fault_ = "something is said behind the end";
    const Result<Json> json = parse_json(line);
    if (!json.ok() || json->as_object() == nullptr || line.find('\n') != std::string_view::npos) {
      fault_ = "an answer that is no line of JSON";
    } else if (json->find("result") != nullptr) {
      results_[connection] = true;
    }
  }

  AskControl ask_;
  ToyDevice device_;
  std::map<Control::Connection, int> lines_;
  std::map<Control::Connection, int> finished_;
  std::map<Control::Connection, bool> results_;
  bool is_stopping_ = false;
  const char* fault_ = nullptr;
  Control::Connection last_ = 0;
  std::optional<Control> control_;
};

inline Verdict check_control(
    std::string_view input,
    AskControl ask = [](Control& control, Control::Connection connection, const std::string& line) {
      control.request(connection, line);
    }) {
  constexpr std::size_t kRequestsMax = 40;
  Verdict verdict{nullptr, 0, 0};
  ControlRun run(ask);
  while (!input.empty() && verdict.parts < kRequestsMax) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    run.request(input.substr(0, end), verdict);
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  verdict.fault = run.finish();
  verdict.parts = std::max<std::size_t>(verdict.parts, 1);
  return verdict;
}

}  // namespace weft::test
