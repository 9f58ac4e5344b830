#pragma once
// Codec: one delta as bytes (the row form), many as a sealed bundle (the column form). The bytes are
// normative in docs/format.md; golden vectors lie under tests/conformance/.
//
// Row form: what is stored and gossiped, one transaction each; smallest for a keystroke. It is
// canonical: decode_delta refuses every encoding but the one that encode_delta writes (kNotCanonical).
// Column form: consecutive deltas of one replica, headers run-length coded, then compressed by the
// Compressor that the caller hands in. Opening a bundle and encoding its deltas one by one gives back
// their exact bytes.
//
// chain(n) = xxh3_64(delta bytes, seed = chain(n-1)), chain before the first delta = 0.

#include <cstdint>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/delta/batch.h"
#include "crdt/delta/row_encoder.h"

namespace weft {

/// Compression is no business of the core: whoever seals brings it (storage/codec has zstd).
class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Identifies the algorithm in the bundle's header; 0 is reserved for "stored".
  virtual std::uint8_t id() const = 0;
  virtual Bytes compress(ByteSpan data) const = 0;
  /// @errors kCorrupt: not this algorithm's bytes, or they do not unpack to exactly `size` bytes
  virtual Status decompress(ByteSpan data, std::byte* out, std::size_t size) const = 0;
};

/// Appends the row form of the `index`-th delta of `batch` (counting each member of a DeltaRun).
/// @cost O(bytes written + log ops + delta runs); finds its ops by binary search, cuts them where needed
void encode_delta(const Batch& batch, std::size_t index, Bytes& out);

/// Encodes the deltas of a batch one after the other, each in O(bytes written):
///
///   DeltaWalk walk(batch);
///   for (Bytes row; walk.next(row); row.clear()) use(row);
class DeltaWalk {
 public:
  /// `batch` must outlive the walk.
  explicit DeltaWalk(const Batch& batch) : batch_(batch) {}
  /// Appends the row form of the next delta to `out`; false behind the last.
  bool next(Bytes& out);

 private:
  const Batch& batch_;
  DeltaEncoder encoder_;
  std::size_t run_ = 0;                                 ///< into batch_.deltas
  std::uint32_t member_ = 0;                            ///< of that run
  std::size_t op_ = 0;                                  ///< the op that the next delta begins in
  std::uint32_t content_begin_ = kUnknownContentBegin;  ///< of the next delta's first unit
};

/// @errors kCorrupt, kNotCanonical, kLimit, kUnknownVersion, each with the byte offset
/// The result borrows from `bytes` (content, keys).
Result<Batch> decode_delta(ByteSpan bytes, const DecodeLimits& limits = {});

/// The same into a batch whose memory is used again: a receiver of many deltas allocates nothing. On an
/// error `out` holds part of the delta and is good only for being decoded into again.
Status decode_delta_into(ByteSpan bytes, Batch& out, const DecodeLimits& limits = {});

/// The same for a delta that was decoded when it came and has lain under a checksum of ours since: it is not
/// encoded again to see whether it is canonical. Never for bytes from outside; what comes out is safe all the same.
Status decode_stored_delta(ByteSpan bytes, Batch& out, const DecodeLimits& limits = {});

/// What a bundle's header says; nothing of it is covered by a checksum until the bundle is opened.
struct BundleInfo {
  ReplicaId author;
  Seq first_seq = 0;
  Seq op_count = 0;
  std::uint32_t unpacked_size = 0;
  std::uint8_t compressor = 0;
  std::uint64_t end_chain = 0;
  Seq end() const { return first_seq + op_count; }
};
/// Tells a bundle from a delta: no delta's row form begins as a bundle does.
bool is_bundle(ByteSpan bytes);
/// @errors as open_bundle, for the header alone
Result<BundleInfo> read_bundle_info(ByteSpan bytes, const DecodeLimits& limits = {});

/// Seals the whole batch into one bundle. `end_chain` is the chain hash after its last delta.
/// `compressor` may be null (stored).
Bytes seal_bundle(const Batch& batch, std::uint64_t end_chain, const Compressor* compressor);

struct OpenedBundle {
  Batch batch;
  std::uint64_t end_chain = 0;
};
/// @errors as decode_delta; kUnknownVersion also for a compressor that `compressor` is not
/// With a stored bundle the result borrows from `bytes`; unpacked bytes lie in batch.owned.
Result<OpenedBundle> open_bundle(ByteSpan bytes, const Compressor* compressor,
                                 const DecodeLimits& limits = {});

}  // namespace weft
