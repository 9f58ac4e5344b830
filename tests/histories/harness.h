#pragma once
// Harness: runs a check over many seeds, and makes a failure small and repeatable.
//
//   WEFT_SEED       the first seed (default 1)
//   WEFT_HISTORIES  how many seeds
//   WEFT_SIZE       smoke, ci (default) or full: how many, where WEFT_HISTORIES does not say it
//   WEFT_SCRIPT     a file with one printed script: runs that instead
//   WEFT_SURVEY=1   goes on after a failure, shrinks nothing, and lists the kinds of failures

#include <cstdint>
#include <functional>
#include <string>

#include "tests/histories/script.h"
#include "tests/support/size.h"

namespace weft::test {

std::uint64_t first_seed();
/// WEFT_HISTORIES, else scaled_count(ci_count).
std::uint64_t history_count(std::uint64_t ci_count);

/// Throws Failure where something is wrong with the history.
using ScriptCheck = std::function<void(const Script&)>;

/// Checks the scripts of seeds [first, first + count) in child processes. "" if all pass, else a report:
/// what is wrong, the seed, the command to run it again, and the script shrunk by deletion.
/// @param test_case  the one that the command names
std::string check_scripts(const char* test_case, std::uint64_t first, std::uint64_t count,
                          const ScriptCheck& check);

/// Deletes actions and edits while the check still fails.
Script shrink(Script script, const ScriptCheck& check);

}  // namespace weft::test
