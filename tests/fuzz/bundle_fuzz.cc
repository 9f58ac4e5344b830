// Fuzzer: bundles. The first byte chooses: an even one, and the rest is (author, first seq, count, body)
// of a stored bundle; an odd one, and it is a bundle without its checksum, maybe compressed.

#include "storage/codec/zstd_codec.h"
#include "tests/crdt/delta/random_batch.h"
#include "tests/fuzz/codec_checks.h"
#include "tests/fuzz/real_bundles.h"
#include "tests/fuzz/real_documents.h"

namespace weft::test {
namespace {

const ZstdCompressor& zstd() {
  static const ZstdCompressor kZstd(1);
  return kZstd;
}

Verdict check(ByteSpan input) {
  if (input.empty()) return accepted_if(false);
  const ByteSpan rest = input.subspan(1);
  const Bytes bundle =
      std::to_integer<unsigned>(input[0]) % 2 == 0 ? as_stored_bundle(rest) : with_checksum(rest);
  return check_bundle(bundle, &zstd());
}

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  const auto add = [&](const Batch& batch) {
    Bytes stored{std::byte{0}};
    const Bytes bundle = seal_bundle(batch, 1, nullptr);
    ByteWriter out(stored);
    out.u64(batch.author().value);
    out.u32(batch.first_seq);
    out.u32(batch.op_count);
    out.bytes(ByteSpan(bundle).subspan(kBundleHeaderBytes,
                                       bundle.size() - kBundleHeaderBytes - kBundleChecksumBytes));
    all.push_back({"stored_" + std::to_string(all.size()), std::move(stored)});
    Bytes whole{std::byte{1}};
    const Bytes sealed = without_checksum(seal_bundle(batch, 1, &zstd()));
    whole.insert(whole.end(), sealed.begin(), sealed.end());
    all.push_back({"sealed_" + std::to_string(all.size()), std::move(whole)});
  };
  for (const std::vector<Bytes>& history : real_histories())
    for (const Batch& batch : batches_of(history)) add(batch);
  Random random(6);
  for (int i = 0; i < 10; ++i) add(random_batch(random, {}));
  return all;
}

}  // namespace

const Fuzzer kBundleFuzz{"bundle_fuzz", check, seeds};

}  // namespace weft::test
