#include "peer/control.h"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "crdt/document/json_text.h"
#include "peer/control_json.h"
#include "storage/archive/archive.h"
#include "storage/memory/memory_store.h"

using namespace weft;

namespace {

/// Stores when it is told to.
class SlowCommitter final : public Committer {
 public:
  explicit SlowCommitter(Store& store) : store_(store) {}
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

/// A peer without links and its control, with what it answered by connection.
struct Desk {
  explicit Desk(bool relaxed = false) {
    Node::Options options;
    options.wall_ms = [] { return std::uint64_t{1'700'000'000'000}; };
    options.random = [this] { return ++random; };
    node = Node::open(store, committer, std::move(options)).value();
    node->tick(1);
    Control::Options parts;
    parts.send = [this](Control::Connection connection, std::string_view line) {
      REQUIRE(!is_finished[connection]);
      lines[connection].emplace_back(line);
      if (room == 0) return true;
      return --room > 0;
    };
    parts.finish = [this](Control::Connection connection) {
      CHECK(!is_finished[connection]);
      is_finished[connection] = true;
    };
    parts.facts = [] {
      PeerFacts facts;
      facts.version = "1.2.3";
      facts.pid = 4711;
      facts.store = "boards";
      facts.listening = {{"tcp:127.0.0.1:7400", "listening"}};
      facts.dialled = {{"tcp:127.0.0.1:7401", std::nullopt, "next try in 3.2 s"}};
      return facts;
    };
    parts.stop = [this] { is_stopping = true; };
    parts.relaxed = relaxed;
    control = std::make_unique<Control>(*node, std::move(parts));
  }

  Control::Connection begin(const Json& request) { return begin_line(print_json(request)); }
  Control::Connection begin_line(const std::string& line) {
    control->request(++last, line);
    return last;
  }
  Json line(Control::Connection connection, std::size_t number = 0) {
    REQUIRE(lines[connection].size() > number);
    return parse_json(lines[connection][number]).value();
  }
  /// Asks, stores, and returns what is answered.
  Json ask(const Json& request) {
    const Control::Connection connection = begin(request);
    committer.work();
    CHECK(is_finished[connection]);
    CHECK(lines[connection].size() == 1);
    return line(connection);
  }
  Json result(const Json& request) {
    const Json answer = ask(request);
    REQUIRE_MESSAGE(answer.find("result") != nullptr, print_json(answer));
    return *answer.find("result");
  }
  std::string error(const Json& request) {
    const Json answer = ask(request);
    const std::optional<Error> said = read_error_json(answer);
    REQUIRE_MESSAGE(said.has_value(), print_json(answer));
    return said->message();
  }
  std::string content() { return print_json(node->read(id).value()->to_json().value()); }

  std::uint64_t random = 0;
  MemoryStore store{{.replica = {0xa1}, .epoch = 1, .before_append = nullptr}};
  SlowCommitter committer{store};
  std::unique_ptr<Node> node;
  std::map<Control::Connection, std::vector<std::string>> lines;
  std::map<Control::Connection, bool> is_finished;
  std::size_t room = 0;  ///< lines until the client is slow; 0: it never is
  bool is_stopping = false;
  Control::Connection last = 0;
  std::unique_ptr<Control> control;

  const DocumentId id{{0x4f, 0x1c}};
  const std::string name = to_string(id);
  Json edit_of(Json json) const {
    return Json::Object{
        {"cmd", "edit"}, {"document", name}, {"json", std::move(json)}, {"create", true}};
  }
};

}  // namespace

TEST_CASE("an edit makes a document and is answered when it is durable") {
  Desk desk;
  const auto connection = desk.begin(desk.edit_of(Json::Object{{"title", "CPU"}}));
  CHECK(desk.content() == R"({"title":"CPU"})");  // visible at once
  CHECK(desk.lines[connection].empty());
  desk.committer.work();
  const Json answer = desk.line(connection);
  CHECK(
      print_json(answer) ==
      R"({"result":{"document":")" + desk.name +
          R"(","first":"00000000000000a1:0","operations":1,"shared":0,"own":true,"durable":true}})");
  CHECK(desk.is_finished[connection]);
  CHECK(desk.store.version(desk.id).end({0xa1}) == 1);
}

TEST_CASE("an edit that changes nothing is answered at once") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"title", "CPU"}}));
  const auto connection = desk.begin(desk.edit_of(Json::Object{{"title", "CPU"}}));
  CHECK(*desk.line(connection).find("result")->find("operations")->as_int() == 0);
}

TEST_CASE("a document goes by how its id begins") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"a", 1}}));
  const Json json = Json::Object{{"a", 2}};
  desk.result(Json::Object{{"cmd", "edit"}, {"document", "4f1"}, {"json", json}});
  desk.result(Json::Object{{"cmd", "edit"}, {"document", ""}, {"json", json}});
  CHECK(desk.content() == R"({"a":2})");
  CHECK(desk.error(Json::Object{{"cmd", "edit"}, {"document", "zz"}, {"json", json}})
            .starts_with("not found: the store has no document 'zz'"));
  desk.result(Json::Object{{"cmd", "edit"},
                           {"document", "4f000000000000000000000000000000"},
                           {"json", json},
                           {"create", true}});
  CHECK(desk.error(Json::Object{{"cmd", "edit"}, {"document", "4f"}, {"json", json}}) ==
        "invalid argument: several documents begin with '4f'; give more digits of the id");
  CHECK(desk.error(Json::Object{{"cmd", "edit"}, {"document", ""}, {"json", json}}) ==
        "invalid argument: the store has several documents; say which");
}

TEST_CASE("a wrong request says what is wrong with it and changes nothing") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"a", 1}}));
  auto fault = [&](const std::string& line) {
    const auto connection = desk.begin_line(line);
    desk.committer.work();
    CHECK(desk.is_finished[connection]);
    return read_error_json(desk.line(connection))->message();
  };
  CHECK(fault("{").starts_with("invalid argument: the request is no JSON"));
  CHECK(fault("[]").starts_with("invalid argument: the request has no text 'cmd'"));
  CHECK(fault(R"({"cmd": 5})").starts_with("invalid argument: the request has no text 'cmd'"));
  CHECK(fault(R"({"cmd": "dance"})").starts_with("invalid argument: there is no command 'dance'"));
  CHECK(fault(R"({"cmd": "watch"})") == "invalid argument: the request has no text 'document'");
  CHECK(fault(R"({"cmd": "edit", "document": ""})") ==
        "invalid argument: the request has no 'json' to write");
  CHECK(fault(R"({"cmd": "edit", "document": "", "json": [1]})").find("object") !=
        std::string::npos);
  CHECK(fault(R"({"cmd": "edit", "document": "4f", "json": {}, "create": true})")
            .find("32 hexadecimal digits") != std::string::npos);
  CHECK(fault(R"({"cmd": "set-status", "document": "", "status": "gone"})").find("'gone'") !=
        std::string::npos);
  CHECK(fault(R"({"cmd": "splice", "document": "", "key": "t", "transactions": [[[5, 0, "x"]]]})")
            .starts_with("out of range: transactions[0]: "));
  CHECK(fault(R"({"cmd": "splice", "document": "", "key": "t", "transactions": [[[-1, 0, "x"]]]})")
            .starts_with("invalid argument: transactions[0]: a splice is"));
  CHECK(desk.content() == R"({"a":1})");
}

TEST_CASE("splices make a delta for each transaction and are answered when the last is durable") {
  Desk desk;
  const Json transactions =
      parse_json(R"([[[0, 0, "hällo"]], [[1, 1, "e"], [5, 0, "!"]]])").value();
  const Json answer = desk.result(Json::Object{{"cmd", "splice"},
                                               {"document", desk.name},
                                               {"key", "text"},
                                               {"create", true},
                                               {"transactions", transactions}});
  CHECK(*answer.find("operations")->as_int() == 9);  // the text itself, 5, and 1 + 1 + 1
  CHECK(desk.content() == R"({"text":"hello!"})");
  CHECK(desk.node->read(desk.id).value()->log().size() == 2);
}

TEST_CASE("edits of a dashboard: an import first seeds an empty document, the rest is one delta") {
  Desk desk;
  const Json board =
      parse_json(R"({"title": "CPU", "panels": [{"id": 1, "title": "Busy"}]})").value();
  const Json import = Json::Object{{"do", "import"}, {"dashboard", board}};
  const std::string id(32, 'a');
  const auto request = [&](Json::Array edits) {
    return Json::Object{
        {"cmd", "dashboard"}, {"document", id}, {"create", true}, {"edits", std::move(edits)}};
  };
  const auto set = [](const char* path, const char* value) {
    return Json::Object{{"do", "set"}, {"path", path}, {"value", value}};
  };
  const Json made = desk.result(request({import, set("/panels/1/title", "CPU busy")}));
  CHECK(*made.find("seeded") == Json(true));
  CHECK(*made.find("durable") == Json(true));
  const VersionVector version =
      desk.node->read(desk.node->documents()[0].document).value()->version();
  REQUIRE(version.entries().size() == 2);
  CHECK(*made.find("operations")->as_int() ==
        std::int64_t{version.entries()[0].end} + std::int64_t{version.entries()[1].end});
  CHECK(*desk.result(request({import})).find("seeded") == Json(false));  // the title is as it was
  CHECK(*desk.result(request({import})).find("operations") == Json(0));
  const std::string wrong = desk.error(request({set("/title", "x"), set("/panels/9/title", "y")}));
  CHECK(wrong.find("edit 2 of 2: there is no panel '9'") != std::string::npos);
  CHECK(*desk.node->read(desk.node->documents()[0].document)
             .value()
             ->get("/title")
             ->json()
             .as_string() == "CPU");
  CHECK(desk.error(request({})).find("no list 'edits'") != std::string::npos);
}

TEST_CASE("a watch tells of every change, here and from elsewhere, until its client goes") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"a", 1}}));
  const auto watch = desk.begin(Json::Object{{"cmd", "watch"}, {"document", "4f"}});
  CHECK(print_json(desk.line(watch)) == R"({"result":{"document":")" + desk.name + R"("}})");
  desk.result(desk.edit_of(Json::Object{{"a", 2}}));
  CHECK(print_json(desk.line(watch, 1)) ==
        R"({"patch":{"path":"","kind":"map","keys":[{"key":"a","value":2}],"local":true}})");
  CHECK(!desk.is_finished[watch]);
  desk.control->closed(watch);
  desk.result(desk.edit_of(Json::Object{{"a", 3}}));
  CHECK(desk.lines[watch].size() == 2);
}

TEST_CASE("a long answer waits for a slow client") {
  Desk desk;
  for (char digit : std::string("0123456789")) {
    std::string name = desk.name;
    name[31] = digit;
    desk.result(Json::Object{
        {"cmd", "edit"}, {"document", name}, {"json", Json::Object{{"a", 1}}}, {"create", true}});
  }
  desk.room = 4;
  const auto list = desk.begin(Json::Object{{"cmd", "documents"}});
  CHECK(desk.lines[list].size() == 4);
  desk.room = 3;
  desk.control->drained(list);
  CHECK(desk.lines[list].size() == 7);
  desk.room = 0;
  desk.control->drained(list);
  CHECK(desk.lines[list].size() == 10);
  CHECK(desk.is_finished[list]);
  CHECK(*desk.line(list, 9).find("result")->find("document")->as_string() ==
        "4f1c0000000000000000000000000009");
  desk.control->drained(list);  // too late: nothing happens
}

TEST_CASE("while nothing can be stored an edit is answered as not durable, and why") {
  Desk desk;
  const auto first = desk.begin(desk.edit_of(Json::Object{{"a", 1}}));
  desk.control->unsaved(Error(ErrorCode::kDiskFull, "no room"));
  CHECK(*desk.line(first).find("result")->find("durable")->as_bool() == false);
  CHECK(*desk.line(first).find("result")->find("why")->as_string() == "disk full: no room");
  const auto second = desk.begin(desk.edit_of(Json::Object{{"a", 2}}));
  CHECK(*desk.line(second).find("result")->find("durable")->as_bool() == false);
  desk.committer.work();
  CHECK(desk.lines[first].size() == 1);
  desk.control->unsaved({});
  CHECK(*desk.result(desk.edit_of(Json::Object{{"a", 3}})).find("durable")->as_bool());
}

TEST_CASE("who waits is answered when it is durable, or when the time is over") {
  Desk desk;
  const auto edit = [&](std::int64_t a, std::int64_t wait_ms) {
    Json request = desk.edit_of(Json::Object{{"a", a}});
    request.as_object()->emplace_back("wait_ms", wait_ms);
    return desk.begin(request);
  };
  desk.control->tick(1'000);
  const auto patient = edit(1, 10'000);
  const auto hasty = edit(2, 0);
  CHECK(*desk.line(hasty).find("result")->find("durable") == Json(false));
  desk.control->unsaved(Error(ErrorCode::kDiskFull, "no room"));
  const auto short_of = edit(3, 500);
  CHECK(desk.lines[patient].empty());
  desk.control->tick(1'499);
  CHECK(desk.lines[short_of].empty());
  desk.control->tick(1'500);
  CHECK(*desk.line(short_of).find("result")->find("durable") == Json(false));
  CHECK(*desk.line(short_of).find("result")->find("why")->as_string() == "disk full: no room");
  desk.control->unsaved({});
  desk.committer.work();
  CHECK(*desk.line(patient).find("result")->find("durable") == Json(true));
  desk.control->tick(60'000);
  CHECK(desk.lines[patient].size() == 1);
  const auto slow = edit(4, 2'000);  // a disk that says nothing at all
  desk.control->tick(62'000);
  CHECK(*desk.line(slow).find("result")->find("why")->as_string() ==
        "the disk has not taken it for 2 s");
  Json wrong = desk.edit_of(Json::Object{{"a", 5}});
  wrong.as_object()->emplace_back("wait_ms", -1);
  CHECK(desk.error(wrong).find("wait_ms") != std::string::npos);
}

// A peer that had just started told every tenth person at once that the disk had not taken it for 10 s: the time was
// counted from 0, and the first tick came at the uptime of the machine.
TEST_CASE("who asks before time has begun to pass waits as long as anybody") {
  Desk desk;
  Json request = desk.edit_of(Json::Object{{"a", 1}});
  request.as_object()->emplace_back("wait_ms", 10'000);
  const auto early = desk.begin(request);
  desk.control->tick(5'000'000);
  CHECK(desk.lines[early].empty());
  desk.control->tick(5'009'999);
  CHECK(desk.lines[early].empty());
  desk.control->tick(5'010'000);
  CHECK(*desk.line(early).find("result")->find("durable") == Json(false));
}

TEST_CASE("an edit that changes nothing is durable when what it finds there is") {
  Desk desk;
  const auto first = desk.begin(desk.edit_of(Json::Object{{"a", 1}}));
  const auto again = desk.begin(desk.edit_of(Json::Object{{"a", 1}}));
  CHECK(desk.lines[again].empty());
  desk.committer.work();
  CHECK(*desk.line(first).find("result")->find("durable") == Json(true));
  CHECK(*desk.line(again).find("result")->find("durable") == Json(true));
  CHECK(*desk.line(again).find("result")->find("operations") == Json(0));
}

TEST_CASE("a document that is to hold nothing is made all the same") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{}));
  CHECK(desk.content() == "{}");
  CHECK(desk.store.document(desk.id).value().has_value());
  CHECK(*desk.result(desk.edit_of(Json::Object{})).find("operations") == Json(0));
}

TEST_CASE("those who watch lock nobody out") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"a", 1}}));
  const Json watch = Json::Object{{"cmd", "watch"}, {"document", "4f"}};
  std::vector<Control::Connection> watching;
  for (std::size_t i = 0; i < Control::Options().long_max; ++i)
    watching.push_back(desk.begin(watch));
  CHECK(!desk.is_finished[watching.back()]);
  CHECK(desk.error(watch).find("as many as it takes") != std::string::npos);
  desk.result(Json::Object{{"cmd", "status"}});
  desk.result(Json::Object{{"cmd", "health"}});
  desk.result(desk.edit_of(Json::Object{{"a", 2}}));
  desk.control->closed(watching.front());
  CHECK(!desk.is_finished[desk.begin(watch)]);
}

TEST_CASE("health says whether all is stored, linked and in step") {
  Desk desk;
  const Json ask = Json::Object{{"cmd", "health"}};
  Json health = desk.result(ask);
  CHECK(*health.find("in_step") == Json(true));
  CHECK(*health.find("links_live") == Json(0));
  CHECK(*health.find("dialled") == Json(1));
  desk.result(desk.edit_of(Json::Object{{"a", 1}, {"b", 2}}));
  health = desk.result(ask);
  CHECK(*health.find("in_step") == Json(false));
  CHECK(*health.find("pending_operations") == Json(2));
  CHECK(*health.find("pending_documents") == Json(1));
  CHECK(*health.find("lag_ms")->as_int() > 0);
}

TEST_CASE("a relaxed peer answers before an edit is durable") {
  Desk desk(true);
  const auto connection = desk.begin(desk.edit_of(Json::Object{{"a", 1}}));
  CHECK(*desk.line(connection).find("result")->find("durable")->as_bool() == false);
  CHECK(desk.is_finished[connection]);
}

TEST_CASE("a client that goes before its answer is forgotten") {
  Desk desk;
  const auto connection = desk.begin(desk.edit_of(Json::Object{{"a", 1}}));
  desk.control->closed(connection);
  desk.committer.work();
  CHECK(desk.lines[connection].empty());
  CHECK(desk.store.version(desk.id).end({0xa1}) == 1);
}

TEST_CASE("a document is evicted, made live and trimmed") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"a", 1}}));
  desk.result(desk.edit_of(Json::Object{{"a", 2}}));
  const Json trimmed = desk.result(Json::Object{{"cmd", "trim"}, {"document", "4f"}});
  CHECK(*trimmed.find("durable")->as_bool());
  CHECK(desk.store.document(desk.id).value()->base.end({0xa1}) == 2);
  Json::Object request{{"cmd", "set-status"}, {"document", "4f"}, {"status", "evicted"}};
  // Nobody else has it.
  CHECK(desk.error(request).find("2 operations of it are known to be nowhere else") !=
        std::string::npos);
  request.emplace_back("force", true);
  Json answer = desk.result(request);
  CHECK(*answer.find("was")->as_string() == "live");
  CHECK(*answer.find("status")->as_string() == "evicted");
  CHECK(desk.store.document(desk.id).value()->status == DocumentStatus::kEvicted);
  CHECK(desk.error(desk.edit_of(Json::Object{{"a", 3}})).find("evicted") != std::string::npos);
  CHECK(*desk.result(request).find("was")->as_string() == "evicted");
}

TEST_CASE("status, metrics and sync status answer with what is known") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"a", 1}}));
  const Json status = desk.result(Json::Object{{"cmd", "status"}});
  CHECK(*status.find("pid")->as_int() == 4711);
  CHECK(*status.find("documents")->as_int() == 1);
  CHECK(*status.find("replica")->as_string() == "00000000000000a1");
  CHECK(*status.find("store")->find("folder")->as_string() == "boards");
  const Json metrics = desk.result(Json::Object{{"cmd", "metrics"}});
  CHECK(metrics.find("text")->as_string()->find("\nweft_documents 1\n") != std::string::npos);
  const Json sync = desk.result(Json::Object{{"cmd", "sync-status"}});
  CHECK(
      print_json(*sync.find("peers")) ==
      R"([{"name":"tcp:127.0.0.1:7401","state":"not connected","words":"no link, next try in 3.2 s"}])");
  CHECK(*sync.find("not_in_step")->as_int() == 1);  // it is nowhere else
  CHECK(*sync.find("in_step") == Json(false));
  CHECK(*sync.find("pending_operations") == Json(1));
  CHECK(print_json(*sync.find("listening")) ==
        R"([{"address":"tcp:127.0.0.1:7400","state":"listening"}])");
  const Json one = desk.result(Json::Object{{"cmd", "sync-status"}, {"document", "4f"}});
  CHECK(*one.find("document")->find("document")->as_string() == desk.name);
}

TEST_CASE("presence is said and listed") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"a", 1}}));
  Json::Object request{{"cmd", "presence"}, {"document", "4f"}};
  CHECK(desk.result(request).as_array()->empty());
  Json::Object saying = request;
  saying.emplace_back("data", Json::Object{{"cursor", 12}});
  saying.emplace_back("ttl_ms", 5'000);
  const Json answer = desk.result(saying);
  REQUIRE(answer.as_array()->size() == 1);
  CHECK(print_json(*answer.as_array()->front().find("data")) == R"({"cursor":12})");
  saying.back().second = -1;
  CHECK(desk.error(saying).find("ttl_ms") != std::string::npos);
}

TEST_CASE("who asks for the stop hears when it is done; others are sent away") {
  Desk desk;
  desk.result(desk.edit_of(Json::Object{{"a", 1}}));
  const auto watch = desk.begin(Json::Object{{"cmd", "watch"}, {"document", "4f"}});
  const auto edit = desk.begin(desk.edit_of(Json::Object{{"a", 2}}));
  const auto stop = desk.begin(Json::Object{{"cmd", "stop"}});
  CHECK(desk.is_stopping);
  CHECK(print_json(desk.line(stop)) == R"({"result":{"stopping":true}})");
  desk.control->shut_down();
  CHECK(desk.is_finished[watch]);
  CHECK(!desk.is_finished[edit]);
  CHECK(desk.error(Json::Object{{"cmd", "status"}}).find("stopping") != std::string::npos);
  desk.committer.work();
  CHECK(*desk.line(edit).find("result")->find("durable")->as_bool());
  desk.control->stopped({});
  CHECK(print_json(desk.line(stop, 1)) == R"({"result":{"stopped":true}})");
  CHECK(desk.is_finished[stop]);
}

TEST_CASE("errors keep their code on the way to who asked") {
  const Error error(ErrorCode::kNotKept, "evicted \"here\"");
  const std::optional<Error> back =
      read_error_json(parse_json(print_json(error_json(error))).value());
  REQUIRE(back.has_value());
  CHECK(back->code() == ErrorCode::kNotKept);
  CHECK(back->context() == "evicted \"here\"");
  CHECK(!read_error_json(Json::Object{{"result", 1}}));
  CHECK(read_error_json(parse_json(R"({"error": "old"})").value())->context() == "\"old\"");
}
