// Golden vectors: conformance/message_*.hex are frames as every peer has to write and read them. If one of these fails,
// either the code broke the protocol, or it changed on purpose: then raise sync::kProtocolVersion, write the change
// into docs/format.md and transport/schema/session.capnp, and run the test once with WEFT_REGENERATE_GOLDEN=1.

#include <doctest/doctest.h>

#include <string>

#include "tests/support/golden.h"
#include "tests/transport/wire/random_message.h"
#include "transport/wire/frame.h"

using namespace weft;

namespace {

Bytes frame_of(const sync::Envelope& envelope) {
  Bytes frame;
  wire::encode_frame(envelope, frame);
  return frame;
}

/// "LogRequest" as "log_request".
std::string file_name(const sync::Message& message) {
  std::string name;
  for (const char* at = sync::type_name(message); *at != '\0'; ++at) {
    const bool capital = *at >= 'A' && *at <= 'Z';
    if (capital && !name.empty()) name += '_';
    name += capital ? static_cast<char>(*at - 'A' + 'a') : *at;
  }
  return "message_" + name;
}

}  // namespace

TEST_CASE("messages have the bytes of the golden vectors") {
  for (const sync::Envelope& envelope : test::sample_envelopes()) {
    const std::string name = file_name(envelope.message);
    CAPTURE(name);
    const Bytes made = frame_of(envelope);
    const Bytes expected =
        test::golden(name, std::string("a frame: ") + sync::type_name(envelope.message),
                     "tests/transport/wire/golden_test.cc", made);
    CHECK(test::to_hex(made) == test::to_hex(expected));
    const Result<sync::Envelope> decoded = wire::decode_frame(expected);
    REQUIRE_MESSAGE(decoded.ok(), decoded.error().message());
    CHECK(*decoded == envelope);
  }
}
