// Deltas of liars that lean on what they did themselves, a few operations before: these are in no log yet, neither
// while the delta is applied nor while it is taken back.

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/base/checksum.h"
#include "crdt/delta/codec.h"
#include "crdt/delta/history_file.h"
#include "crdt/delta/slice.h"
#include "crdt/delta/value_codec.h"
#include "tests/crdt/document/replicas.h"

using namespace weft;
using test::content;
using test::make_document;

namespace {

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

/// ensure_text "t", insert "ab", erase the own "a", an addition to the root, which is no counter.
const Bytes kRefusedAtTheEnd = from_hex(
    "600a00000000000000000000000000060200000001740200230100026162350302000000016303001a02");

/// One delta, made operation by operation.
class Forger {
 public:
  explicit Forger(std::uint64_t replica, Seq first_seq = 0) {
    batch_.first_seq = first_seq;
    batch_.replicas.push_back({replica});
    batch_.containers.push_back(kNoDot);
  }

  std::uint32_t container(LocalDot made) {
    batch_.containers.push_back(made);
    return static_cast<std::uint32_t>(batch_.containers.size() - 1);
  }
  LocalDot ensure(std::string_view key, ContainerKind kind) {
    batch_.keys.push_back(key);
    Op op = next(OpKind::kMapEnsure, 0, 1);
    op.b = {0, static_cast<std::uint32_t>(batch_.keys.size() - 1)};
    Bytes bytes;
    ByteWriter out(bytes);
    put_ensure_content(out, {kind, 0});
    return add(op, as_text(bytes));
  }
  LocalDot insert(std::uint32_t text, LocalDot lo, LocalDot ro, std::string_view ascii) {
    Op op = next(OpKind::kTextInsert, text, static_cast<Seq>(ascii.size()));
    op.a = lo;
    op.b = ro;
    return add(op, ascii);
  }
  LocalDot on(OpKind kind, std::uint32_t container, LocalDot target, Seq count = 1) {
    Op op = next(kind, container, count);
    op.a = target;
    return add(op, {});
  }
  LocalDot unknown(std::uint64_t weft_version) {
    Bytes bytes;
    ByteWriter out(bytes);
    out.varint(kFirstEscapedKind);
    out.varint(weft_version);
    out.varint(1);
    out.sized(as_bytes("later"));
    return add(next(OpKind::kUnknown, 0, 1), as_text(bytes));
  }
  /// Refused by everybody: the root is no counter.
  void add_nonsense() {
    Bytes bytes;
    ByteWriter(bytes).svarint(1);
    add(next(OpKind::kCounterAdd, 0, 1), as_text(bytes));
  }

  Bytes row() {
    Batch& batch = whole();
    Bytes bytes;
    encode_delta(batch, 0, bytes);
    return bytes;
  }
  Bytes bundle() { return seal_bundle(whole(), xxh3_64(row(), 0), nullptr); }

 private:
  Op next(OpKind kind, std::uint32_t container, Seq count) const {
    Op op;
    op.kind = kind;
    op.container = container;
    op.seq = batch_.end();
    op.count = count;
    return op;
  }
  LocalDot add(Op op, std::string_view bytes) {
    if (!bytes.empty()) {
      op.content_begin = static_cast<std::uint32_t>(content_.size());
      op.content_size = static_cast<std::uint32_t>(bytes.size());
      content_ += bytes;
    }
    batch_.op_count += op.count;
    LocalDot dot{0, op.seq};
    append_run(batch_.ops, op, 0);
    return dot;
  }
  Batch& whole() {
    batch_.content = content_;
    DeltaRun run;
    run.first_seq = batch_.first_seq;
    run.ops_each = batch_.op_count;
    batch_.deltas = {run};
    return batch_;
  }

  Batch batch_;
  std::string content_;
};

/// The delta alone, as a bundle and in a history file: each into an empty document and into one that holds
/// something. All of them take it or all refuse it, and end alike.
void check_same_everywhere(Forger& forger, bool taken) {
  for (bool holds_something : {false, true}) {
    CAPTURE(holds_something);
    auto make = [&] {
      Document document = make_document(7);
      if (holds_something)
        test::edit(document, [](Transaction& tx) { return tx.root().set("held", 1); });
      return document;
    };
    const Bytes row = forger.row();
    const Bytes bundle = forger.bundle();
    REQUIRE(decode_delta(row).ok());
    Document single = make();
    const Bytes before = single.snapshot();
    const std::uint32_t needs_before = single.needs_weft();
    auto report = single.apply(row);
    CHECK(report.ok() == taken);
    if (!taken) {
      CHECK(report.error().code() == ErrorCode::kInvalidDelta);
      CHECK(single.snapshot() == before);
      CHECK(single.needs_weft() == needs_before);
    }
    single.check_invariants();

    Document bundled = make();
    CHECK(bundled.apply_bundle(bundle).ok() == taken);
    CHECK(bundled.snapshot() == single.snapshot());
    CHECK(bundled.needs_weft() == single.needs_weft());
    bundled.check_invariants();

    HistoryFile file;
    file.document = bundled.id().bytes;
    file.bundles.push_back(bundle);
    const Bytes history = encode_history_file(file);
    Document read = make();
    CHECK(read.apply_history(history).ok() == taken);
    CHECK(read.snapshot() == single.snapshot());
  }
}

}  // namespace

TEST_CASE("42 bytes that erase what they inserted and are refused at the end change nothing") {
  Document document = make_document(7);
  const Bytes before = document.snapshot();
  auto report = document.apply(kRefusedAtTheEnd);
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code() == ErrorCode::kInvalidDelta);
  CHECK(document.snapshot() == before);
  document.check_invariants();
  CHECK_FALSE(document.version().contains({decode_delta(kRefusedAtTheEnd)->author(), 0}));
}

TEST_CASE("a delta that is refused after it erased its own text is taken back in every form") {
  Forger forger(2);
  const LocalDot made = forger.ensure("t", ContainerKind::kText);
  const std::uint32_t text = forger.container(made);
  const LocalDot ab = forger.insert(text, kNoDot, kNoDot, "ab");
  forger.on(OpKind::kErase, text, ab);
  forger.add_nonsense();
  check_same_everywhere(forger, false);
}

TEST_CASE("a delta that revokes its own erasure is taken in every form") {
  Forger forger(2);
  const LocalDot made = forger.ensure("t", ContainerKind::kText);
  const std::uint32_t text = forger.container(made);
  const LocalDot ab = forger.insert(text, kNoDot, kNoDot, "abc");
  const LocalDot erasure = forger.on(OpKind::kErase, text, ab, 2);
  forger.on(OpKind::kRevoke, text, erasure);
  check_same_everywhere(forger, true);
  Document document = make_document(7);
  document.apply(forger.row()).value();
  CHECK(document.text("/t")->str() == "ac");
}

TEST_CASE(
    "a delta that revokes its own erasure, puts it in force again and is refused is taken back") {
  Forger forger(2);
  const LocalDot made = forger.ensure("t", ContainerKind::kText);
  const std::uint32_t text = forger.container(made);
  const LocalDot ab = forger.insert(text, kNoDot, kNoDot, "ab");
  const LocalDot erasure = forger.on(OpKind::kErase, text, ab, 2);
  const LocalDot again = forger.on(OpKind::kErase, text, ab);
  forger.on(OpKind::kRevoke, text, erasure, 2);
  forger.on(OpKind::kRevoke, text, again);
  forger.on(OpKind::kReinstate, text, erasure);
  forger.on(OpKind::kRevoke, text, erasure);
  forger.add_nonsense();
  check_same_everywhere(forger, false);
}

TEST_CASE("a delta can't revoke what is no erasure, its own insertions included") {
  Forger forger(2);
  const LocalDot made = forger.ensure("t", ContainerKind::kText);
  const std::uint32_t text = forger.container(made);
  const LocalDot ab = forger.insert(text, kNoDot, kNoDot, "ab");
  forger.on(OpKind::kErase, text, ab);
  forger.on(OpKind::kRevoke, text, ab);
  check_same_everywhere(forger, false);
}

TEST_CASE("a refused delta leaves the version of weft that is needed as it was") {
  Forger forger(2);
  forger.unknown(99);
  forger.add_nonsense();
  check_same_everywhere(forger, false);
}

TEST_CASE(
    "a refused delta over many of its own insertions is found and taken back in one look each") {
  // Every operation looks up the ones before it: linear look-ups would take minutes.
  Forger forger(2);
  const LocalDot made = forger.ensure("t", ContainerKind::kText);
  const std::uint32_t text = forger.container(made);
  constexpr Seq kCount = 100'000;
  LocalDot first = forger.insert(text, kNoDot, kNoDot, "x");
  LocalDot right = first;
  for (Seq i = 1; i < kCount; ++i) right = forger.insert(text, kNoDot, right, "x");
  for (Seq i = 0; i < kCount; i += 2) forger.on(OpKind::kErase, text, first.plus(i));
  forger.add_nonsense();
  Document document = make_document(7);
  const Bytes before = document.snapshot();
  CHECK_FALSE(document.apply(forger.row()).ok());
  CHECK(document.snapshot() == before);
}
