#pragma once
// Editing sessions of the project's own, for machines that have no recorded ones. Deterministic:
// the same options give the same trace everywhere.
//
// The shape is that of the recorded ones: bursts of typing of very different length, backspaces
// right behind them, now and then a selection erased, then a jump, mostly to near by. A burst's
// median is 9 characters and its mean 30, half of the erasures are of one character.

#include <cstdint>

#include "bench/trace/trace.h"

namespace weft::trace {

struct GenerateOptions {
  std::uint64_t seed = 20;
  std::uint32_t insert_count = 182'000;  ///< as in automerge-paper
  std::uint32_t erase_count = 77'000;    ///< < insert_count
};

/// One writer, one transaction an edit, one character an edit. Named "generated".
Trace generate_session(const GenerateOptions& options = {});

struct GenerateConcurrentOptions {
  std::uint64_t seed = 21;
  std::uint32_t edit_count = 26'000;  ///< as in friendsforever
};

/// Two writers in one text who see each other's edits late. Named "generated-concurrent". They
/// never insert at the same place at the same time, so every correct engine ends with end_content;
/// that is made by a list of characters that remembers who knows what, not by an engine.
Trace generate_concurrent_session(const GenerateConcurrentOptions& options = {});

}  // namespace weft::trace
