// Fuzzer: version vectors, in bytes and as text. What is accepted says the same again.

#include "crdt/clock/version_vector.h"
#include "tests/fuzz/codec_checks.h"

namespace weft::test {
namespace {

Verdict check(ByteSpan input) {
  AllocationGuard guard;
  ByteReader in(input);
  Result<VersionVector> version = VersionVector::decode(in);
  Result<VersionVector> parsed = VersionVector::parse(as_text(input));
  if (guard.peak_bytes() > allocation_bound(input.size())) return faulty("too much memory");
  if (version.ok()) {
    Bytes again;
    ByteWriter out(again);
    version->encode(out);
    std::size_t used = input.size() - in.remaining();
    if (!std::equal(again.begin(), again.end(), input.begin(),
                    input.begin() + static_cast<std::ptrdiff_t>(used)))
      return faulty("encodes to other bytes");
    Result<VersionVector> text = VersionVector::parse(version->to_string());
    if (!text.ok() || !(*text == *version)) return faulty("its text says something else");
  }
  if (parsed.ok()) {
    Result<VersionVector> text = VersionVector::parse(parsed->to_string());
    if (!text.ok() || !(*text == *parsed)) return faulty("text that was read says something else");
  }
  return accepted_if(version.ok() || parsed.ok());
}

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  Random random(8);
  for (std::uint64_t count : {0u, 1u, 2u, 5u, 40u}) {
    VersionVector version;
    for (std::uint64_t i = 0; i < count; ++i) {
      const ReplicaId replica{random.next()};
      version.set(replica, static_cast<Seq>(1 + random.below(1u << random.below(30))));
    }
    Bytes bytes;
    ByteWriter out(bytes);
    version.encode(out);
    all.push_back({"bytes_" + std::to_string(count), bytes});
    const std::string text = version.to_string();
    const ByteSpan span = as_bytes(text);
    all.push_back({"text_" + std::to_string(count), Bytes(span.begin(), span.end())});
  }
  return all;
}

}  // namespace

const Fuzzer kVersionVectorFuzz{"version_vector_fuzz", check, seeds};

}  // namespace weft::test
