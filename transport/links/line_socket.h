#pragma once
// Lines over a Unix socket: how the command line talks to a daemon. A connection is one request, a line of JSON text,
// and any number of lines as the answer; then the server closes it. A request that watches keeps it open.
//
//   client: {"do":"watch"}\n         server: {...}\n  {...}\n  ...   closed: the answer is complete
//
// LineServer runs on an EventLoop and knows nothing of JSON. LineClient is for programs: it blocks.
//
// Invariants
//   I1  Only the user that runs the server gets in, and a client only talks to a server of its own user (SO_PEERCRED).
//   I2  For each connection a server holds at most line_bytes_max of a request, and out_bytes_max or one line of answers.
//   I3  A client gets whole lines in order; lines are missing only before a last line that says so.
//
// Threads: LineServer: those of EventLoop. LineClient: one at a time.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "crdt/base/result.h"
#include "transport/links/address.h"
#include "transport/links/event_loop.h"
#include "transport/links/fd.h"

namespace weft::links {

/// What a server asks and tells; it may call the server from inside, but not destroy it.
class LineHandler {
 public:
  virtual ~LineHandler() = default;
  /// A request came, without its newline. Answer with send_line() and finish(), now or later.
  virtual void request(std::uint64_t connection, std::string line) = 0;
  /// The client has taken most of what was queued: a long answer may go on (see send_line()).
  virtual void drained(std::uint64_t connection) { static_cast<void>(connection); }
  /// The connection of a request is gone, its answer finished or not; the last word about it.
  virtual void closed(std::uint64_t connection, std::string why) = 0;
};

class LineServer {
 public:
  struct Options {
    std::size_t line_bytes_max = std::size_t{1} << 20;  ///< memory: one request
    std::size_t out_bytes_max = std::size_t{4}
                                << 20;  ///< memory: lines that the client has not taken
    /// Beyond, the one that has been silent for longest goes; where all have asked, who comes is told too_many_line.
    std::size_t connections_max = 512;
    std::uint64_t request_timeout_ms = 10'000;  ///< who connects and asks nothing
    /// From the moment when the client has the whole answer until it closes, too.
    std::uint64_t ending_timeout_ms = 1'000;
    std::function<void(std::string)>
        report;  ///< lines for a log: users turned away, accepting paused
    /// Last lines of connections that the server ends.
    std::string too_long_line = R"({"error":"the request is longer than the server takes"})";
    std::string too_slow_line =
        R"({"error":"lines are missing from here on: they were read too slowly; ask again"})";
    std::string too_many_line = R"({"error":"too many connections: try again later"})";
  };

  /// Listens as LinkHub::listen does.
  /// @param loop, handler  must outlive the server
  /// @errors kInvalidArgument: no Unix address; else as LinkHub::listen
  static Result<std::unique_ptr<LineServer>> open(EventLoop& loop, LineHandler& handler,
                                                  const Address& address, Options options);
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;
  /// Closes everything at once, without a word to the handler. Not from inside a callback.
  ~LineServer();

  /// Sends a line (it has no newline, gets one); nothing where the connection is gone or finished. Where the queue
  /// would exceed out_bytes_max, what is queued is dropped for too_slow_line and the connection is closed(): a client
  /// that reads nothing for a while misses lines, one that never reads costs no more than that line. A single line
  /// may be of any length.
  /// @return may more follow at once? false: half the queue is full, go on at drained(); or it is gone
  bool send_line(std::uint64_t connection, std::string_view line);
  /// The answer is complete: closes the connection when the client has taken it.
  void finish(std::uint64_t connection);

  std::size_t connection_count() const;

 private:
  struct Impl;
  explicit LineServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A blocking client, plain POSIX; movable, closes with its object.
class LineClient {
 public:
  static constexpr std::size_t kLineBytes = std::size_t{64} << 20;  ///< of an answer

  /// @param timeout_ms  how long connecting, sending or waiting for the next line may take
  /// @errors kNotFound: nobody listens there; kIoError: not permitted, another user's server, or too slow
  static Result<LineClient> connect(const std::string& path, std::uint64_t timeout_ms = 10'000);
  /// Sends the request. A server that refuses it closes while it is being sent; that is no error here, next_line()
  /// has the reason.
  /// @errors kInvalidArgument: a newline in it; kIoError
  Status send(std::string_view line);
  /// The next line of the answer; nullopt: it is complete.
  /// @errors kIoError: too slow, broken off; kLimit: a line over kLineBytes
  Result<std::optional<std::string>> next_line();
  /// For a watch, which may be silent for long. 0: wait for ever.
  void set_timeout(std::uint64_t timeout_ms) { timeout_ms_ = timeout_ms; }

 private:
  LineClient(Fd socket, std::uint64_t timeout_ms)
      : socket_(std::move(socket)), timeout_ms_(timeout_ms) {}

  Fd socket_;
  std::uint64_t timeout_ms_ = 0;
  std::string buffer_;              ///< what came
  std::size_t begin_ = 0;           ///< of what was not returned
  std::size_t searched_bytes_ = 0;  ///< no newline between begin_ and here
};

}  // namespace weft::links
