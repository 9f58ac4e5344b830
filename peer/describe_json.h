#pragma once
// JSON for what the engine reports, as the control socket and the command line print it.

#include <cstdint>
#include <string>

#include "crdt/document/patch.h"
#include "crdt/map/value.h"

namespace weft {

/// "2024-05-01T12:00:00.123Z"; "(no time)" for 0, which is what a document without a clock writes.
std::string iso_time(std::uint64_t time_ms);

/// A count as JSON has it.
Json number_json(std::uint64_t number);

/// {"path", "kind", and "keys", "steps" or "counted"}. A child is {"container": its kind}, and with it
/// "content" where the patch tells of that.
Json patch_json(const Patch& patch);

}  // namespace weft
