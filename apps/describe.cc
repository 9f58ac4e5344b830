#include "apps/describe.h"

#include <cstdio>
#include <vector>

#include "apps/terminal.h"
#include "crdt/base/utf8.h"

namespace weft::cli {
namespace {

const Json& member(const Json& object, std::string_view key) {
  static const Json kNothing;
  const Json* found = object.find(key);
  return found == nullptr ? kNothing : *found;
}

std::size_t count_at(const Json& object, std::string_view key) {
  const std::int64_t* count = member(object, key).as_int();
  return count == nullptr || *count < 0 ? 0 : static_cast<std::size_t>(*count);
}

std::string text_at(const Json& object, std::string_view key) {
  const std::string* text = member(object, key).as_string();
  return text == nullptr ? std::string() : *text;
}

const Json::Array& array_of(const Json& json) {
  static const Json::Array kNothing;
  const Json::Array* array = json.as_array();
  return array == nullptr ? kNothing : *array;
}

/// A value of a patch: a child is named by its kind ("a text").
std::string value_words(const Json& value) {
  if (value.find("container") == nullptr) return short_json(value);
  const Json* content = value.find("content");
  return "a " + printable(text_at(value, "container")) +
         (content == nullptr ? std::string() : ", " + short_json(*content));
}

/// @param noun  what the sequence consists of
std::string step_words(const Json& steps, std::string_view noun) {
  std::string words;
  std::size_t at = 0;
  const auto place = [&] { return "  at " + std::to_string(at) + ": "; };
  for (const Json& step : array_of(steps)) {
    at += count_at(step, "retain");
    if (const std::size_t erased = count_at(step, "erased"); erased != 0)
      words += place() + red("erased " + counted(erased, noun)) + "\n";
    const Json& inserted = member(step, "inserted");
    const std::string* text = inserted.as_string();
    if (text != nullptr && !text->empty()) {
      words += place() + green("inserted " + short_json(*text)) + "\n";
      at += count_scalars(*text);
    }
    for (const Json& value : array_of(inserted)) {
      words += place() + green("inserted " + value_words(value)) + "\n";
      ++at;
    }
  }
  return words;
}

std::string key_words(const Json& keys) {
  std::string words;
  for (const Json& change : array_of(keys)) {
    const std::string key = short_json(member(change, "key"));
    words += "  " +
             (member(change, "erased").as_bool() != nullptr
                  ? red("erased " + key)
                  : green("set " + key + " to " + value_words(member(change, "value")))) +
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

std::string duration_words(std::uint64_t ms) {
  char text[32];
  const double s = static_cast<double>(ms) / 1000;
  if (s < 59.95) {
    std::snprintf(text, sizeof text, "%.1f s", s);
  } else if (s < 3600) {
    std::snprintf(text, sizeof text, "%.0f min", s / 60);
  } else if (s < 48 * 3600) {
    std::snprintf(text, sizeof text, "%.0f h", s / 3600);
  } else {
    std::snprintf(text, sizeof text, "%.0f days", s / 86'400);
  }
  return text;
}

void print_line(const Json& json) { print(print_json(json) + "\n"); }

std::string short_json(const Json& json, std::size_t width) {
  std::string text = print_json(json, {.sort_keys = true});
  if (count_scalars(text) > width) text = text.substr(0, utf8_offset_of_scalar(text, width)) + "…";
  return printable(text);
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
                      {"counts_as_ms", static_cast<std::int64_t>(write.weight.value >> 16)},
                      {"erased", write.erased},
                      {"value", write.json},
                      {"message", write.message}};
}

std::string patch_words(const Json& patch) {
  const std::string kind = text_at(patch, "kind");
  std::string words = bold(path_words(text_at(patch, "path"))) + " (" + printable(kind) + ")\n";
  if (patch.find("counted") != nullptr)
    return words + "  counted by " + short_json(member(patch, "counted")) + "\n";
  if (patch.find("keys") != nullptr) return words + key_words(member(patch, "keys"));
  return words + step_words(member(patch, "steps"), kind == "text" ? "character" : "element");
}

std::string conflict_words(const Conflict& conflict) {
  std::string words =
      bold(path_words(conflict.path)) + "\n  0 wins:  " + write_words(conflict.winner) + "\n";
  std::string_view loses = " loses: ";
  if (conflict.kind == Conflict::Kind::kEditInErased) loses = " edited meanwhile: ";
  if (conflict.kind == Conflict::Kind::kErasedElement) loses = " written meanwhile: ";
  std::size_t side = 1;
  for (const WriteInfo& loser : conflict.losers) {
    words += "  " + std::to_string(side++);
    words += loses;
    words += write_words(loser) + "\n";
  }
  return words;
}

Json conflict_json(const Conflict& conflict) {
  Json::Array losers;
  for (const WriteInfo& loser : conflict.losers) losers.push_back(write_json_of(loser));
  std::string decision = "neither had seen the other, ";
  decision += conflict.kind == Conflict::Kind::kConcurrentWrites
                  ? decision_words(conflict.winner, conflict.losers.front())
                  : "what hides or erases wins over an edit inside it";
  return Json::Object{{"kind", conflict_kind(conflict.kind)},
                      {"path", conflict.path},
                      {"rule", decision},
                      {"winner", write_json_of(conflict.winner)},
                      {"losers", std::move(losers)}};
}

}  // namespace weft::cli
