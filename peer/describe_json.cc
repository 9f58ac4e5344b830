#include "peer/describe_json.h"

#include <ctime>
#include <utility>

namespace weft {
namespace {

/// @param content  what a child holds; null where it is not told
Json value_json(const Value& value, const Json& content) {
  if (!value.is_container()) return value.json();
  Json::Object child{{"container", kind_name(value.container_kind())}};
  if (!content.is_null()) child.emplace_back("content", content);
  return child;
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

Json number_json(std::uint64_t number) { return static_cast<std::int64_t>(number); }

Json patch_json(const Patch& patch) {
  Json::Object object{{"path", patch.path}, {"kind", kind_name(patch.kind)}};
  Json::Array changes;
  for (const KeyChange& change : patch.keys) {
    Json::Object entry{{"key", change.key}};
    if (change.erased) {
      entry.emplace_back("erased", true);
    } else {
      entry.emplace_back("value", value_json(change.value, change.json));
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
      for (std::size_t i = 0; i < step.inserted_values.size(); ++i)
        values.push_back(value_json(step.inserted_values[i], i < step.inserted_json.size()
                                                                 ? step.inserted_json[i]
                                                                 : Json()));
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

}  // namespace weft
