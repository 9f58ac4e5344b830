#pragma once
// Resolving conflicts: one write over all sides by one who has seen them, so it syncs and is decided against others
// like every write. What a dashboard's inbox does beyond that stands in crdt/dashboard/resolve.h.

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/document/document.h"

namespace weft {

/// Writes what one side has at `path` over everything that is known there.
/// @param is_erased  it has nothing
/// @param value      as WriteInfo::value has it; a child is made reachable again
/// @errors kNotFound; kWrongKind: an erased element of a list, which has no place any more; those of the edits
Status write_side(Transaction& transaction, std::string_view path, bool is_erased,
                  const Value& value);

/// What is to stand at a path with a conflict.
struct Resolution {
  struct Side {
    std::size_t number;  ///< 0 is what is shown, 1 the first that lost
  };
  struct Nothing {};
  std::string path;
  std::variant<Side, Nothing, Json> wanted;
};

/// The sides of all conflicts at exactly that path: what is shown, then what lost, as `conflicts` lists them.
Result<std::vector<WriteInfo>> sides_at(const Document& document, std::string_view path);

/// @param document  whose transaction is open
/// @errors kNotFound: no conflict is there, or it has no such side; those of write_side
Status resolve_conflict(const Document& document, Transaction& transaction,
                        const Resolution& resolution);

/// {"path", "side" | "value" | "delete": true}, as the control socket has it.
/// @errors kInvalidArgument
Result<Resolution> read_resolution(const Json& json);

}  // namespace weft
