// Fuzzer: a stream of frames in pieces. The first byte: bit 0, whether the checksums are made to fit; bits 1 to 4, how
// many bytes with the sizes of the pieces follow; bit 5, whether frames may have 128 bytes only.

#include "tests/fuzz/wire_checks.h"
#include "tests/transport/wire/random_message.h"

namespace weft::test {
namespace {

Verdict check(ByteSpan input) {
  if (input.empty()) return accepted_if(false);
  const auto first = std::to_integer<unsigned>(input[0]);
  const ByteSpan all = input.subspan(1);
  const ByteSpan cuts = all.first(std::min<std::size_t>(first >> 1 & 15, all.size()));
  const ByteSpan rest = all.subspan(cuts.size());
  const Bytes stream =
      (first & 1) != 0 ? with_frame_checksums(rest) : Bytes(rest.begin(), rest.end());
  return check_stream(stream, cuts, (first & 32) != 0 ? 128 : sync::Limits::kFrameBytes);
}

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  Bytes samples;
  for (const sync::Envelope& envelope : sample_envelopes()) wire::encode_frame(envelope, samples);
  const auto add = [&](std::initializer_list<unsigned> head, const Bytes& stream) {
    Bytes seed;
    for (unsigned byte : head) seed.push_back(static_cast<std::byte>(byte));
    seed.insert(seed.end(), stream.begin(), stream.end());
    all.push_back({"stream_" + std::to_string(all.size()), std::move(seed)});
  };
  add({0}, samples);
  add({1}, samples);
  add({1 | 1 << 1, 1}, samples);
  add({1 | 3 << 1, 1, 40, 200}, samples);
  Random random(9);
  for (std::uint16_t type = 1; type <= kMessageTypes; ++type) {
    Bytes stream = frame_of(random_envelope(random, type));
    if (stream.size() < 8'000) add({1 | 2 << 1, 7, 255}, stream);
  }
  return all;
}

}  // namespace

const Fuzzer kFrameFuzz{"frame_fuzz", check, seeds};

}  // namespace weft::test
