// Text forms: UTF-8, JSON pointers, and what people and comparisons read.

#include <algorithm>
#include <bit>
#include <cstdio>

#include "tests/oracle/oracle.h"

namespace weft::test {

void append_utf8(std::string& out, char32_t scalar) {
  auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (scalar < 0x80) {
    put(scalar);
  } else if (scalar < 0x800) {
    put(0xc0 | scalar >> 6);
    put(0x80 | (scalar & 0x3f));
  } else if (scalar < 0x10000) {
    put(0xe0 | scalar >> 12);
    put(0x80 | (scalar >> 6 & 0x3f));
    put(0x80 | (scalar & 0x3f));
  } else {
    put(0xf0 | scalar >> 18);
    put(0x80 | (scalar >> 12 & 0x3f));
    put(0x80 | (scalar >> 6 & 0x3f));
    put(0x80 | (scalar & 0x3f));
  }
}

std::u32string scalars_of(const std::string& utf8) {
  std::u32string result;
  for (char c : utf8) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      result.push_back(byte);
    } else if (byte >= 0xc0) {
      result.push_back(byte & (byte >= 0xf0 ? 0x07u : byte >= 0xe0 ? 0x0fu : 0x1fu));
    } else if (!result.empty()) {
      result.back() = result.back() << 6 | (byte & 0x3fu);
    }
  }
  return result;
}

std::string pointer_token(const std::string& key) {
  std::string result;
  for (char c : key) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result += c;
    }
  }
  return result;
}

namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string hex(std::uint64_t value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%llx", static_cast<unsigned long long>(value));
  return buffer;
}

std::string render_object(const Json::Object& object) {
  std::vector<const std::pair<std::string, Json>*> members;
  for (const auto& member : object) members.push_back(&member);
  std::stable_sort(members.begin(), members.end(),
                   [](const auto* a, const auto* b) { return a->first < b->first; });
  std::string result = "{";
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i]->first == members[i + 1]->first) continue;
    if (result.size() > 1) result += ",";
    result += quoted(members[i]->first) + ":" + render(members[i]->second);
  }
  return result + "}";
}

}  // namespace

std::string render(const Json& json) {
  if (const bool* value = json.as_bool()) return *value ? "true" : "false";
  if (const std::int64_t* value = json.as_int()) return std::to_string(*value);
  if (const double* value = json.as_double()) {
    if (*value != *value) return "double(nan)";
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "double(%g,", *value);
    return buffer + hex(std::bit_cast<std::uint64_t>(*value)) + ")";
  }
  if (const std::string* value = json.as_string()) return quoted(*value);
  if (const NumberText* value = json.as_number_text()) return "number(" + value->text + ")";
  if (const Bytes* value = json.as_bytes()) {
    std::string result = "bytes(";
    for (std::byte byte : *value) result += hex(static_cast<unsigned>(byte)) + " ";
    return result + ")";
  }
  if (const Json::Array* value = json.as_array()) {
    std::string result = "[";
    for (const Json& item : *value) {
      if (result.size() > 1) result += ",";
      result += render(item);
    }
    return result + "]";
  }
  if (const Json::Object* value = json.as_object()) return render_object(*value);
  return "null";
}

namespace {

const char* name_of_op(OracleKind kind) {
  switch (kind) {
    case OracleKind::kMapSet:
      return "map-set";
    case OracleKind::kMapErase:
      return "map-erase";
    case OracleKind::kMapEnsure:
      return "map-ensure";
    case OracleKind::kTextInsert:
      return "text-insert";
    case OracleKind::kListInsert:
      return "list-insert";
    case OracleKind::kErase:
      return "erase";
    case OracleKind::kListSet:
      return "list-set";
    case OracleKind::kListMove:
      return "list-move";
    case OracleKind::kRevoke:
      return "revoke";
    case OracleKind::kReinstate:
      return "reinstate";
    case OracleKind::kCounterAdd:
      return "counter-add";
    case OracleKind::kRestore:
      return "restore";
  }
  return "?";
}

/// Short names: tests use small replica ids.
std::string brief(const Dot& dot) {
  return "r" + hex(dot.replica.value) + ":" + std::to_string(dot.seq);
}

std::string brief(const std::optional<Dot>& dot, const char* none) {
  return dot.has_value() ? brief(*dot) : none;
}

std::string brief(const OracleValue& value) {
  if (!value.child.has_value()) return render(value.json);
  return "new child of kind " + std::to_string(static_cast<int>(*value.child));
}

}  // namespace

std::string describe(const OracleOp& op) {
  std::string result = brief(op.dot) + " @" + hex(op.hlc) + " " + name_of_op(op.kind) + " in " +
                       brief(op.container, "root");
  if (op.has_key())
    result += " key=" + quoted(op.key) + " overwrites=" + brief(op.overwritten, "nothing");
  switch (op.kind) {
    case OracleKind::kMapSet:
      result += " value=" + brief(op.value);
      break;
    case OracleKind::kMapEnsure:
      result += " kind=" + std::to_string(static_cast<int>(op.child_kind)) +
                " generation=" + std::to_string(op.generation);
      break;
    case OracleKind::kTextInsert: {
      std::string scalar;
      append_utf8(scalar, op.scalar);
      result += " " + quoted(scalar);
      break;
    }
    case OracleKind::kListInsert:
      result += " value=" + brief(op.value);
      break;
    case OracleKind::kListSet:
      result += " value=" + brief(op.value) + " overwrites=" + brief(op.overwritten, "nothing");
      [[fallthrough]];
    case OracleKind::kErase:
    case OracleKind::kListMove:
    case OracleKind::kRevoke:
    case OracleKind::kReinstate:
      result += " target=" + brief(op.target);
      break;
    case OracleKind::kCounterAdd:
      result += " amount=" + std::to_string(op.amount);
      break;
    case OracleKind::kRestore:
      result += " overwrites=" + brief(op.overwritten, "nothing");
      break;
    case OracleKind::kMapErase:
      break;
  }
  if (op.makes_slot()) result += " lo=" + brief(op.lo, "begin") + " ro=" + brief(op.ro, "end");
  result += " past={";
  for (const auto& [replica, end] : op.past.ends())
    result += " r" + hex(replica.value) + ":" + std::to_string(end);
  return result + " }";
}

}  // namespace weft::test
