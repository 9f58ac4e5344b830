#pragma once
// Small things that the cliffs share: documents of one seed, a text to start from, one-line edits.

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/trace/replay.h"
#include "crdt/base/checksum.h"
#include "crdt/document/document.h"

namespace weft::bench {

inline constexpr std::string_view kText = trace::kTextKey;
inline constexpr std::string_view kList = "list";

/// Makes documents of one id, replicas numbered; each number has its own random ReplicaId.
class Replicas {
 public:
  Replicas(std::uint64_t seed, const Compressor& compressor) {
    options_.seed = seed;
    options_.compressor = &compressor;
  }
  Document make(std::uint32_t index) const {
    return Document::create(trace::document_options(options_, index));
  }
  /// One that has applied `delta`.
  Result<Document> make_from(std::uint32_t index, ByteSpan delta) const {
    Document document = make(index);
    WEFT_TRY(document.apply(delta));
    return document;
  }

 private:
  trace::ReplayOptions options_;
};

/// A committed delta, copied.
inline Result<Bytes> delta_of(Result<Commit> commit) {
  if (!commit.ok()) return commit.take_error();
  return Bytes(commit->delta.begin(), commit->delta.end());
}

inline Result<Commit> insert_text(Document& document, std::size_t at, std::string_view text) {
  return document.transact([&](Transaction& transaction) {
    return transaction.root().ensure_text(kText).insert(scalar(at), text);
  });
}

inline Result<Commit> erase_text(Document& document, std::size_t at, std::size_t count) {
  return document.transact([&](Transaction& transaction) {
    return transaction.root().ensure_text(kText).erase(scalar(at), count);
  });
}

inline std::uint64_t checksum_of(std::string_view text) { return xxh3_64(as_bytes(text)); }

}  // namespace weft::bench
