#include "tests/netlab/control.h"

#include <cstdint>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weft::netlab {
namespace {

/// Told to whoever wrote the line.
class BadLine : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

double read_number(std::istringstream& words, double most) {
  double number = 0;
  if (!(words >> number) || !(number >= 0) || number > most)
    throw BadLine("a number from 0 to " + std::to_string(most) + " is missing");
  return number;
}

void set_chance(std::uint64_t& ppm, std::istringstream& words) {
  ppm = static_cast<std::uint64_t>(read_number(words, 1) * 1e6);
}

std::size_t host_of(const LinkModel& model, const std::string& word) {
  std::size_t read = 0;
  unsigned long host = model.host_count();
  try {
    host = std::stoul(word, &read);
  } catch (const std::exception&) {
    // Said below.
  }
  if (read != word.size() || host >= model.host_count()) throw BadLine("no host: " + word);
  return host;
}

std::pair<std::size_t, std::size_t> read_link(const LinkModel& model, std::istringstream& words) {
  std::string from;
  std::string to;
  words >> from >> to;
  const std::size_t first = host_of(model, from);
  return {first, host_of(model, to)};
}

void split(LinkModel& model, std::istringstream& words) {
  std::vector<std::size_t> groups(model.host_count(), 0);
  std::size_t group = 1;
  for (std::string word; words >> word;) {
    if (word == "/") {
      ++group;
    } else {
      groups[host_of(model, word)] = group;
    }
  }
  model.split(groups);
}

void cut(LinkModel& model, std::istringstream& words) {
  const auto [a, b] = read_link(model, words);
  model.set_up(a, b, false);
  model.set_up(b, a, false);
}

void cut_one_way(LinkModel& model, std::istringstream& words) {
  const auto [from, to] = read_link(model, words);
  model.set_up(from, to, false);
}

void set_delay(LinkModel& model, std::istringstream& words) {
  constexpr double kMsMax = 60'000;
  const auto delay_us = static_cast<std::uint64_t>(read_number(words, kMsMax) * 1e3);
  if (!(words >> std::ws).eof())
    model.rules().jitter_us = static_cast<std::uint64_t>(read_number(words, kMsMax) * 1e3);
  model.rules().delay_us = delay_us;
}

void set_rate(LinkModel& model, std::istringstream& words) {
  model.rules().rate_bytes_per_s = static_cast<std::uint64_t>(read_number(words, 1e9) * 1e3);
}

using Command = void (*)(LinkModel&, std::istringstream&);
const std::map<std::string, Command> kCommands = {
    {"split", split},
    {"cut", cut},
    {"oneway", cut_one_way},
    {"heal", [](LinkModel& model, std::istringstream&) { model.heal(); }},
    {"loss", [](LinkModel& model,
                std::istringstream& words) { set_chance(model.rules().loss_ppm, words); }},
    {"duplicate",
     [](LinkModel& model, std::istringstream& words) {
       set_chance(model.rules().duplicate_ppm, words);
     }},
    {"reorder", [](LinkModel& model,
                   std::istringstream& words) { set_chance(model.rules().reorder_ppm, words); }},
    {"delay", set_delay},
    {"rate", set_rate},
};

}  // namespace

std::string count_words(const Counts& counts) {
  return std::to_string(counts.packets) + " packets, " + std::to_string(counts.bytes) + " bytes, " +
         std::to_string(counts.lost) + " lost, " + std::to_string(counts.duplicated) +
         " duplicated, " + std::to_string(counts.cut) + " into cuts, " +
         std::to_string(counts.overrun) + " over the rate";
}

std::string obey(LinkModel& model, const std::string& line) {
  std::istringstream words(line);
  std::string name;
  words >> name;
  if (name == "count") return "ok " + count_words(model.counts());
  const auto command = kCommands.find(name);
  if (command == kCommands.end()) return "error no command: " + line;
  try {
    command->second(model, words);
  } catch (const BadLine& bad) {
    return "error " + std::string(bad.what()) + ": " + line;
  }
  return "ok " + line;
}

}  // namespace weft::netlab
