// Clocks that are wrong: what concurrent writes are decided by then, and what `why` says of it (clock/weight.h).

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include "tests/crdt/document/replicas.h"

using namespace weft;
using test::content;

namespace {

constexpr std::uint64_t kHour = 3'600'000;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint64_t kMonday = 1'767'571'200'000;  // 2026-01-05
constexpr std::uint64_t kAhead = kMonday + 111'000 * kHour;

/// A replica whose clock the test sets.
struct Device {
  std::uint64_t now_ms = kMonday;
  Document document;

  explicit Device(std::uint64_t id) : document(Document::create({})) {
    DocumentOptions options;
    options.replica = {id};
    options.clock_floor_ms = kMonday - kDay;
    options.now_ms = [this] { return now_ms; };
    document = Document::create(options);
  }
  Device(const Device&) = delete;

  void set(std::string_view key, const Value& value) {
    test::edit(document, [&](Transaction& tx) { return tx.root().set(key, value); });
  }
  void receive(const Device& from) {
    for (const Bytes& delta : from.document.deltas_since(document.version()).value())
      document.apply(delta).value();
  }
};

/// The same content by every way in which it can come to be.
void check_every_way(const Document& document, const std::string& expected) {
  CHECK(content(document) == expected);
  const Bytes snapshot = document.snapshot();
  auto check = [&](const Document& other) {
    CHECK(content(other) == expected);
    CHECK(other.snapshot() == snapshot);
    other.check_invariants();
  };
  DocumentOptions options;
  options.replica = {0x99};
  options.id = document.id();
  check(Document::load(snapshot, options).value());
  check(document.at(document.version()).value());
  check(document.fork({0x98}));
  Document bulk = Document::create(options);
  bulk.apply_history(document.export_history().value()).value();
  check(bulk);
  std::vector<Bytes> deltas = document.deltas_since({}).value();
  std::reverse(deltas.begin(), deltas.end());
  Document single = Document::create(options);
  for (const Bytes& delta : deltas) single.apply(delta).value();
  check(single);
}

}  // namespace

TEST_CASE("one device years ahead edits once; then the later of two honest writes wins, for good") {
  Device wrong(9);
  Device a(2);
  Device b(1);
  wrong.now_ms = kAhead;
  wrong.set("k", "from 2038");
  a.receive(wrong);
  b.receive(wrong);
  for (int week = 0; week < 50; ++week) {
    // Whoever writes first in a week loses, however many edits came before.
    Device& first = week % 2 == 0 ? a : b;
    Device& second = week % 2 == 0 ? b : a;
    first.now_ms = kMonday + static_cast<std::uint64_t>(week) * 7 * kDay;
    second.now_ms = first.now_ms + 2 * kHour;
    for (int i = 0; i < 3; ++i) first.set("other", i);
    first.set("k", "earlier");
    second.set("k", "later");
    first.receive(second);
    second.receive(first);
    REQUIRE(content(a.document) == content(b.document));
    REQUIRE(a.document.get("/k").value() == Value("later"));
  }
  check_every_way(a.document, R"({"k":"later","other":2})");
  CHECK(a.document.snapshot() == b.document.snapshot());
}

TEST_CASE("a document that was loaded from a snapshot goes on to decide as one with the history") {
  Device wrong(9);
  Device a(2);
  Device b(1);
  wrong.now_ms = kAhead;
  wrong.set("k", "from 2038");
  a.receive(wrong);
  b.receive(wrong);
  a.set("k", "monday");
  DocumentOptions options;
  options.replica = {7};
  Document trimmed = Document::load(a.document.snapshot(), options).value();
  b.now_ms = kMonday + 1;
  b.set("k", "later");
  for (const Bytes& delta : b.document.deltas_since(trimmed.version()).value())
    trimmed.apply(delta).value();
  a.receive(b);
  CHECK(content(trimmed) == R"({"k":"later"})");
  CHECK(trimmed.snapshot() == a.document.snapshot());
}

TEST_CASE("a clock that is behind by less than a day writes at the time of what it has seen") {
  Device a(1);
  Device b(2);
  Device behind(3);
  a.now_ms = kMonday + 10 * kHour;
  a.set("x", 1);
  behind.receive(a);
  behind.set("k", "behind");
  b.now_ms = kMonday + 9 * kHour;
  b.set("k", "before");
  b.receive(behind);
  check_every_way(b.document, R"({"k":"behind","x":1})");
  CHECK(b.document.why("/k")->text.ends_with(
      "neither had seen the other, the later write wins: the winner counts as of "
      "2026-01-05 10:00:00 UTC, a time that its author had seen"));
  const Conflict conflict = b.document.conflicts().value().at(0);
  CHECK(conflict.winner.committed_at_ms == kMonday);
  CHECK((conflict.winner.weight.value >> 16) == kMonday + 10 * kHour);
}

TEST_CASE(
    "a clock from before the program was made is unknown: the edit counts as what it has seen") {
  Device a(1);
  Device b(2);
  Device unset(3);
  a.now_ms = kMonday + kHour;
  a.set("x", 1);
  unset.receive(a);
  unset.now_ms = 1000;
  unset.set("k", "unset");
  b.set("k", "before");
  b.receive(unset);
  check_every_way(b.document, R"({"k":"unset","x":1})");
  CHECK(b.document.log().back().committed_at_ms == 0);
  CHECK(b.document.why("/k")->text.starts_with(
      "written by replica 0000000000000003 at an unknown time; it won over a value by replica "
      "0000000000000002 at 2026-01-05 00:00:00 UTC"));
}

TEST_CASE("why says whose clock was ahead, by what those wrote who had seen it") {
  Device wrong(9);
  Device a(1);
  wrong.now_ms = kAhead;
  wrong.set("k", "from 2038");
  a.set("k", "monday");
  a.receive(wrong);
  const std::string known = "; the clock of replica 0000000000000009 was 12.6 years ahead of ";
  CHECK(a.document.why("/k")->text.ends_with(
      "neither had seen the other, the later write wins, by their clocks" + known +
      "the one here"));
  a.set("other", 1);
  CHECK(a.document.why("/k")->text.ends_with(known + "those that had seen this"));
  // What has seen it wins, whatever the clocks say.
  a.set("k", "seen");
  CHECK(a.document.why("/k")->text ==
        "written by replica 0000000000000001 at 2026-01-05 00:00:00 UTC; it had seen every other "
        "write here");
}

TEST_CASE("a log of rows of version 1 goes on with rows of version 2, and not back") {
  // What an earlier weft wrote: the same bytes but for the version.
  Device maker(1);
  maker.set("k", 1);
  maker.set("k", 2);
  std::vector<Bytes> rows = maker.document.deltas_since({}).value();
  auto as_version = [](const Bytes& row, std::uint8_t version) {
    Batch batch = decode_delta(row).value();
    batch.deltas[0].row_version = version;
    Bytes bytes;
    encode_delta(batch, 0, bytes);
    return bytes;
  };
  const Bytes old = as_version(rows[0], kLegacyRowVersion);
  CHECK((old[0] >> 6) == std::byte{1});
  Device upgraded(1);
  upgraded.document.apply(old).value();
  upgraded.now_ms = kMonday + 1;
  upgraded.set("k", 3);
  CHECK(upgraded.document.deltas_since({}).value()[0] == old);
  check_every_way(upgraded.document, R"({"k":3})");

  DocumentOptions options;
  options.replica = {7};
  Document reader = Document::create(options);
  reader.apply(rows[0]).value();
  const Bytes back = as_version(rows[1], kLegacyRowVersion);
  CHECK(reader.apply(back).error().code() == ErrorCode::kInvalidDelta);
  Document loaded = Document::load(reader.snapshot(), options).value();
  CHECK(loaded.apply(back).error().code() == ErrorCode::kInvalidDelta);
  CHECK(reader.apply(rows[1])->applied == 1);
}
