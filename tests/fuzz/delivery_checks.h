#pragma once
// What has to hold of deltas however they reach a document: one by one, as bundles, all at once into an empty document,
// to one that has some of them, forward and backward: the same are accepted, and the bytes are the same.
//
// Pieces, each a delta in row form; a marked one is (author, first seq, count, body) of a stored bundle and stands for
// its deltas. Of those that claim the same dots the first counts: two histories of one replica are another matter.

#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "tests/fuzz/document_checks.h"
#include "tests/fuzz/real_bundles.h"

namespace weft::test {

/// What is under test; a canary puts something faulty in its place.
struct Delivery {
  void (*one)(Document&, ByteSpan) = [](Document& document, ByteSpan delta) {
    (void)document.apply(delta);
  };
  void (*bulk)(Document&, std::span<const ByteSpan>) = [](Document& document,
                                                          std::span<const ByteSpan> bundles) {
    (void)document.apply_bundles(bundles);
  };
};

/// The deltas of an input, without two that claim one dot.
inline std::vector<Bytes> deltas_to_deliver(ByteSpan input) {
  constexpr std::size_t kDeltasMax = 400;
  std::vector<Bytes> deltas;
  std::map<ReplicaId, std::map<Seq, Seq>> taken;  // first seq -> end
  const auto add = [&](Bytes row) {
    Result<Batch> batch = decode_delta(row);
    if (!batch.ok() || deltas.size() >= kDeltasMax) return;
    std::map<Seq, Seq>& log = taken[batch->author()];
    auto next = log.upper_bound(batch->first_seq);
    if (next != log.end() && next->first < batch->end()) return;
    if (next != log.begin() && std::prev(next)->second > batch->first_seq) return;
    log[batch->first_seq] = batch->end();
    deltas.push_back(std::move(row));
  };
  for (Piece& piece : split_pieces(input)) {
    if (!piece.marked) {
      add(std::move(piece.bytes));
      continue;
    }
    const Bytes bundle = as_stored_bundle(piece.bytes);
    Result<OpenedBundle> opened = open_bundle(bundle, nullptr);
    if (!opened.ok()) continue;
    DeltaWalk walk(opened->batch);
    for (Bytes row; deltas.size() < kDeltasMax && walk.next(row); row.clear()) add(row);
  }
  return deltas;
}

inline DocumentOptions delivery_options() {
  DocumentOptions options = fuzz_options(1);
  options.pending_bytes_max = std::size_t{64} << 20;  // nothing is thrown out
  return options;
}

/// Stretches of logs, sealed.
inline std::vector<Bytes> sealed(const std::vector<Bytes>& deltas) {
  std::vector<Bytes> bundles;
  for (const Batch& batch : batches_of(deltas)) bundles.push_back(seal_rows(batch));
  return bundles;
}

inline Verdict check_delivery(ByteSpan input, const Delivery& delivery = {}) {
  const std::vector<Bytes> deltas = deltas_to_deliver(input);
  const auto singly = [&](auto begin, auto end) {
    Document document = Document::create(delivery_options());
    for (auto at = begin; at != end; ++at) delivery.one(document, *at);
    return document;
  };
  const auto in_bulk = [&](Document& document, const std::vector<Bytes>& bundles) {
    const std::vector<ByteSpan> spans(bundles.begin(), bundles.end());
    delivery.bulk(document, spans);
  };
  const Document forward = singly(deltas.begin(), deltas.end());
  const auto differs = [&](const Document& other) {
    return !(other.version() == forward.version()) || other.snapshot() != forward.snapshot();
  };
  if (differs(singly(deltas.rbegin(), deltas.rend())))
    return faulty("deltas in reverse order lead to something else");

  std::vector<Bytes> bundles = sealed(deltas);
  Document bulk = Document::create(delivery_options());
  in_bulk(bulk, bundles);
  if (differs(bulk)) return faulty("bundles in bulk lead to something else than single deltas");

  std::reverse(bundles.begin(), bundles.end());
  Document backward = Document::create(delivery_options());
  for (const Bytes& bundle : bundles) in_bulk(backward, {bundle});
  if (differs(backward)) return faulty("single bundles in reverse order lead to something else");

  const auto middle = deltas.begin() + static_cast<std::ptrdiff_t>(deltas.size() / 2);
  Document half = singly(deltas.begin(), middle);
  in_bulk(half, sealed({middle, deltas.end()}));
  if (differs(half)) return faulty("bundles behind single deltas lead to something else");

  Verdict verdict{nullptr, std::max<std::size_t>(deltas.size(), 1), 0};
  for (const Bytes& delta : deltas) {
    const Batch batch = decode_delta(delta).value();
    if (forward.version().contains({batch.author(), batch.first_seq})) ++verdict.accepted;
  }
  bulk.check_invariants();
  half.check_invariants();
  verdict.fault = use_everywhere(bulk);
  return verdict;
}

}  // namespace weft::test
