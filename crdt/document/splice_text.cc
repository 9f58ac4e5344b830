#include "crdt/document/splice_text.h"

#include <algorithm>

namespace weft {

TextSplice splice_between(std::string_view now, std::string_view wanted) {
  const auto is_inside = [](std::string_view s, std::size_t at) {
    return at < s.size() && (static_cast<unsigned char>(s[at]) & 0xc0) == 0x80;
  };
  const auto [a, b] = std::mismatch(now.begin(), now.end(), wanted.begin(), wanted.end());
  auto begin = static_cast<std::size_t>(a - now.begin());
  while (is_inside(now, begin) || is_inside(wanted, begin)) --begin;
  const std::size_t limit = std::min(now.size(), wanted.size()) - begin;
  std::size_t end = 0;  // bytes of the common end
  while (end < limit && now[now.size() - 1 - end] == wanted[wanted.size() - 1 - end]) ++end;
  while (is_inside(now, now.size() - end)) --end;
  return {begin, now.size() - end - begin,
          std::string(wanted.substr(begin, wanted.size() - end - begin))};
}

Status splice_text(TextEdit text, std::string_view wanted) {
  const TextSplice splice = splice_between(text.str(), wanted);
  if (splice.erased != 0) WEFT_TRY(text.erase(utf8(splice.begin), splice.erased));
  return splice.inserted.empty() ? Status() : text.insert(utf8(splice.begin), splice.inserted);
}

}  // namespace weft
