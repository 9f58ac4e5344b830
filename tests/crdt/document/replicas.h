#pragma once
// Replicas: what the tests of documents make, edit and bring together.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/document/document.h"
#include "crdt/document/json_text.h"

namespace weft::test {

inline Document make_document(std::uint64_t replica = 1, std::size_t undo_depth = 100) {
  DocumentOptions options;
  options.replica = {replica};
  options.undo_depth = undo_depth;
  return Document::create(std::move(options));
}

inline std::string content(const Document& document) {
  return print_json(document.to_json().value(), {.sort_keys = true});
}

/// One transaction, which has to work.
Commit edit(Document& document, auto&& body) {
  auto commit = document.transact(body);
  REQUIRE_MESSAGE(commit.ok(), commit.error().message());
  return *commit;
}

/// Each gets what the other has; then they are equal.
inline void exchange(Document& a, Document& b) {
  std::vector<Bytes> from_a = a.deltas_since(b.version()).value();
  for (const Bytes& delta : b.deltas_since(a.version()).value()) a.apply(delta).value();
  for (const Bytes& delta : from_a) b.apply(delta).value();
  REQUIRE(a.snapshot() == b.snapshot());
  a.check_invariants();
  b.check_invariants();
}

}  // namespace weft::test
