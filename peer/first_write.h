#pragma once
// What is written into a new document. A document is there by its operations: without any it lies in no store and goes to
// nobody. So one that is to hold nothing yet gets a key that is written and erased.

#include "crdt/document/document.h"
#include "crdt/document/json_text.h"

namespace weft {

inline constexpr const char* kMadeKey = ":made";

/// What `json` says, into a document in which nobody has written yet. @errors those of write_json
inline Status write_first(Transaction& transaction, const Json& json) {
  WEFT_TRY(write_json(transaction.root(), json));
  if (const Json::Object* object = json.as_object(); object == nullptr || !object->empty())
    return {};
  MapEdit root = transaction.root();
  WEFT_TRY(root.set(kMadeKey, true));
  return root.erase(kMadeKey);
}

}  // namespace weft
