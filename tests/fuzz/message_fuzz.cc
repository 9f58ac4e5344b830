// Fuzzer: a message's segment. The first byte is the type; header and checksum are made to fit.

#include "tests/fuzz/wire_checks.h"
#include "tests/transport/wire/random_message.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  const auto add = [&](const sync::Envelope& envelope) {
    const Bytes frame = frame_of(envelope);
    if (frame.size() > 8'000) return;
    Bytes seed{static_cast<std::byte>(sync::type_of(envelope.message) - 1)};
    seed.insert(seed.end(), frame.begin() + wire::kHeaderBytes, frame.end());
    all.push_back(
        {sync::type_name(envelope.message) + std::string("_") + std::to_string(all.size()),
         std::move(seed)});
  };
  for (const sync::Envelope& envelope : sample_envelopes()) add(envelope);
  Random random(10);
  for (int round = 0; round < 3; ++round)
    for (std::uint16_t type = 1; type <= kMessageTypes; ++type) add(random_envelope(random, type));
  return all;
}

}  // namespace

const Fuzzer kMessageFuzz{"message_fuzz", [](ByteSpan input) { return check_message(input); },
                          seeds};

}  // namespace weft::test
