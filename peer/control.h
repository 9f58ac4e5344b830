#pragma once
// Control: what a running peer does for the command line: one JSON object a line, asked and answered.
//
//   {"cmd": "status"}                                   -> {"result": {...}}
//   {"cmd": "metrics"}                                  -> {"result": {"text": "# HELP ..."}}
//   {"cmd": "sync-status", "document"?}                 -> {"result": {"peers": [...], ...}}
//   {"cmd": "health"}                                   -> {"result": {...}}, what a supervisor asks (control_json.h)
//   {"cmd": "documents"}                                -> {"result": {...}} for each
//   {"cmd": "watch", "document"}                        -> {"result": {...}}, then {"patch": {...}} ...
//   {"cmd": "edit", "document", "json", "message"?, "create"?}
//   {"cmd": "splice", "document", "key", "transactions": [[[at, erased, "inserted"], ...], ...], "create"?}
//   {"cmd": "dashboard", "document", "edits": [{"do": ...}, ...], "message"?, "create"?}    (crdt/dashboard/edit_json.h)
//   {"cmd": "resolve", "document", "resolution": {"path", "side" | "value" | "delete": true}, "message"?}
//   {"cmd": "set-status", "document", "status", "force"?}
//   {"cmd": "trash-empty"}                              -> {"result": {"purged": 3, ...}}
//   {"cmd": "trim", "document"}
//   {"cmd": "presence", "document", "data"?, "ttl_ms"?}
//   {"cmd": "stop"}                                     -> {"result": ...}, and one more when it is done
//   anything that does not work                         -> {"error": {"code", "name", "message"}}
//
// A document goes by how its id begins. What writes is answered when it is durable, or else with "durable": false, and
// why: with "wait_ms" after so long, 0: at once; without it as soon as it is known that it can't be for now.
//
// Invariants
//   I1  Each request is answered and its connection finished once; a watch when the peer stops.
//   I2  Of a connection that is gone nothing is kept.
//   I3  Requests that are answered over and over (watches, long lists) are at most Options::long_max, so that those
//       who watch lock nobody out who asks for the status or the end.
//
// Threads: none of its own; that of its node.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/document/document.h"
#include "crdt/document/import_json.h"
#include "peer/node.h"
#include "peer/peer_facts.h"

namespace weft {

class Control {
 public:
  using Connection = std::uint64_t;

  struct Options {
    /// Sends a line. @return may more follow at once? false: when drained() is called
    std::function<bool(Connection, std::string_view)> send;
    std::function<void(Connection)> finish;
    std::function<PeerFacts()> facts;
    /// Begins to stop the peer.
    std::function<void()> stop;
    bool relaxed = false;        ///< edits are answered before they are durable
    std::size_t long_max = 384;  ///< see I3
  };

  /// @param node  must outlive the control, or shut_down() is called before it goes
  Control(Node& node, Options options);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  ~Control();

  void request(Connection connection, const std::string& line);
  /// Lets time pass. @param now_ms  monotonic; call it every 20 to 100 ms
  void tick(std::uint64_t now_ms);
  void drained(Connection connection);
  void closed(Connection connection);

  /// Nothing can be stored for now, and why: what waits to be durable is answered. An empty status: it can.
  void unsaved(const Status& status);
  /// Ends the watches and refuses everything from here on; those who asked for the stop wait on.
  void shut_down();
  /// Answers those who asked for the stop. @param status  is everything stored?
  void stopped(const Status& status);

 private:
  struct Talk {
    Observer observer;
    bool is_watch = false;
    std::deque<std::string> lines;         ///< that wait for drained()
    bool is_waiting = false;               ///< for what it wrote to be durable
    bool is_issued = false;                ///< `result` is known
    std::optional<std::uint64_t> wait_ms;  ///< it is answered after so long, durable or not
    std::uint64_t answer_by_ms = 0;
    Json::Object result;
    std::optional<Status> durable;
    bool is_stop = false;
  };

  Result<Json> status(const Json& request);
  Result<Json> metrics(const Json& request);
  Result<Json> health(const Json& request);
  Result<Json> sync_status(const Json& request);
  Status add_changes(const DocumentId& id, Json::Object& document);
  Result<Json> presence(const Json& request);
  Status documents(Connection connection);
  Status watch(Connection connection, const Json& request);
  Status edit(Connection connection, const Json& request);
  Result<PreparedImport> prepared(const DocumentId& id, const Json& json);
  Status splice(Connection connection, const Json& request);
  Status resolve(Connection connection, const Json& request);
  Status dashboard(Connection connection, const Json& request);
  Result<Bytes> seed_of(const DocumentId& id, const Json& edits);
  Status set_status(Connection connection, const Json& request);
  Status empty_trash(Connection connection, const Json& request);
  Status trim(Connection connection, const Json& request);
  Status stop(Connection connection, const Json& request);
  Status dispatch(Connection connection, const Json& request);
  Status read_wait(Connection connection, const Json& request);
  Status check_long_answers() const;

  Result<DocumentId> find_document(const Json& request) const;
  Result<DocumentId> document_to_edit(const Json& request) const;
  std::vector<DocumentSyncStatus> sync_of_documents(std::size_t count_max) const;
  std::function<void(Status)> when_durable(Connection connection);
  void issued(Connection connection, Json::Object result, const std::string& why_not_wait);
  std::string why_no_edit_waits() const;
  void answer_durable(Connection connection);
  void answer(Connection connection, const Json& result);
  void answer_early(Connection connection, const std::string& why);
  void refuse(Connection connection, const Error& error);
  void send_waiting_lines(Connection connection);

  Node& node_;
  const Options options_;
  bool is_shut_down_ = false;
  std::uint64_t now_ms_ = 0;
  std::string unsaved_;  ///< why nothing can be stored for now; empty: it can
  std::map<Connection, Talk> talks_;
  /// Expires with this: callbacks of the node may come later.
  std::shared_ptr<Control*> self_;
};

}  // namespace weft
