#include "crdt/dashboard/shape.h"

#include <array>
#include <charconv>

#include "crdt/base/bytes.h"
#include "crdt/base/checksum.h"

namespace weft::dashboard {
namespace {

struct Field {
  std::string_view array;
  std::string_view field;
};
// By the array's key alone: so a list of targets inside a library panel or a plugin is one, too.
constexpr std::array<Field, 6> kNatural = {{{"panels", "id"},
                                            {"targets", "refId"},
                                            {"list", "name"},  // of templating and annotations
                                            {"properties", "id"},
                                            {"__inputs", "name"},
                                            {"__requires", "id"}}};
constexpr std::array<Field, 1> kMatched = {{{"overrides", "matcher"}}};

constexpr std::size_t kNaturalKeyMax = 200;  // bytes

template <std::size_t count>
std::string_view field_of(const std::array<Field, count>& table, std::string_view array) {
  for (const Field& each : table)
    if (each.array == array) return each.field;
  return {};
}

}  // namespace

Place place_below(Place parent, std::string_view key) {
  switch (parent) {
    case Place::kRoot:
      if (key == kPanels) return Place::kPanel;
      return key == "rows" ? Place::kOldRow : Place::kElsewhere;
    case Place::kPanel:
      if (key == kPanels) return Place::kPanel;
      return key == "options" ? Place::kPanelOptions : Place::kElsewhere;
    case Place::kOldRow:
      return key == kPanels ? Place::kPanel : Place::kElsewhere;
    case Place::kPanelOptions:
    case Place::kElsewhere:
      break;
  }
  return Place::kElsewhere;
}

bool holds_panels(Place place) {
  return place == Place::kRoot || place == Place::kPanel || place == Place::kOldRow;
}
bool is_tag_set(Place place, std::string_view key) {
  return place == Place::kRoot && key == "tags";
}
bool is_record(Place place, std::string_view key) {
  return place == Place::kPanel && key == "gridPos";
}
bool is_text(Place place, std::string_view key) {
  if (key == "description") return place == Place::kRoot || place == Place::kPanel;
  if (key == "notes") return place == Place::kRoot;
  return key == "content" && (place == Place::kPanel || place == Place::kPanelOptions);
}
bool is_derived(Place place, std::string_view key) {
  return place == Place::kRoot && (key == "version" || key == "iteration");
}

std::string_view natural_field(std::string_view key) { return field_of(kNatural, key); }
std::string_view matched_field(std::string_view key) { return field_of(kMatched, key); }

std::optional<std::string> natural_key(std::string_view array, const Json& name) {
  if (array == kPanels) {
    const std::int64_t* number = name.as_int();
    return number == nullptr ? std::nullopt : std::optional(std::to_string(*number));
  }
  const std::string* text = name.as_string();
  if (text == nullptr || text->size() > kNaturalKeyMax || !is_natural(*text)) return std::nullopt;
  return *text;
}

Json name_of_key(std::string_view array, std::string_view key) {
  if (array != kPanels) return key;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error != std::errc() || end != key.data() + key.size()) return key;
  return number;
}

bool is_natural(std::string_view key) {
  return !key.empty() && key[0] != ':' && key[0] != '=' && key[0] != '+';
}

bool is_fresh(std::string_view key) { return !key.empty() && key[0] == '+'; }

std::string content_key(std::string_view canonical) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::uint64_t hash = xxh3_64(as_bytes(canonical));
  std::string key = "=";
  for (int i = 0; i < 8; ++i, hash >>= 4) key += kDigits[hash & 15];
  return key;
}

bool is_reserved(std::string_view key) { return key.starts_with(':') && !key.starts_with("::"); }

std::string escaped(std::string_view key) {
  std::string result(!key.empty() && key[0] == ':' ? ":" : "");
  return result += key;
}
std::string_view unescaped(std::string_view key) {
  return !key.empty() && key[0] == ':' ? key.substr(1) : key;
}

}  // namespace weft::dashboard
