// weft_netlab: a network between N hosts in one process, with seeded losses and delays, and partitions on command.
// README.md says how it is used.
//
// Exit codes: 0 done, 1 it did not work, 2 the command line is wrong, 3 this machine has no network namespaces or TUN
// devices for us.

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/netlab/control.h"
#include "tests/netlab/fabric.h"
#include "tests/netlab/link_model.h"

namespace weft::netlab {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kUnavailable = 3;
constexpr std::size_t kHostsMax = 32;

struct Options {
  std::size_t host_count = 0;
  std::uint64_t seed = 1;
  std::uint16_t port = 7400;
  bool relays = false;
};

std::optional<std::uint64_t> parse_number(const std::string& text, std::uint64_t most) {
  std::uint64_t number = 0;
  if (text.empty()) return std::nullopt;
  for (char digit : text) {
    if (digit < '0' || digit > '9' ||
        number > (most - static_cast<std::uint64_t>(digit - '0')) / 10)
      return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

std::optional<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--relays") {
      options.relays = true;
      continue;
    }
    const bool has_value = name == "--seed" || name == "--port";
    if (has_value && ++i == arguments.size()) return std::nullopt;
    const auto number = parse_number(arguments[i], name == "--port" ? 60'000 : UINT64_MAX);
    if (!number) return std::nullopt;
    if (name == "--seed") {
      options.seed = *number;
    } else if (name == "--port") {
      options.port = static_cast<std::uint16_t>(*number);
    } else {
      options.host_count = *number;
    }
  }
  if (options.host_count < 2 || options.host_count > kHostsMax) return std::nullopt;
  return options;
}

std::uint64_t now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

/// Whoever reads may be gone already; then the end of standard input comes as well.
void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

/// Readable once SIGTERM or SIGINT came.
Fd catch_signals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  return Fd(checked(signalfd(-1, &ends, SFD_CLOEXEC), "signalfd"));
}

class Loop {
 public:
  Loop(LinkModel& model, Fabric& fabric, const Fd& signals)
      : model_(model), fabric_(fabric), signals_(signals) {}

  /// Until standard input ends or a signal comes.
  void run() {
    constexpr std::size_t kOwn = 2;
    for (bool goes_on = true; goes_on;) {
      const std::uint64_t next_us = fabric_.deliver(now_us());
      std::vector<pollfd> waits = {{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      fabric_.add_waits(waits);
      wait(waits, next_us);
      fabric_.receive(waits.data() + kOwn, waits.size() - kOwn, now_us());
      goes_on = waits[1].revents == 0 && (waits[0].revents == 0 || read_lines());
    }
  }

 private:
  static void wait(std::vector<pollfd>& waits, std::uint64_t until_us) {
    timespec limit{};
    if (until_us != kNever) {
      const std::uint64_t now = now_us();
      const std::uint64_t left_us = until_us > now ? until_us - now : 0;
      limit.tv_sec = static_cast<time_t>(left_us / 1'000'000);
      limit.tv_nsec = static_cast<long>(left_us % 1'000'000 * 1'000);
    }
    const int ready =
        ppoll(waits.data(), waits.size(), until_us == kNever ? nullptr : &limit, nullptr);
    if (ready < 0 && errno != EINTR) checked(ready, "ppoll");
  }

  /// @return false: it has ended
  bool read_lines() {
    char bytes[4096];
    const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
    if (size <= 0) return false;
    input_.append(bytes, static_cast<std::size_t>(size));
    for (std::size_t end = 0; (end = input_.find('\n')) != std::string::npos;) {
      say(obey(model_, input_.substr(0, end)));
      input_.erase(0, end + 1);
    }
    return true;
  }

  LinkModel& model_;
  Fabric& fabric_;
  const Fd& signals_;
  std::string input_;
};

void run(const Options& options) {
  const Fd signals = catch_signals();
  LinkModel model(options.host_count, options.seed, Rules{});
  const std::unique_ptr<Fabric> fabric =
      options.relays ? make_relays(model, options.port) : make_namespaces(model, options.port);
  for (std::size_t host = 0; host < options.host_count; ++host)
    say("host " + std::to_string(host) + " " + fabric->host_line(host));
  for (std::size_t from = 0; from < options.host_count; ++from)
    for (std::size_t to = 0; to < options.host_count; ++to)
      if (from != to)
        say("path " + std::to_string(from) + " " + std::to_string(to) + " " +
            fabric->path(from, to));
  say("ready");
  Loop(model, *fabric, signals).run();
  say("end " + count_words(model.counts()));
}

}  // namespace
}  // namespace weft::netlab

int main(int argc, char** argv) {
  using namespace weft::netlab;
  const std::optional<Options> options = parse_options({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr, "usage: weft_netlab HOSTS [--seed N] [--port N] [--relays]\n");
    return kWrongUsage;
  }
  try {
    run(*options);
  } catch (const Unavailable& missing) {
    std::fprintf(stderr, "weft_netlab: %s\n", missing.what());
    return kUnavailable;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weft_netlab: %s\n", error.what());
    return kFailed;
  }
  return 0;
}
