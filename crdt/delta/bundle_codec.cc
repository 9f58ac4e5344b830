// A bundle around its body: header, compression, padding, checksum.

#include "crdt/base/checksum.h"
#include "crdt/delta/bundle_format.h"
#include "crdt/delta/codec.h"

namespace weft {
namespace {

constexpr std::uint8_t kStored = 0;

struct Header {
  BundleInfo info;
  std::uint32_t packed_size = 0;
  std::uint8_t version = 0;
};

Status check_header(const BundleInfo& info, std::uint32_t packed_size, ByteSpan bytes,
                    const DecodeLimits& limits) {
  std::uint64_t expansion_bound = bytes.size() * kExpansion + kExpansionBase;
  if (info.first_seq > kMaxSeq || info.op_count == 0 ||
      info.op_count > kMaxSeq - info.first_seq + 1)
    return Error(ErrorCode::kLimit, "bundle: sequence numbers over their limit", 16);
  if (info.unpacked_size > limits.unpacked_bytes || info.unpacked_size > expansion_bound)
    return Error(ErrorCode::kLimit, "bundle: unpacks to more than allowed", 24);
  if (packed_size > bytes.size() - kBundleHeaderBytes - kBundleChecksumBytes)
    return Error(ErrorCode::kCorrupt, "bundle: ends too early", 28);
  if (info.compressor == kStored && packed_size != info.unpacked_size)
    return Error(ErrorCode::kCorrupt, "bundle: stored, but with two sizes", 28);
  return {};
}

Result<Header> read_header(ByteSpan bytes, const DecodeLimits& limits) {
  if (bytes.size() > limits.input_bytes || bytes.size() > 0xffff'ffff)
    return Error(ErrorCode::kLimit, "bundle: more bytes than allowed", 0);
  if (bytes.size() < kBundleHeaderBytes + kBundleChecksumBytes)
    return Error(ErrorCode::kCorrupt, "bundle: ends too early", bytes.size());
  ByteReader in(bytes);
  if (in.u32() != kBundleMagic) return Error(ErrorCode::kCorrupt, "not a bundle", 0);
  Header header;
  header.version = in.u8();
  if (header.version != kLegacyBundleVersion && header.version != kBundleVersion)
    return Error(ErrorCode::kUnknownVersion, "bundle: written by another version of weft", 4);
  header.info.compressor = in.u8();
  if (in.u8() != 0 || in.u8() != 0)
    return Error(ErrorCode::kUnknownVersion, "bundle: flags that this weft does not know", 6);
  header.info.author = ReplicaId{in.u64()};
  header.info.first_seq = in.u32();
  header.info.op_count = in.u32();
  header.info.unpacked_size = in.u32();
  header.packed_size = in.u32();
  header.info.end_chain = in.u64();
  WEFT_TRY(check_header(header.info, header.packed_size, bytes, limits));
  return header;
}

Status check_frame(ByteSpan bytes, const Header& header) {
  std::size_t end = bytes.size() - kBundleChecksumBytes;
  if (xxh3_64(bytes.first(end)) != ByteReader(bytes.subspan(end)).u64())
    return Error(ErrorCode::kCorrupt, "bundle: the checksum does not fit", end);
  for (std::size_t i = kBundleHeaderBytes + header.packed_size; i < end; ++i)
    if (bytes[i] != std::byte{0})
      return Error(ErrorCode::kCorrupt, "bundle: padding is not zero", i);
  return {};
}

/// How many bytes a bundle needs at least for what it holds.
std::uint64_t least_size(const BundleBody& body) {
  constexpr std::uint64_t kFreeRows = kExpansionBase / kExpansion;
  std::uint64_t for_rows = body.rows > kFreeRows ? body.rows - kFreeRows : 0;
  std::uint64_t size = body.bytes.size();
  std::uint64_t for_bytes =
      size > kExpansionBase ? (size - kExpansionBase + kExpansion - 1) / kExpansion : 0;
  return for_rows > for_bytes ? for_rows : for_bytes;
}

}  // namespace

bool is_bundle(ByteSpan bytes) {
  return bytes.size() >= 4 && ByteReader(bytes).u32() == kBundleMagic;
}

Result<BundleInfo> read_bundle_info(ByteSpan bytes, const DecodeLimits& limits) {
  WEFT_ASSIGN(Header header, read_header(bytes, limits));
  return header.info;
}

Bytes seal_bundle(const Batch& batch, std::uint64_t end_chain, const Compressor* compressor) {
  WEFT_ASSERT(!batch.ops.empty() && !batch.deltas.empty());
  BundleBody body = write_bundle_body(batch);
  WEFT_ASSERT(body.bytes.size() <= 0xffff'ffff);
  Bytes packed;
  if (compressor != nullptr) packed = compressor->compress(body.bytes);
  bool stored = compressor == nullptr || packed.size() >= body.bytes.size();
  const Bytes& payload = stored ? body.bytes : packed;

  Bytes bytes;
  std::size_t size = kBundleHeaderBytes + payload.size() + kBundleChecksumBytes;
  if (size < least_size(body)) size = static_cast<std::size_t>(least_size(body));
  bytes.reserve(size);
  ByteWriter out(bytes);
  out.u32(kBundleMagic);
  out.u8(body.version);
  out.u8(stored ? kStored : compressor->id());
  out.u8(0);
  out.u8(0);
  out.u64(batch.author().value);
  out.u32(batch.first_seq);
  out.u32(batch.op_count);
  out.u32(static_cast<std::uint32_t>(body.bytes.size()));
  out.u32(static_cast<std::uint32_t>(payload.size()));
  out.u64(end_chain);
  out.bytes(payload);
  bytes.resize(size - kBundleChecksumBytes);
  out.u64(xxh3_64(bytes));
  return bytes;
}

Result<OpenedBundle> open_bundle(ByteSpan bytes, const Compressor* compressor,
                                 const DecodeLimits& limits) {
  WEFT_ASSIGN(Header header, read_header(bytes, limits));
  WEFT_TRY(check_frame(bytes, header));
  const BundleInfo& info = header.info;
  OpenedBundle result;
  result.end_chain = info.end_chain;
  Batch& batch = result.batch;
  batch.first_seq = info.first_seq;
  batch.op_count = info.op_count;
  batch.replicas.push_back(info.author);

  ByteSpan body = bytes.subspan(kBundleHeaderBytes, header.packed_size);
  if (info.compressor != kStored) {
    if (compressor == nullptr || compressor->id() != info.compressor)
      return Error(ErrorCode::kUnknownVersion, "bundle: compressed in a way that is not at hand",
                   5);
    // Eight bytes more: the reader loads whole words.
    batch.owned.resize(info.unpacked_size + std::size_t{8});
    WEFT_TRY(compressor->decompress(body, batch.owned.data(), info.unpacked_size));
    body = ByteSpan(batch.owned).first(info.unpacked_size);
  }
  std::uint64_t row_bound = bytes.size() + kExpansionBase / kExpansion;
  WEFT_TRY(read_bundle_body(body, batch, header.version, row_bound, limits));
  return result;
}

}  // namespace weft
