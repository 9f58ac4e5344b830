#pragma once
// What a process of `weft-bench sync` does: it holds peers on one event loop and obeys orders (orders.h), which come
// through its standard output.

namespace weft::bench {

inline constexpr const char* kPeerHostCommand = "host-peers";
/// Obeys until the benchmark closes its end. @return  exit code
int run_peer_host_command();

}  // namespace weft::bench
