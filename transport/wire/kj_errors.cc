#include "transport/wire/kj_errors.h"

#include <string>
#include <string_view>

namespace weft::wire {

Error error_of(const kj::Exception& exception, std::uint64_t offset) {
  // "expected <condition>; <words>": the words alone. KJ tells kinds of failure by their words only; the tests of
  // hostile segments hold these two to the library's.
  std::string_view text(exception.getDescription().cStr());
  if (const std::size_t end = text.find("; "); end != text.npos) text.remove_prefix(end + 2);
  const bool over_limit =
      text.find("traversal limit") != text.npos || text.find("too deeply-nested") != text.npos;
  return Error(over_limit ? ErrorCode::kLimit : ErrorCode::kCorrupt,
               "not a segment that may be read: " + std::string(text), offset);
}

}  // namespace weft::wire
