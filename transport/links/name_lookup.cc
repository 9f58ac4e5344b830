#include "transport/links/name_lookup.h"

#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace weft::links {

struct NameLookup::Shared {
  std::mutex mutex;
  EventLoop* loop = nullptr;  ///< null: nobody waits any more
  Done done;                  ///< used on the loop's thread only
};

NameLookup::NameLookup(EventLoop& loop, const std::string& host, std::uint16_t port, Done done)
    : shared_(std::make_shared<Shared>()) {
  shared_->loop = &loop;
  shared_->done = std::move(done);
  auto report = [shared = shared_](Result<std::vector<Endpoint>> found) {
    const std::lock_guard<std::mutex> lock(shared->mutex);
    if (shared->loop == nullptr) return;
    auto result = std::make_shared<Result<std::vector<Endpoint>>>(std::move(found));
    shared->loop->post([shared, result] {
      // The object goes on this thread, so without a lock: it is there during the call, or gone.
      if (shared->loop != nullptr) shared->done(std::move(*result));
    });
  };
  try {
    std::thread([host, port, report] { report(lookup(host, port)); }).detach();
  } catch (const std::system_error&) {
    report(Error(ErrorCode::kIoError, host + ": no thread could be started to look the name up"));
  }
}

NameLookup::~NameLookup() {
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  shared_->loop = nullptr;
}

}  // namespace weft::links
