#pragma once
// A text made to say something else by one splice.

#include <cstddef>
#include <string>
#include <string_view>

#include "crdt/base/result.h"
#include "crdt/document/handles.h"

namespace weft {

/// now[begin, begin + erased) becomes `inserted`; in bytes, at borders of scalars.
struct TextSplice {
  std::size_t begin = 0;
  std::size_t erased = 0;
  std::string inserted;
};
/// What lies between the common begin and the common end.
TextSplice splice_between(std::string_view now, std::string_view wanted);

/// Erases and inserts what lies between the common begin and the common end, so that edits of others elsewhere in
/// the text stay. @errors those of the edits
Status splice_text(TextEdit text, std::string_view wanted);

}  // namespace weft
