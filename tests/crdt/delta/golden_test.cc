// Golden vectors: the bytes under tests/conformance/ are the format. If one of these fails, either the
// code broke the format, or the format changed on purpose: then raise a version, write the change into
// docs/format.md and run the test once with WEFT_REGENERATE_GOLDEN=1.

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "crdt/delta/batch_builder.h"
#include "crdt/delta/codec.h"
#include "crdt/delta/history_file.h"
#include "crdt/delta/value_codec.h"
#include "tests/support/golden.h"

using namespace weft;

namespace {

constexpr ReplicaId kAuthor{0x0011'2233'4455'6677};
constexpr ReplicaId kOther{0x8899'aabb'ccdd'eeff};
constexpr ReplicaId kThird{0x0101'0101'0101'0101};

class DeltaScript {
 public:
  DeltaScript(std::uint8_t version, Seq first_seq, std::uint64_t time) {
    batch_.first_seq = first_seq;
    batch_.replicas = {kAuthor, kOther, kThird};
    batch_.containers = {kNoDot, {0, 3}, {1, 9}};
    batch_.keys = {"title", "grid"};
    DeltaRun& run = batch_.deltas.emplace_back();
    run.first_seq = first_seq;
    run.committed_at_ms = time;
    run.row_version = version;
  }
  DeltaScript& op(OpKind kind, std::uint32_t container, LocalDot a, LocalDot b, Seq count = 1,
                  std::string_view content = {}, bool backward = false) {
    Op op;
    op.kind = kind;
    op.container = container;
    op.seq = batch_.end();
    op.count = count;
    op.a = a;
    op.b = b;
    op.backward = backward;
    op.content_begin = static_cast<std::uint32_t>(content_.size());
    op.content_size = static_cast<std::uint32_t>(content.size());
    content_ += content;
    batch_.ops.push_back(op);
    batch_.op_count += count;
    batch_.deltas[0].ops_each += count;
    return *this;
  }
  DeltaScript& move(std::uint32_t container, LocalDot lo, LocalDot ro, LocalDot element) {
    op(OpKind::kListMove, container, lo, ro);
    batch_.ops.back().content_begin = element.replica;
    batch_.ops.back().content_size = element.seq;
    return *this;
  }
  DeltaScript& message(std::string_view text) {
    batch_.messages = text;
    batch_.deltas[0].message_size = static_cast<std::uint32_t>(text.size());
    return *this;
  }
  DeltaScript& after(LocalDot dot, std::uint64_t chain) {
    batch_.dependencies.push_back({dot, chain});
    ++batch_.deltas[0].dependency_count;
    return *this;
  }
  Bytes encode() {
    batch_.content = content_;
    Bytes row;
    encode_delta(batch_, 0, row);
    return row;
  }

 private:
  Batch batch_;
  std::string content_;
};

template <typename Write>
std::string value(Write write) {
  Bytes bytes;
  ByteWriter out(bytes);
  write(out);
  return std::string(as_text(bytes));
}

Bytes keystroke(std::uint8_t version = kRowVersion) {
  return DeltaScript(version, 200'000, 1'700'000'000'123)
      .op(OpKind::kTextInsert, 1, {0, 199'999}, {0, 54'321}, 1, "x")
      .encode();
}

Bytes with_message(std::uint8_t version = kRowVersion) {
  return DeltaScript(version, 7, 1'700'000'000'456)
      .message("na\xc3\xafve")
      .op(OpKind::kTextInsert, 1, kNoDot, kNoDot, 4, "h\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x99\x82")
      .encode();
}

Bytes with_dependencies(std::uint8_t version = kRowVersion) {
  return DeltaScript(version, 11, kMaxTimeMs - 1)
      .after({2, 4}, 0x1111'2222'3333'4444)
      .after({1, 70'000}, 0x5555'6666'7777'8888)
      .op(OpKind::kErase, 2, {1, 69'990}, kNoDot, 3)
      .op(OpKind::kTextInsert, 2, {1, 69'989}, {1, 69'990}, 1, "y")
      .encode();
}

Bytes every_kind(std::uint8_t version = kRowVersion) {
  std::string grid = value([](ByteWriter& out) {
    Bytes tree;
    ByteWriter node(tree);
    put_object_header(node, 2);
    node.sized(as_bytes("h"));
    put_int(node, 8);
    node.sized(as_bytes("w"));
    put_array_header(node, 1);
    put_double(node, 0.5);
    put_record(out, tree);
  });
  std::string list = value([](ByteWriter& out) {
    put_null(out);
    put_bool(out, true);
    put_int(out, -3);
    put_bytes(out, as_bytes("\xff"));
    put_child(out, ContainerKind::kText);
  });
  std::string unknown = value([](ByteWriter& out) {
    out.varint(16);
    out.varint(2);
    out.varint(1);
    out.sized(as_bytes("later"));
  });
  return DeltaScript(version, 100, 0)
      .op(OpKind::kMapSet, 0, kNoDot, {0, 0}, 1,
          value([](ByteWriter& out) { put_string(out, "CPU"); }))
      .op(OpKind::kMapSet, 0, {1, 5}, {0, 1}, 1, grid)
      .op(OpKind::kMapErase, 0, {0, 100}, {0, 0})
      .op(OpKind::kMapEnsure, 2, kNoDot, {0, 1}, 1, value([](ByteWriter& out) {
            put_ensure_content(out, {ContainerKind::kList, 1});
          }))
      .op(OpKind::kTextInsert, 1, {0, 40}, {0, 41}, 2, "ab")
      .op(OpKind::kTextInsert, 1, {1, 3}, {0, 41}, 1, "c")
      .op(OpKind::kTextInsert, 1, {1, 3}, {1, 2}, 1, "d")
      .op(OpKind::kListInsert, 2, kNoDot, {1, 12}, 5, list)
      .op(OpKind::kErase, 1, {0, 41}, kNoDot, 2, {}, true)
      .op(OpKind::kErase, 1, {1, 3}, kNoDot)
      .op(OpKind::kListSet, 2, {0, 108}, {0, 108}, 1,
          value([](ByteWriter& out) { put_double(out, __builtin_nan("")); }))
      .move(2, {0, 110}, kNoDot, {1, 12})
      .op(OpKind::kRevoke, 1, {0, 113}, kNoDot, 2)
      .op(OpKind::kReinstate, 1, {0, 113}, kNoDot)
      .op(OpKind::kCounterAdd, 2, kNoDot, kNoDot, 1,
          value([](ByteWriter& out) { out.svarint(-1000); }))
      .op(OpKind::kRestore, 1, {0, 50}, kNoDot)
      .op(OpKind::kUnknown, 0, kNoDot, kNoDot, 1, unknown)
      .encode();
}

Bytes numbers() {
  const std::string list = value([](ByteWriter& out) {
    put_number_text(out, "18446744073709551615");
    put_number_text(out, "-0");
    put_number_text(out, "0.10000000000000001");
  });
  const std::string record = value([](ByteWriter& out) {
    Bytes tree;
    ByteWriter node(tree);
    put_array_header(node, 1);
    put_number_text(node, "1e400");
    put_record(out, tree);
  });
  return DeltaScript(1, 0, 1'700'000'000'789)
      .op(OpKind::kListInsert, 2, kNoDot, kNoDot, 3, list)
      .op(OpKind::kMapSet, 0, kNoDot, {0, 0}, 1, record)
      .encode();
}

Bytes bundle_of(const std::vector<Bytes>& rows) {
  BatchBuilder builder;
  for (const Bytes& row : rows) REQUIRE(builder.append(*decode_delta(row)).ok());
  return seal_bundle(builder.take(), 0x0123'4567'89ab'cdef, nullptr);
}

Bytes stored_bundle(std::uint8_t version = kRowVersion) {
  std::vector<Bytes> rows;
  Seq seq = 10;
  for (char letter : {'w', 'e', 'f', 't'}) {
    LocalDot lo = seq == 10 ? kNoDot : LocalDot{0, seq - 1};
    rows.push_back(DeltaScript(version, seq, 5000)
                       .op(OpKind::kTextInsert, 1, lo, kNoDot, 1, {&letter, 1})
                       .encode());
    ++seq;
  }
  rows.push_back(
      DeltaScript(version, 14, 6000).op(OpKind::kErase, 1, {0, 13}, kNoDot, 2, {}, true).encode());
  rows.push_back(DeltaScript(version, 16, 6500)
                     .after({1, 9}, 77)
                     .message("set")
                     .op(OpKind::kMapSet, 2, {1, 8}, {0, 0}, 1, std::string(1, '\2'))
                     .op(OpKind::kMapErase, 2, {0, 16}, {0, 0})
                     .encode());
  return bundle_of(rows);
}

Bytes bundle_of_every_kind(std::uint8_t version = kRowVersion) {
  return bundle_of({every_kind(version)});
}

Bytes history(std::uint8_t version = kRowVersion) {
  Bytes first = stored_bundle(version);
  Bytes second = bundle_of_every_kind(version);
  HistoryFile file;
  for (std::size_t i = 0; i < 16; ++i) file.document[i] = static_cast<std::uint8_t>(i * 17);
  file.bundles = {first, second};
  return encode_history_file(file);
}

Bytes typed(std::uint8_t version, Seq seq) {
  LocalDot lo = seq == 10 ? kNoDot : LocalDot{0, seq - 1};
  return DeltaScript(version, seq, 5000).op(OpKind::kTextInsert, 1, lo, kNoDot, 1, "w").encode();
}

/// The two are alike but for their version, and are no run.
Bytes bundle_of_both_versions() {
  return bundle_of({typed(kLegacyRowVersion, 10), typed(kRowVersion, 11)});
}

const std::vector<std::pair<std::uint8_t, std::string>> kVersions = {{kLegacyRowVersion, "v1_"},
                                                                     {kRowVersion, ""}};

using test::to_hex;

Bytes golden(const std::string& name, const std::string& what, const Bytes& made) {
  return test::golden(name, what, "tests/crdt/delta/golden_test.cc", made);
}

void check_delta(const std::string& name, const std::string& what, const Bytes& made) {
  CAPTURE(name);
  Bytes expected = golden(name, what, made);
  CHECK(to_hex(made) == to_hex(expected));
  Result<Batch> batch = decode_delta(expected);
  REQUIRE_MESSAGE(batch.ok(), batch.error().message());
  Bytes again;
  encode_delta(*batch, 0, again);
  CHECK(to_hex(again) == to_hex(expected));
}

void check_bundle(const std::string& name, const std::string& what, const Bytes& made) {
  CAPTURE(name);
  Bytes expected = golden(name, what, made);
  CHECK(to_hex(made) == to_hex(expected));
  Result<OpenedBundle> opened = open_bundle(expected, nullptr);
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  CHECK(to_hex(seal_bundle(opened->batch, opened->end_chain, nullptr)) == to_hex(expected));
}

}  // namespace

// Of each version a set of vectors. What version 1 wrote is still read, kept and passed on byte for byte: those
// files never change.
TEST_CASE("deltas have the bytes of the golden vectors") {
  for (auto [version, prefix] : kVersions) {
    check_delta(prefix + "delta_keystroke",
                "a delta: one character typed behind the author's last one", keystroke(version));
    check_delta(prefix + "delta_message", "a delta with a message; text of scalars of 1 to 4 bytes",
                with_message(version));
    check_delta(prefix + "delta_dependencies",
                "a delta with two dependencies and the last time allowed",
                with_dependencies(version));
    check_delta(prefix + "delta_every_kind", "a delta with every kind of operation and of value",
                every_kind(version));
  }
  check_delta("delta_numbers", "a delta with numbers that are kept as their text", numbers());
}

TEST_CASE("bundles have the bytes of the golden vectors") {
  for (auto [version, prefix] : kVersions) {
    check_bundle(prefix + "bundle_stored", "a stored bundle of six deltas: typing, erasing, a map",
                 stored_bundle(version));
    check_bundle(prefix + "bundle_every_kind", "a stored bundle of delta_every_kind",
                 bundle_of_every_kind(version));
  }
  check_bundle("bundle_upgraded", "a stored bundle of a row of version 1 and one of version 2",
               bundle_of_both_versions());
}

TEST_CASE("a history file has the bytes of the golden vector") {
  for (auto [version, prefix] : kVersions) {
    Bytes made = history(version);
    Bytes expected = golden(prefix + "history_file", "a history file of both bundles", made);
    CHECK(to_hex(made) == to_hex(expected));
    Result<HistoryFile> file = decode_history_file(expected);
    REQUIRE_MESSAGE(file.ok(), file.error().message());
    CHECK(to_hex(encode_history_file(*file)) == to_hex(expected));
  }
}

TEST_CASE("a bundle gives back the golden delta") {
  for (auto [version, prefix] : kVersions) {
    Bytes bundle = bundle_of_every_kind(version);
    Bytes row;
    encode_delta(open_bundle(bundle, nullptr)->batch, 0, row);
    CHECK(to_hex(row) == to_hex(every_kind(version)));
  }
}

TEST_CASE("no row of version 1 is put behind one of version 2") {
  BatchBuilder builder;
  REQUIRE(builder.append(*decode_delta(typed(kRowVersion, 10))).ok());
  const Bytes behind = typed(kLegacyRowVersion, 11);
  CHECK(builder.append(*decode_delta(behind)).error().code() == ErrorCode::kInvalidArgument);
}
