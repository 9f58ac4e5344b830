#include "transport/links/link_hub.h"

#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "transport/links/dialler.h"
#include "transport/links/link.h"
#include "transport/links/listener.h"
#include "transport/links/os_error.h"
#include "transport/links/sockets.h"
#include "transport/wire/frame.h"

namespace weft::links {
namespace {

constexpr std::uint64_t kOtherFiles =
    1024;  ///< open files of a process beside its links: who asks and watches, the store
constexpr std::uint64_t kRefusalReportMs = 10'000;
constexpr std::size_t kUnixPlaces = 8;

Error beyond_machine(const Address& address, const char* doing) {
  return Error(
      ErrorCode::kInvalidArgument,
      address.print() + ": " + doing +
          " beyond this machine sends documents unencrypted, and to whoever asks. Give --insecure "
          "if the network is private (a VPN, a cable); else use 127.0.0.1 through a tunnel");
}

}  // namespace

struct LinkHub::Impl final : LinkContext {
  Impl(EventLoop& event_loop, LinkHandler& link_handler, Options hub_options)
      : LinkContext(event_loop, link_handler, std::move(hub_options)) {}

  struct LinkEntry {
    std::shared_ptr<Link> link;
    std::string group;           ///< accepted on TCP: counted in group_counts
    Dialler* dialler = nullptr;  ///< its maker, as long as that one is there
    std::uint64_t number = 0;    ///< counts up
    bool is_leaving = false;     ///< closed, and not counted any more
  };

  void report(const std::string& line) const {
    if (options.report) options.report(line);
  }

  Result<std::uint32_t> start(Fd socket, bool dialled, std::string name, LinkEntry entry);
  void accepted(Accepted connection);
  void sign_of_life();
  std::size_t count() const { return links.size() - leaving_count; }
  std::size_t reserved() const;
  bool make_room(const std::string& group, bool is_for_group = false);
  void uncount(const LinkEntry& entry);
  void turn_away(const Accepted& connection, const std::string& why);

  void expire_at(std::uint64_t when) override;
  void expire();
  void link_closed(Link& link, std::string why) override;
  void end_if_stopped();

  std::vector<std::unique_ptr<Listener>> listeners;
  std::map<Address, std::unique_ptr<Dialler>> diallers;
  std::unordered_map<std::uint32_t, LinkEntry> links;
  std::unordered_map<std::string, std::size_t> group_counts;
  std::size_t strangers_count = 0;  ///< accepted on TCP
  std::size_t leaving_count = 0;
  std::uint64_t next_number = 0;
  std::uint64_t refused_count = 0;  ///< since the last report
  std::uint64_t refused_report_ms = 0;

  std::uint64_t expire_ms = Link::kNever;  ///< when `expiry` calls
  EventLoop::Timer expiry;

  bool is_starting = false;  ///< a link, inside link_up()
  bool stopping = false;
  std::function<void()> stopped;
};

// --- links ---

Result<std::uint32_t> LinkHub::Impl::start(Fd socket, bool dialled, std::string name,
                                           LinkEntry entry) {
  is_starting = true;
  Result<std::shared_ptr<Link>> started =
      Link::start(*this, std::move(socket), dialled, std::move(name));
  is_starting = false;
  if (!started.ok()) {
    end_if_stopped();
    return started.take_error();
  }
  entry.link = std::move(*started);
  const std::uint32_t id = entry.link->id();
  if (!entry.group.empty()) {
    ++group_counts[entry.group];
    ++strangers_count;
  }
  entry.number = next_number++;
  if (stopping) entry.link->end("this end stops");  // since link_up() said so
  const bool is_new = links.emplace(id, std::move(entry)).second;
  WEFT_ASSERT(is_new);
  sign_of_life();
  return id;
}

/// A link is there, or the network is: perhaps what is dialled elsewhere answers, too.
void LinkHub::Impl::sign_of_life() {
  for (const auto& [address, dialler] : diallers) dialler->sign_of_life();
}

void LinkHub::Impl::accepted(Accepted connection) {
  if (count() >= options.links_max && !make_room(connection.group))
    return turn_away(connection, std::to_string(options.links_max) + " links are open");
  if (!connection.group.empty()) {
    // Beyond the own machine's places; a place that was just made free counts.
    if (strangers_count + reserved() >= options.links_max && !make_room(connection.group))
      return turn_away(connection, "no more links are open to other machines than " +
                                       std::to_string(strangers_count) + " of " +
                                       std::to_string(options.links_max));
    const auto count = group_counts.find(connection.group);
    if (count != group_counts.end() && count->second >= options.links_per_address_max &&
        !make_room(connection.group, true))
      return turn_away(connection, std::to_string(options.links_per_address_max) +
                                       " links from one address are open");
  }
  LinkEntry entry;
  entry.group = std::move(connection.group);
  const std::string name = connection.name;
  const Result<std::uint32_t> started =
      start(std::move(connection.socket), false, std::move(connection.name), std::move(entry));
  if (!started.ok()) report(name + ": " + started.error().context());
}

/// Places that no connection from another machine gets: those of the addresses that are dialled, and some for the own
/// user's Unix sockets. One place is left in any case.
std::size_t LinkHub::Impl::reserved() const {
  const std::size_t wanted = diallers.size() + std::min(kUnixPlaces, options.links_max / 8);
  return std::min(wanted, options.links_max - std::min<std::size_t>(1, options.links_max));
}

/// Who has connected and said nothing makes room for who comes: a greeting takes a moment, silence as long as it likes.
/// The oldest of the same address goes first, so that one address can't push out all others.
/// @param is_for_group  only one of the same address will do
bool LinkHub::Impl::make_room(const std::string& group, bool is_for_group) {
  LinkEntry* oldest = nullptr;
  for (auto& [id, entry] : links) {
    if (entry.group.empty() || entry.is_leaving || entry.link->is_greeted()) continue;
    const bool is_same = entry.group == group;
    if (is_for_group && !is_same) continue;
    if (oldest != nullptr) {
      const bool was_same = oldest->group == group;
      if (was_same != is_same ? was_same : oldest->number < entry.number) continue;
    }
    oldest = &entry;
  }
  if (oldest == nullptr) return false;
  // It is gone as soon as its coroutines are; its place is free now.
  uncount(*oldest);
  oldest->is_leaving = true;
  ++leaving_count;
  oldest->link->close_now("said nothing, and others want the place");
  return true;
}

void LinkHub::Impl::uncount(const LinkEntry& entry) {
  if (entry.group.empty()) return;
  --strangers_count;
  const auto count = group_counts.find(entry.group);
  if (--count->second == 0) group_counts.erase(count);
}

/// Says why as well as it can without waiting.
void LinkHub::Impl::turn_away(const Accepted& connection, const std::string& why) {
  Bytes frame;
  wire::encode_frame({0, sync::Bye{sync::ByeReason::kOverloaded, why}}, frame);
  const int socket = connection.socket.get();
  if (::send(socket, frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
    ::shutdown(socket, SHUT_WR);
  ++refused_count;
  const std::uint64_t now = loop.now_ms();
  if (refused_report_ms != 0 && now < refused_report_ms + kRefusalReportMs) return;
  report(connection.name + ": turned away, " + why +
         (refused_count > 1 ? "; so were " + std::to_string(refused_count - 1) + " before" : ""));
  refused_count = 0;
  refused_report_ms = now;
}

void LinkHub::Impl::link_closed(Link& link, std::string why) {
  const std::uint32_t id = link.id();
  const auto at = links.find(id);
  const LinkEntry entry = std::move(at->second);
  links.erase(at);
  if (entry.is_leaving) {
    --leaving_count;
  } else {
    uncount(entry);
  }
  if (entry.dialler != nullptr) entry.dialler->link_down(why, link.is_double());
  for (const auto& [address, dialler] : diallers)
    if (dialler.get() != entry.dialler) dialler->other_link_down();
  handler.link_down(id, std::move(why));
  end_if_stopped();
}

// --- time limits: looked at when the nearest of them is over, at once for all links ---

void LinkHub::Impl::expire_at(std::uint64_t when) {
  if (when >= expire_ms) return;
  expire_ms = when;
  const std::uint64_t now = loop.now_ms();
  expiry = loop.after(when > now ? when - now : 0, [this] { expire(); });
}

void LinkHub::Impl::expire() {
  expire_ms = Link::kNever;
  const std::uint64_t now = loop.now_ms();
  std::uint64_t next = Link::kNever;
  for (const auto& [id, entry] : links) next = std::min(next, entry.link->expire(now));
  if (next != Link::kNever) expire_at(next);
}

void LinkHub::Impl::end_if_stopped() {
  if (!stopping || is_starting || !links.empty() || !stopped) return;
  loop.post(std::exchange(stopped, nullptr));
}

// --- the public face ---

LinkHub::LinkHub(EventLoop& loop, LinkHandler& handler, Options options)
    : impl_(std::make_unique<Impl>(loop, handler, std::move(options))) {
  WEFT_ASSERT(impl_->options.random != nullptr);
  const std::uint64_t wanted = impl_->options.links_max + kOtherFiles;
  const std::uint64_t allowed = raise_open_files(wanted);
  if (allowed < wanted)
    impl_->report("this process may open " + std::to_string(allowed) +
                  " files, which is less than " + std::to_string(impl_->options.links_max) +
                  " links need: raise the hard limit (ulimit -Hn), or allow fewer links");
}

LinkHub::~LinkHub() {
  impl_->listeners.clear();
  impl_->diallers.clear();
  for (const auto& [id, entry] : impl_->links) entry.link->abandon();
}

Result<Address> LinkHub::listen(const Address& address) {
  if (impl_->stopping) return Error(ErrorCode::kReadOnly, "this end stops: it listens no more");
  if (!address.is_loopback() && !impl_->options.insecure)
    return beyond_machine(address, "listening");
  Listener::Options options;
  options.pause_ms = impl_->options.accept_pause_ms;
  options.accepted = [impl = impl_.get()](Accepted connection) {
    impl->accepted(std::move(connection));
  };
  options.report = impl_->options.report;
  WEFT_ASSIGN(std::unique_ptr<Listener> listener,
              Listener::open(impl_->loop, address, std::move(options)));
  impl_->listeners.push_back(std::move(listener));
  return impl_->listeners.back()->address();
}

Status LinkHub::dial(const Address& address) {
  if (impl_->stopping) return Error(ErrorCode::kReadOnly, "this end stops: it dials no more");
  if (address.kind == Address::Kind::kTcp && address.port == 0)
    return Error(ErrorCode::kInvalidArgument,
                 address.print() + ": port 0 can't be dialled: write the other end's port");
  if (!address.is_loopback() && !impl_->options.insecure)
    return beyond_machine(address, "dialling");
  std::unique_ptr<Dialler>& dialler = impl_->diallers[address];
  if (dialler) return {};
  Impl* impl = impl_.get();
  auto start_link = [impl, address](Fd socket, std::string name) -> Result<std::uint32_t> {
    if (impl->count() >= impl->options.links_max && !impl->make_room({}))
      return Error(ErrorCode::kLimit, "this end has as many links as it may (" +
                                          std::to_string(impl->options.links_max) + ")");
    WEFT_ASSIGN(const std::uint32_t id, impl->start(std::move(socket), true, std::move(name), {}));
    // Only now: link_up() may have said forget().
    const auto maker = impl->diallers.find(address);
    if (maker != impl->diallers.end())
      impl->links.at(id).dialler = maker->second.get();
    else
      impl->links.at(id).link->end("the address is dialled no more");
    return id;
  };
  dialler = std::make_unique<Dialler>(impl->loop, address, impl->options, std::move(start_link));
  return {};
}

void LinkHub::network_changed() { impl_->sign_of_life(); }

bool LinkHub::forget(const Address& address) {
  const auto at = impl_->diallers.find(address);
  if (at == impl_->diallers.end()) return false;
  for (auto& [id, entry] : impl_->links) {
    if (entry.dialler != at->second.get()) continue;
    entry.dialler = nullptr;
    entry.link->end("the address is dialled no more");
  }
  impl_->diallers.erase(at);
  return true;
}

void LinkHub::wake(std::uint32_t link) {
  const auto at = impl_->links.find(link);
  if (at != impl_->links.end()) at->second.link->wake();
}

std::size_t LinkHub::link_count() const { return impl_->count(); }

std::vector<ListenStatus> LinkHub::listening() const {
  std::vector<ListenStatus> all;
  for (const auto& listener : impl_->listeners)
    all.push_back({listener->address(), listener->state()});
  return all;
}

std::vector<DialStatus> LinkHub::dialled() const {
  std::vector<DialStatus> all;
  for (const auto& [address, dialler] : impl_->diallers) all.push_back(dialler->status());
  return all;
}

void LinkHub::stop(std::function<void()> done) {
  impl_->stopping = true;
  impl_->stopped = done ? std::move(done) : [] {};
  impl_->listeners.clear();
  for (auto& [id, entry] : impl_->links) {
    entry.dialler = nullptr;
    entry.link->end("this end stops");
  }
  impl_->diallers.clear();
  impl_->end_if_stopped();
}

}  // namespace weft::links
