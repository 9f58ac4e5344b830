// The row form: crdt/delta/delta_codec.cc, row_encoder.h, row_decoder.cc.

#include <doctest/doctest.h>

#include <string>

#include "crdt/delta/codec.h"
#include "crdt/delta/row_format.h"
#include "crdt/delta/value_codec.h"
#include "tests/crdt/delta/random_batch.h"
#include "tests/support/size.h"

using namespace weft;
using test::BatchShape;
using test::Random;

namespace {

constexpr std::uint64_t kAuthor = 0x0123'4567'89ab'cdef;

/// A batch of one delta, to be filled in.
struct OneDelta {
  Batch batch;
  std::string content;

  explicit OneDelta(Seq first_seq) {
    batch.first_seq = first_seq;
    batch.replicas = {ReplicaId{kAuthor}};
    batch.containers = {kNoDot, {0, 3}};
    batch.deltas.emplace_back();
    batch.deltas[0].first_seq = first_seq;
    batch.deltas[0].committed_at_ms = 1'700'000'000'000;
  }
  Op& add(OpKind kind, Seq count, std::string_view bytes = {}) {
    Op& op = batch.ops.emplace_back();
    op.kind = kind;
    op.container = 1;
    op.seq = batch.end();
    op.count = count;
    op.content_begin = static_cast<std::uint32_t>(content.size());
    op.content_size = static_cast<std::uint32_t>(bytes.size());
    content += bytes;
    batch.op_count += count;
    batch.deltas[0].ops_each += count;
    return op;
  }
  Bytes encode() {
    batch.content = content;
    Bytes row;
    encode_delta(batch, 0, row);
    return row;
  }
};

Bytes keystroke() {
  OneDelta delta(200'000);
  Op& op = delta.add(OpKind::kTextInsert, 1, "x");
  op.a = {0, 199'999};
  op.b = {0, 54'321};
  return delta.encode();
}

ErrorCode error_of(const Bytes& row, const DecodeLimits& limits = {}) {
  return decode_delta(row, limits).error().code();
}

Bytes again(const Batch& batch) {
  Bytes row;
  encode_delta(batch, 0, row);
  return row;
}

/// What every accepted row has to satisfy; returns whether it was accepted.
bool accepted_and_canonical(const Bytes& row) {
  Result<Batch> batch = decode_delta(row);
  if (!batch.ok()) return false;
  CHECK(again(*batch) == row);
  return true;
}

template <typename Use>
void for_each_row(std::uint64_t seed, const BatchShape& shape, Use use) {
  Random random(seed);
  Batch batch = test::random_batch(random, shape);
  DeltaWalk walk(batch);
  for (Bytes row; walk.next(row); row.clear()) use(row);
}

}  // namespace

TEST_CASE("a lone keystroke takes 24 bytes") {
  Bytes row = keystroke();
  CHECK(row.size() == 24);
  Result<Batch> batch = decode_delta(row);
  REQUIRE(batch.ok());
  CHECK(batch->ops.size() == 1);
  CHECK(batch->ops[0].a == LocalDot{0, 199'999});
  CHECK(batch->ops[0].b == LocalDot{0, 54'321});
  CHECK(batch->deltas[0].committed_at_ms == 1'700'000'000'000);
  CHECK(batch->content.substr(batch->ops[0].content_begin, 1) == "x");
}

TEST_CASE("every delta of a random batch says the same after its row form") {
  const std::uint64_t first = test::seed_or(1);
  for (std::uint64_t seed = first; seed < first + 400; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    BatchShape shape;
    shape.only_text = seed % 3 == 0;
    shape.containers = seed % 5 == 0 ? 40 : 4;
    shape.replicas = seed % 7 == 0 ? 30 : 4;
    shape.keys = seed % 11 == 0 ? 26 : 5;
    shape.units = seed % 13 == 0 ? 400 : 60;
    shape.delta_units = seed % 4 == 0 ? 200 : 8;
    Batch batch = test::random_batch(random, shape);
    std::vector<std::string> expected = test::describe(batch);
    DeltaWalk walk(batch);
    std::size_t index = 0;
    for (Bytes row; walk.next(row); row.clear(), ++index) {
      CAPTURE(index);
      Bytes by_index;
      encode_delta(batch, index, by_index);
      REQUIRE(by_index == row);
      Result<Batch> decoded = decode_delta(row);
      REQUIRE_MESSAGE(decoded.ok(), decoded.error().message());
      REQUIRE(test::describe(*decoded) == std::vector<std::string>{expected[index]});
      REQUIRE(again(*decoded) == row);
    }
    REQUIRE(index == expected.size());
  }
}

TEST_CASE("decoding into a used batch leaves nothing of what was in it") {
  Batch used;
  std::vector<Bytes> rows;
  for_each_row(test::seed_or(7), {}, [&](const Bytes& row) { rows.push_back(row); });
  for (const Bytes& row : rows) {
    REQUIRE(decode_delta_into(row, used).ok());
    REQUIRE(test::describe(used) == test::describe(*decode_delta(row)));
    REQUIRE(again(used) == row);
  }
}

TEST_CASE("refuses a delta that is cut off at any byte") {
  for_each_row(test::seed_or(11), {}, [](const Bytes& row) {
    for (std::size_t size = 0; size < row.size(); ++size) {
      Bytes cut(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(size));
      REQUIRE_FALSE(decode_delta(cut).ok());
    }
    Bytes longer = row;
    longer.push_back(std::byte{0});
    REQUIRE_FALSE(decode_delta(longer).ok());
  });
}

TEST_CASE("a delta with one bit flipped is refused or is another canonical delta") {
  const std::uint64_t first = test::seed_or(21);
  for (std::uint64_t seed = first; seed < first + 12; ++seed) {
    CAPTURE(seed);
    for_each_row(seed, {}, [](const Bytes& row) {
      for (std::size_t bit = 0; bit < row.size() * 8; ++bit) {
        Bytes flipped = row;
        flipped[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        accepted_and_canonical(flipped);
      }
    });
  }
}

TEST_CASE("random bytes behind a good head are refused or canonical") {
  Random random(test::seed_or(31));
  std::uint64_t accepted = 0;
  const std::uint64_t count = test::count_or_tenth(200'000);
  for (std::uint64_t i = 0; i < count; ++i) {
    Bytes row = keystroke();
    row.resize(17);
    std::uint64_t more = 1 + random.below(12);
    for (std::uint64_t k = 0; k < more; ++k)
      row.push_back(
          static_cast<std::byte>(random.chance(1, 2) ? random.below(8) : random.below(256)));
    accepted += accepted_and_canonical(row) ? 1u : 0u;
  }
  CHECK(accepted > count / 2000);  // the test would notice a decoder that refuses everything
}

TEST_CASE("refuses another version, and times from the year 2100 on") {
  Bytes row = keystroke();
  for (unsigned version : {0u, 3u}) {
    Bytes other = row;
    other[0] = (other[0] & std::byte{0x3f}) | static_cast<std::byte>(version << 6);
    CHECK(error_of(other) == ErrorCode::kUnknownVersion);
  }
  Bytes late = row;
  late[0] |= std::byte{3};
  for (std::size_t i = 9; i < 14; ++i) late[i] = std::byte{0xff};
  CHECK(error_of(late) == ErrorCode::kLimit);
}

TEST_CASE("refuses what encode_delta would have written in another way") {
  OneDelta delta(1000);
  delta.batch.replicas.push_back(ReplicaId{7});
  delta.batch.keys = {"k"};
  Op& set = delta.add(OpKind::kMapSet, 1, std::string(1, '\0'));
  set.b = {0, 0};
  set.a = {1, 5};
  Op& erase = delta.add(OpKind::kErase, 2);
  erase.a = {0, 500};
  Bytes row = delta.encode();
  REQUIRE(accepted_and_canonical(row));

  auto find = [&row](std::uint8_t tag) {
    for (std::size_t i = row.size(); i-- != 0;)
      if (row[i] == std::byte{tag}) return i;
    return row.size();
  };
  SUBCASE("a container that is told though it is the same") {
    std::size_t at = find(static_cast<std::uint8_t>(OpKind::kErase) | kSameContainer);
    Bytes other = row;
    other[at] ^= std::byte{kSameContainer};
    other.insert(other.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::byte{2 * 3 + 1});
    CHECK(error_of(other) == ErrorCode::kNotCanonical);
  }
  SUBCASE("a bit that means nothing") {
    std::size_t at = find(static_cast<std::uint8_t>(OpKind::kErase) | kSameContainer);
    Bytes other = row;
    other[at] |= std::byte{0x80};
    CHECK(error_of(other) == ErrorCode::kNotCanonical);
  }
  SUBCASE("a number that is longer than needed") {
    Bytes other = row;
    REQUIRE(other.back() == std::byte{2});  // the erasure's count
    other.back() = std::byte{0x82};
    other.push_back(std::byte{0});
    CHECK(error_of(other) == ErrorCode::kNotCanonical);
  }
  SUBCASE("which is not looked for in what comes out of a store of ours") {
    std::size_t at = find(static_cast<std::uint8_t>(OpKind::kErase) | kSameContainer);
    Bytes other = row;
    other[at] |= std::byte{0x80};
    Batch stored;
    REQUIRE(decode_stored_delta(other, stored).ok());
    Bytes again;
    encode_delta(stored, 0, again);
    CHECK(again == row);
    row.pop_back();
    CHECK_FALSE(decode_stored_delta(row, stored).ok());
  }
  SUBCASE("a replica that nothing names") {
    Bytes other = row;
    std::size_t table = 1 + 8 + 5 + 2 + 1;
    REQUIRE(other[table] == std::byte{1});
    other[table] = std::byte{2};
    other.insert(other.begin() + static_cast<std::ptrdiff_t>(table) + 9, 8, std::byte{9});
    CHECK(error_of(other) == ErrorCode::kNotCanonical);
  }
}

TEST_CASE("refuses two runs that are one, and one key twice") {
  OneDelta delta(1000);
  delta.add(OpKind::kErase, 1).a = {0, 500};
  delta.add(OpKind::kErase, 1).a = {0, 600};
  Bytes row = delta.encode();
  REQUIRE(accepted_and_canonical(row));
  // op row: tag, distance of the target as 1 + 2 d, d = seq - 1 - target
  row.resize(row.size() - 2);
  ByteWriter(row).varint(1 + 2 * (1000 - 501));
  CHECK(error_of(row) == ErrorCode::kNotCanonical);

  OneDelta keys(1000);
  keys.batch.keys = {"same", "sane"};
  keys.add(OpKind::kMapErase, 1).b = {0, 0};
  keys.add(OpKind::kMapErase, 1).b = {0, 1};
  row = keys.encode();
  REQUIRE(accepted_and_canonical(row));
  row[row.size() - 2] = std::byte{'m'};
  CHECK(error_of(row) == ErrorCode::kNotCanonical);
}

TEST_CASE("refuses names of operations that the log does not hold yet") {
  Bytes row = keystroke();
  row.resize(row.size() - 5);  // tag, container, lo, [ro, text]
  REQUIRE(row.size() == 19);
  ByteWriter out(row);
  out.varint(zigzag(200'001 - 199'999) << 1);
  out.u8('x');
  CHECK(error_of(row) == ErrorCode::kCorrupt);
}

TEST_CASE("refuses dependencies that are unsorted or name one replica twice") {
  OneDelta delta(10);
  delta.batch.replicas = {ReplicaId{kAuthor}, ReplicaId{7}, ReplicaId{9}};
  delta.batch.dependencies = {{{1, 4}, 1}, {{2, 5}, 2}};
  delta.batch.deltas[0].dependency_count = 2;
  delta.add(OpKind::kErase, 1).a = {1, 3};
  REQUIRE(accepted_and_canonical(delta.encode()));
  delta.batch.replicas = {ReplicaId{kAuthor}, ReplicaId{9}, ReplicaId{7}};
  CHECK(error_of(delta.encode()) == ErrorCode::kNotCanonical);
  delta.batch.replicas = {ReplicaId{kAuthor}, ReplicaId{7}, ReplicaId{7}};
  CHECK(error_of(delta.encode()) == ErrorCode::kNotCanonical);
  delta.batch.replicas = {ReplicaId{7}, ReplicaId{7}, ReplicaId{9}};
  CHECK(error_of(delta.encode()) == ErrorCode::kNotCanonical);
}

TEST_CASE("keeps each limit") {
  OneDelta delta(10);
  delta.batch.replicas.push_back(ReplicaId{~std::uint64_t{0}});
  delta.batch.dependencies = {{{1, 4}, 1}};
  delta.batch.deltas[0].dependency_count = 1;
  delta.batch.messages = "why";
  delta.batch.deltas[0].message_size = 3;
  delta.batch.keys = {"key"};
  Bytes record;
  ByteWriter value(record);
  put_record(value, Bytes{std::byte{10}, std::byte{1}, std::byte{10}, std::byte{0}});  // [[]]
  delta.add(OpKind::kMapSet, 1, as_text(record)).b = {0, 0};
  delta.add(OpKind::kErase, 1).a = {0, 5};
  Bytes row = delta.encode();
  REQUIRE(error_of(row) == ErrorCode::kOk);

  auto with = [](auto DecodeLimits::*limit, std::uint32_t bound) {
    DecodeLimits limits;
    limits.*limit = bound;
    return limits;
  };
  CHECK(error_of(row, with(&DecodeLimits::input_bytes, 20)) == ErrorCode::kLimit);
  CHECK(error_of(row, with(&DecodeLimits::ops, 1)) == ErrorCode::kLimit);
  CHECK(error_of(row, with(&DecodeLimits::replicas, 1)) == ErrorCode::kLimit);
  CHECK(error_of(row, with(&DecodeLimits::dependencies, 0)) == ErrorCode::kLimit);
  CHECK(error_of(row, with(&DecodeLimits::message_bytes, 2)) == ErrorCode::kLimit);
  CHECK(error_of(row, with(&DecodeLimits::key_bytes, 2)) == ErrorCode::kLimit);
  CHECK(error_of(row, with(&DecodeLimits::value_depth, 1)) == ErrorCode::kLimit);
  CHECK(error_of(row, with(&DecodeLimits::value_depth, 2)) == ErrorCode::kOk);
}

TEST_CASE("an operation of a later weft is kept as it is") {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(77);
  out.varint(12);
  out.varint(5);
  out.sized(as_bytes("opaque"));
  OneDelta delta(10);
  delta.add(OpKind::kUnknown, 5, as_text(payload));
  Bytes row = delta.encode();
  Result<Batch> batch = decode_delta(row);
  REQUIRE(batch.ok());
  const Op& op = batch->ops.at(0);
  CHECK(op.kind == OpKind::kUnknown);
  CHECK(op.count == 5);
  ByteReader in(as_bytes(batch->content.substr(op.content_begin, op.content_size)));
  ByteSpan whole;
  UnknownContent unknown = read_unknown_content(in, whole);
  CHECK(unknown.kind == 77);
  CHECK(unknown.weft_version == 12);
  CHECK(as_text(unknown.payload) == "opaque");
}

TEST_CASE("a delta cut out of a log's runs is the one that was committed") {
  // Targets 5 | 6 5 4: the log joins the first two, the second delta is one run (slice.h).
  OneDelta delta(100);
  delta.add(OpKind::kErase, 2).a = {0, 5};
  Op& back = delta.add(OpKind::kErase, 2);
  back.a = {0, 5};
  back.backward = true;
  delta.batch.deltas[0].ops_each = 1;
  DeltaRun second = delta.batch.deltas[0];
  second.first_seq = 101;
  second.ops_each = 3;
  delta.batch.deltas.push_back(second);
  Bytes row;
  encode_delta(delta.batch, 1, row);
  Result<Batch> batch = decode_delta(row);
  REQUIRE_MESSAGE(batch.ok(), batch.error().message());
  REQUIRE(batch->ops.size() == 1);
  CHECK(batch->ops[0].backward);
  CHECK(batch->ops[0].count == 3);
  CHECK(batch->ops[0].a == LocalDot{0, 6});
}

TEST_CASE("the encoder takes the caller's word for where content begins") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "\xc3\xa9";
  OneDelta delta(500);
  delta.add(OpKind::kTextInsert, 100, text).b = kNoDot;
  delta.batch.content = delta.content;
  DeltaHead head;
  head.first_seq = 590;
  head.op_count = 10;
  struct Names {
    ReplicaId replica(ReplicaIndex) const { return ReplicaId{kAuthor}; }
    LocalDot container(std::uint32_t) const { return kNoDot; }
    std::string_view key(std::uint32_t) const { return {}; }
  };
  DeltaEncoder encoder;
  Bytes searched, told;
  encoder.encode(Names{}, head, delta.batch.ops, delta.content, searched);
  encoder.encode(Names{}, head, delta.batch.ops, delta.content, told, 180);
  CHECK(searched == told);
  REQUIRE(decode_delta(told).ok());
  CHECK(decode_delta(told)->ops[0].a == LocalDot{0, 589});
}
