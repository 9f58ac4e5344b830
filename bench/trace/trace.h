#pragma once
// Trace: a recorded editing session of one text, in memory.
//
// Edits lie flat in one array, inserted text in one arena, so that replaying touches nothing else.
//
// Invariants
//   I1  A transaction's edits are [edit_begin, edit_end) and follow on from those of the one
//       before.
//   I2  Positions and counts are Unicode scalars, in the state that the edits before have left:
//       those of the trace where it is sequential, those of the transaction's causal past where
//       not.
//   I3  Parents are indices of earlier transactions; a sequential trace has none written down, each
//       transaction follows the one before.
//   I4  start_content, end_content and arena are valid UTF-8; an edit's text starts and ends
//       between scalars.
//
// Source of the formats: github.com/josephg/editing-traces.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::trace {

/// Erases `deleted` scalars at `position`, then inserts there.
struct Edit {
  std::uint32_t position = 0;
  std::uint32_t deleted = 0;
  std::uint32_t inserted_count = 0;  ///< scalars
  std::uint32_t inserted_begin = 0;  ///< byte range in the arena
  std::uint32_t inserted_bytes = 0;
};

struct Txn {
  std::uint32_t edit_begin = 0;
  std::uint32_t edit_end = 0;
  std::uint32_t parent_begin = 0;
  std::uint32_t parent_end = 0;
  std::uint32_t agent = 0;
  std::uint64_t time_ms = 0;  ///< since 1970; 0 where the trace has none
};

struct Trace {
  std::string name;  ///< the file's, without directory and endings
  bool concurrent = false;
  std::uint32_t agent_count = 1;
  std::string start_content;
  std::string end_content;
  std::string arena;
  std::vector<Edit> edits;
  std::vector<Txn> transactions;
  std::vector<std::uint32_t> parents;

  std::string_view inserted(const Edit& edit) const {
    return std::string_view(arena).substr(edit.inserted_begin, edit.inserted_bytes);
  }
  std::span<const Edit> edits_of(const Txn& transaction) const {
    return std::span(edits).subspan(transaction.edit_begin,
                                    transaction.edit_end - transaction.edit_begin);
  }
  std::span<const std::uint32_t> parents_of(const Txn& transaction) const {
    return std::span(parents).subspan(transaction.parent_begin,
                                      transaction.parent_end - transaction.parent_begin);
  }

  // For whoever builds one: begin a transaction, add its edits and (if concurrent) its parents.
  void begin_transaction(std::uint32_t agent, std::uint64_t time_ms) {
    const auto edit = static_cast<std::uint32_t>(edits.size());
    const auto parent = static_cast<std::uint32_t>(parents.size());
    transactions.push_back({edit, edit, parent, parent, agent, time_ms});
  }
  void add_parent(std::uint32_t transaction) {
    parents.push_back(transaction);
    transactions.back().parent_end = static_cast<std::uint32_t>(parents.size());
  }
  /// @param inserted_count  scalars of `inserted`
  void add_edit(std::uint32_t position, std::uint32_t deleted, std::string_view inserted,
                std::uint32_t inserted_count) {
    edits.push_back({position, deleted, inserted_count, static_cast<std::uint32_t>(arena.size()),
                     static_cast<std::uint32_t>(inserted.size())});
    arena += inserted;
    transactions.back().edit_end = static_cast<std::uint32_t>(edits.size());
  }
};

}  // namespace weft::trace
