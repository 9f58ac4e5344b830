#pragma once
// Dialler: connects to one address, and again whenever its link is gone, for ever.
//
//   +--> connecting --> connected ----+   the link lasted settled_ms: back to the shortest waits
//   |        |                        |
//   +-- waiting as Backoff says <-----+      cut short by a sign of life (backoff.h)

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "crdt/base/result.h"
#include "transport/links/fd.h"
#include "transport/links/link_hub.h"

namespace weft::links {

class Dialler {
 public:
  /// Makes a link of a connected socket. @return its id
  using StartLink = std::function<Result<std::uint32_t>(Fd, std::string name)>;

  /// @param options  must outlive the dialler, as the loop
  Dialler(EventLoop& loop, const Address& address, const LinkHub::Options& options,
          StartLink start_link);
  Dialler(const Dialler&) = delete;
  Dialler& operator=(const Dialler&) = delete;
  ~Dialler();

  /// The address may be reachable by now. (backoff.h)
  void sign_of_life();
  /// The link that it made is gone. @param is_double  since another one to the same device stands: try again late, or
  ///                                                    when a link goes down
  void link_down(const std::string& why, bool is_double);
  /// A link of this device that it did not make is gone.
  void other_link_down();
  DialStatus status() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace weft::links
