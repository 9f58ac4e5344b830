#pragma once
// What has to hold of archives: what can be written is read back equal, in both formats; a file with anything changed
// is refused; and a store that imports one and is archived again has said the same.
//
// Boost's readers take their input at its word (storage/archive/archive.h): a file whose checksum fits is believed, so
// bytes behind the first line are never changed without one.
//
// Pieces: the first byte of each is a document's status; bit 6: deletions had seen what it has, with the chain hashes 0
// to 3 of bits 4 and 5 (0: not known; the others are wrong, so these ends are void); bit 7: the rest is the first line
// of a file, to be read; else the rest is a document's pieces, each a delta.

#include <algorithm>
#include <string>
#include <vector>

#include "storage/archive/archive.h"
#include "storage/archive/delta_info.h"
#include "storage/archive/transfer.h"
#include "storage/memory/memory_store.h"
#include "tests/fuzz/alloc_guard.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/pieces.h"

namespace weft::test {

/// What is under test; a canary puts something faulty in its place.
struct ArchiveForm {
  Result<Bytes> (*write)(const Archive&, ArchiveFormat) =
      [](const Archive& archive, ArchiveFormat format) { return write_archive(archive, format); };
  Result<Archive> (*read)(ByteSpan) = [](ByteSpan file) { return read_archive(file); };
};

inline Archive archive_of(ByteSpan input) {
  Archive archive{{7, {0xa1}}, {}};
  for (const Piece& piece : split_pieces(input)) {
    if (piece.bytes.empty() || (std::to_integer<unsigned>(piece.bytes[0]) & 0x80) != 0) continue;
    ArchivedDocument& document = archive.documents.emplace_back();
    document.id.bytes[15] = static_cast<std::uint8_t>(archive.documents.size());
    const auto head = std::to_integer<unsigned>(piece.bytes[0]);
    document.status = static_cast<ArchivedStatus>(head & 0x0f);
    for (Piece& delta : split_pieces(ByteSpan(piece.bytes).subspan(1)))
      document.deltas.push_back(std::move(delta.bytes));
    if ((head & 0x40) == 0) continue;
    document.deletion.set_author({head}, head);
    Batch scratch;
    for (const Bytes& delta : document.deltas)
      if (const Result<DeltaInfo> info = read_delta_info(delta, scratch); info.ok())
        document.deletion.raise(info->first.replica, info->first.seq + info->op_count,
                                head >> 4 & 3);
  }
  return archive;
}

/// @return  a fault, or null
inline const char* check_heads(ByteSpan input, const ArchiveForm& form) {
  for (const Piece& piece : split_pieces(input)) {
    if (piece.bytes.empty() || (std::to_integer<unsigned>(piece.bytes[0]) & 0x80) == 0) continue;
    AllocationGuard guard;
    const Result<Archive> read = form.read(ByteSpan(piece.bytes).subspan(1));
    if (guard.peak_bytes() > (std::size_t{1} << 20) + 64 * piece.bytes.size())
      return "reading took too much memory";
    if (read.ok()) return "a first line alone is read as an archive";
  }
  return nullptr;
}

/// @return  a fault, or null
inline const char* check_import(const Archive& archive) {
  MemoryStore store({.replica = {0xb2}, .epoch = 2, .before_append = nullptr});
  const Result<ArchiveImportReport> imported = import_archive(store, archive);
  if (!imported.ok()) return nullptr;  // deltas that contradict each other
  const Result<Archive> again = archive_store(store, nullptr);
  if (!again.ok()) return "what was imported can't be archived";
  MemoryStore copy({.replica = {0xc3}, .epoch = 3, .before_append = nullptr});
  if (!import_archive(copy, *again).ok()) return "what was archived can't be imported";
  const Result<Archive> twice = archive_store(copy, nullptr);
  if (!twice.ok() || twice->documents != again->documents)
    return "an archive of what was imported says something else";
  for (const ArchivedDocument& document : again->documents) {
    DocumentOptions options;
    options.replica = {0xd4};
    (void)open_archived(document, options);
  }
  return nullptr;
}

inline Verdict check_archive(ByteSpan input, const ArchiveForm& form = {}) {
  if (const char* fault = check_heads(input, form)) return faulty(fault);
  const Archive archive = archive_of(input);
  Verdict verdict{nullptr, std::max<std::size_t>(archive.documents.size(), 1), 0};
  for (const ArchiveFormat format : {ArchiveFormat::kXml, ArchiveFormat::kBinary}) {
    Result<Bytes> file = form.write(archive, format);
    if (!file.ok()) return verdict;
    const Result<Archive> read = form.read(*file);
    if (!read.ok()) return faulty("what was written can't be read");
    if (!(*read == archive)) return faulty("what was read is something else");
    // The input chooses where a bit flips.
    std::size_t place = 0;
    for (const std::byte byte : input) place = place * 31 + std::to_integer<std::size_t>(byte);
    (*file)[place % file->size()] ^= std::byte{1};
    if (form.read(*file).ok()) return faulty("a damaged file is read");
  }
  verdict.accepted = archive.documents.size();
  verdict.fault = check_import(archive);
  return verdict;
}

}  // namespace weft::test
