#include "bench/sync/usage.h"

#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <numeric>

#include "bench/harness/meter.h"

namespace weft::bench {
namespace {

double in_us(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

/// From statm, since the counter in status lags behind by some pages of each thread.
std::uint64_t resident_now() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void add_sockets(Usage& usage) {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return;
  while (const dirent* each = readdir(folder)) {
    const int file = std::atoi(each->d_name);
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) continue;
    usage.socket_bytes_out += info.tcpi_bytes_sent;
    usage.socket_bytes_in += info.tcpi_bytes_received;
  }
  closedir(folder);
}

}  // namespace

Usage usage_now() {
  Usage usage;
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) {
    usage.user_us = in_us(used.ru_utime);
    usage.system_us = in_us(used.ru_stime);
  }
  usage.cpu_us = static_cast<double>(process_cpu_ns()) / 1e3;
  usage.resident_bytes = resident_now();
  add_sockets(usage);
  return usage;
}

std::uint64_t Traffic::bytes_in_all() const {
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}

Traffic Traffic::since(const Traffic& before) const {
  Traffic result;
  for (std::size_t i = 0; i < kTypes; ++i) {
    result.frames[i] = frames[i] - before.frames[i];
    result.bytes[i] = bytes[i] - before.bytes[i];
  }
  return result;
}

}  // namespace weft::bench
