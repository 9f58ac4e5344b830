// Canaries: the checks of the wire's fuzzers notice a fault if there is one.

#include <doctest/doctest.h>

#include <string>

#include "tests/fuzz/wire_checks.h"
#include "tests/transport/wire/random_message.h"

using namespace weft;
using test::check_frame;
using test::WireCodec;

namespace {

Bytes some_frame() { return test::frame_of({3, sync::Bye{sync::ByeReason::kLost, "a gap"}}); }

Bytes some_stream() {
  Bytes stream;
  for (const sync::Envelope& envelope : test::sample_envelopes())
    wire::encode_frame(envelope, stream);
  return stream;
}

constexpr std::byte kCuts[] = {std::byte{1}, std::byte{40}, std::byte{200}};

std::string check_some_stream(ByteSpan stream) {
  return test::words(test::check_stream(stream, kCuts, sync::Limits::kFrameBytes));
}

/// A FrameDecoder with one fault.
class Faulty {
 public:
  explicit Faulty(std::size_t frame_bytes_max) : inner_(frame_bytes_max) {}
  Status feed(ByteSpan received) { return inner_.feed(received); }
  Result<std::optional<sync::Envelope>> next() { return inner_.next(); }
  std::size_t buffered_bytes() const { return inner_.buffered_bytes(); }

 protected:
  wire::FrameDecoder inner_;
};

struct Forgetful : Faulty {
  using Faulty::Faulty;
  Status feed(ByteSpan received) {
    if (Status fed = inner_.feed(received); !fed.ok()) inner_ = wire::FrameDecoder();
    return {};
  }
};

struct Lossy : Faulty {
  using Faulty::Faulty;
  Result<std::optional<sync::Envelope>> next() {
    Result<std::optional<sync::Envelope>> first = inner_.next();
    return first.ok() && first->has_value() && (*first)->sequence == 5 ? inner_.next()
                                                                       : std::move(first);
  }
};

struct Deaf : Faulty {
  using Faulty::Faulty;
  Result<std::optional<sync::Envelope>> next() {
    Result<std::optional<sync::Envelope>> result = inner_.next();
    if (!result.ok()) return std::optional<sync::Envelope>();
    return result;
  }
};

struct Hoarder : Faulty {
  using Faulty::Faulty;
  Status feed(ByteSpan received) {
    hoard_.emplace_back(std::size_t{4} << 20);
    return inner_.feed(received);
  }
  std::vector<Bytes> hoard_;
};

template <typename Decoder>
std::string fault_of(ByteSpan stream) {
  return test::words(test::check_stream<Decoder>(stream, kCuts, sync::Limits::kFrameBytes));
}

}  // namespace

TEST_CASE("the checks find nothing wrong with the frames of samples and of random messages") {
  const std::uint64_t seed = test::message_seed();
  test::Random random(seed);
  INFO("WEFT_SEED=" << seed << " in wire_canary_test");
  for (int round = 0; round < 10; ++round)
    for (std::uint16_t type = 1; type <= test::kMessageTypes; ++type) {
      const test::Verdict verdict =
          check_frame(test::frame_of(test::random_envelope(random, type)));
      REQUIRE(test::words(verdict) == "");
      REQUIRE(verdict.accepted == 1);
    }
  Bytes stream = some_stream();
  CHECK(check_some_stream(stream) == "");
  stream[100] ^= std::byte{1};
  CHECK(check_some_stream(stream) == "");
  CHECK(check_some_stream(test::with_frame_checksums(stream)) == "");
}

TEST_CASE("a decoder that takes too much memory is noticed") {
  WireCodec greedy;
  greedy.decode = [](ByteSpan frame) {
    Bytes waste(8 * frame.size() + 8192);
    waste.back() = frame[0];
    return wire::decode_frame(frame);
  };
  CHECK(test::words(check_frame(some_frame(), greedy)) == "decoding took too much memory");
}

TEST_CASE("an error without an offset is noticed") {
  WireCodec vague;
  vague.decode = [](ByteSpan) -> Result<sync::Envelope> {
    return Error(ErrorCode::kCorrupt, "no");
  };
  CHECK(test::words(check_frame(some_frame(), vague)) == "an error without an offset in the frame");
}

TEST_CASE("an encoder that writes another message, none, or a longer one is noticed") {
  WireCodec wrong;
  wrong.encode = [](const sync::Envelope& envelope, Bytes& out) {
    sync::Envelope other = envelope;
    other.sequence ^= 1;
    wire::encode_frame(other, out);
  };
  CHECK(test::words(check_frame(some_frame(), wrong)) ==
        "what was encoded decodes to something else");
  wrong.encode = [](const sync::Envelope& envelope, Bytes& out) {
    wire::encode_frame(envelope, out);
    out.back() ^= std::byte{1};
  };
  CHECK(test::words(check_frame(some_frame(), wrong)) == "what was encoded does not decode");
  wrong.encode = [](const sync::Envelope& envelope, Bytes& out) {
    wire::encode_frame(envelope, out);
    out.resize(out.size() + 8);
  };
  CHECK(test::words(check_frame(some_frame(), wrong)) ==
        "what was decoded takes more than it lay in");
}

TEST_CASE("a stream decoder that loses an envelope is noticed") {
  CHECK(fault_of<Lossy>(some_stream()) == "another envelope");
}

TEST_CASE("a stream decoder that goes on after an error, or hides it, is noticed") {
  Bytes stream = some_stream();
  stream[100] ^= std::byte{1};
  CHECK(fault_of<Forgetful>(stream) == "an error that is forgotten");
  CHECK(fault_of<Deaf>(stream) == "bytes were refused without need");
}

TEST_CASE("a stream decoder that keeps what it need not is noticed") {
  CHECK(fault_of<Hoarder>(some_stream()) == "reading took too much memory");
}
