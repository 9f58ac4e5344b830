#pragma once
// Link: one socket that carries frames, with its reader and its writer (the states are drawn in link_hub.h). It
// talks to the LinkHandler itself, and to the hub through LinkContext.

#include <cstdint>
#include <memory>
#include <string>

#include "crdt/base/bytes.h"
#include "transport/links/event_loop.h"
#include "transport/links/fd.h"
#include "transport/links/link_hub.h"

namespace weft::links {

class Link;

/// What all links of a hub share. It goes before the links' coroutines do: see Link::abandon().
class LinkContext {
 public:
  LinkContext(EventLoop& event_loop, LinkHandler& link_handler, LinkHub::Options hub_options)
      : loop(event_loop), handler(link_handler), options(std::move(hub_options)) {}
  virtual ~LinkContext() = default;
  /// Call expire() of all links then. @param when  of EventLoop::now_ms()
  virtual void expire_at(std::uint64_t when) = 0;
  /// The link is closed: say link_down().
  virtual void link_closed(Link& link, std::string why) = 0;

  EventLoop& loop;
  LinkHandler& handler;
  const LinkHub::Options options;
  // What comes and what goes lies here only between two suspensions of a coroutine; links that are
  // idle need no buffer of their own.
  Bytes incoming = Bytes(std::size_t{64} << 10);
  Bytes outgoing;
};

class Link {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// Says link_up() and starts; only from inside a callback of the loop.
  /// @errors kIoError: the system can watch no more sockets
  static Result<std::shared_ptr<Link>> start(LinkContext& context, Fd socket, bool dialled,
                                             std::string name);
  virtual ~Link() = default;

  std::uint32_t id() const { return id_; }
  /// A message has come on it.
  bool is_greeted() const { return is_greeted_; }
  /// It ended because another link between the same two devices stands.
  bool is_double() const { return is_double_; }

  virtual void wake() = 0;
  /// Sends what poll() has, then closes.
  virtual void end(std::string why) = 0;
  /// Closes at once, and says link_down() as soon as no callback is running.
  virtual void close_now(std::string why) = 0;
  /// Closes at once; from here on the link uses neither context nor handler.
  virtual void abandon() = 0;
  /// Closes if one of its time limits is over. @return when the next one is; kNever: there is none
  virtual std::uint64_t expire(std::uint64_t now_ms) = 0;

 protected:
  std::uint32_t id_ = 0;
  bool is_greeted_ = false;
  bool is_double_ = false;
};

}  // namespace weft::links
