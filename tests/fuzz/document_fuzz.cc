// Fuzzer: deltas that reach a document one by one, which checks what the codec can't: neighbours, targets, pasts.
// Pieces, each a delta in row form.

#include "tests/fuzz/document_checks.h"
#include "tests/fuzz/real_documents.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  for (const std::vector<Bytes>& history : real_histories())
    all.push_back({"history_" + std::to_string(all.size()), join_pieces(history)});
  return all;
}

}  // namespace

const Fuzzer kDocumentFuzz{"document_fuzz", [](ByteSpan input) { return check_deltas(input); },
                           seeds, lie_in_pieces};

}  // namespace weft::test
