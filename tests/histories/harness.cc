#include "tests/histories/harness.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/histories/isolate.h"

namespace weft::test {
namespace {

constexpr std::uint64_t kBatch = 2'000;  // seeds a child process

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Outcome check_once(const Script& script, const ScriptCheck& check) {
  return run_isolated(
      [&](Progress&) {
        check(script);
        return std::string();
      },
      20);
}

/// What the report's first line says up to a colon, without its numbers.
std::string kind_of_failure(const std::string& report) {
  std::string kind;
  for (char c : report.substr(0, std::min<std::size_t>(report.find_first_of("\n:", 1), 60))) {
    bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f' && kind.ends_with('#'));
    if (!digit) kind += c;
    if (digit && !kind.ends_with('#')) kind += '#';
  }
  return kind;
}

std::string report_failure(const char* test_case, const Script& script, const std::string& what,
                           const ScriptCheck& check) {
  Script small = shrink(script, check);
  Outcome outcome = check_once(small, check);
  std::ostringstream out;
  out << "a history fails: seed " << script.seed << ", " << script.replicas << " replicas, "
      << script.actions.size() << " actions\n"
      << what << "\n"
      << "again: WEFT_SEED=" << script.seed
      << " WEFT_HISTORIES=1 build/release/weft_history_tests -tc=\"" << test_case << "\"\n"
      << "shrunk to " << small.actions.size() << " actions (WEFT_SCRIPT=file runs this):\n"
      << print(small) << "which fails with:\n"
      << outcome.report << "\n";
  return out.str();
}

}  // namespace

std::uint64_t first_seed() {
  std::string seed = environment("WEFT_SEED");
  return seed.empty() ? 1 : std::strtoull(seed.c_str(), nullptr, 10);
}

std::uint64_t history_count(std::uint64_t ci_count) {
  std::string count = environment("WEFT_HISTORIES");
  return count.empty() ? scaled_count(ci_count) : std::strtoull(count.c_str(), nullptr, 10);
}

namespace {

std::string survey(std::uint64_t first, std::uint64_t count, const ScriptCheck& check) {
  struct Kind {
    std::uint64_t count = 0;
    std::uint64_t seed = 0;
    std::string report;
  };
  std::map<std::string, Kind> kinds;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Outcome outcome = check_once(random_script(seed), check);
    if (outcome.ok) continue;
    Kind& kind = kinds[kind_of_failure(outcome.report)];
    if (kind.count++ == 0) kind.seed = seed;
    if (kind.count == 1) kind.report = outcome.report;
  }
  std::string result;
  for (const auto& [name, kind] : kinds)
    result += std::to_string(kind.count) + " times, first with seed " + std::to_string(kind.seed) +
              ": " + kind.report.substr(0, 600) + "\n";
  return result;
}

}  // namespace

std::string check_scripts(const char* test_case, std::uint64_t first, std::uint64_t count,
                          const ScriptCheck& check) {
  std::string file = environment("WEFT_SCRIPT");
  if (!file.empty()) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    Result<Script> script = parse_script(text.str());
    if (!in || !script.ok()) return "WEFT_SCRIPT: can't read " + file;
    Outcome outcome = check_once(*script, check);
    return outcome.ok ? "" : report_failure(test_case, *script, outcome.report, check);
  }
  if (!environment("WEFT_SURVEY").empty()) return survey(first, count, check);
  std::uint64_t end = first + count;
  for (std::uint64_t begin = first; begin < end; begin += kBatch) {
    std::uint64_t batch_end = std::min(begin + kBatch, end);
    Outcome outcome = run_isolated([&](Progress& progress) {
      for (std::uint64_t seed = begin; seed < batch_end; ++seed) {
        progress.store(seed);
        check(random_script(seed));
      }
      return std::string();
    });
    if (!outcome.ok)
      return report_failure(test_case, random_script(outcome.progress), outcome.report, check);
  }
  return "";
}

Script shrink(Script script, const ScriptCheck& check) {
  // In the same way: else it ends with another fault than it began with.
  std::string kind = kind_of_failure(check_once(script, check).report);
  auto fails = [&](const Script& candidate) {
    Outcome outcome = check_once(candidate, check);
    return !outcome.ok && kind_of_failure(outcome.report) == kind;
  };
  bool smaller = true;
  while (smaller) {
    smaller = false;
    for (std::size_t length = std::max<std::size_t>(script.actions.size() / 2, 1); length > 0;
         length /= 2) {
      for (std::size_t at = 0; at + length <= script.actions.size();) {
        Script candidate = script;
        auto begin = candidate.actions.begin() + static_cast<std::ptrdiff_t>(at);
        candidate.actions.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
        if (fails(candidate)) {
          script = candidate;
          smaller = true;
        } else {
          at += length;
        }
      }
    }
    for (std::size_t i = 0; i < script.actions.size(); ++i) {
      for (std::size_t e = 0;
           e < script.actions[i].edits.size() && script.actions[i].edits.size() > 1;) {
        Script candidate = script;
        candidate.actions[i].edits.erase(candidate.actions[i].edits.begin() +
                                         static_cast<std::ptrdiff_t>(e));
        if (fails(candidate)) {
          script = candidate;
          smaller = true;
        } else {
          ++e;
        }
      }
    }
  }
  return script;
}

}  // namespace weft::test
