#pragma once
// What the fuzzers of the delta codecs demand of any input; each function returns a fault in words, and
// whether the input was accepted. The codec is passed in, so that a canary test can pass a broken one.

#include <algorithm>

#include "crdt/base/checksum.h"
#include "crdt/delta/bundle_format.h"
#include "crdt/delta/codec.h"
#include "crdt/delta/history_file.h"
#include "tests/fuzz/alloc_guard.h"
#include "tests/fuzz/fuzzer.h"

namespace weft::test {

/// No decoder may hold more for an input of so many bytes.
constexpr std::size_t allocation_bound(std::size_t input_bytes) {
  return 64 * input_bytes + (std::size_t{1} << 20);
}

struct Codec {
  Result<Batch> (*decode_delta)(ByteSpan, const DecodeLimits&) = weft::decode_delta;
  void (*encode_delta)(const Batch&, std::size_t, Bytes&) = weft::encode_delta;
  Bytes (*seal)(const Batch&, std::uint64_t, const Compressor*) = weft::seal_bundle;
};

inline Verdict check_delta(ByteSpan input, const Codec& codec = {}) {
  AllocationGuard guard;
  Result<Batch> batch = codec.decode_delta(input, {});
  if (guard.peak_bytes() > allocation_bound(input.size()))
    return faulty("decoding took too much memory");
  if (!batch.ok()) return accepted_if(false);
  Bytes again;
  codec.encode_delta(*batch, 0, again);
  if (!std::equal(again.begin(), again.end(), input.begin(), input.end()))
    return faulty("the delta encodes to other bytes");
  return accepted_if(true);
}

/// Every delta of `batch`, through its row form; the rows are added to `rows`.
inline const char* check_rows(const Batch& batch, const Codec& codec, Bytes& rows) {
  DeltaWalk walk(batch);
  for (Bytes row; walk.next(row); row.clear()) {
    if (const char* fault = check_delta(row, codec).fault) return fault;
    if (!codec.decode_delta(row, {}).ok()) return "a delta of the bundle has no row form";
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return nullptr;
}

/// @param compressor  null for stored bundles only
inline Verdict check_bundle(ByteSpan input, const Compressor* compressor, const Codec& codec = {}) {
  AllocationGuard guard;
  DecodeLimits limits;
  limits.unpacked_bytes = std::size_t{8} << 20;
  Result<OpenedBundle> opened = open_bundle(input, compressor, limits);
  std::size_t bound = allocation_bound(input.size());
  Result<BundleInfo> info = read_bundle_info(input, limits);
  if (info.ok()) bound += info->unpacked_size;
  if (guard.peak_bytes() > bound) return faulty("opening took too much memory");
  if (!opened.ok()) return accepted_if(false);
  // A run of deltas that are alike takes no bytes: don't write out a million of them.
  std::uint64_t deltas = 0;
  for (const DeltaRun& run : opened->batch.deltas) deltas += run.delta_count;
  if (deltas > 2000) return accepted_if(true);
  Bytes rows;
  if (const char* fault = check_rows(opened->batch, codec, rows)) return faulty(fault);
  Bytes sealed = codec.seal(opened->batch, opened->end_chain, nullptr);
  Result<OpenedBundle> again = open_bundle(sealed, nullptr, limits);
  if (!again.ok()) return faulty("what was sealed again does not open");
  Bytes rows_again;
  if (const char* fault = check_rows(again->batch, codec, rows_again)) return faulty(fault);
  if (rows_again != rows) return faulty("sealing again changed a delta");
  if (codec.seal(again->batch, again->end_chain, nullptr) != sealed)
    return faulty("sealing twice gives two bundles");
  return accepted_if(true);
}

inline Verdict check_history_file(ByteSpan input) {
  AllocationGuard guard;
  Result<HistoryFile> file = decode_history_file(input);
  if (guard.peak_bytes() > allocation_bound(input.size()))
    return faulty("decoding took too much memory");
  if (!file.ok()) return accepted_if(false);
  Bytes again = encode_history_file(*file);
  if (!std::equal(again.begin(), again.end(), input.begin(), input.end()))
    return faulty("the file encodes to other bytes");
  return accepted_if(true);
}

/// No fuzzer finds a checksum: the input stands for everything before it.
inline Bytes with_checksum(ByteSpan input) {
  Bytes bytes(input.begin(), input.end());
  ByteWriter(bytes).u64(xxh3_64(input));
  return bytes;
}

inline Bytes without_checksum(Bytes file) {
  file.resize(file.size() - 8);
  return file;
}

/// The input as the body of a stored bundle, behind a header that fits.
inline Bytes as_stored_bundle(ByteSpan input) {
  Bytes bytes;
  ByteWriter out(bytes);
  ByteReader in(input);
  out.u32(kBundleMagic);
  out.u32(kBundleVersion);
  out.u64(in.u64());
  out.u32(in.u32() & 0x7fff'ffff);
  out.u32(in.u32());
  ByteSpan body = in.bytes(in.remaining());
  out.u32(static_cast<std::uint32_t>(body.size()));
  out.u32(static_cast<std::uint32_t>(body.size()));
  out.u64(0);
  out.bytes(body);
  return with_checksum(bytes);
}

}  // namespace weft::test
