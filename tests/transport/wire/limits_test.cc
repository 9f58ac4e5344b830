// Every limit of sync::Limits and every rule of session.capnp: what is at it passes, what is over it is refused, by the
// decoder, whatever encoded it.

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/fuzz/wire_frames.h"
#include "tests/transport/wire/random_message.h"

using namespace weft;
using sync::Limits;

namespace {

Error error_of(const sync::Message& message) {
  return wire::decode_frame(test::frame_of({1, message})).take_error();
}

/// A message with `n` of something passes where n is `max`, and is refused where it is one more.
void check_limit(const char* what, std::size_t max,
                 const std::function<sync::Message(std::size_t)>& make) {
  CAPTURE(what);
  const Error at = error_of(make(max));
  CHECK_MESSAGE(!at, at.message());
  const Error over = error_of(make(max + 1));
  CHECK(over.code() == ErrorCode::kLimit);
  CHECK_MESSAGE(over.context().find(what) != std::string::npos, over.message());
  CHECK(over.byte_offset() >= 16);
}

std::uint32_t u32(std::size_t n) { return static_cast<std::uint32_t>(n); }

sync::Have have_with_log_ends(const std::vector<sync::LogEnd>& ends) {
  return {{{DocumentId{}, sync::HeldAs::kLive, false, ends, {}}}};
}

}  // namespace

TEST_CASE("lists end at their limits") {
  check_limit("incarnations", Limits::kIncarnations, [](std::size_t n) {
    sync::Hello hello;
    hello.incarnations.resize(n);
    return hello;
  });
  check_limit("transfers", Limits::kTransfers, [](std::size_t n) {
    return sync::Welcome{1, 0, 0, std::vector<sync::Resumable>(n)};
  });
  check_limit("symbols", Limits::kSymbols, [](std::size_t n) {
    return sync::Symbols{0, 0, std::vector<sync::Symbol>(n)};
  });
  check_limit("names", Limits::kNames,
              [](std::size_t n) { return sync::NameRequest{std::vector<std::uint64_t>(n)}; });
  check_limit("documents", Limits::kDocuments,
              [](std::size_t n) { return sync::Have{std::vector<sync::HeldDocument>(n)}; });
  check_limit("deltas", Limits::kDeltas, [](std::size_t n) {
    return sync::Deltas{0, 0, std::vector<Bytes>(n)};
  });
  check_limit("acknowledged ends", Limits::kAcks,
              [](std::size_t n) { return sync::Ack{std::vector<sync::AckedEnd>(n)}; });
}

TEST_CASE("the log ends of all documents of a Have are counted together") {
  check_limit("log ends", Limits::kReplicas, [](std::size_t n) {
    sync::Have have;
    for (std::size_t i = 0; i < n; ++i) {
      if (i % 3000 == 0) have.documents.emplace_back();
      have.documents.back().log_ends.push_back({ReplicaId{i}, 1, 0});
    }
    return have;
  });
}

TEST_CASE("texts and data end at their limits") {
  check_limit("agent", Limits::kAgentBytes, [](std::size_t n) {
    sync::Hello hello;
    hello.agent.assign(n, 'x');
    return hello;
  });
  check_limit("text", Limits::kTextBytes, [](std::size_t n) {
    return sync::Bye{sync::ByeReason::kDone, std::string(n, 'x')};
  });
  check_limit("delta", Limits::kPartBytes, [](std::size_t n) {
    return sync::Deltas{0, 0, {Bytes(n)}};
  });
  check_limit("state", Limits::kPartBytes, [](std::size_t n) { return sync::State{0, Bytes(n)}; });
  check_limit("part", Limits::kPartBytes,
              [](std::size_t n) { return sync::Part{0, false, 0, 0, n, Bytes(n)}; });
  check_limit("presence", Limits::kPresenceBytes, [](std::size_t n) {
    sync::Presence presence;
    presence.data.resize(n);
    return presence;
  });
}

TEST_CASE("numbers end at their limits") {
  check_limit("symbols asked for", Limits::kSymbols, [](std::size_t n) {
    return sync::SymbolRequest{0, u32(n)};
  });
  check_limit("bytes of a transfer", Limits::kTransferBytes,
              [](std::size_t n) { return sync::Part{0, false, 0, 0, n, {}}; });
  check_limit("bytes of a transfer", Limits::kStateBytes,
              [](std::size_t n) { return sync::Part{0, true, 0, 0, n, {}}; });
  check_limit("bytes of a transfer", Limits::kStateBytes, [](std::size_t n) {
    return sync::Welcome{1, 0, 0, {{5, n}}};
  });
}

TEST_CASE("documents' numbers end at their limit") {
  constexpr std::size_t kLast = Limits::kNumberedDocuments - 1;
  const char* what = "a document's number";
  check_limit(what, kLast, [](std::size_t n) { return sync::NameDocument{u32(n), {}}; });
  check_limit(what, kLast, [](std::size_t n) { return sync::Deltas{u32(n), 0, {}}; });
  check_limit(what, kLast, [](std::size_t n) { return sync::State{u32(n), {}}; });
  check_limit(what, kLast, [](std::size_t n) { return sync::Part{u32(n), false, 0, 0, 0, {}}; });
  check_limit(what, kLast, [](std::size_t n) { return sync::Ack{{{u32(n), {}, 1}}}; });
}

TEST_CASE("seqs end at their limit") {
  const char* what = "a sequence number";
  check_limit(what, kMaxSeq, [](std::size_t n) {
    return have_with_log_ends({{ReplicaId{1}, u32(n), 0}});
  });
  check_limit(what, kMaxSeq, [](std::size_t n) { return sync::Ack{{{0, {}, u32(n)}}}; });
  check_limit(what, kMaxSeq, [](std::size_t n) { return sync::LogRequest{{}, {}, u32(n)}; });
}

TEST_CASE("a part that reaches beyond its transfer is refused") {
  CHECK(!error_of(sync::Part{0, false, 0, 96, 100, Bytes(4)}));
  CHECK(!error_of(sync::Part{0, false, 0, 100, 100, {}}));
  CHECK(error_of(sync::Part{0, false, 0, 97, 100, Bytes(4)}).code() == ErrorCode::kCorrupt);
  CHECK(error_of(sync::Part{0, false, 0, 101, 100, {}}).code() == ErrorCode::kCorrupt);
  CHECK(error_of(sync::Part{0, false, 0, ~std::uint64_t{0}, 100, Bytes(4)}).code() ==
        ErrorCode::kCorrupt);
}

TEST_CASE("log ends out of order, twice, or without operations are refused") {
  const auto code = [](const std::vector<sync::LogEnd>& ends) {
    return error_of(have_with_log_ends(ends)).code();
  };
  CHECK(code({{ReplicaId{1}, 1, 0}, {ReplicaId{2}, 1, 0}}) == ErrorCode::kOk);
  CHECK(code({{ReplicaId{2}, 1, 0}, {ReplicaId{1}, 1, 0}}) == ErrorCode::kNotCanonical);
  CHECK(code({{ReplicaId{2}, 1, 0}, {ReplicaId{2}, 2, 0}}) == ErrorCode::kNotCanonical);
  CHECK(code({{ReplicaId{2}, 0, 0}}) == ErrorCode::kCorrupt);
}

TEST_CASE("text that is not UTF-8 is refused") {
  for (const char* bad : {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"}) {
    sync::Hello hello;
    hello.agent = bad;
    CHECK(error_of(hello).code() == ErrorCode::kInvalidUtf8);
    CHECK(error_of(sync::Bye{sync::ByeReason::kDone, bad}).code() == ErrorCode::kInvalidUtf8);
  }
  CHECK(!error_of(sync::Bye{sync::ByeReason::kDone, std::string("a\0b", 3)}));
}

TEST_CASE("an enumerator without a name is of a later version") {
  for (unsigned value : {12u, 255u, 0xffffu})
    CHECK(error_of(sync::Bye{static_cast<sync::ByeReason>(value), ""}).code() ==
          ErrorCode::kUnknownVersion);
  for (unsigned value : {3u, 255u})
    CHECK(error_of(sync::Have{{{{}, static_cast<sync::HeldAs>(value), false, {}, {}}}}).code() ==
          ErrorCode::kUnknownVersion);
}

TEST_CASE("an error's offset is that of the struct that holds the fault") {
  sync::Ack ack;
  ack.ends.resize(3);
  ack.ends[2].end = kMaxSeq + 1;
  // Header 16, root pointer 8, Ack 8, tag of the list 8, two elements of 16.
  CHECK(error_of(ack).byte_offset() == 16 + 8 + 8 + 8 + 2 * 16);
}
