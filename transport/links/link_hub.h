#pragma once
// LinkHub: the links of one device: it listens, dials again and again, and carries frames (transport/wire) between
// sockets and a LinkHandler, which holds a session for each link (peer/: the Node; tests: a toy).
//
//            +--> received()  --> session --> poll() ---+
//     reader |                                          | writer: up to kBatchBytes a write
//            |    socket (TCP or Unix)                  |
//            +------------------------------------------+
//
//   open ----> ending ----> draining ----> closed        what ends a link: the session (ended()), garbage,
//    |  says   writer sends  sent, waits    link_down()   forget(), stop()
//    |  so     what poll()   until the
//    |         still has     other end closes
//    +----------------------------------> closed          the other end, an error, a time limit
//
// Invariants
//   I1  Reading never waits for writing: each link has a reader and a writer that share nothing but the session.
//   I2  The writer holds no queue: at most kBatchBytes and one frame. It asks poll() again when they are written.
//   I3  An idle link has no buffer. What a link holds at most: one frame coming, kBatchBytes and one frame going.
//   I4  link_down() follows each link_up() exactly once and is the last word about its id, unless the hub goes
//       first. No callback comes from inside a call of the hub, or after its destruction.
//   I5  Nothing waits without a time limit but an open link that is idle; that one is the session's business.
//
// Threads: those of EventLoop: everything on the loop's thread.
//
// Source: backoff: Brooker 2015, "Exponential Backoff And Jitter", full jitter.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/sync/message.h"
#include "transport/links/address.h"
#include "transport/links/event_loop.h"

namespace weft::links {

/// What a hub asks and tells. It may call the hub from inside, but not destroy it.
class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  /// A link is there. @param name  for people: "tcp:10.0.0.7:7400", "unix:boards.sock (process 4711)"
  /// @return its id, which no other link of this hub may have now
  virtual std::uint32_t link_up(bool dialled, std::string name) = 0;
  virtual void received(std::uint32_t link, sync::Envelope envelope) = 0;
  /// Bytes came that are no message. The link is closed once poll() has nothing more.
  virtual void garbage(std::uint32_t link, const Error& error) = 0;
  /// The next message to send, within sync::Limits; nullopt: nothing now, the hub asks again after wake().
  virtual std::optional<sync::Envelope> poll(std::uint32_t link) = 0;
  /// Is the link to be closed, once poll() has nothing more? Asked whenever poll() had nothing.
  virtual std::optional<sync::Bye> ended(std::uint32_t link) = 0;
  /// The link is gone. @param why  for people
  virtual void link_down(std::uint32_t link, std::string why) = 0;
};

/// An address that is listened on.
struct ListenStatus {
  Address address;    ///< with the port that it got
  std::string state;  ///< "listening", "paused for 1 s: too many open files ..."
};

/// An address that is dialled.
struct DialStatus {
  Address address;
  std::optional<std::uint32_t> link;  ///< where there is one
  std::string state;  ///< "connected for 12 s", "next try in 3.2 s: connection refused ..."
  std::uint64_t attempts = 0;  ///< since the last link that lasted
};

class LinkHub {
 public:
  static constexpr std::size_t kBatchBytes = std::size_t{64} << 10;

  struct Options {
    /// Memory: all links together. Beyond, who connects is told kOverloaded, and dialling waits.
    std::size_t links_max = 1024;
    /// So that one machine can't take all of them: accepted from one IP address (IPv6: from one /64). Behind
    /// a tunnel or a proxy all share one. Unix sockets are not counted: only the own user gets in.
    std::size_t links_per_address_max = 256;
    /// Frames are neither encrypted nor signed by anybody, so TCP stays on this machine unless this is set.
    bool insecure = false;
    std::uint64_t greeting_timeout_ms = 10'000;  ///< who connects and says nothing: the first frame
    std::uint64_t frame_timeout_ms = 30'000;  ///< slow loris: a frame begun is complete within this
    std::uint64_t write_timeout_ms =
        30'000;  ///< who reads nothing: a batch begun is taken within this
    std::uint64_t ending_timeout_ms = 2'000;  ///< from the end of a link until it is closed
    /// While packets are dropped a connection is asked for after 0, 1 and 3 s; more would come later than a new try.
    std::uint64_t connect_timeout_ms = 5'000;
    std::uint64_t backoff_min_ms =
        200;  ///< after the n-th try: random(0, min(backoff_max, this * 2^(n-1)))
    std::uint64_t backoff_max_ms = 5'000;  ///< how long after an outage a link is back, about
    std::uint64_t settled_ms = 10'000;     ///< a link that lived so long resets the backoff
    std::uint64_t accept_pause_ms =
        1'000;  ///< out of file descriptors: nothing is accepted for this
    std::function<std::uint64_t()> random;    ///< uniform in 64 bits; must be set
    std::function<void(std::string)> report;  ///< lines for a log: links refused, accepting paused
  };

  /// Raises the process's limit of open files to what links_max needs, as far as it may; reports where it can't.
  /// @param loop, handler  must outlive the hub
  LinkHub(EventLoop& loop, LinkHandler& handler, Options options);
  LinkHub(const LinkHub&) = delete;
  LinkHub& operator=(const LinkHub&) = delete;
  /// Closes everything at once, without a word to the handler. Not from inside a callback.
  ~LinkHub();

  /// Accepts links there. A host name is looked up right now, which may block; its first number is taken (of
  /// localhost 127.0.0.1). tcp:[::]:PORT takes IPv4, too.
  /// A Unix socket gets mode 0600, its folder is made with 0700 if it is missing; a socket file of a process
  /// that is gone is replaced.
  /// @return  the address with the port that it got
  /// @errors  kInvalidArgument: beyond this machine without Options::insecure; kInUse: somebody listens there,
  ///          named if known; kNotFound: no such host or address here; kIoError: not permitted, or the system's
  ///          words; all say what to do
  Result<Address> listen(const Address& address);
  /// Connects there, and again whenever the link is gone, for ever; one link at a time. Dialling an address twice
  /// changes nothing.
  /// @errors  kInvalidArgument: port 0, or beyond this machine without Options::insecure
  Status dial(const Address& address);
  /// The system's network has changed: who waits to dial does so soon. (backoff.h)
  void network_changed();
  /// Ends dialling; sends what poll() has for its link and closes it. @return was it dialled?
  bool forget(const Address& address);

  /// poll() may have something for the link, or ended() says so; cheap to call often. Unknown ids are ignored.
  void wake(std::uint32_t link);

  std::size_t link_count() const;
  std::vector<ListenStatus> listening() const;
  std::vector<DialStatus> dialled() const;  ///< sorted by address

  /// Listens and dials no more, sends what poll() has for each link, closes them, all within
  /// ending_timeout_ms; then `done`. Whoever wants sessions to say Bye tells them to before.
  void stop(std::function<void()> done = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::links
