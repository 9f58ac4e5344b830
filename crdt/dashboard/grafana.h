#pragma once
// Grafana's JSON in and out. shape.h says how it lies in a document.
//
//   export(import(x)) is x in canonical form, but for what Grafana counts itself: `version` and `iteration`
//   are not taken from a file, and `version` is derived for it: the operations that the document has seen.
//
//   import(export(d)) writes nothing but what export had to settle for d, so that it is settled:
//     - the name of an element that is shown under another than its own, since two had one (unique_names.h);
//     - in orders: a place for what had none, and none for what is gone or shown elsewhere.
//   A second time it writes nothing.

#include <cstdint>
#include <optional>
#include <string>

#include "crdt/base/result.h"
#include "crdt/document/document.h"

namespace weft::dashboard {

struct ExportOptions {
  /// The `version` to say; nullopt: none.
  std::optional<std::uint64_t> version = std::nullopt;
  /// Two panels with one id, two targets with one refId, two variables or annotations with one name, as a merge
  /// leaves them, are shown apart (unique_names.h).
  bool repair = true;
};

/// The dashboard as Grafana's JSON, members by key.
/// @errors kCorrupt: the document's snapshot is damaged, as Document::check_readable says
/// @cost  O(size); of a snapshot also the decoding of its order
Result<Json> to_grafana(const Document& document, const ExportOptions& options = {});
/// What there is at one key of a panel, a variable or anything else, as to_grafana shows it.
/// @param path  as `get` of a document takes it. @errors kNotFound, kCorrupt
Result<Json> to_grafana_at(const Document& document, std::string_view path);

/// `version` for an export: the same on every device that has seen the same, and larger after each edit.
std::uint64_t derived_version(const Document& document);

/// A dashboard's JSON without what Grafana counts itself, and no document holds.
Json without_derived(const Json& dashboard);

/// The canonical text: keys by bytes, numbers as print_json prints them, two spaces, a newline at the end.
/// @errors as to_grafana
Result<std::string> to_grafana_text(const Document& document, const ExportOptions& options = {});
/// The same of any dashboard: what equal dashboards share.
std::string canonical_text(const Json& dashboard);

/// Makes the document hold what `dashboard` says, by a keyed diff: only what differs is written. Panels are
/// found again by id, targets by refId, variables and annotations by name, as they are shown, else as they
/// are; the elements of other arrays by what they hold. A text that differs is written whole: two devices that import one file have one text
/// then, and not one doubled; the one that did not win is a conflict.
/// @errors kInvalidArgument: no object, or `panels` that are no list of objects; those of the edits
Status import_grafana(Transaction& transaction, const Json& dashboard);

/// Makes one place hold `value`, by the same keyed diff: a field, an object, an element of an array. Objects above it
/// are made where they are missing; a new element is shown last; a row keeps its panels.
/// @param path  of the document, as in "/panels/7/targets/A/expr"
/// @errors kNotFound: an element on the way is not there; kInvalidArgument: no path, an order, a list of panels;
///         kWrongKind: one value stands on the way; those of the edits
Status write_at(Transaction& transaction, std::string_view path, const Json& value);

/// The first content of a document, as a delta that is the same on every device: so two that import
/// the same file into a new document of one id have imported it once. Its author is seed_replica, its
/// time 0. To be applied as another's delta.
/// @errors those of import_grafana
Result<Bytes> seed_delta(const DocumentId& document, const Json& dashboard);

/// Who writes a seed: from SHA-256 of the document's id and the canonical text of what goes in, which Grafana's own
/// counters are no part of; in the range of seeds (is_seed_replica).
ReplicaId seed_replica(const DocumentId& document, const Json& dashboard);

/// The document of a Grafana dashboard, by its `uid`: so that every device that imports it for the first time
/// makes the same. nullopt: it has none.
std::optional<DocumentId> document_of_uid(const Json& dashboard, std::uint64_t generation = 0);

}  // namespace weft::dashboard
