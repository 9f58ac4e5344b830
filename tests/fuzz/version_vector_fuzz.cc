// Fuzzer: version vectors, in bytes and as text. What is accepted says the same again.

#include "crdt/clock/version_vector.h"
#include "tests/fuzz/codec_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  test::AllocationGuard guard;
  ByteReader in(input);
  Result<VersionVector> version = VersionVector::decode(in);
  Result<VersionVector> parsed = VersionVector::parse(as_text(input));
  if (guard.peak_bytes() > test::allocation_bound(size)) test::report("too much memory");
  if (version.ok()) {
    Bytes again;
    ByteWriter out(again);
    version->encode(out);
    std::size_t used = size - in.remaining();
    if (!std::equal(again.begin(), again.end(), input.begin(),
                    input.begin() + static_cast<std::ptrdiff_t>(used)))
      test::report("encodes to other bytes");
    Result<VersionVector> text = VersionVector::parse(version->to_string());
    if (!text.ok() || !(*text == *version)) test::report("its text says something else");
  }
  if (parsed.ok()) {
    Result<VersionVector> text = VersionVector::parse(parsed->to_string());
    if (!text.ok() || !(*text == *parsed)) test::report("text that was read says something else");
  }
  return 0;
}
