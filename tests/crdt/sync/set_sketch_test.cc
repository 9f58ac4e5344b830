// Set sketches against std::set_symmetric_difference, against rows summed up symbol by symbol, and
// against peers that send anything.
//
// WEFT_SEED=<n> runs other random sets; a failure prints the seed to use.

#include "crdt/sync/set_sketch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/random.h"
#include "tests/support/size.h"

namespace weft::test {
namespace {

using sync::item_check;
using sync::kFirstSymbols;
using sync::kSymbolsMax;
using sync::make_item;
using sync::SetDifference;
using sync::SetItem;
using sync::SetSketch;
using sync::Symbol;
using sync::SymbolIndices;
using sync::symbols_to_ask;

using Items = std::vector<SetItem>;

std::uint64_t first_seed() {
  const char* text = std::getenv("WEFT_SEED");
  return text == nullptr ? 20'240'804 : std::strtoull(text, nullptr, 10);
}

SetItem random_item(Random& random) {
  SetItem item;
  item.name = random.next();
  item.version = random.next();
  return item;
}

Items sorted(Items items) {
  std::sort(items.begin(), items.end());
  return items;
}

Items minus(const Items& from, const Items& items) {
  Items rest;
  std::set_difference(from.begin(), from.end(), items.begin(), items.end(),
                      std::back_inserter(rest));
  return rest;
}

/// The first `count` symbols of a set.
std::vector<Symbol> row(std::uint64_t key, const Items& items, std::size_t count) {
  SetSketch sketch(key, count);
  for (const SetItem& item : items) sketch.add(item);
  const auto symbols = sketch.symbols(0, count, [](auto&&) { FAIL("the prefix is too short"); });
  return {symbols.begin(), symbols.end()};
}

/// The same, for each symbol and item by itself, in whole numbers only.
std::vector<Symbol> naive_row(std::uint64_t key, const Items& items, std::size_t count) {
  std::vector<Symbol> symbols(count);
  for (const SetItem& item : items) {
    const std::uint64_t check = item_check(key, item);
    std::uint64_t state = check;
    for (std::uint64_t index = 0; index < count;) {
      Symbol& symbol = symbols[static_cast<std::size_t>(index)];
      symbol.name ^= item.name;
      symbol.version ^= item.version;
      symbol.check ^= check;
      ++symbol.count;
      state += 0x9e37'79b9'7f4a'7c15;
      std::uint64_t draw = (state ^ (state >> 30)) * 0xbf58'476d'1ce4'e5b9;
      draw = (draw ^ (draw >> 27)) * 0x94d0'49bb'1331'11eb;
      draw ^= draw >> 31;
      const std::uint64_t first = ((index + 1) << 32) / ((draw & 0xffff'ffff) + 1);
      const std::uint64_t second = ((index + 2) << 32) / ((draw >> 32) + 1) - 1;
      index = std::min(first, second);
    }
  }
  return symbols;
}

/// Feeds a row in pieces as large as a session would ask for.
void feed(SetDifference& difference, const std::vector<Symbol>& symbols, std::uint64_t size_here,
          std::uint64_t size_there) {
  while (!difference.decoded() && !difference.failed()) {
    const std::size_t begin = difference.received();
    const std::size_t count = std::min(symbols_to_ask(begin, size_here, size_there),
                                       symbols.size() - std::min(begin, symbols.size()));
    if (count == 0) return;
    difference.receive(std::span(symbols).subspan(begin, count));
  }
}

/// What two sets need: symbols until they decode, sent one by one.
std::size_t symbols_needed(const Items& here, const Items& there, std::uint64_t key,
                           std::size_t count_max) {
  const std::vector<Symbol> symbols = row(key, there, count_max);
  SetDifference difference(key, here);
  while (!difference.decoded() && !difference.failed() && difference.received() < symbols.size())
    difference.receive(std::span(symbols).subspan(difference.received(), 1));
  REQUIRE(difference.decoded());
  return difference.received();
}

// --- items and their indices ---

DocumentId numbered_id(std::uint8_t number) {
  DocumentId id;
  id.bytes[15] = number;
  return id;
}

TEST_CASE("items depend on the key, the document and its version") {
  const SetItem item = make_item(1, numbered_id(1), {2, 3});
  CHECK(item.name == 0xe168'60e2'8091'2bb2);
  CHECK(item.version == 0x26f2'a114'8cf5'2011);
  CHECK(item_check(1, item) == 0xde6a'df36'04af'75f0);
  CHECK(make_item(2, numbered_id(1), {2, 3}).name != item.name);
  CHECK(make_item(2, numbered_id(1), {2, 3}).version != item.version);
  CHECK(make_item(1, numbered_id(2), {2, 3}).name != item.name);
  CHECK(make_item(1, numbered_id(2), {2, 3}).version == item.version);
  CHECK(make_item(1, numbered_id(1), {3, 2}).name == item.name);
  CHECK(make_item(1, numbered_id(1), {3, 2}).version != item.version);
  CHECK(item_check(2, item) != item_check(1, item));
}

TEST_CASE("an item's indices are the same on every machine") {
  const std::array<std::uint64_t, 4> checks = {0, 1, 0x0123'4567'89ab'cdef, ~std::uint64_t{0}};
  std::string text;
  for (std::uint64_t check : checks) {
    SymbolIndices at(check);
    for (; at.index() < 100'000; at.advance()) text += std::to_string(at.index()) + ' ';
    text += '\n';
  }
  CHECK(text ==
        "0 1 3 7 8 28 63 372 474 1848 1942 4902 6442 7339 12343 17429 29527 60396 78963 \n"
        "0 1 3 4 5 7 10 12 25 93 118 295 489 1078 1907 4377 6773 9425 11560 16959 19178 48176 \n"
        "0 1 2 5 10 136 831 1151 2150 2206 2777 3457 8318 14921 25138 61694 73146 \n"
        "0 1 2 4 6 10 13 14 23 31 66 563 684 842 974 1399 2072 4000 6904 9274 21911 27392 40730 "
        "86441 \n");
}

TEST_CASE("an index belongs to an item with probability 2 / (index + 2)") {
  constexpr std::size_t kItems = 200'000;
  constexpr std::size_t kIndices = 200;
  Random random(1);
  std::array<double, kIndices> hits{};
  std::array<double, kIndices> pairs{};  // with the index before
  for (std::size_t i = 0; i < kItems; ++i) {
    std::size_t last = kIndices;
    for (SymbolIndices at(random.next()); at.index() < kIndices; at.advance()) {
      const auto index = static_cast<std::size_t>(at.index());
      ++hits[index];
      if (index == last + 1) ++pairs[index];
      last = index;
    }
  }
  auto check_count = [](double count, double probability) {
    const double expected = probability * kItems;
    CHECK(std::abs(count - expected) <= 5 * std::sqrt(expected * (1 - probability)) + 1e-9);
  };
  for (std::size_t index = 0; index < kIndices; ++index) {
    CAPTURE(index);
    const double probability = 2.0 / static_cast<double>(index + 2);
    check_count(hits[index], probability);
    if (index > 0) check_count(pairs[index], probability * 2.0 / static_cast<double>(index + 1));
  }
}

// --- the row of symbols ---

TEST_CASE("symbols of a fixed set are the same on every machine") {
  Items items;
  for (std::uint8_t i = 0; i < 16; ++i)
    items.push_back(make_item(42, numbered_id(i), {i, std::uint64_t{100} + i}));
  std::string text;
  for (const Symbol& symbol : row(42, items, 8)) {
    char line[80];
    std::snprintf(line, sizeof line, "%016llx %016llx %016llx %lld\n",
                  static_cast<unsigned long long>(symbol.name),
                  static_cast<unsigned long long>(symbol.version),
                  static_cast<unsigned long long>(symbol.check),
                  static_cast<long long>(symbol.count));
    text += line;
  }
  CHECK(text ==
        "d4684197443f6a97 9ba80227ed9fecaf 0190a7f7d15561f5 16\n"
        "dad50a8061a95a19 0ea5db4395218a42 d49ee2d3bfe1b970 11\n"
        "88b0e39ba443a59d e5e33622bc858864 531ad5b5273b6e17 6\n"
        "331afdd6a42f914c ce509899cf4b7de0 669aac5c475c40d5 7\n"
        "ca2c3022af3f7184 376bbba7f10912f4 ff97cabf86fe268b 4\n"
        "9550a28e8ed0ff96 7fed6a2d3ac4321f b5fa38b07c9768ae 4\n"
        "988ae81b6bbcdca8 2046cc86e5636a78 bb331fc43dee32a8 3\n"
        "c8f4b15b750327ae ad8a0c8b5b2dbfc1 ce8362651a03518a 1\n");
}

TEST_CASE("a row is the sum over the items that belong to each symbol") {
  Random random(first_seed());
  CAPTURE(first_seed());
  for (std::size_t size : {0u, 1u, 2u, 50u, 3000u}) {
    Items items;
    for (std::size_t i = 0; i < size; ++i) items.push_back(random_item(random));
    const std::uint64_t key = random.next();
    CHECK(row(key, items, 700) == naive_row(key, items, 700));
  }
}

TEST_CASE("a sketch that items came to and went from is that of the items left") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::uint64_t key = random.next();
    SetSketch sketch(key, 1 + static_cast<std::size_t>(random.below(100)));
    Items items;
    for (int step = 0; step < 1000; ++step) {
      const std::uint64_t revision = sketch.revision();
      if (!items.empty() && random.chance(2, 5)) {
        std::swap(items[static_cast<std::size_t>(random.below(items.size()))], items.back());
        sketch.remove(items.back());
        items.pop_back();
      } else {
        items.push_back(random_item(random));
        sketch.add(items.back());
      }
      CHECK(sketch.revision() == revision + 1);
      if (!random.chance(1, 50)) continue;
      const std::uint64_t begin = random.below(600);
      const std::uint64_t count = random.below(200);
      const auto symbols = sketch.symbols(begin, count, [&](auto&& visit) {
        for (const SetItem& item : items) visit(item);
      });
      const std::vector<Symbol> fresh =
          row(key, items, static_cast<std::size_t>(begin + count + 1));
      REQUIRE(std::equal(symbols.begin(), symbols.end(),
                         fresh.begin() + static_cast<std::ptrdiff_t>(begin), fresh.end() - 1));
    }
    CHECK(sketch.size() == items.size());
  }
}

TEST_CASE("a sketch visits the items once for each doubling of its prefix") {
  SetSketch sketch(1, 16);
  sketch.add({2, 3});
  int visits = 0;
  auto visit_items = [&](auto&& visit) {
    ++visits;
    visit(SetItem{2, 3});
  };
  for (std::uint64_t begin = 0; begin < kSymbolsMax; ++begin)
    CHECK(sketch.symbols(begin, 1, visit_items).size() == 1);
  CHECK(visits == 9);  // 16 to 8192
}

TEST_CASE("a sketch gives no symbols behind the longest row") {
  SetSketch sketch(1);
  auto no_items = [](auto&&) {};
  CHECK(sketch.symbols(kSymbolsMax, 1, no_items).empty());
  CHECK(sketch.symbols(~std::uint64_t{0}, ~std::uint64_t{0}, no_items).empty());
  CHECK(sketch.prefix() == kFirstSymbols);
  CHECK(sketch.symbols(kSymbolsMax - 3, ~std::uint64_t{0}, no_items).size() == 3);
  CHECK(sketch.symbols(0, ~std::uint64_t{0}, no_items).size() == kSymbolsMax);
  CHECK(sketch.prefix() == kSymbolsMax);
}

// --- the difference ---

TEST_CASE("the difference is that of the sets") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::uint64_t key = random.next();
    const std::uint64_t common = random.below(random.chance(1, 4) ? 3000 : 30);
    const std::uint64_t differing = random.below(random.chance(1, 10) ? 2000 : 200);
    Items here;
    Items there;
    for (std::uint64_t i = 0; i < common; ++i) here.push_back(random_item(random));
    there = here;
    for (std::uint64_t i = 0; i < differing; ++i) {
      SetItem item = random_item(random);
      const std::uint64_t kind = random.below(3);
      if (kind != 0) here.push_back(item);
      if (kind == 2) item.version = random.next();
      if (kind != 1) there.push_back(item);
    }
    here = sorted(std::move(here));
    there = sorted(std::move(there));
    SetDifference difference(key, here);
    feed(difference, row(key, there, kSymbolsMax), here.size(), there.size());
    REQUIRE(difference.decoded());
    CHECK(!difference.failed());
    const Items only_here = sorted(difference.only_here());
    const Items only_there = sorted(difference.only_there());
    CHECK(only_here == minus(here, there));
    CHECK(only_there == minus(there, here));
    Items both;
    std::set_symmetric_difference(here.begin(), here.end(), there.begin(), there.end(),
                                  std::back_inserter(both));
    Items found = difference.only_here();
    found.insert(found.end(), difference.only_there().begin(), difference.only_there().end());
    CHECK(sorted(found) == both);
  }
}

TEST_CASE("equal sets decode after one symbol") {
  for (std::size_t size : {0u, 1u, 2u, 1000u}) {
    Random random(size);
    Items items;
    for (std::size_t i = 0; i < size; ++i) items.push_back(random_item(random));
    CHECK(symbols_needed(items, items, 1, 1) == 1);
  }
}

TEST_CASE("an empty set differs from another in all of it") {
  Random random(1);
  Items items;
  for (std::size_t i = 0; i < 100; ++i) items.push_back(random_item(random));
  items = sorted(items);
  SetDifference all_there(1, {});
  feed(all_there, row(1, items, kSymbolsMax), 0, items.size());
  REQUIRE(all_there.decoded());
  CHECK(all_there.only_here().empty());
  CHECK(sorted(all_there.only_there()) == items);
  SetDifference all_here(1, items);
  feed(all_here, row(1, {}, kSymbolsMax), items.size(), 0);
  REQUIRE(all_here.decoded());
  CHECK(sorted(all_here.only_here()) == items);
  CHECK(all_here.only_there().empty());
}

TEST_CASE("a difference takes nothing more once it is decoded") {
  SetDifference difference(1, {{2, 3}});
  difference.receive({});
  CHECK(!difference.decoded());
  const std::vector<Symbol> symbols = row(1, {{2, 3}}, 2);
  difference.receive(symbols);
  REQUIRE(difference.decoded());
  difference.receive(row(1, {{4, 5}}, 10));
  CHECK(difference.decoded());
  CHECK(difference.received() == 2);
}

// --- how many symbols ---

TEST_CASE("200 items that differ need 10 kB at most in 99 of 100 cases") {
  constexpr std::size_t kSymbolBytes = 28;  // on the wire
  const std::size_t seeds = size() == Size::kSmoke ? 100 : 1000;
  std::size_t needed_200 = 0;
  for (std::size_t items : {2u, 20u, 200u, 2000u}) {
    std::vector<std::size_t> needed;
    for (std::size_t seed = 0; seed < seeds; ++seed) {
      Random random(seed * 1'000'003 + items);
      const std::uint64_t key = random.next();
      Items here;
      Items there;
      for (std::size_t i = 0; i < items / 2; ++i) {  // documents held in another version there
        here.push_back(random_item(random));
        there.push_back({here.back().name, random.next()});
      }
      needed.push_back(symbols_needed(here, there, key, 100 + 2 * items));
    }
    std::sort(needed.begin(), needed.end());
    auto quantile = [&](std::size_t of_thousand) {
      return needed[std::min(seeds - 1, seeds * of_thousand / 1000)];
    };
    MESSAGE(items << " items: " << quantile(500) << " symbols at the median, " << quantile(900)
                  << " in 90 %, " << quantile(990) << " in 99 %, " << quantile(999)
                  << " in 99.9 %; in 99 % " << quantile(990) * kSymbolBytes << " bytes");
    if (items == 200) needed_200 = quantile(990);
  }
  CHECK(needed_200 <= kFirstSymbols);
  CHECK(needed_200 * kSymbolBytes <= 10'000);
  CHECK(kFirstSymbols * kSymbolBytes <= 10'000);
}

TEST_CASE("who asks begins with what suffices mostly, and goes on by halves to the end") {
  CHECK(symbols_to_ask(0, 100'000, 100'000) == kFirstSymbols);
  CHECK(symbols_to_ask(0, 0, 0) == 1);
  CHECK(symbols_to_ask(0, 3, 3) == 35);                // can't need more
  CHECK(symbols_to_ask(0, 100'000, 101'000) == 1526);  // can't need less
  CHECK(symbols_to_ask(0, 1000, 100'000) == 0);        // too much to begin with
  CHECK(symbols_to_ask(0, ~std::uint64_t{0}, 0) == 0);
  CHECK(symbols_to_ask(0, ~std::uint64_t{0}, ~std::uint64_t{0}) == kFirstSymbols);
  std::size_t received = 0;
  std::size_t questions = 0;
  while (const std::size_t count = symbols_to_ask(received, 9000, 9000)) {
    received += count;
    ++questions;
  }
  CHECK(received == kSymbolsMax);
  CHECK(questions == 9);
  CHECK(symbols_to_ask(1, 5, 5) == 1);
}

// --- peers that err, and hostile ones ---

TEST_CASE("an item that isn't in all its symbols is no item") {
  std::vector<Symbol> symbols = row(1, {{2, 3}}, 400);
  SymbolIndices at(symbols[0].check);
  at.advance();
  REQUIRE(at.index() < symbols.size());
  symbols[static_cast<std::size_t>(at.index())] = {};
  SetDifference difference(1, {});
  difference.receive(symbols);
  CHECK(difference.failed());
  CHECK(!difference.decoded());
}

TEST_CASE("an item in a symbol that isn't its own is not taken") {
  std::vector<Symbol> symbols = row(1, {{2, 3}}, 400);
  const Symbol item = symbols[0];
  std::size_t other = 1;
  while (symbols[other].count != 0) ++other;
  std::vector<Symbol> sent(other + 1);
  sent[0].count = 7;  // not one item
  sent[other] = item;
  SetDifference difference(1, {});
  difference.receive(sent);
  CHECK(!difference.decoded());
  CHECK(!difference.failed());
  CHECK(difference.only_there().empty());
}

TEST_CASE("an item with another checksum, or another key's, is not taken") {
  std::vector<Symbol> symbols = row(1, {{2, 3}}, 1);
  SetDifference keyed(2, {});
  keyed.receive(symbols);
  CHECK(keyed.only_there().empty());
  ++symbols[0].check;
  SetDifference damaged(1, {});
  damaged.receive(symbols);
  CHECK(damaged.only_there().empty());
}

TEST_CASE("an item of this end alone is one of this end") {
  std::vector<Symbol> symbols = row(1, {{2, 3}}, 10);
  for (Symbol& symbol : symbols) symbol.count = -symbol.count;
  SetDifference difference(1, {{4, 5}});
  std::vector<Symbol> own = row(1, {{4, 5}}, 10);
  for (std::size_t i = 0; i < own.size(); ++i) {
    symbols[i].name ^= own[i].name;
    symbols[i].version ^= own[i].version;
    symbols[i].check ^= own[i].check;
    symbols[i].count += own[i].count;
  }
  difference.receive(symbols);
  CHECK(difference.only_here() == Items{{2, 3}});
  CHECK(difference.failed());
}

TEST_CASE("an item of the other end alone is none of this end") {
  std::vector<Symbol> symbols = row(1, {{2, 3}}, 10);
  for (Symbol& symbol : symbols) symbol = {0, 0, 0, 2 * symbol.count};  // the item twice
  SetDifference difference(1, {{2, 3}});
  difference.receive(symbols);
  CHECK(difference.only_there() == Items{{2, 3}});
  CHECK(difference.failed());
}

TEST_CASE("symbols of a set that changed between them don't decode") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 50; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Items there;
    for (int i = 0; i < 400; ++i) there.push_back(random_item(random));
    std::vector<Symbol> symbols = row(1, there, kFirstSymbols);
    there[0].version = random.next();
    const std::vector<Symbol> later = row(1, there, 2000);
    symbols.insert(symbols.end(), later.begin() + kFirstSymbols, later.end());
    SetDifference difference(1, {});
    difference.receive(symbols);
    CHECK(!difference.decoded());
  }
}

TEST_CASE("symbols that hold items which symbol 0 doesn't hold fail") {
  std::vector<Symbol> symbols(10);
  symbols[7].count = 3;
  SetDifference difference(1, {});
  difference.receive(symbols);
  CHECK(!difference.decoded());
  CHECK(difference.failed());
}

TEST_CASE("more symbols than the longest row fail") {
  SetDifference difference(1, {{2, 3}});
  difference.receive(std::vector<Symbol>(kSymbolsMax, Symbol{0, 0, 0, 5}));
  CHECK(!difference.failed());
  CHECK(difference.received() == kSymbolsMax);
  difference.receive(std::vector<Symbol>(1));
  CHECK(difference.failed());
  CHECK(difference.received() == kSymbolsMax);
}

/// What a hostile end that knows the key might send.
std::vector<Symbol> hostile_row(Random& random, std::uint64_t key, const Items& pool) {
  const std::size_t count = 1 + static_cast<std::size_t>(random.below(40));
  Items some;
  for (const SetItem& item : pool)
    if (random.chance(1, 2)) some.push_back(item);
  std::vector<Symbol> symbols = row(key, some, count);
  const std::uint64_t kind = random.below(4);
  for (Symbol& symbol : symbols) {
    if (kind > 0 && !random.chance(1, kind * kind)) continue;  // kind 0: nothing stays
    if (random.chance(1, 3)) {  // one item alone, wherever it belongs
      const SetItem& item = pool[static_cast<std::size_t>(random.below(pool.size()))];
      symbol = {item.name, item.version, item_check(key, item), random.chance(1, 2) ? 1 : -1};
    } else if (random.chance(1, 3)) {  // anything
      symbol.name = random.next();
      symbol.version = random.next();
      symbol.check = random.next();
      symbol.count = static_cast<std::int32_t>(random.next());
    } else if (random.chance(1, 2)) {
      symbol = symbols[static_cast<std::size_t>(random.below(symbols.size()))];
    } else {
      constexpr std::array<std::int32_t, 6> kCounts = {0, 1, -1, 2, INT32_MIN, INT32_MAX};
      symbol.count = kCounts[static_cast<std::size_t>(random.below(kCounts.size()))];
    }
  }
  return symbols;
}

TEST_CASE("whatever is sent, the difference ends, within bounds, and fits the own set") {
  constexpr int kTries = 20'000;
  Random random(first_seed());
  CAPTURE(first_seed());
  int decoded = 0;
  int failed = 0;
  for (int i = 0; i < kTries; ++i) {
    CAPTURE(i);
    const std::uint64_t key = random.below(3);
    Items pool;
    for (std::uint64_t n = 1 + random.below(12); n > 0; --n) pool.push_back(random_item(random));
    Items here;
    for (const SetItem& item : pool)
      if (random.chance(1, 2)) here.push_back(item);
    SetDifference difference(key, here);
    for (std::uint64_t batches = 1 + random.below(3); batches > 0; --batches)
      difference.receive(hostile_row(random, key, pool));
    REQUIRE(difference.received() <= 120);
    REQUIRE(difference.only_here().size() + difference.only_there().size() <=
            difference.received());
    REQUIRE(!(difference.decoded() && difference.failed()));
    if (difference.failed()) ++failed;
    if (!difference.decoded()) continue;
    ++decoded;
    const Items own = sorted(here);
    const Items only_here = sorted(difference.only_here());
    const Items only_there = sorted(difference.only_there());
    REQUIRE(std::includes(own.begin(), own.end(), only_here.begin(), only_here.end()));
    REQUIRE(std::adjacent_find(only_here.begin(), only_here.end()) == only_here.end());
    REQUIRE(std::adjacent_find(only_there.begin(), only_there.end()) == only_there.end());
    REQUIRE(minus(only_there, own) == only_there);
  }
  MESSAGE(kTries << " hostile rows: " << failed << " failed, " << decoded << " decoded");
  CHECK(failed > kTries / 20);
  CHECK(decoded > kTries / 100);
}

TEST_CASE("symbols that come one by one don't cost a visit of the own items each") {
  // With 3,000 own items 8,192 visits would take minutes where sanitizers are on.
  Random random(1);
  Items here;
  for (int i = 0; i < 3000; ++i) here.push_back(random_item(random));
  SetDifference difference(1, here);
  const Symbol symbol{0, 0, 0, 5};
  for (std::size_t i = 0; i < kSymbolsMax; ++i) difference.receive(std::span(&symbol, 1));
  CHECK(!difference.decoded());
  CHECK(difference.received() == kSymbolsMax);
}

}  // namespace
}  // namespace weft::test
