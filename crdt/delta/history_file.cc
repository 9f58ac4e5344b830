#include "crdt/delta/history_file.h"

#include <cstring>
#include <optional>

#include "crdt/base/checksum.h"
#include "crdt/delta/codec.h"

namespace weft {
namespace {

constexpr std::string_view kMagic = "WEFTHIST";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kBundleBytesMin = 48;  // header and checksum of an empty body
constexpr std::size_t kHeaderBytes = 8 + 1 + 16;

/// Whether `next` may stand behind `previous` (I1).
bool follows(const BundleInfo& previous, const BundleInfo& next) {
  if (previous.author != next.author) return previous.author < next.author;
  return previous.end() <= next.first_seq;
}

}  // namespace

bool is_history_file(ByteSpan file) {
  return file.size() >= kMagic.size() && as_text(file.first(kMagic.size())) == kMagic;
}

Bytes encode_history_file(const HistoryFile& file) {
  Bytes out;
  ByteWriter writer(out);
  writer.text(kMagic);
  writer.u8(kVersion);
  writer.bytes(std::as_bytes(std::span(file.document)));
  writer.varint(file.bundles.size());
  for (ByteSpan bundle : file.bundles) writer.sized(bundle);
  writer.u64(xxh3_64(out));
  return out;
}

Result<HistoryFile> decode_history_file(ByteSpan file, const DecodeLimits& limits) {
  if (!is_history_file(file)) return Error(ErrorCode::kCorrupt, "not a history file", 0);
  if (file.size() < kHeaderBytes + 1 + kChecksumBytes)
    return Error(ErrorCode::kCorrupt, "the history file ends too early", file.size());
  if (static_cast<std::uint8_t>(file[kMagic.size()]) != kVersion)
    return Error(ErrorCode::kUnknownVersion, "a history file of a newer weft", kMagic.size());
  ByteSpan body = file.first(file.size() - kChecksumBytes);
  ByteReader check(file.last(kChecksumBytes), body.size());
  if (check.u64() != xxh3_64(body))
    return Error(ErrorCode::kCorrupt, "the history file's checksum is wrong", body.size());
  HistoryFile result;
  ByteReader in(body.subspan(kMagic.size() + 1), kMagic.size() + 1);
  ByteSpan id = in.bytes(16);
  std::memcpy(result.document.data(), id.data(), id.size());
  std::uint64_t count =
      in.varint_up_to(in.remaining() / kBundleBytesMin, "more bundles than bytes");
  std::optional<BundleInfo> previous;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    ByteSpan bundle = in.sized();
    std::uint64_t begin = in.offset() - bundle.size();
    if (!in.ok()) break;
    Result<BundleInfo> info = read_bundle_info(bundle, limits);
    if (!info.ok())
      return Error(info.error().code(), "history file: " + info.error().context(),
                   begin + info.error().byte_offset());
    if (previous && !follows(*previous, *info))
      return Error(ErrorCode::kCorrupt, "history file: bundles are not in their order", begin);
    previous = *info;
    result.bundles.push_back(bundle);
  }
  if (in.ok() && !in.at_end()) in.fail("bytes after the last bundle");
  if (!in.ok()) return in.error("history file");
  return result;
}

}  // namespace weft
