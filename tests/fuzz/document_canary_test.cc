// Canaries: the checks of the fuzzers of whole documents notice a fault if there is one.

#include <doctest/doctest.h>

#include <string>

#include "tests/fuzz/delivery_checks.h"
#include "tests/fuzz/document_checks.h"
#include "tests/fuzz/merge_files_checks.h"
#include "tests/fuzz/real_documents.h"

namespace weft::test {
namespace {

Bytes some_deltas() { return join_pieces(real_histories().front()); }

TEST_CASE("a document that is changed by a delta which it refuses is noticed") {
  const Applying careless{[](Document& document, ByteSpan delta) -> Result<ApplyReport> {
    (void)document.apply(delta);
    return Error(ErrorCode::kInvalidDelta, "no");
  }};
  CHECK(words(check_deltas(some_deltas())) == "");
  CHECK(words(check_deltas(some_deltas(), careless)) == "a refused delta left a trace");
}

TEST_CASE("deltas that no document takes count as not accepted") {
  Bytes late = join_pieces(std::vector<Bytes>{real_histories().front().back()});
  CHECK(check_deltas(late).accepted == 0);
  CHECK(check_deltas(some_deltas()).accepted == real_histories().front().size());
}

TEST_CASE("a snapshot's bytes that say something else than the document are noticed") {
  Document document = Document::create(fuzz_options(1));
  document.transact([](Transaction& tx) { return tx.root().set("a", 1); }).value();
  CHECK(words(check_snapshot(document.snapshot())) == "");
  CHECK(check_snapshot(document.snapshot()).accepted == 1);
  Bytes cut = document.snapshot();
  cut.pop_back();
  CHECK(check_snapshot(cut).accepted == 0);
}

TEST_CASE("a bulk path that loses a bundle is noticed") {
  Delivery lossy;
  lossy.bulk = [](Document& document, std::span<const ByteSpan> bundles) {
    if (!bundles.empty()) (void)document.apply_bundles(bundles.first(bundles.size() - 1));
  };
  CHECK(words(check_delivery(some_deltas())) == "");
  CHECK(words(check_delivery(some_deltas(), lossy)) ==
        "bundles in bulk lead to something else than single deltas");
}

TEST_CASE("a bulk path that accepts what single deltas don't is noticed") {
  // As if a bundle's operations were believed where those of single deltas are checked.
  Delivery strict;
  strict.one = [](Document& document, ByteSpan delta) {
    const Batch batch = decode_delta(delta).value();
    for (const Op& op : batch.ops)
      if (op.kind == OpKind::kErase) return;
    (void)document.apply(delta);
  };
  CHECK(words(check_delivery(some_deltas(), strict)) != "");
}

TEST_CASE("deltas of one author in any order are all sealed") {
  std::vector<Bytes> deltas = real_histories().front();
  REQUIRE(deltas.size() == 2);
  std::swap(deltas[0], deltas[1]);
  std::size_t operations = 0;
  for (const Batch& batch : batches_of(deltas)) operations += batch.op_count;
  CHECK(operations ==
        decode_delta(deltas[0]).value().op_count + decode_delta(deltas[1]).value().op_count);
  CHECK(words(check_delivery(join_pieces(deltas))) == "");
}

TEST_CASE("an order of arrival that changes what is there is noticed") {
  Delivery impatient;
  impatient.one = [](Document& document, ByteSpan delta) {
    if (const Result<ApplyReport> report = document.apply(delta); report.ok() && report->pending)
      document = Document::create(delivery_options());
  };
  CHECK(words(check_delivery(some_deltas(), impatient)) ==
        "deltas in reverse order lead to something else");
}

constexpr std::string_view kThreeFiles = R"({"title":"a"})"
                                         "\x1e"
                                         R"({"title":"b"})"
                                         "\x1e"
                                         R"({"title":"c"})";

TEST_CASE(
    "a merge of files that sees conflicts for one side only, or where nobody disagrees, is "
    "noticed") {
  using dashboard::FileMerge;
  using dashboard::Prefer;
  CHECK(words(check_merge_files(kThreeFiles)) == "");
  CHECK(words(check_merge_files(
            kThreeFiles, [](const Json& base, const Json& ours, const Json& theirs, Prefer prefer) {
              Result<FileMerge> merge = dashboard::merge_dashboards(base, ours, theirs, prefer);
              if (merge.ok() && prefer == Prefer::kTheirs) merge->conflicts.clear();
              return merge;
            })) == "what is in conflict depends on who is preferred");
  CHECK(words(check_merge_files(
            kThreeFiles, [](const Json& base, const Json& ours, const Json& theirs, Prefer prefer) {
              Result<FileMerge> merge = dashboard::merge_dashboards(base, ours, theirs, prefer);
              if (merge.ok()) merge->conflicts.emplace_back();
              return merge;
            })) == "a conflict where nobody disagrees");
}

TEST_CASE("dashboards that are no JSON count as not accepted") {
  CHECK(check_dashboards("{\x1e[\x1enope").accepted == 0);
  CHECK(check_dashboards(kThreeFiles).accepted == 3);
}

}  // namespace
}  // namespace weft::test
