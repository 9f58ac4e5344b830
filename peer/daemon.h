#pragma once
// Daemon: a peer as a process: its store, node, links and control socket on one event loop.
//
//   starting --> running --> stopping: the node refuses edits, links say goodbye, everything is flushed
//                                      --> closed
//
// It stops at stop(), at the control socket's "stop", and at SIGINT or SIGTERM; a second one ends the process at once,
// which loses nothing that was acknowledged. At SIGHUP it reads its configuration again and opens its log anew; where it
// has neither file and was started on a terminal, that terminal is gone and it stops. SIGUSR1 and SIGUSR2 do nothing.
// Who started it as a service hears how it is (service_manager.h).
//
// Threads: docs/threads.md.

#include <functional>
#include <memory>

#include "peer/config.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft {

class Daemon {
 public:
  /// How a store is opened for a peer.
  static LmdbStore::Options store_options(const PeerConfig& config);
  /// Reads the configuration again. Null: there is no file that could say something else by now.
  using Reread = std::function<Result<PeerConfig>()>;
  /// Listens, dials and opens the warm documents; nothing runs before run().
  /// @param store  open for writing
  /// @errors an address or the control socket is taken or not permitted, the log can't be written
  static Result<std::unique_ptr<Daemon>> open(PeerConfig config, std::unique_ptr<LmdbStore> store,
                                              Reread reread = nullptr);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  /// Runs until the peer has stopped. @errors why something could not be stored
  Status run();
  /// Begins to stop. On the thread that is inside run(), or before.
  void stop();

 private:
  class Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
