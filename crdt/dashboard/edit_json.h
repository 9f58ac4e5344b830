#pragma once
// Edits of a dashboard as JSON: what the control socket is asked for and what the command line does itself.
//
//   {"do": "import", "dashboard": {...}}                the keyed diff of grafana.h
//   {"do": "set", "path", "value"}                      a field; what is above it is made
//   {"do": "remove", "path", "with_panels"?}            a field, an element, a panel, a row
//   {"do": "restore", "path", "value"?, "holder"?, "after"?}
//                                                       what was removed; of a plain value `value`, where the history is
//                                                       not held; an element behind `after`, a panel in the list of `holder`
//   {"do": "move", "panel", "grid"?: {"x", "y", "w", "h"}, "before"? | "after"? | "into_row"? | "out_of_row"?: true}
//   {"do": "resolve", "id" | "pattern", "strategy" | "side" | "value" | "delete": true}
//   {"do": "add-panel", "fresh", "panel": {...}, "before"? | "after"? | "into_row"?}
//   {"do": "add", "fresh", "path", "value": {...}}      a target, variable, annotation or link, last in the array at `path`
//   {"do": "rename-variable", "variable", "name"}
//
// Paths, panels, rows and variables are named as names.h says; `fresh` as model.h does. Of "grid" what is left out
// stays. "side" 0 is what is shown, 1 the first that lost.
//
// An edit that can't be done fails the transaction; the error names what it is about and says what to do.

#include <cstdint>
#include <string>

#include "crdt/base/result.h"
#include "crdt/document/document.h"

namespace weft::dashboard {

/// @param document  whose transaction is open: its inbox and its history are asked
/// @errors kInvalidArgument: no such edit; kNotFound; kNeedHistory; those of the operations
Status apply_edit(const Document& document, Transaction& transaction, const Json& edit);

/// The edits of a list from `begin` on, in one transaction.
/// @errors kInvalidArgument: no list; those of apply_edit, which say which of several edits they are about
Status apply_each(const Document& document, Transaction& transaction, const Json& edits,
                  std::size_t begin);

/// The dashboard that `edits`, a list, begin with as an import. Null: another edit, or none.
const Json* first_import(const Json& edits);
/// Has nobody written into the document yet? Then the dashboard that is imported first goes into it as its
/// seed (grafana.h), and is the same on all devices.
bool takes_seed(const Document& document);

struct EditReport {
  Dot first;  ///< of what was written behind a seed; of the seed where that is all
  Seq op_count = 0;
  bool is_seeded = false;
};
/// A list of edits as one delta, all or none; where takes_seed() says so, an import in front is applied as the
/// seed before, and stays where one behind it can't be done.
/// @errors kInvalidArgument: no list; those of apply_edit, which say which of several edits they are about
Result<EditReport> apply_edits(Document& document, const Json& edits, TransactionOptions options);

}  // namespace weft::dashboard
