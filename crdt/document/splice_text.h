#pragma once
// A text made to say something else by one splice.

#include <string_view>

#include "crdt/base/result.h"
#include "crdt/document/handles.h"

namespace weft {

/// Erases and inserts what lies between the common begin and the common end, so that edits of others elsewhere in
/// the text stay. @errors those of the edits
Status splice_text(TextEdit text, std::string_view wanted);

}  // namespace weft
