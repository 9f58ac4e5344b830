#include <algorithm>

#include "crdt/base/sha256.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/document/json_text.h"

namespace weft::dashboard {
namespace {

std::uint64_t first_bytes(const Sha256Digest& digest) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(digest[i])} << (8 * i);
  return value;
}

}  // namespace

ReplicaId seed_replica(const DocumentId& document, const Json& dashboard) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(document.bytes)));
  hash.update(as_bytes(canonical_text(without_derived(dashboard))));
  return {first_bytes(hash.digest()) >> 16 | kSeedRange << 48};
}

Result<Bytes> seed_delta(const DocumentId& document, const Json& dashboard) {
  DocumentOptions options;
  options.id = document;
  options.replica = seed_replica(document, dashboard);
  Document seed = Document::create(std::move(options));
  // Operations come in the order of members, which is no part of what a file says.
  const Json ordered = in_one_form(dashboard);
  WEFT_ASSIGN(const Commit commit, seed.transact([&](Transaction& transaction) {
    return import_grafana(transaction, ordered);
  }));
  return Bytes(commit.delta.begin(), commit.delta.end());
}

std::optional<DocumentId> document_of_uid(const Json& dashboard, std::uint64_t generation) {
  const Json* uid = dashboard.find("uid");
  const std::string* text = uid == nullptr ? nullptr : uid->as_string();
  if (text == nullptr || text->empty()) return std::nullopt;
  Sha256 hash;
  hash.update(as_bytes(std::string_view("weft dashboard ")));
  hash.update(as_bytes(*text));
  if (generation != 0) {  // behind a zero byte, which no uid ends with
    Bytes number;
    ByteWriter out(number);
    out.u8(0);
    out.u64(generation);
    hash.update(number);
  }
  const Sha256Digest digest = hash.digest();
  DocumentId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i)
    id.bytes[i] = static_cast<std::uint8_t>(digest[i]);
  return id;
}

}  // namespace weft::dashboard
