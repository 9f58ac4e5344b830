#include "apps/describe.h"

#include <cstdio>
#include <ctime>
#include <vector>

#include "apps/terminal.h"
#include "crdt/base/utf8.h"

namespace weft::cli {
namespace {

Json value_json(const Value& value) {
  if (!value.is_container()) return value.json();
  return Json::Object{{"container", kind_name(value.container_kind())}};
}

std::string text_steps(const Patch& patch) {
  std::string words;
  std::size_t at = 0;
  for (const SequenceStep& step : patch.steps) {
    at += step.retain;
    if (step.erased != 0)
      words += "  at " + std::to_string(at) + ": " +
               red("erased " + counted(step.erased, "character")) + "\n";
    if (step.inserted_text.empty()) continue;
    words += "  at " + std::to_string(at) + ": " +
             green("inserted " + short_json(step.inserted_text)) + "\n";
    at += count_scalars(step.inserted_text);
  }
  return words;
}

std::string list_steps(const Patch& patch) {
  std::string words;
  std::size_t at = 0;
  for (const SequenceStep& step : patch.steps) {
    at += step.retain;
    if (step.erased != 0)
      words += "  at " + std::to_string(at) + ": " +
               red("erased " + counted(step.erased, "element")) + "\n";
    for (const Value& value : step.inserted_values)
      words +=
          "  at " + std::to_string(at++) + ": " + green("inserted " + value_words(value)) + "\n";
  }
  return words;
}

std::string key_changes(const Patch& patch) {
  std::string words;
  for (const KeyChange& change : patch.keys) {
    std::string key = short_json(change.key);
    words += "  " +
             (change.erased ? red("erased " + key)
                            : green("set " + key + " to " + value_words(change.value))) +
             "\n";
  }
  return words;
}

std::string_view conflict_kind(Conflict::Kind kind) {
  switch (kind) {
    case Conflict::Kind::kConcurrentWrites:
      return "concurrent-writes";
    case Conflict::Kind::kEditInErased:
      return "edit-in-erased";
    case Conflict::Kind::kErasedElement:
      return "erased-element";
  }
  return "";
}

}  // namespace

std::string iso_time(std::uint64_t time_ms) {
  if (time_ms == 0) return "(no time)";
  auto seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm parts{};
  char buffer[40];
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::to_string(time_ms) + " ms";
  std::size_t size = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string millis = std::to_string(1000 + time_ms % 1000).substr(1);
  return std::string(buffer, size) + "." + millis + "Z";
}

std::string counted(std::size_t count, std::string_view noun) {
  std::string words = std::to_string(count) + " ";
  words += noun;
  if (count != 1) words += 's';
  return words;
}

std::string byte_words(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double size = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* each : {"KiB", "MiB", "GiB", "TiB"}) {
    if (size < 1023.5) break;  // from there on it would be printed as 1024
    size /= 1024;
    unit = each;
  }
  char text[32];
  std::snprintf(text, sizeof text, size < 9.95 ? "%.1f %s" : "%.0f %s", size, unit);
  return text;
}

Json number_json(std::uint64_t number) { return static_cast<std::int64_t>(number); }

void print_line(const Json& json) { print(print_json(json) + "\n"); }

std::string short_json(const Json& json, std::size_t width) {
  std::string text = print_json(json, {.sort_keys = true});
  if (count_scalars(text) > width) text = text.substr(0, utf8_offset_of_scalar(text, width)) + "…";
  return printable(text);
}

std::string value_words(const Value& value) {
  if (!value.is_container()) return short_json(value.json());
  return "a " + std::string(kind_name(value.container_kind()));
}

std::string path_words(std::string_view path) { return path.empty() ? "/" : printable(path); }

std::string write_words(const WriteInfo& write) {
  std::string words = write.erased ? "erased" : short_json(write.json);
  words += dim("  by " + to_string(write.dot) + " at " + iso_time(write.committed_at_ms));
  if (!write.message.empty()) words += "  " + short_json(write.message);
  return words;
}

Json write_json_of(const WriteInfo& write) {
  return Json::Object{{"dot", to_string(write.dot)},
                      {"time_ms", static_cast<std::int64_t>(write.committed_at_ms)},
                      {"erased", write.erased},
                      {"value", write.json},
                      {"message", write.message}};
}

std::string patch_words(const Patch& patch) {
  std::string words =
      bold(path_words(patch.path)) + " (" + std::string(kind_name(patch.kind)) + ")\n";
  switch (patch.kind) {
    case ContainerKind::kMap:
      return words + key_changes(patch);
    case ContainerKind::kList:
      return words + list_steps(patch);
    case ContainerKind::kText:
      return words + text_steps(patch);
    case ContainerKind::kCounter:
      break;
  }
  return words + "  counted by " + std::to_string(patch.counter_delta) + "\n";
}

Json patch_json(const Patch& patch) {
  Json::Object object{{"path", patch.path}, {"kind", kind_name(patch.kind)}};
  Json::Array changes;
  for (const KeyChange& change : patch.keys) {
    Json::Object entry{{"key", change.key}};
    if (change.erased) {
      entry.emplace_back("erased", true);
    } else {
      entry.emplace_back("value", value_json(change.value));
    }
    changes.emplace_back(std::move(entry));
  }
  for (const SequenceStep& step : patch.steps) {
    Json::Object entry{{"retain", static_cast<std::int64_t>(step.retain)},
                       {"erased", static_cast<std::int64_t>(step.erased)}};
    if (patch.kind == ContainerKind::kText) {
      entry.emplace_back("inserted", step.inserted_text);
    } else {
      Json::Array values;
      for (const Value& value : step.inserted_values) values.push_back(value_json(value));
      entry.emplace_back("inserted", std::move(values));
    }
    changes.emplace_back(std::move(entry));
  }
  if (patch.kind == ContainerKind::kCounter) {
    object.emplace_back("counted", patch.counter_delta);
  } else {
    object.emplace_back(patch.kind == ContainerKind::kMap ? "keys" : "steps", std::move(changes));
  }
  return object;
}

std::string conflict_words(const Conflict& conflict) {
  std::string words =
      bold(path_words(conflict.path)) + "\n  wins:  " + write_words(conflict.winner) + "\n";
  std::string_view loses = "  loses: ";
  if (conflict.kind == Conflict::Kind::kEditInErased) loses = "  edited meanwhile: ";
  if (conflict.kind == Conflict::Kind::kErasedElement) loses = "  written meanwhile: ";
  for (const WriteInfo& loser : conflict.losers) {
    words += loses;
    words += write_words(loser) + "\n";
  }
  return words;
}

Json conflict_json(const Conflict& conflict) {
  Json::Array losers;
  for (const WriteInfo& loser : conflict.losers) losers.push_back(write_json_of(loser));
  return Json::Object{{"kind", conflict_kind(conflict.kind)},
                      {"path", conflict.path},
                      {"winner", write_json_of(conflict.winner)},
                      {"losers", std::move(losers)}};
}

}  // namespace weft::cli
