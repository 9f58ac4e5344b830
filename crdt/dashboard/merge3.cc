#include "crdt/dashboard/merge3.h"

#include <algorithm>
#include <vector>

#include "crdt/document/list_match.h"

namespace weft::dashboard {
namespace {

/// Words, each space and each other sign by itself: what people change one of.
std::vector<Json> tokens_of(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (static_cast<unsigned char>(c) & 0x80) != 0;
  };
  std::vector<Json> tokens;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin + 1;
    if (is_word(text[begin]))
      while (end < text.size() && is_word(text[end])) ++end;
    tokens.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return tokens;
}

/// base[begin, end) became this.
struct Change {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;
  friend bool operator==(const Change&, const Change&) = default;
};

std::vector<Change> changes_between(const std::vector<Json>& base, const std::vector<Json>& side) {
  std::vector<Change> changes;
  for (const ListGap& gap : unequal_gaps(base, side)) {
    Change& change = changes.emplace_back();
    change.begin = gap.old_begin;
    change.end = gap.old_begin + gap.old_count;
    for (std::size_t i = 0; i < gap.new_count; ++i)
      change.text += *side[gap.new_begin + i].as_string();
  }
  return changes;
}

bool contains(const Json::Array& array, const Json& value) {
  return std::find(array.begin(), array.end(), value) != array.end();
}

bool is_plain_list(const Json& json) {
  const Json::Array* array = json.as_array();
  return array != nullptr && std::none_of(array->begin(), array->end(), [](const Json& each) {
           return each.as_array() != nullptr || each.as_object() != nullptr;
         });
}

}  // namespace

std::optional<std::string> merge_texts(std::string_view base, std::string_view a,
                                       std::string_view b) {
  const std::vector<Json> tokens = tokens_of(base);
  const std::vector<Change> of_a = changes_between(tokens, tokens_of(a));
  const std::vector<Change> of_b = changes_between(tokens, tokens_of(b));
  std::string result;
  std::size_t at = 0;  // in tokens
  const auto copy_to = [&](std::size_t end) {
    for (; at < end; ++at) result += *tokens[at].as_string();
  };
  auto x = of_a.begin();
  auto y = of_b.begin();
  while (x != of_a.end() || y != of_b.end()) {
    if (x != of_a.end() && y != of_b.end() && *x == *y) {
      copy_to(x->begin);
      result += x->text;
      at = x->end;
      ++x;
      ++y;
      continue;
    }
    const bool is_x =
        y == of_b.end() ||
        (x != of_a.end() && (x->begin < y->begin || (x->begin == y->begin && x->end < y->end)));
    const Change& first = is_x ? *x : *y;
    const bool is_other_end = is_x ? y == of_b.end() : x == of_a.end();
    if (!is_other_end) {
      const Change& other = is_x ? *y : *x;
      // At one place, or one within the other: which comes first is nobody's to say.
      if (other.begin < first.end || other.begin == first.begin) return std::nullopt;
    }
    copy_to(first.begin);
    result += first.text;
    at = first.end;
    ++(is_x ? x : y);
  }
  copy_to(tokens.size());
  return result;
}

std::optional<Json> merge_sets(const Json& base, const Json& a, const Json& b) {
  if (!is_plain_list(base) || !is_plain_list(a) || !is_plain_list(b)) return std::nullopt;
  Json::Array result;
  const auto add = [&](const Json::Array& side, const Json::Array& other) {
    for (const Json& each : side) {
      const bool was_removed = contains(*base.as_array(), each) && !contains(other, each);
      if (!was_removed && !contains(result, each)) result.push_back(each);
    }
  };
  add(*a.as_array(), *b.as_array());
  add(*b.as_array(), *a.as_array());
  return Json(std::move(result));
}

std::optional<Json> merge_counts(const Json& base, const Json& a, const Json& b) {
  if (!base.as_int() || !a.as_int() || !b.as_int()) return std::nullopt;
  std::int64_t change = 0;
  std::int64_t result = 0;
  if (__builtin_sub_overflow(*b.as_int(), *base.as_int(), &change) ||
      __builtin_add_overflow(*a.as_int(), change, &result))
    return std::nullopt;
  return Json(result);
}

std::optional<Json> merge_values(const Json& base, const Json& a, const Json& b) {
  if (a == b || b == base) return a;
  if (a == base) return b;
  if (base.as_string() && a.as_string() && b.as_string()) {
    std::optional<std::string> text =
        merge_texts(*base.as_string(), *a.as_string(), *b.as_string());
    return text ? std::optional<Json>(*std::move(text)) : std::nullopt;
  }
  return merge_sets(base, a, b);
}

}  // namespace weft::dashboard
