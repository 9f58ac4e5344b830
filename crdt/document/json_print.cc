// print_json.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "crdt/document/base64.h"
#include "crdt/document/json_text.h"

namespace weft {
namespace {

using Member = std::pair<std::string, Json>;

/// The members by key bytes; of equal keys the last alone.
std::vector<const Member*> sorted(const Json::Object& object) {
  std::vector<const Member*> members;
  for (const Member& member : object) members.push_back(&member);
  std::stable_sort(members.begin(), members.end(),
                   [](const Member* a, const Member* b) { return a->first < b->first; });
  std::vector<const Member*> result;
  for (const Member* member : members) {
    if (!result.empty() && result.back()->first == member->first) result.pop_back();
    result.push_back(member);
  }
  return result;
}

class Printer {
 public:
  explicit Printer(const JsonStyle& style) : style_(style) {}

  std::string take() { return std::move(out_); }

  void print(const Json& json, int level) {
    if (const auto* boolean = json.as_bool()) {
      out_ += *boolean ? "true" : "false";
    } else if (const auto* integer = json.as_int()) {
      out_ += std::to_string(*integer);
    } else if (const auto* number = json.as_double()) {
      print_double(*number);
    } else if (const auto* text = json.as_string()) {
      print_string(*text);
    } else if (const auto* literal = json.as_number_text()) {
      out_ += literal->text;
    } else if (const auto* bytes = json.as_bytes()) {
      out_ += style_.indent > 0 ? "{\"$bytes\": " : "{\"$bytes\":";
      print_string(base64_encode(*bytes));
      out_ += '}';
    } else if (const auto* array = json.as_array()) {
      print_array(*array, level);
    } else if (const auto* object = json.as_object()) {
      print_object(*object, level);
    } else {
      out_ += "null";
    }
  }

 private:
  void new_line(int level) {
    if (style_.indent <= 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(style_.indent) * static_cast<std::size_t>(level), ' ');
  }

  void print_array(const Json::Array& array, int level) {
    out_ += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (i != 0) out_ += ',';
      new_line(level + 1);
      print(array[i], level + 1);
    }
    if (!array.empty()) new_line(level);
    out_ += ']';
  }

  void print_member(const Member& member, bool first, int level) {
    if (!first) out_ += ',';
    new_line(level);
    print_string(member.first);
    out_ += style_.indent > 0 ? ": " : ":";
    print(member.second, level);
  }

  void print_object(const Json::Object& object, int level) {
    out_ += '{';
    bool first = true;
    if (style_.sort_keys) {
      for (const Member* member : sorted(object))
        print_member(*member, std::exchange(first, false), level + 1);
    } else {
      for (const Member& member : object)
        print_member(member, std::exchange(first, false), level + 1);
    }
    if (!object.empty()) new_line(level);
    out_ += '}';
  }

  /// The fewest digits that read back the same, with an exponent only where zeros would pile up.
  void print_double(double value) {
    if (!std::isfinite(value)) {
      out_ += "null";
      return;
    }
    double size = std::fabs(value);
    auto format = size == 0 || (size >= 1e-5 && size < 1e15) ? std::chars_format::fixed
                                                             : std::chars_format::scientific;
    char buffer[64];
    auto result = std::to_chars(buffer, buffer + sizeof buffer, value, format);
    std::string_view digits(buffer, static_cast<std::size_t>(result.ptr - buffer));
    out_ += digits;
    if (digits.find_first_of(".e") == std::string_view::npos) out_ += ".0";
  }

  void print_string(std::string_view text) {
    out_ += '"';
    for (char c : text) {
      switch (c) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\b':
          out_ += "\\b";
          break;
        case '\f':
          out_ += "\\f";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        default:
          if (static_cast<unsigned char>(c) < 0x20) {
            constexpr std::string_view kHex = "0123456789abcdef";
            out_ += "\\u00";
            out_ += c < 0x10 ? '0' : '1';
            out_ += kHex[static_cast<std::size_t>(c & 15)];
          } else {
            out_ += c;
          }
      }
    }
    out_ += '"';
  }

  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

std::string print_json(const Json& json, const JsonStyle& style) {
  Printer printer(style);
  printer.print(json, 0);
  return printer.take();
}

}  // namespace weft
