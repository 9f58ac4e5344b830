// Fuzzer: deltas and bundles that reach documents in several ways. See delivery_checks.h for what has to hold.

#include "tests/fuzz/delivery_checks.h"
#include "tests/fuzz/real_documents.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  for (const std::vector<Bytes>& history : real_histories()) {
    all.push_back({"deltas_" + std::to_string(all.size()), join_pieces(history)});
    std::vector<Piece> bundles;
    for (const Batch& batch : batches_of(history)) {
      const Bytes bundle = seal_bundle(batch, 0, nullptr);
      Piece piece{{}, true};
      ByteWriter out(piece.bytes);
      out.u64(batch.author().value);
      out.u32(batch.first_seq);
      out.u32(batch.op_count);
      out.bytes(ByteSpan(bundle).subspan(
          kBundleHeaderBytes, bundle.size() - kBundleHeaderBytes - kBundleChecksumBytes));
      bundles.push_back(std::move(piece));
    }
    all.push_back({"bundles_" + std::to_string(all.size()), join_pieces(bundles)});
  }
  return all;
}

}  // namespace

const Fuzzer kDeliveryFuzz{"delivery_fuzz", [](ByteSpan input) { return check_delivery(input); },
                           seeds, lie_in_pieces};

}  // namespace weft::test
