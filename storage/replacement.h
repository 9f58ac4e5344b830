#pragma once
// Replacement: what a change of status, a trim, a seal or a rewrite does to a store: records that go, records that
// come, and the document as it is indexed then. Both engines carry it out, each in one step.

#include <vector>

#include "storage/log_index.h"

namespace weft {

struct Replacement {
  std::vector<LogPosition> gone;
  LogPosition position = 0;  ///< of `record`; where one lies there it is replaced; 0: none comes
  NewRecord record;
  Bytes payload;                ///< the record's, where it is made here
  std::vector<NewRecord> more;  ///< behind `record`, which is the last of the log then
  Bytes more_payload;           ///< of one of these, where it is made here
  IndexedDocument document;
  bool drops_state = false;  ///< the kept state may show what goes

  bool is_nothing() const { return position == 0 && gone.empty() && !drops_state; }

  Replacement() = default;
  Replacement(Replacement&&) = default;
  Replacement& operator=(Replacement&&) = default;

  /// Brings the counts up to date. @param gone_bytes  payloads of the records that go
  void recount(std::uint64_t gone_bytes);
};

/// May it get that status? @errors kInvalidArgument: see Store::set_status
Status check_status(const DocumentHead& document, DocumentStatus status);
/// Will `own` begin anew in a document in which it had written, under dots that others may have?
bool begins_anew(const DocumentHead& document, DocumentStatus status, ReplicaId own);
/// @param document  as it is, with all its entries
/// @param end       behind the last position of the log
/// @param retained_ms  retention time now: of a document that is kept again it begins anew
/// @return  without a position: it has that status already
Replacement plan_status(const DocumentId& id, IndexedDocument document, LogPosition end,
                        DocumentStatus status, std::uint64_t retained_ms);
/// @param retained_ms  retention time now
/// @return  without a position: nothing of it is new
Replacement plan_deletion(const DocumentId& id, IndexedDocument document, LogPosition end,
                          const Deletion& deletion, std::uint64_t retained_ms);
/// The deletion by somebody who has seen all that is stored.
Deletion deletion_of_all(const DocumentHead& document);
/// @errors those of Store::purge
Result<Replacement> plan_purge(const DocumentId& id, IndexedDocument document, LogPosition end,
                               std::uint64_t retained_ms);
/// @errors kInvalidArgument: the store lacks some of it, or trimmed more before; kNotKept
Result<Replacement> plan_trim(const DocumentId& id, IndexedDocument document, LogPosition end,
                              const StoredState& state);
/// The same for a state that may have more than the store.
Result<Replacement> plan_adoption(const DocumentId& id, IndexedDocument document, LogPosition end,
                                  const StoredState& state);
/// What Store::rewrite is asked for.
struct Rewrite {
  const VersionVector& keep;
  std::span<const NewRecord> instead;
  ReplicaId own;              ///< as Admission's
  bool own_are_lost = false;  ///< as Admission's
};
/// @errors those of Store::rewrite
Result<Replacement> plan_rewrite(const DocumentId& id, IndexedDocument document, LogPosition end,
                                 const Rewrite& rewrite);
/// @errors kInvalidArgument: the bundle's operations are not those of whole records
Result<Replacement> plan_seal(IndexedDocument document, const NewRecord& bundle);

}  // namespace weft
