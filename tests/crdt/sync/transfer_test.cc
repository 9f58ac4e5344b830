#include "crdt/sync/transfer.h"

#include <doctest/doctest.h>

namespace weft::test {
namespace {

using sync::IncomingTransfers;
using sync::Limits;
using sync::Part;

Part part(std::uint64_t transfer, bool is_state, std::uint64_t total) {
  return {1, is_state, transfer, 0, total, Bytes(100)};
}

TEST_CASE("a transfer is refused that is larger than one of its kind may be") {
  IncomingTransfers transfers;
  CHECK(transfers.add(part(1, false, Limits::kTransferBytes)).ok());
  CHECK(transfers.add(part(2, true, Limits::kStateBytes)).ok());
  CHECK(transfers.add(part(3, false, Limits::kTransferBytes + 1)).error().code() ==
        ErrorCode::kLimit);
  CHECK(transfers.add(part(4, true, Limits::kStateBytes + 1)).error().code() == ErrorCode::kLimit);
}

TEST_CASE("one large state at a time, beside other transfers") {
  IncomingTransfers transfers;
  REQUIRE(transfers.add(part(1, true, Limits::kTransferBytes + 1)).ok());
  CHECK(transfers.add(part(2, true, Limits::kTransferBytes + 1)).error().code() ==
        ErrorCode::kLimit);
  CHECK(transfers.add(part(3, true, Limits::kTransferBytes)).ok());
  CHECK(transfers.bytes() == 200);
  CHECK(transfers.large_bytes() == 100);
}

}  // namespace
}  // namespace weft::test
