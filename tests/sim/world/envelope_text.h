#pragma once
// Envelopes in one line each, for traces.

#include <string>

#include "crdt/sync/message.h"

namespace weft::sim {

std::string print(const sync::Envelope& envelope);

}  // namespace weft::sim
