#pragma once
// Which struct of session.capnp is the root of which type of message.

#include <cstddef>
#include <tuple>
#include <variant>

#include "crdt/sync/message.h"
#include "transport/schema/session.capnp.h"

namespace weft::wire {

/// In the order of sync::Message; never instantiated.
using SchemaTypes =
    std::tuple<schema::Hello, schema::Welcome, schema::Bye, schema::SymbolRequest, schema::Symbols,
               schema::NameRequest, schema::Have, schema::AllAnnounced, schema::NameDocument,
               schema::Deltas, schema::State, schema::Part, schema::Credit, schema::Ack,
               schema::Mark, schema::LogRequest, schema::Presence, schema::Prune>;
inline constexpr std::size_t kTypeCount = std::variant_size_v<sync::Message>;
static_assert(std::tuple_size_v<SchemaTypes> == kTypeCount);

/// The root of messages of type index + 1.
template <std::size_t index>
using SchemaType = std::tuple_element_t<index, SchemaTypes>;

}  // namespace weft::wire
