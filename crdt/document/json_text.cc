// parse_json: a recursive-descent parser over RFC 8259's grammar. One pass; the first fault ends it.

#include "crdt/document/json_text.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "crdt/base/utf8.h"
#include "crdt/document/base64.h"
#include "crdt/document/json_number.h"
#include "crdt/document/json_pointer.h"

namespace weft {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The offset of the first byte that is not part of well-formed UTF-8.
std::size_t first_invalid_byte(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    unsigned size = utf8_size_from_lead(static_cast<unsigned char>(text[at]));
    if (size == 0 || !valid_utf8(text.substr(at, size))) return at;
    at += size;
  }
  return at;
}

void append_scalar(std::string& out, std::uint32_t scalar) {
  auto continuation = [&](unsigned shift) {
    out += static_cast<char>(0x80 | ((scalar >> shift) & 0x3f));
  };
  if (scalar < 0x80) {
    out += static_cast<char>(scalar);
  } else if (scalar < 0x800) {
    out += static_cast<char>(0xc0 | (scalar >> 6));
    continuation(0);
  } else if (scalar < 0x1'0000) {
    out += static_cast<char>(0xe0 | (scalar >> 12));
    continuation(6);
    continuation(0);
  } else {
    out += static_cast<char>(0xf0 | (scalar >> 18));
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

class Parser {
 public:
  Parser(std::string_view text, const JsonLimits& limits, JsonNotes* notes)
      : text_(text), limits_(limits), notes_(notes) {}

  Result<Json> parse() {
    if (text_.substr(0, 3) == "\xef\xbb\xbf")
      at_ = 3;  // a byte order mark, which RFC 8259 lets us skip
    Json json;
    if (parse_value(json, 0)) {
      skip_space();
      if (at_ == text_.size()) return json;
      fail("expected the end after the value");
    }
    if (place_.empty()) return std::move(error_);
    return Error(error_.code(), error_.context() + ", in " + place_, error_.byte_offset());
  }

 private:
  bool fail(const char* what) { return fail(ErrorCode::kCorrupt, what, at_); }
  bool fail(ErrorCode code, const char* what, std::size_t offset) {
    std::string context = what;
    if (code == ErrorCode::kCorrupt && offset >= text_.size())
      context += ", but the text ends here";
    error_ = Error(code, std::move(context), offset);
    return false;
  }
  /// The next character, 0 at the end (a real 0 is nowhere part of the grammar).
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool accept(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }

  bool parse_value(Json& out, std::size_t depth) {
    skip_space();
    switch (peek()) {
      case '{':
        return parse_object(out, depth);
      case '[':
        return parse_array(out, depth);
      case '"': {
        std::string text;
        if (!parse_string(text)) return false;
        out = std::move(text);
        return true;
      }
      case 't':
        return parse_literal("true", true, out);
      case 'f':
        return parse_literal("false", false, out);
      case 'n':
        return parse_literal("null", nullptr, out);
      default:
        break;
    }
    if (peek() == '-' || is_digit(peek())) return parse_number(out);
    return fail("expected a value");
  }

  bool parse_literal(std::string_view word, const Json& value, Json& out) {
    if (text_.substr(at_, word.size()) != word)
      return fail("expected a value (of words JSON knows true, false and null)");
    at_ += word.size();
    out = value;
    return true;
  }

  bool enter(std::size_t depth) {
    if (depth < limits_.depth) return true;
    return fail(ErrorCode::kLimit, "nested too deeply", at_);
  }

  bool parse_array(Json& out, std::size_t depth) {
    if (!enter(depth)) return false;
    ++at_;
    Json::Array array;
    skip_space();
    if (!accept(']')) {
      do {
        const std::size_t noted = noted_count();
        const bool is_read = parse_value(array.emplace_back(), depth + 1);
        if (!is_read || noted_count() != noted)
          put_before(std::to_string(array.size() - 1), noted, !is_read);
        if (!is_read) return false;
        skip_space();
      } while (accept(','));
      if (!accept(']')) return fail("expected ',' or ']'");
    }
    out = std::move(array);
    return true;
  }

  bool parse_object(Json& out, std::size_t depth) {
    if (!enter(depth)) return false;
    ++at_;
    Json::Object object;
    std::vector<std::size_t> key_offsets;  // only where somebody asks
    skip_space();
    if (!accept('}')) {
      do {
        skip_space();
        if (peek() != '"') return fail("expected a key in double quotes");
        auto& [key, value] = object.emplace_back();
        if (notes_ != nullptr) key_offsets.push_back(at_);
        if (!parse_string(key)) return false;
        skip_space();
        const std::size_t noted = noted_count();
        const bool is_read =
            accept(':') ? parse_value(value, depth + 1) : fail("expected ':' behind the key");
        if (!is_read || noted_count() != noted) put_before(key, noted, !is_read);
        if (!is_read) return false;
        skip_space();
      } while (accept(','));
      if (!accept('}')) return fail("expected ',' or '}'");
    }
    if (object.size() == 1 && object[0].first == "$bytes" && object[0].second.as_string()) {
      if (auto bytes = base64_decode(*object[0].second.as_string())) {
        out = std::move(*bytes);
        return true;
      }
    }
    keep_last_of_equal_keys(object, key_offsets);
    out = std::move(object);
    return true;
  }

  std::size_t noted_count() const { return notes_ == nullptr ? 0 : notes_->repeated.size(); }
  /// Whatever was noted behind the first `noted`, and an error, lie in the member or element `token`.
  void put_before(std::string_view token, std::size_t noted, bool is_error) {
    std::string path;
    append_pointer_token(path, token);
    for (std::size_t i = noted; i < noted_count(); ++i) notes_->repeated[i].path.insert(0, path);
    if (is_error) place_.insert(0, path);
  }
  void note_repeated(std::string_view key, std::size_t offset) {
    ++notes_->repeated_count;
    if (notes_->repeated.size() == JsonNotes::kRepeatedMax) return;
    RepeatedKey& note = notes_->repeated.emplace_back();
    append_pointer_token(note.path, key);
    note.offset = offset;
  }

  /// As JavaScript does: at the place of the first, the value of the last.
  /// @param key_offsets  of each member, or none
  void keep_last_of_equal_keys(Json::Object& object, const std::vector<std::size_t>& key_offsets) {
    if (object.size() < 2) return;
    std::vector<std::size_t> order(object.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return object[a].first < object[b].first;
    });
    std::vector<bool> drop(object.size());
    bool any = false;
    for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
      if (object[order[i]].first != object[order[first]].first) {
        first = i;
        continue;
      }
      if (!key_offsets.empty() && i == first + 1)
        note_repeated(object[order[i]].first, key_offsets[order[i]]);
      object[order[first]].second = std::move(object[order[i]].second);
      drop[order[i]] = any = true;
    }
    if (!any) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < object.size(); ++i) {
      if (drop[i]) continue;
      if (kept != i) object[kept] = std::move(object[i]);
      ++kept;
    }
    object.resize(kept);
  }

  bool parse_string(std::string& out) {
    ++at_;
    for (;;) {
      std::size_t begin = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20)
        ++at_;
      out.append(text_, begin, at_ - begin);
      if (accept('"')) return true;
      if (at_ == text_.size()) return fail("expected '\"' at the end of a string");
      if (!accept('\\')) return fail("a control character in a string must be escaped");
      if (!parse_escape(out)) return false;
    }
  }

  bool parse_escape(std::string& out) {
    char c = peek();
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out += c;
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u':
        return parse_unicode_escape(out);
      default:
        return fail("expected one of \"\\/bfnrtu after a backslash");
    }
    ++at_;
    return true;
  }

  /// From the 'u' on.
  bool parse_unicode_escape(std::string& out) {
    std::size_t begin = at_ - 1;
    std::uint32_t unit = 0;
    if (!parse_hex(unit)) return false;
    if (unit >= 0xd800 && unit < 0xe000) {
      std::uint32_t low = 0;
      bool has_low = unit < 0xdc00 && text_.substr(at_, 2) == "\\u";
      if (has_low) {
        ++at_;
        if (!parse_hex(low)) return false;
      }
      if (low < 0xdc00 || low >= 0xe000)
        return fail(ErrorCode::kCorrupt, "a surrogate escape without its other half", begin);
      unit = 0x1'0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    append_scalar(out, unit);
    return true;
  }

  bool parse_hex(std::uint32_t& unit) {
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_) {
      char c = peek();
      int digit = is_digit(c)            ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
      if (digit < 0) return fail("expected four hexadecimal digits after \\u");
      unit = unit * 16 + static_cast<std::uint32_t>(digit);
    }
    return true;
  }

  bool skip_digits() {
    if (!is_digit(peek())) return fail("expected a digit");
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool parse_number(Json& out) {
    std::size_t begin = at_;
    accept('-');
    if (accept('0')) {
      if (is_digit(peek())) return fail("a number has no leading zeros");
    } else if (!skip_digits()) {
      return false;
    }
    if (accept('.') && !skip_digits()) return false;
    if (accept('e') || accept('E')) {
      if (!accept('+')) accept('-');
      if (!skip_digits()) return false;
    }
    out = json_number(text_.substr(begin, at_ - begin));
    return true;
  }

  std::string_view text_;
  const JsonLimits& limits_;
  JsonNotes* notes_;
  std::size_t at_ = 0;
  Error error_;
  std::string place_;  ///< of the error: grows in front as the recursion ends
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits, JsonNotes* notes) {
  if (text.size() > limits.input_bytes)
    return Error(ErrorCode::kLimit, "JSON text of " + std::to_string(text.size()) +
                                        " bytes; the limit is " +
                                        std::to_string(limits.input_bytes));
  if (!valid_utf8(text))
    return Error(ErrorCode::kInvalidUtf8, "JSON text must be UTF-8", first_invalid_byte(text));
  return Parser(text, limits, notes).parse();
}

}  // namespace weft
