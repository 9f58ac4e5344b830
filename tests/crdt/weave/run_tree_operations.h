#pragma once
// Operations on a run tree as data, with raw numbers that are taken modulo whatever is there when they are
// applied: any subset of a failing history is a history too, so failures are shrunk by deletion.

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/random.h"

namespace weft::test {

enum class Kind : std::uint8_t {
  kType,
  kInsert,
  kBackspace,
  kDelete,
  kErase,
  kInsertAfter,
  kInsertHidden,
  kFillHole,
  kHide,
  kShow,
  kRemove,
  kClone,
  kBuild,
  kAskByDot,
  kCount
};
struct Operation {
  Kind kind;
  std::uint64_t where;
  std::uint64_t size;
  std::uint64_t choice;
};

inline constexpr const char* kAlphabet[] = {"a", "b",  " ",  "\n", "z", "é",
                                            "ß", "中", "語", "€",  "😀", "𝄞"};

enum class Script : std::uint8_t { kNone, kAscii, kMixed };

inline std::vector<std::string> characters_for(Script script, std::uint64_t seed, std::size_t n) {
  Random random(seed);
  std::vector<std::string> result(n);
  if (script == Script::kNone) return result;
  for (std::string& character : result)
    character = kAlphabet[random.below(script == Script::kAscii ? 5 : 12)];
  return result;
}

inline std::vector<Operation> make_operations(std::uint64_t seed, std::size_t n) {
  Random random(seed);
  std::vector<Operation> result;
  while (result.size() < n) {
    Operation operation{};
    operation.kind = static_cast<Kind>(random.below(static_cast<std::uint64_t>(Kind::kCount)));
    // Copies and rebuilding would otherwise hide what builds up.
    if (operation.kind == Kind::kClone || operation.kind == Kind::kBuild)
      if (random.below(8) != 0) operation.kind = Kind::kType;
    operation.where = random.next();
    operation.size = random.next();
    operation.choice = random.next();
    const std::uint64_t repeat = operation.kind == Kind::kType ||
                                         operation.kind == Kind::kBackspace ||
                                         operation.kind == Kind::kDelete
                                     ? 1 + random.below(8)
                                     : 1;
    for (std::uint64_t i = 0; i < repeat; ++i) {
      result.push_back(operation);
      operation.choice = random.next();
    }
  }
  return result;
}

}  // namespace weft::test
