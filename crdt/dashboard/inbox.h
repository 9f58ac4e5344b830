#pragma once
// The conflict inbox: what was decided where nobody had seen the other side, for people to look at.
//
// An item is there as long as the document holds it, on every device that has seen the same edits: it is read
// from the document's state, so it survives a restart and syncs without a list of its own. It ends with any
// write over it by one who has seen both sides; resolve.h makes such writes.
//
// What is listed: concurrent writes of one value that differ in what they show, and edits inside something that
// another deleted or replaced meanwhile. What is not: two that wrote the same; places in an order, which both
// sides keep.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/document/document.h"

namespace weft::dashboard {

/// One of those who disagree.
struct InboxSide {
  Dot dot;
  Weight weight;
  std::uint64_t committed_at_ms = 0;  ///< since 1970; 0: an import that seeded the document
  std::string message;
  bool deleted = false;
  Json shown;   ///< as Grafana's JSON; null where deleted
  Value value;  ///< as in the document that was asked, for writing it again
};

struct InboxItem {
  enum class Kind : std::uint8_t {
    kOverwritten,  ///< several wrote one value; losers are the others, newest first
    kDeleted,      ///< the winner deleted or replaced what the loser edited inside of
  };
  Kind kind = Kind::kOverwritten;
  std::string id;     ///< eight digits, the same on every device
  std::string path;   ///< in the document
  std::string where;  ///< in words: `panel 7 "CPU busy", target A: expr`
  InboxSide winner;
  std::vector<InboxSide> losers;
  std::string rule;  ///< what decided, in words
};

/// By path. Empty also where the bytes of the cold part are damaged.
/// @param path_prefix  a path, or how one begins up to a '/'
/// @cost  O(containers); O(operations) for each container that is hidden
/// @errors kCorrupt: as Document::conflicts
Result<std::vector<InboxItem>> inbox(const Document& document, std::string_view path_prefix = "");

/// What stands at a path, in words: `panel 7 "CPU busy", target A: expr`.
std::string path_words(const Document& document, std::string_view path);

/// Why a path has the value it has: who wrote it, what it won over and by which rule, in a few sentences.
/// @errors kNotFound: nothing was ever written there
Result<std::string> why(const Document& document, std::string_view path);

}  // namespace weft::dashboard
