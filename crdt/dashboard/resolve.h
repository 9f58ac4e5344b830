#pragma once
// Resolving what stands in the inbox: each resolution is one write over both sides by one who has seen them, so it
// syncs and is decided against others like every write.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/document/document.h"

namespace weft::dashboard {

enum class Strategy : std::uint8_t {
  kLocal,   ///< what this replica wrote; left alone where it wrote neither
  kRemote,  ///< the newest of what others wrote
  kLatest,  ///< the newest: what is shown anyway; an edit inside something deleted counts by its own time
  kMerge,  ///< both: texts and sets three-way; what was deleted while somebody edited it comes back
  kCount,  ///< numbers as counters: what both added to them
};
std::string_view strategy_name(Strategy strategy);
std::optional<Strategy> find_strategy(std::string_view name);

/// What is to stand there.
struct Outcome {
  enum class Kind : std::uint8_t {
    kSide,    ///< what that side has: 0 is the winner, 1 the first loser
    kValue,   ///< this, as Grafana's JSON
    kDelete,  ///< nothing
  };
  Kind kind = Kind::kSide;
  std::size_t side = 0;
  Json value;
};
/// nullopt: leave it to somebody else.
using Resolver = std::function<std::optional<Outcome>(const Document&, const InboxItem&)>;

/// What the strategy makes of an item, in a document written by document.replica().
/// @param base  see base_of(); only kMerge and kCount ask for it
std::optional<Outcome> decide(Strategy strategy, const Document& document, const InboxItem& item);

/// What stood there before both sides: the newest write that all of them had seen. Null: there was nothing.
/// @errors kNeedHistory: it lies in history that is not held here
Result<Json> base_of(const Document& document, const InboxItem& item);

struct PathRule {
  std::string pattern;  ///< "*": any one name, "**": any path; "/panels/*/title"
  Resolver resolver;
};
bool matches(std::string_view pattern, std::string_view path);

struct Resolution {
  InboxItem item;
  Outcome outcome;
};
/// The first rule that matches an item and has an answer decides; items without one stay.
std::vector<Resolution> plan(const Document& document, std::span<const InboxItem> items,
                             std::span<const PathRule> rules);

/// Writes it. The items must be of this document, and nothing written since.
/// @errors kNotFound: no such side; those of the edits
Status resolve(Transaction& transaction, const Resolution& resolution);

}  // namespace weft::dashboard
