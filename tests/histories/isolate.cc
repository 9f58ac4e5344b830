#include "tests/histories/isolate.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace weft::test {
namespace {

constexpr std::size_t kReportMax = 64 << 10;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::abort();
}

[[noreturn]] void run_child(const std::function<std::string(Progress&)>& body, Progress& progress,
                            int out) {
  // doctest's handlers would write a report of their own.
  for (int fatal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV}) std::signal(fatal, SIG_DFL);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  std::string report;
  try {
    report = body(progress);
  } catch (const std::exception& error) {
    report = error.what();
  }
  std::fwrite(report.data(), 1, report.size(), stdout);
  std::fflush(stdout);
  _exit(report.empty() ? 0 : 1);
}

std::string read_all(int in) {
  std::string text;
  char buffer[4096];
  for (;;) {
    ssize_t size = read(in, buffer, sizeof buffer);
    if (size <= 0) return text;
    if (text.size() < kReportMax) text.append(buffer, static_cast<std::size_t>(size));
  }
}

}  // namespace

void Progress::store(std::uint64_t value) {
  *shared_ = value;
  alarm(seconds_);
}

Outcome run_isolated(const std::function<std::string(Progress&)>& body, unsigned seconds_max) {
  void* page = mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) die("mmap");
  auto* shared = static_cast<volatile std::uint64_t*>(page);
  int ends[2];
  if (pipe(ends) != 0) die("pipe");
  std::fflush(nullptr);
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    close(ends[0]);
    Progress progress(shared, seconds_max);
    progress.store(0);
    run_child(body, progress, ends[1]);
  }
  close(ends[1]);
  Outcome outcome;
  outcome.report = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child) die("waitpid");
  outcome.progress = *shared;
  munmap(page, sizeof(std::uint64_t));
  outcome.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (WIFSIGNALED(status)) {
    outcome.report += WTERMSIG(status) == SIGALRM
                          ? "\n(ran for too long)"
                          : std::string("\n(died: ") + strsignal(WTERMSIG(status)) + ")";
  }
  if (!outcome.ok && outcome.report.empty()) outcome.report = "(ended without a word)";
  return outcome;
}

}  // namespace weft::test
