// Fuzzer: history files, without their checksum. Whatever is accepted encodes to the same bytes.

#include "tests/fuzz/codec_checks.h"
#include "tests/fuzz/read_documents.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  for (const Document& document : read_histories())
    all.push_back({"history_" + std::to_string(all.size()),
                   without_checksum(document.export_history().value())});
  return all;
}

}  // namespace

const Fuzzer kHistoryFileFuzz{
    "history_file_fuzz", [](ByteSpan input) { return check_history_file(with_checksum(input)); },
    seeds};

}  // namespace weft::test
