// Segments that nobody's encoder makes: pointers to where they may not lead, lists that are not what they say, content
// that is shared. None may do more than be refused, at little cost. Pointers: capnproto.org/encoding.html.

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/wire_checks.h"
#include "tests/support/size.h"
#include "tests/transport/wire/random_message.h"

using namespace weft;

namespace {

using Words = std::vector<std::uint64_t>;

constexpr std::uint64_t offset_bits(int offset) {
  return std::uint64_t{static_cast<std::uint32_t>(offset)} << 2 & 0xffff'ffff;
}
/// @param offset  from the pointer's end to what it points to, in words
constexpr std::uint64_t struct_at(int offset, std::uint64_t data_words, std::uint64_t pointers) {
  return offset_bits(offset) | data_words << 32 | pointers << 48;
}
enum Element : std::uint64_t {
  kVoid,
  kBit,
  kByte,
  kTwoBytes,
  kFourBytes,
  kWord,
  kPointer,
  kInline
};
/// @param count  elements; of kInline: words, without the tag
constexpr std::uint64_t list_at(int offset, Element element, std::uint64_t count) {
  return offset_bits(offset) | 1 | std::uint64_t{element} << 32 | count << 35;
}
/// The word before a list of structs.
constexpr std::uint64_t tag(std::uint64_t count, std::uint64_t data_words, std::uint64_t pointers) {
  return count << 2 | data_words << 32 | pointers << 48;
}
constexpr std::uint64_t far_to(std::uint64_t segment, std::uint64_t word, bool two_words = false) {
  return 2 | (two_words ? 4u : 0u) | word << 3 | segment << 32;
}
constexpr std::uint64_t kMostElements = (std::uint64_t{1} << 29) - 1;

/// How a message of this type, with this segment, is refused; kOk: it isn't.
template <typename Message>
ErrorCode error_of(const Words& words) {
  const std::uint16_t type = sync::type_of(sync::Message(Message{}));
  const Bytes frame = test::frame_around(type, 0, std::as_bytes(std::span(words)));
  const char* fault = test::check_frame(frame).fault;
  CHECK_MESSAGE(fault == nullptr, fault);
  return wire::decode_frame(frame).error().code();
}

constexpr std::uint64_t kNumberAndChain = 5;

/// A Deltas message whose list pointer is this, and what lies behind the root struct.
ErrorCode error_of_deltas(std::uint64_t list, const Words& behind = {}) {
  Words words{struct_at(0, 1, 1), kNumberAndChain, list};
  words.insert(words.end(), behind.begin(), behind.end());
  return error_of<sync::Deltas>(words);
}

}  // namespace

TEST_CASE("a segment written by hand is read") {
  CHECK(error_of_deltas(list_at(0, kPointer, 2),
                        {list_at(1, kByte, 8), list_at(1, kByte, 3), 1, 2}) == ErrorCode::kOk);
}

TEST_CASE(
    "fields that a later version added are skipped, and so are words that nothing points to") {
  CHECK(error_of<sync::Credit>({struct_at(0, 1, 0), 77}) == ErrorCode::kOk);
  CHECK(error_of<sync::Credit>({struct_at(0, 2, 1), 77, 5, list_at(0, kByte, 3), 1}) ==
        ErrorCode::kOk);
  CHECK(error_of<sync::Credit>({struct_at(1, 1, 0), 99, 77, 99}) == ErrorCode::kOk);
}

TEST_CASE("a struct that lacks fields is refused") {
  CHECK(error_of<sync::Credit>({0}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Hello>({0}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Mark>({struct_at(0, 4, 0), 1, 2, 3, 4}) == ErrorCode::kCorrupt);
}

TEST_CASE("a root that is no struct is refused") {
  CHECK(error_of<sync::Credit>({list_at(0, kWord, 1), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({3, 77}) == ErrorCode::kCorrupt);
}

TEST_CASE("pointers out of the segment are refused, forward and backward") {
  CHECK(error_of<sync::Credit>({struct_at(1, 1, 0), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({struct_at(-2, 1, 0), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({struct_at(0, 0xffff, 0), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({struct_at(0x1fff'ffff, 1, 0), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of_deltas(list_at(1, kPointer, 1), {0}) == ErrorCode::kCorrupt);
  CHECK(error_of_deltas(list_at(0, kPointer, 2), {0}) == ErrorCode::kCorrupt);
  CHECK(error_of_deltas(list_at(-5, kPointer, 1)) == ErrorCode::kCorrupt);
  CHECK(error_of_deltas(list_at(0, kPointer, 1), {list_at(0, kByte, 9), 0}) == ErrorCode::kCorrupt);
}

TEST_CASE("far pointers lead into no other segment") {
  CHECK(error_of<sync::Credit>({far_to(1, 0), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({far_to(1, 0, true), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({far_to(0xffff'ffff, 0), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of_deltas(far_to(3, 1)) == ErrorCode::kCorrupt);
}

TEST_CASE("far pointers within the segment lead nowhere else, and in no circle") {
  CHECK(error_of<sync::Credit>({far_to(0, 1), struct_at(0, 1, 0), 77}) == ErrorCode::kOk);
  CHECK(error_of<sync::Credit>({far_to(0, 0), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({far_to(0, 9), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({far_to(0, 1), far_to(0, 0), 77}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::Credit>({far_to(0, 1, true), struct_at(0, 1, 0)}) == ErrorCode::kCorrupt);
}

TEST_CASE("half a billion elements without size are refused") {
  // As the list of structs that it should be, in 32 bytes ...
  CHECK(error_of<sync::Welcome>({struct_at(0, 3, 1), 0, 0, 0, list_at(0, kInline, 0),
                                 tag(kMostElements, 0, 0)}) == ErrorCode::kLimit);
  CHECK(error_of<sync::Have>({struct_at(0, 0, 1), list_at(0, kInline, 0),
                              tag(kMostElements, 0, 0)}) == ErrorCode::kLimit);
  CHECK(error_of<sync::Ack>({struct_at(0, 0, 1), list_at(0, kInline, 0),
                             tag(kMostElements, 0, 0)}) == ErrorCode::kLimit);
  // ... as a list of nothing ...
  CHECK(error_of<sync::Symbols>({struct_at(0, 2, 2), 0, 0, 0, list_at(0, kVoid, kMostElements)}) !=
        ErrorCode::kOk);
  CHECK(error_of<sync::Symbols>({struct_at(0, 2, 2), 0, 0, list_at(0, kVoid, kMostElements), 0}) !=
        ErrorCode::kOk);
  CHECK(error_of<sync::NameRequest>({struct_at(0, 0, 1), list_at(0, kVoid, kMostElements)}) !=
        ErrorCode::kOk);
  CHECK(error_of_deltas(list_at(0, kVoid, kMostElements)) != ErrorCode::kOk);
  // ... and where data should be.
  CHECK(error_of_deltas(list_at(0, kPointer, 1), {list_at(0, kVoid, kMostElements)}) !=
        ErrorCode::kOk);
  CHECK(error_of_deltas(list_at(0, kPointer, 1),
                        {list_at(0, kInline, 0), tag(kMostElements, 0, 0)}) != ErrorCode::kOk);
}

TEST_CASE("a few elements without size are refused as well") {
  CHECK(error_of<sync::Ack>({struct_at(0, 0, 1), list_at(0, kInline, 0), tag(3, 0, 0)}) !=
        ErrorCode::kOk);
  CHECK(error_of<sync::Welcome>(
            {struct_at(0, 3, 1), 0, 0, 0, list_at(0, kInline, 0), tag(1, 0, 0)}) != ErrorCode::kOk);
}

TEST_CASE("elements smaller than theirs are refused before there is room for them") {
  // 4,096 names of 8 bytes each, from 4,096 bytes.
  Words words{struct_at(0, 0, 1), list_at(0, kByte, 4096)};
  words.resize(words.size() + 512);
  CHECK(error_of<sync::NameRequest>(words) == ErrorCode::kCorrupt);
}

TEST_CASE("symbols have three sums and a count each") {
  const auto sums = [](std::uint64_t count) { return list_at(1, kWord, count); };
  const auto counts = [](std::uint64_t count) { return list_at(3, kFourBytes, count); };
  const auto error = [](std::uint64_t sums_at, std::uint64_t counts_at) {
    return error_of<sync::Symbols>({struct_at(0, 2, 2), 0, 0, sums_at, counts_at, 1, 2, 3, 4});
  };
  CHECK(error(sums(3), counts(1)) == ErrorCode::kOk);
  CHECK(error(sums(3), counts(2)) == ErrorCode::kCorrupt);
  CHECK(error(sums(2), counts(1)) == ErrorCode::kCorrupt);
  CHECK(error(sums(3), 0) == ErrorCode::kCorrupt);
  CHECK(error(0, counts(1)) == ErrorCode::kCorrupt);
}

TEST_CASE("a list's tag that says more than the list has is refused") {
  CHECK(error_of<sync::Ack>({struct_at(0, 0, 1), list_at(0, kInline, 2), tag(2, 2, 0), 1, 2}) ==
        ErrorCode::kCorrupt);
  CHECK(error_of<sync::Ack>({struct_at(0, 0, 1), list_at(0, kInline, 2), list_at(0, kByte, 1), 1,
                             2}) == ErrorCode::kCorrupt);
}

TEST_CASE("lists of the wrong elements are refused") {
  CHECK(error_of_deltas(list_at(0, kWord, 1), {0}) == ErrorCode::kCorrupt);
  CHECK(error_of_deltas(list_at(0, kPointer, 1), {list_at(0, kWord, 1), 0}) == ErrorCode::kCorrupt);
  CHECK(error_of_deltas(list_at(0, kPointer, 1), {list_at(0, kBit, 8), 0}) == ErrorCode::kCorrupt);
  CHECK(error_of_deltas(list_at(0, kPointer, 1), {struct_at(0, 1, 0), 0}) == ErrorCode::kCorrupt);
  CHECK(error_of<sync::NameRequest>({struct_at(0, 0, 1), list_at(0, kFourBytes, 2), 0}) ==
        ErrorCode::kCorrupt);
  CHECK(error_of<sync::NameRequest>({struct_at(0, 0, 1), list_at(0, kPointer, 1), 0}) ==
        ErrorCode::kCorrupt);
}

TEST_CASE("text without its closing zero is refused") {
  const auto bye = [](std::uint64_t text, std::uint64_t bytes) {
    return error_of<sync::Bye>({struct_at(0, 1, 1), 0, text, bytes});
  };
  CHECK(bye(list_at(0, kByte, 4), 0x00'63'62'61) == ErrorCode::kOk);
  CHECK(bye(list_at(0, kByte, 3), 0x00'63'62'61) == ErrorCode::kCorrupt);
  CHECK(bye(list_at(0, kByte, 0), 0) == ErrorCode::kCorrupt);
}

TEST_CASE("pointers that share what they point to are refused") {
  const std::uint64_t twice = list_at(1, kByte, 16);
  CHECK(error_of_deltas(list_at(0, kPointer, 2), {twice, list_at(0, kByte, 16), 1, 2}) ==
        ErrorCode::kCorrupt);
  // Overlapping by one word, and the pointers themselves as content.
  CHECK(error_of_deltas(list_at(0, kPointer, 2), {twice, list_at(1, kByte, 16), 1, 2, 3}) ==
        ErrorCode::kCorrupt);
  CHECK(error_of_deltas(list_at(0, kPointer, 1), {list_at(-1, kByte, 8)}) == ErrorCode::kCorrupt);
}

TEST_CASE("a thousand pointers to one delta are over the limit of what is followed") {
  constexpr int kCount = 1000;
  constexpr int kDeltaWords = 100;
  Words behind;
  for (int i = 0; i < kCount; ++i)
    behind.push_back(list_at(kCount - 1 - i, kByte, std::uint64_t{8} * kDeltaWords));
  behind.resize(kCount + kDeltaWords, 0x0101'0101'0101'0101);
  CHECK(error_of_deltas(list_at(0, kPointer, kCount), behind) == ErrorCode::kLimit);
}

TEST_CASE("documents that share their log ends are over the limit of what is followed") {
  constexpr int kDocuments = 50;
  constexpr int kEnds = 100;
  Words words{struct_at(0, 0, 1), list_at(0, kInline, 5 * kDocuments), tag(kDocuments, 3, 2)};
  for (int i = 0; i < kDocuments; ++i) {
    words.insert(words.end(), {0, 0, 0});
    words.push_back(list_at(5 * (kDocuments - 1 - i) + 1, kInline, 3 * kEnds));
    words.push_back(0);
  }
  words.push_back(tag(kEnds, 3, 0));
  for (std::uint64_t i = 0; i < kEnds; ++i) words.insert(words.end(), {i, 0, 1});
  CHECK(error_of<sync::Have>(words) == ErrorCode::kLimit);
}

TEST_CASE("a list that holds itself is refused") {
  // The documents' log ends are the documents.
  Words words{struct_at(0, 0, 1),     list_at(0, kInline, 4), tag(1, 3, 1), 1, 1, 1,
              list_at(-5, kInline, 4)};
  CHECK(error_of<sync::Have>(words) == ErrorCode::kCorrupt);
}

TEST_CASE("random segments with pointers that nearly fit do no harm") {
  const std::uint64_t seed = test::message_seed();
  test::Random random(seed);
  const std::uint64_t rounds = test::count_or_tenth(200'000);
  int accepted = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    INFO("WEFT_SEED=" << seed << " in hostile_segment_test, round " << round);
    Bytes input{static_cast<std::byte>(random.below(test::kMessageTypes))};
    const std::uint64_t count = 1 + random.below(16);
    for (std::uint64_t i = 0; i < count; ++i) {
      const int offset = static_cast<int>(random.below(6)) - 1;
      const std::uint64_t small = random.below(5);
      const std::uint64_t other = random.below(3);
      const auto element = static_cast<Element>(random.below(8));
      std::uint64_t word = 0;
      switch (random.below(6)) {
        case 0:
          word = struct_at(offset, small, other);
          break;
        case 1:
          word = list_at(offset, element, random.below(20));
          break;
        case 2:
          word = tag(small, other, random.below(2));
          break;
        case 3:
          word = far_to(random.chance(1, 8) ? 1 : 0, small, random.chance(1, 2));
          break;
        case 4:
          word = random.next();
          break;
        default:
          word = small;
      }
      // A root that is a struct of the right size reaches more.
      if (i == 0 && random.chance(3, 4)) word = struct_at(0, small, 1);
      ByteWriter(input).u64(word);
    }
    const char* fault = test::check_message(input).fault;
    REQUIRE_MESSAGE(fault == nullptr, fault);
    accepted +=
        wire::decode_frame(
            test::frame_around(static_cast<std::uint16_t>(1 + std::to_integer<unsigned>(input[0])),
                               0, ByteSpan(input).subspan(1)))
            .ok();
  }
  CHECK(accepted > rounds / 1000);
}

TEST_CASE("a sample with a word exchanged for another pointer does no harm") {
  const std::uint64_t seed = test::message_seed();
  test::Random random(seed);
  for (const sync::Envelope& envelope : test::sample_envelopes()) {
    const Bytes frame = test::frame_of(envelope);
    const ByteSpan body = ByteSpan(frame).subspan(wire::kHeaderBytes);
    const std::uint16_t type = sync::type_of(envelope.message);
    for (std::size_t at = 0; at < body.size(); at += 8)
      for (int i = 0; i < 200; ++i) {
        INFO("WEFT_SEED=" << seed << " in hostile_segment_test, type " << type << ", byte " << at);
        const int offset = static_cast<int>(random.below(40)) - 20;
        const std::uint64_t size = random.below(12);
        const auto element = static_cast<Element>(random.below(8));
        const std::uint64_t pointer = random.chance(1, 3) ? struct_at(offset, size, random.below(3))
                                                          : list_at(offset, element, size);
        Bytes changed(body.begin(), body.end());
        std::memcpy(changed.data() + at, &pointer, sizeof pointer);
        const char* fault = test::check_frame(test::frame_around(type, 1, changed)).fault;
        REQUIRE_MESSAGE(fault == nullptr, fault);
      }
  }
}

TEST_CASE("a stream of large frames in small pieces takes the memory of one frame") {
  Bytes stream;
  for (int i = 0; i < 20; ++i)
    wire::encode_frame({0, sync::State{0, Bytes(sync::Limits::kPartBytes)}}, stream);
  const std::byte cuts[] = {std::byte{255}, std::byte{17}};
  const char* fault = test::check_stream(stream, cuts, sync::Limits::kFrameBytes).fault;
  CHECK_MESSAGE(fault == nullptr, fault);
}

TEST_CASE("a header that announces the largest frame takes no memory for it") {
  wire::FrameHeader header;
  header.body_bytes = sync::Limits::kFrameBytes - wire::kHeaderBytes;
  header.type = 8;
  Bytes bytes(wire::kHeaderBytes);
  wire::write_header(header, bytes);
  test::AllocationGuard guard;
  wire::FrameDecoder decoder;
  REQUIRE(decoder.feed(bytes).ok());
  const Result<std::optional<sync::Envelope>> next = decoder.next();
  REQUIRE(next.ok());
  CHECK_FALSE(next->has_value());
  CHECK(guard.peak_bytes() < 4096);
}

TEST_CASE("encoding a keystroke into a buffer that is kept takes no memory") {
  const sync::Envelope envelope{7, sync::Deltas{1, 2, {Bytes(23, std::byte{0xee})}}};
  Bytes out;
  wire::encode_frame(envelope, out);
  out.clear();
  test::AllocationGuard guard;
  wire::encode_frame(envelope, out);
  CHECK(guard.peak_bytes() == 0);
}
