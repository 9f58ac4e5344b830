#include "tests/sim/scribble.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

namespace weft::sim {
namespace {

/// U+F0000 + mark, in UTF-8.
std::string scalar_of(Mark mark) {
  auto tail = [mark](unsigned shift) { return static_cast<char>(0x80 | (mark >> shift & 0x3f)); };
  return {static_cast<char>(0xf3), static_cast<char>(0xb0 | mark >> 12), tail(6), tail(0)};
}
constexpr std::size_t kScalarBytes = 4;

Mark mark_of(const char* utf8) {
  auto bits = [utf8](std::size_t at, unsigned mask) {
    return static_cast<unsigned char>(utf8[at]) & mask;
  };
  return bits(1, 0x0f) << 12 | bits(2, 0x3f) << 6 | bits(3, 0x3f);
}

Status put_mark(Transaction& tx, Mark mark, MarkPlace place, test::Random& random) {
  switch (place == MarkPlace::kRoot ? 0 : mark % 4) {
    case 0:
      return tx.root().set("k" + std::to_string(mark), 1);
    case 1:
      return tx.root().ensure_map("marks").set("k" + std::to_string(mark), 1);
    case 2: {
      ListEdit list = tx.root().ensure_list("mark_list");
      std::size_t at = random.below(list.size().value() + 1);
      return list.insert(at, static_cast<std::int64_t>(mark));
    }
    default: {
      TextEdit text = tx.root().ensure_text("mark_text");
      std::size_t at = random.below(text.size() + 1);
      return text.insert(scalar(at), scalar_of(mark));
    }
  }
}

std::string word(test::Random& random) {
  std::string text;
  for (std::uint64_t left = 1 + random.below(8); left > 0; --left)
    text += static_cast<char>('a' + random.below(26));
  return text;
}

std::string key(test::Random& random) { return "key" + std::to_string(random.below(6)); }

Value value(test::Random& random) {
  switch (random.below(5)) {
    case 0:
      return Value(static_cast<std::int64_t>(random.below(100)));
    case 1:
      return Value(word(random));
    case 2:
      return Value(random.chance(1, 2));
    case 3:
      return Value(Record{{"x", static_cast<std::int64_t>(random.below(9))}, {"y", 0}});
    default:
      return Value(0.5 * static_cast<double>(random.below(9)));
  }
}

Status change_map(Transaction& tx, test::Random& random) {
  MapEdit map = tx.root().ensure_map("map");
  if (random.chance(1, 4)) map = map.ensure_map(key(random));
  if (random.chance(1, 5)) {
    std::vector<std::string> keys = map.keys();
    if (keys.empty()) return {};
    std::size_t at = random.below(keys.size());
    return map.erase(keys[at]);
  }
  std::string name = key(random);
  return map.set(name, value(random));
}

Status change_list(Transaction& tx, test::Random& random) {
  ListEdit list = tx.root().ensure_list("list");
  std::size_t size = list.size().value();
  std::uint64_t kind = random.below(6);
  if (size == 0 || kind < 3) {
    std::size_t at = random.below(size + 1);
    return list.insert(at, value(random));
  }
  std::size_t at = random.below(size);
  if (kind == 3) return list.erase(at);
  if (kind == 4) return list.set(at, value(random));
  std::size_t to = random.below(size);
  return list.move(at, to);
}

Status change_text(Transaction& tx, test::Random& random) {
  TextEdit text = tx.root().ensure_text("text");
  std::size_t size = text.size();
  // Often near the begin, so that writers meet.
  std::size_t at = random.below(std::min<std::size_t>(size, random.chance(2, 3) ? 4 : size) + 1);
  if (random.chance(1, 3) && at < size) {
    std::size_t most = std::min<std::size_t>(size - at, 6);
    std::size_t count = 1 + random.below(most);
    return text.erase(scalar(at), count);
  }
  return text.insert(scalar(at), word(random));
}

}  // namespace

Status scribble(Transaction& tx, Mark mark, MarkPlace place, test::Random& random) {
  WEFT_TRY(put_mark(tx, mark, place, random));
  for (std::uint64_t left = random.below(4); left > 0; --left) {
    switch (random.below(4)) {
      case 0:
        WEFT_TRY(change_map(tx, random));
        break;
      case 1:
        WEFT_TRY(change_list(tx, random));
        break;
      case 2:
        WEFT_TRY(change_text(tx, random));
        break;
      default:
        WEFT_TRY(tx.root().ensure_counter("counter").add(
            static_cast<std::int64_t>(random.below(5)) - 2));
    }
  }
  return {};
}

Status scribble_large(Transaction& tx, Mark mark, std::size_t bytes, test::Random& random) {
  WEFT_TRY(put_mark(tx, mark, MarkPlace::kRoot, random));
  std::string text;
  while (text.size() < bytes) {
    std::uint64_t raw = random.next();
    for (int i = 0; i < 10; ++i, raw >>= 6) text += static_cast<char>('0' + (raw & 63));
  }
  return tx.root().ensure_text("large").insert(scalar(0), text);
}

std::set<Mark> marks_in(const Document& document) {
  std::set<Mark> marks;
  auto add = [&marks](std::uint64_t mark) {
    if (mark <= kMarkMax) marks.insert(static_cast<Mark>(mark));
  };
  auto add_keys = [&add](const MapView& map) {
    for (const std::string& name : map.keys()) {
      std::uint64_t mark = 0;
      auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), mark);
      if (name[0] == 'k' && error == std::errc() && *end == '\0') add(mark);
    }
  };
  add_keys(document.root());
  if (auto map = document.map("/marks"); map.ok()) add_keys(*map);
  if (auto list = document.list("/mark_list"); list.ok())
    for (const Value& mark : list->values().value()) add(static_cast<std::uint64_t>(mark.as_int()));
  if (auto text = document.text("/mark_text"); text.ok()) {
    std::string utf8 = text->str();
    for (std::size_t at = 0; at < utf8.size(); at += kScalarBytes) add(mark_of(&utf8[at]));
  }
  return marks;
}

}  // namespace weft::sim
