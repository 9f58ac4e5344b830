// Fuzzer: snapshot files, without their checksum. Whatever loads can be used like any document.

#include "tests/fuzz/document_checks.h"
#include "tests/fuzz/read_documents.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  for (const Document& document : read_histories())
    all.push_back(
        {"document_" + std::to_string(all.size()), without_checksum(document.snapshot())});
  const std::vector<Document> documents = read_histories();
  for (const char* path : {"", "/t", "/l"})
    all.push_back({"container_" + std::to_string(all.size()),
                   without_checksum(documents[0].container_snapshot(path).value())});
  return all;
}

}  // namespace

const Fuzzer kSnapshotFuzz{
    "snapshot_fuzz", [](ByteSpan input) { return check_snapshot(with_checksum(input)); }, seeds};

}  // namespace weft::test
