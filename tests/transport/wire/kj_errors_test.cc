// transport/wire/kj_errors.h. The limits are told by the library's words, so these tests hold it to them.

#include "transport/wire/kj_errors.h"

#include <capnp/any.h>
#include <capnp/message.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace weft;

namespace {

/// The error of following pointers, from struct to struct, as far as they go.
Error follow(std::size_t depth, const capnp::ReaderOptions& options) {
  // To a struct of no data and one pointer, right behind.
  std::vector<std::uint64_t> words(depth, std::uint64_t{1} << 48);
  words.back() = 0;
  const kj::ArrayPtr<const capnp::word> segment =
      kj::arrayPtr(reinterpret_cast<const capnp::word*>(words.data()), words.size());
  return wire::catch_kj(40,
                        [&]() -> Status {
                          capnp::SegmentArrayMessageReader reader(kj::arrayPtr(&segment, 1),
                                                                  options);
                          auto at = reader.getRoot<capnp::AnyPointer>();
                          while (!at.isNull())
                            at = at.getAs<capnp::AnyStruct>().getPointerSection()[0];
                          return {};
                        })
      .take_error();
}

}  // namespace

TEST_CASE("what may be followed is no error") {
  CHECK_FALSE(follow(10, {.traversalLimitInWords = 100, .nestingLimit = 16}));
}

TEST_CASE("a segment that nests too deep is over a limit") {
  const Error error = follow(30, {.traversalLimitInWords = 100, .nestingLimit = 16});
  CHECK(error.code() == ErrorCode::kLimit);
  CHECK(error.byte_offset() == 40);
}

TEST_CASE("a segment that is followed too far is over a limit") {
  const Error error = follow(30, {.traversalLimitInWords = 10, .nestingLimit = 64});
  CHECK(error.code() == ErrorCode::kLimit);
}

TEST_CASE("every other exception is a corrupt segment, in the library's words") {
  const Error error =
      wire::catch_kj(7, []() -> Status { KJ_FAIL_REQUIRE("a pointer to nowhere"); }).take_error();
  CHECK(error.code() == ErrorCode::kCorrupt);
  CHECK(error.byte_offset() == 7);
  CHECK(error.context().find("a pointer to nowhere") != std::string::npos);
}

TEST_CASE("without an exception the body's own status is returned") {
  CHECK(wire::catch_kj(7, []() -> Status { return {}; }).ok());
  const Error error = wire::catch_kj(7, []() -> Status {
                        return Error(ErrorCode::kInvalidUtf8, "text", 9);
                      }).take_error();
  CHECK(error.code() == ErrorCode::kInvalidUtf8);
  CHECK(error.byte_offset() == 9);
}
