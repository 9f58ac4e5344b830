#include "tests/sim/world/audit.h"

#include <string>
#include <variant>

#include "crdt/delta/history_file.h"
#include "storage/documents.h"
#include "tests/sim/world/failure.h"

namespace weft::sim {
namespace {

void expect_durable(const SimPeer& sender, const DocumentId& document, ReplicaId replica, Seq end,
                    const char* what) {
  Seq durable = sender.store().version(document).end(replica);
  if (end <= durable) return;
  throw Failure(FailureKind::kInvariant, "device " + std::to_string(sender.index()) + " " + what +
                                             " operations of " + to_string(replica) + " up to " +
                                             std::to_string(end) + " of which only those up to " +
                                             std::to_string(durable) + " are on its disk");
}

}  // namespace

void Audit::check(const SimPeer& sender, LinkNumber link, std::size_t side,
                  const sync::Envelope& envelope) {
  Side& mine = sides_[{link, side}];
  Side& other = sides_[{link, 1 - side}];
  expect(envelope.sequence == mine.next_sequence, FailureKind::kInvariant,
         "envelope " + std::to_string(envelope.sequence) + " follows number " +
             std::to_string(mine.next_sequence));
  ++mine.next_sequence;
  if (const auto* name = std::get_if<sync::NameDocument>(&envelope.message))
    mine.names[name->number] = name->document;
  if (const auto* have = std::get_if<sync::Have>(&envelope.message)) check_have(sender, *have);
  if (const auto* ack = std::get_if<sync::Ack>(&envelope.message)) check_ack(sender, other, *ack);
  if (const auto* deltas = std::get_if<sync::Deltas>(&envelope.message))
    check_deltas(sender, mine, *deltas);
}

void Audit::check_have(const SimPeer& sender, const sync::Have& have) const {
  for (const sync::HeldDocument& held : have.documents) {
    if (held.as != sync::HeldAs::kLive) continue;
    for (const sync::LogEnd& end : held.log_ends)
      expect_durable(sender, held.document, end.replica, end.end, "says that it has");
  }
}

void Audit::check_ack(const SimPeer& sender, const Side& other, const sync::Ack& ack) const {
  for (const sync::AckedEnd& end : ack.ends) {
    auto name = other.names.find(end.number);
    expect(name != other.names.end(), FailureKind::kInvariant,
           "an Ack of a document that the other end has not numbered");
    expect_durable(sender, name->second, end.replica, end.end, "acknowledges");
  }
}

void Audit::check_deltas(const SimPeer& sender, const Side& mine,
                         const sync::Deltas& deltas) const {
  auto name = mine.names.find(deltas.number);
  expect(name != mine.names.end(), FailureKind::kInvariant,
         "Deltas of a document that was not numbered");
  for (const Bytes& delta : deltas.deltas) {
    if (!is_history_file(delta)) {
      check_delta(sender, name->second, delta);
      continue;
    }
    Result<HistoryFile> file = decode_history_file(delta);
    expect(file.ok(), FailureKind::kInvariant, "Deltas with a history file that can't be read");
    for (ByteSpan bundle : file->bundles) check_delta(sender, name->second, bundle);
  }
}

void Audit::check_delta(const SimPeer& sender, const DocumentId& document, ByteSpan delta) const {
  NewRecord record;
  Status status = record_of(document, delta, record);
  expect(status.ok(), FailureKind::kInvariant, "Deltas with one that can't be read");
  if (record.replica == sender.node().replica())
    expect_durable(sender, document, record.replica, record.end(), "sends its own");
}

}  // namespace weft::sim
