#include "crdt/sync/set_sketch.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crdt/base/assert.h"
#include "crdt/base/checksum.h"

namespace weft::sync {
namespace {

/// XXH3-64 of two words, the low byte first.
std::uint64_t hash_pair(std::uint64_t first, std::uint64_t second, std::uint64_t key) {
  std::array<std::byte, 16> bytes;
  for (unsigned i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::byte>(first >> (8 * i));
    bytes[8 + i] = static_cast<std::byte>(second >> (8 * i));
  }
  return xxh3_64(bytes, key);
}

// What an item adds to a symbol's count. Counts wrap, so that no symbol from outside overflows one.
constexpr std::uint32_t kIn = 1;
constexpr std::uint32_t kOut = ~std::uint32_t{0};  // -1

/// Adds to a symbol what another sums up, or takes it out: xor does both, the count tells.
void fold(Symbol& symbol, const Symbol& other, std::uint32_t count) {
  symbol.name ^= other.name;
  symbol.version ^= other.version;
  symbol.check ^= other.check;
  symbol.count = static_cast<std::int32_t>(static_cast<std::uint32_t>(symbol.count) + count);
}

/// The symbol that holds this item and no other.
Symbol alone(std::uint64_t key, const SetItem& item) {
  return {item.name, item.version, item_check(key, item), 1};
}

/// Folds an item into those of the symbols from `begin` on that it belongs to.
void fold_from(std::size_t begin, std::vector<Symbol>& symbols, const Symbol& item,
               std::uint32_t count) {
  SymbolIndices at(item.check);
  while (at.index() < begin) at.advance();
  for (; at.index() < symbols.size(); at.advance())
    fold(symbols[static_cast<std::size_t>(at.index())], item, count);
}

/// How many symbols suffice for `items` that differ, in 99 of 100 cases (set_sketch_test.cc measures).
std::uint64_t symbols_for(std::uint64_t items) { return items + items / 2 + 26; }

/// So many items that differ hardly ever decode with kSymbolsMax symbols.
constexpr std::uint64_t kItemsMax = kSymbolsMax / 4 * 3;

}  // namespace

SetItem make_item(std::uint64_t key, const DocumentId& id, const Digest& version) {
  return {xxh3_64(std::as_bytes(std::span(id.bytes)), key),
          hash_pair(version.low, version.high, key)};
}

std::uint64_t item_check(std::uint64_t key, const SetItem& item) {
  return hash_pair(item.name, item.version, key);
}

std::size_t symbols_to_ask(std::size_t received, std::uint64_t size_here,
                           std::uint64_t size_there) {
  if (received >= kSymbolsMax) return 0;
  const std::size_t left = kSymbolsMax - received;
  if (received > 0) return std::clamp<std::size_t>(received / 2, 1, left);
  // The difference is at least that of the sizes, and at most everything.
  const std::uint64_t least =
      size_here < size_there ? size_there - size_here : size_here - size_there;
  if (least > kItemsMax) return 0;
  const std::uint64_t most = std::min(size_here, kItemsMax) + std::min(size_there, kItemsMax);
  if (most == 0) return 1;
  const std::uint64_t count = std::max<std::uint64_t>(kFirstSymbols, symbols_for(least));
  return static_cast<std::size_t>(std::min({count, symbols_for(most), std::uint64_t{left}}));
}

SetSketch::SetSketch(std::uint64_t key, std::size_t prefix)
    : key_(key), symbols_(std::clamp<std::size_t>(prefix, 1, kSymbolsMax)) {}

void SetSketch::add(const SetItem& item) {
  fold_from(0, symbols_, alone(key_, item), kIn);
  ++size_;
  ++revision_;
}

void SetSketch::remove(const SetItem& item) {
  WEFT_ASSERT(size_ > 0);
  fold_from(0, symbols_, alone(key_, item), kOut);
  --size_;
  ++revision_;
}

SetSketch::Lengthening SetSketch::lengthen(std::size_t end) {
  Lengthening lengthening{symbols_.size(), {}};
  symbols_.resize(std::min(kSymbolsMax, std::max(end, 2 * symbols_.size())));
  return lengthening;
}

void SetSketch::map(const SetItem& item, Lengthening& lengthening) {
  const Symbol symbol = alone(key_, item);
  fold(lengthening.visited, symbol, kIn);
  fold_from(lengthening.begin, symbols_, symbol, kIn);
}

void SetSketch::finish(const Lengthening& lengthening) const {
  WEFT_ASSERT(lengthening.visited == symbols_[0]);  // the items visited are those of the set (I1)
}

SetDifference::SetDifference(std::uint64_t key, std::vector<SetItem> own)
    : key_(key), own_(std::move(own)) {}

void SetDifference::receive(std::span<const Symbol> symbols) {
  if (state_ != State::kOpen || symbols.empty()) return;
  if (symbols.size() > kSymbolsMax - received_) return end(State::kFailed);
  if (received_ + symbols.size() > symbols_.size()) prepare(received_ + symbols.size());
  for (const Symbol& symbol : symbols) {
    fold(symbols_[received_], symbol, static_cast<std::uint32_t>(symbol.count));
    note(received_++);
  }
  while (!to_see_.empty()) {
    const std::size_t index = to_see_.back();
    to_see_.pop_back();
    noted_[index] = false;
    if (holds_one(index) && !peel(index)) return end(State::kFailed);
  }
  if (symbols_[0] != Symbol{}) return;
  // Symbol 0 holds every item; so nothing is left, if these are symbols of one set.
  const bool empty =
      std::all_of(symbols_.begin(), symbols_.begin() + static_cast<std::ptrdiff_t>(received_),
                  [](const Symbol& symbol) { return symbol == Symbol{}; });
  end(empty && fits_own() ? State::kDecoded : State::kFailed);
}

/// Lengthens the row to `end` symbols at least, what is known folded in (I2). It at least doubles, so
/// that symbols that come one by one don't cost a visit of the own items each.
void SetDifference::prepare(std::size_t end) {
  const std::size_t begin = symbols_.size();
  symbols_.resize(std::min(kSymbolsMax, std::max(end, 2 * begin)));
  noted_.resize(symbols_.size());
  const auto fold_all = [&](const std::vector<SetItem>& items, std::uint32_t direction) {
    for (const SetItem& item : items) fold_from(begin, symbols_, alone(key_, item), direction);
  };
  fold_all(own_, kOut);
  fold_all(only_there_, kOut);
  fold_all(only_here_, kIn);
}

/// Puts the symbol on the list of those to look at, if its count says so.
void SetDifference::note(std::size_t index) {
  const std::int32_t count = symbols_[index].count;
  if ((count != 1 && count != -1) || noted_[index]) return;
  noted_[index] = true;
  to_see_.push_back(static_cast<std::uint32_t>(index));
}

/// Whether the symbol holds one item alone, and one that belongs there.
bool SetDifference::holds_one(std::size_t index) const {
  const Symbol& symbol = symbols_[index];
  if (symbol.count != 1 && symbol.count != -1) return false;
  if (symbol.check != item_check(key_, {symbol.name, symbol.version})) return false;
  SymbolIndices at(symbol.check);
  while (at.index() < index) at.advance();
  return at.index() == index;
}

/// Takes the one item in this symbol out of all symbols.
/// @return  false: one of them is empty, so that it can't have held the item (I3)
bool SetDifference::peel(std::size_t index) {
  const Symbol found = symbols_[index];
  const bool there = found.count == 1;
  for (SymbolIndices at(found.check); at.index() < symbols_.size(); at.advance()) {
    const auto other = static_cast<std::size_t>(at.index());
    if (other < received_ && symbols_[other] == Symbol{}) return false;
    fold(symbols_[other], found, there ? kOut : kIn);
    if (other < received_) note(other);
  }
  (there ? only_there_ : only_here_).push_back({found.name, found.version});
  return true;
}

/// What was found here is here, and what was found there is not.
bool SetDifference::fits_own() const {
  std::vector<SetItem> here = only_here_;
  std::vector<SetItem> there = only_there_;
  std::sort(here.begin(), here.end());
  std::sort(there.begin(), there.end());
  std::size_t held = 0;
  for (const SetItem& item : own_) {
    if (std::binary_search(there.begin(), there.end(), item)) return false;
    if (std::binary_search(here.begin(), here.end(), item)) ++held;
  }
  return held == here.size();
}

void SetDifference::end(State state) {
  state_ = state;
  own_ = {};
  to_see_ = {};
}

}  // namespace weft::sync
