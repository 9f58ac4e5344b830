#pragma once
// Exceptions of KJ as Errors: the one place where they are caught. Everything that touches Cap'n Proto runs inside of
// catch_kj.

#include <kj/exception.h>

#include <cstdint>

#include "crdt/base/result.h"

namespace weft::wire {

/// kLimit where the traversal or nesting limit was exceeded, else kCorrupt.
Error error_of(const kj::Exception& exception, std::uint64_t offset);

/// What `body`, a function that returns a Status, returns; or the exception that it threw.
/// @param offset  for the Error: where the bytes begin that it reads
template <typename Body>
Status catch_kj(std::uint64_t offset, Body&& body) {
  try {
    return body();
  } catch (const kj::Exception& exception) {
    return error_of(exception, offset);
  }
}

}  // namespace weft::wire
