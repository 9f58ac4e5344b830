#include "tests/sim/ledger.h"

#include <algorithm>
#include <utility>

#include "crdt/base/checksum.h"
#include "storage/documents.h"
#include "tests/sim/world/failure.h"

namespace weft::sim {

std::set<Mark> marks_on_disk(const SimPeer& peer, const DocumentId& id,
                             const Compressor* compressor) {
  DocumentOptions options;
  options.replica = {1};
  options.compressor = compressor;
  Result<Document> document = open_document(peer.store(), id, std::move(options));
  return document.ok() ? marks_in(*document) : std::set<Mark>();
}

std::string to_hex(const DocumentId& document) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (std::uint8_t byte : document.bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

void Ledger::add(Edit edit) {
  by_log_[{edit.document, edit.first.replica}].push_back(edits_.size());
  edits_.push_back(edit);
}

bool Ledger::edit(std::size_t peer, const DocumentId& document,
                  const std::function<Status(Transaction&, Mark)>& body) {
  auto index = edits_.size();
  auto mark = static_cast<Mark>(index + 1);
  auto acknowledge = [this, index](Status status) {
    // Its callback can come for an edit that was refused below.
    if (status.ok() && index < edits_.size()) edits_[index].is_acknowledged = true;
  };
  Result<Commit> commit = world_.node(peer).edit(
      document, [&](Transaction& tx) { return body(tx, mark); }, acknowledge);
  if (!commit.ok() || commit->op_count == 0) return false;
  Edit made;
  made.mark = mark;
  made.document = document;
  made.peer = peer;
  made.first = commit->first;
  made.op_count = commit->op_count;
  made.bytes_hash = xxh3_64(commit->delta);
  made.at_ms = world_.timeline().now_ms();
  add(made);
  return true;
}

bool Ledger::undo(std::size_t peer, const DocumentId& document) {
  Node& node = world_.node(peer);
  Result<const Document*> shown = node.read(document);
  if (!shown.ok()) return false;
  std::set<Mark> before = marks_in(**shown);
  VersionVector version = (*shown)->version();
  if (!node.undo(document).ok()) return false;
  shown = node.read(document);
  if (!shown.ok()) return false;
  std::set<Mark> after = marks_in(**shown);
  for (Edit& edit : edits_)
    if (edit.document == document && before.contains(edit.mark) && !after.contains(edit.mark))
      edit.is_undone = true;
  Edit made;
  made.mark = static_cast<Mark>(edits_.size() + 1);
  made.document = document;
  made.peer = peer;
  made.is_marked = false;
  made.first = {node.replica(), version.end(node.replica())};
  made.op_count = (*shown)->version().end(node.replica()) - made.first.seq;
  made.bytes_hash = made.mark;  // different from all others
  if (made.op_count != 0) add(made);
  return true;
}

void Ledger::delete_everywhere(std::size_t peer, const DocumentId& document) {
  deletions_.insert(document);
  if (Result<const Document*> shown = world_.node(peer).read(document); shown.ok())
    seen_by_deletions_[document].merge(marks_in(**shown));
  world_.node(peer).set_status(document, DocumentStatus::kDeleted, [this, document](Status status) {
    if (status.ok()) durable_deletions_.insert(document);
  });
}

void Ledger::evict(std::size_t peer, const DocumentId& document) {
  // Nothing is taken away until it is done, and then it is too late to look: what only this disk has now may be
  // missing, whether it is evicted or not.
  has_evicted_ = true;
  evicted_.insert({peer, document});
  std::set<Mark> others;
  for (std::size_t i = 0; i < world_.size(); ++i)
    if (!evicted_.contains({i, document}))
      others.merge(marks_on_disk(world_.peer(i), document, &world_.compressor()));
  for (Edit& edit : edits_)
    if (edit.document == document && !others.contains(edit.mark)) edit.is_taken_away = true;
  world_.node(peer).set_status(
      document, DocumentStatus::kEvicted, [](Status) {}, Node::Evict::kUnconditionally);
}

void Ledger::keep(std::size_t peer, const DocumentId& document) {
  evicted_.erase({peer, document});
  // Where the deletion had not seen all that this device has given up, keeping it again restores it.
  const Result<std::optional<DocumentUsage>> usage = world_.peer(peer).store().document(document);
  if (usage.ok() && *usage && !(*usage)->deletion.empty() &&
      !(*usage)->deletion.covers((*usage)->version))
    restores_.insert(document);
  world_.node(peer).set_status(document, DocumentStatus::kLive, [](Status) {});
}

void Ledger::restore(std::size_t peer, const DocumentId& document) {
  restores_.insert(document);
  world_.node(peer).set_status(document, DocumentStatus::kLive, [](Status) {});
}

void Ledger::check_deleted(const DocumentId& document, const std::set<Mark>& marks) {
  check_present(document, marks);
  const std::set<Mark>& seen = seen_by_deletions_[document];
  for (const Edit& edit : edits_)
    if (edit.document == document && edit.is_acknowledged && edit.is_marked && !edit.is_undone &&
        !edit.is_taken_away && !seen.contains(edit.mark))
      throw Failure(FailureKind::kLostEdit,
                    "edit " + std::to_string(edit.mark) + " of device " +
                        std::to_string(edit.peer) + " in document " + to_hex(document) +
                        " is deleted, and nobody who deleted it had seen it");
}

std::map<DocumentId, std::set<Mark>> Ledger::on_disks(const DocumentId* only) const {
  std::map<DocumentId, std::set<Mark>> result;
  std::set<DocumentId> documents;
  for (const Edit& edit : edits_)
    if (only == nullptr || edit.document == *only) documents.insert(edit.document);
  for (const DocumentId& id : documents)
    for (std::size_t i = 0; i < world_.size(); ++i)
      result[id].merge(marks_on_disk(world_.peer(i), id, &world_.compressor()));
  return result;
}

void Ledger::take_away(const std::map<DocumentId, std::set<Mark>>& before) {
  std::map<DocumentId, std::set<Mark>> after = on_disks();
  for (Edit& edit : edits_) {
    auto held = before.find(edit.document);
    bool was_held = held != before.end() && held->second.contains(edit.mark);
    if (was_held && !after[edit.document].contains(edit.mark)) edit.is_taken_away = true;
  }
  doubtful_deletions_.insert(deletions_.begin(), deletions_.end());
}

std::size_t Ledger::acknowledged_count() const {
  return static_cast<std::size_t>(std::count_if(
      edits_.begin(), edits_.end(), [](const Edit& edit) { return edit.is_acknowledged; }));
}

bool Ledger::is_reused(const DocumentId& document, ReplicaId replica) const {
  auto log = by_log_.find({document, replica});
  if (log == by_log_.end()) return false;
  for (std::size_t i = 0; i < log->second.size(); ++i) {
    const Edit& a = edits_[log->second[i]];
    for (std::size_t j = 0; j < i; ++j) {
      const Edit& b = edits_[log->second[j]];
      bool overlap =
          a.first.seq < b.first.seq + b.op_count && b.first.seq < a.first.seq + a.op_count;
      if (overlap && (a.first != b.first || a.bytes_hash != b.bytes_hash)) return true;
    }
  }
  return false;
}

void Ledger::check_present(const DocumentId& document, const std::set<Mark>& marks) const {
  for (const Edit& edit : edits_) {
    if (edit.document != document || !edit.is_acknowledged || !edit.is_marked || edit.is_undone ||
        edit.is_taken_away || marks.contains(edit.mark))
      continue;
    throw Failure(FailureKind::kLostEdit,
                  "edit " + std::to_string(edit.mark) + " of device " + std::to_string(edit.peer) +
                      " at " + std::to_string(edit.at_ms) + " ms, " + to_string(edit.first) +
                      " + " + std::to_string(edit.op_count) + " in document " + to_hex(document) +
                      ", was acknowledged and is gone");
  }
}

}  // namespace weft::sim
