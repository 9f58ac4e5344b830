#pragma once
// NameLookup: numbers of a host name, asked on a thread of its own, since the system's lookup may block for many
// seconds and can't be interrupted. A lookup whose object is gone goes on and is forgotten.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crdt/base/result.h"
#include "transport/links/event_loop.h"
#include "transport/links/sockets.h"

namespace weft::links {

class NameLookup {
 public:
  using Done = std::function<void(Result<std::vector<Endpoint>>)>;

  /// @param done  called on the loop's thread, unless the object is gone by then
  NameLookup(EventLoop& loop, const std::string& host, std::uint16_t port, Done done);
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;
  ~NameLookup();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace weft::links
