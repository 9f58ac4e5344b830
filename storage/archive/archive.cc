#include "storage/archive/archive.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <string_view>

#include "crdt/base/checksum.h"
#include "storage/archive/boost_form.h"

namespace weft {
namespace {

constexpr std::string_view kMagic = "weft-archive";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kLineBytesMax = 128;

constexpr std::string_view kBinaryPrefix = "binary-";
constexpr std::string_view kBinaryHere = std::endian::native == std::endian::little
                                             ? (sizeof(void*) == 8 ? "binary-le64" : "binary-le32")
                                             : (sizeof(void*) == 8 ? "binary-be64" : "binary-be32");

std::string_view name_of(ArchiveFormat format) {
  return format == ArchiveFormat::kXml ? "xml" : kBinaryHere;
}

std::string first_line(ArchiveFormat format, ByteSpan body) {
  return std::string(kMagic) + " " + std::to_string(kVersion) + " " + std::string(name_of(format)) +
         " " + to_string(ReplicaId{xxh3_64(body)}) + " " + std::to_string(body.size()) + "\n";
}

/// The words of a line, by single spaces; nothing where there are not just as many.
template <std::size_t kCount>
std::optional<std::array<std::string_view, kCount>> words(std::string_view line) {
  std::array<std::string_view, kCount> result;
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::size_t end = i + 1 < kCount ? line.find(' ') : line.size();
    if (end == std::string_view::npos) return std::nullopt;
    result[i] = line.substr(0, end);
    line.remove_prefix(std::min(line.size(), end + 1));
  }
  return result;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// @errors kUnknownVersion; kCorrupt: not a number, or 0
Status check_version(std::string_view word) {
  std::optional<std::uint64_t> version = parse_number(word);
  if (!version || *version == 0)
    return Error(ErrorCode::kCorrupt, "this is no weft archive: its version is not a number", 0);
  if (*version > kVersion)
    return Error(ErrorCode::kUnknownVersion, "an archive of version " + std::to_string(*version) +
                                                 "; this weft reads version " +
                                                 std::to_string(kVersion) + ": update it");
  return {};
}

Result<ArchiveFormat> parse_format(std::string_view word) {
  for (ArchiveFormat format : {ArchiveFormat::kXml, ArchiveFormat::kBinary})
    if (word == name_of(format)) return format;
  if (word.starts_with(kBinaryPrefix))
    return Error(ErrorCode::kUnknownKind,
                 "a binary archive of another kind of machine (" + std::string(word) + ", here " +
                     std::string(kBinaryHere) + "): export it there as XML");
  return Error(ErrorCode::kUnknownKind,
               "an archive in a format that this weft does not know: " + std::string(word));
}

}  // namespace

std::string to_string(const DocumentId& id) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (std::uint8_t byte : id.bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

Result<Bytes> write_archive(const Archive& archive, ArchiveFormat format, std::uint64_t bytes_max) {
  WEFT_ASSIGN(const std::string body, write_boost_form(archive, format, bytes_max));
  const std::string line = first_line(format, as_bytes(body));
  if (line.size() + body.size() > bytes_max)
    return archive_too_large(archive.documents.empty() ? DocumentId() : archive.documents.back().id,
                             bytes_max);
  Bytes file;
  file.reserve(line.size() + body.size());
  ByteWriter out(file);
  out.text(line);
  out.text(body);
  return file;
}

Result<Archive> read_archive(ByteSpan file, std::uint64_t bytes_max) {
  if (file.size() > bytes_max)
    return Error(ErrorCode::kLimit, "the archive has " + std::to_string(file.size()) +
                                        " bytes; this weft reads up to " +
                                        std::to_string(bytes_max));
  const std::string_view begin = as_text(file.first(std::min(file.size(), kLineBytesMax)));
  const std::size_t line_bytes = begin.find('\n');
  // The version first: a newer one's line may go on in another way.
  const auto line = words<3>(begin.substr(0, line_bytes));
  if (line_bytes == std::string_view::npos || !line || (*line)[0] != kMagic)
    return Error(ErrorCode::kCorrupt, "this is no weft archive: it begins with another line", 0);
  WEFT_TRY(check_version((*line)[1]));
  const auto details = words<3>((*line)[2]);
  if (!details)
    return Error(ErrorCode::kCorrupt, "the archive's first line lacks its checksum and size", 0);
  WEFT_ASSIGN(const ArchiveFormat format, parse_format((*details)[0]));
  const std::string_view says = (*details)[2];
  const ByteSpan body = file.subspan(line_bytes + 1);
  if (std::optional<std::uint64_t> size = parse_number(says); !size || *size != body.size())
    return Error(ErrorCode::kCorrupt,
                 "the archive has " + std::to_string(body.size()) +
                     " bytes behind its first line, which says " + std::string(says),
                 line_bytes + 1);
  // Compared as a whole, so that a line has one spelling only.
  if (begin.substr(0, line_bytes + 1) != first_line(format, body))
    return Error(ErrorCode::kCorrupt, "the archive's checksum is wrong: it was damaged or edited",
                 line_bytes + 1);
  return read_boost_form(body, format);
}

}  // namespace weft
