#pragma once
// The real histories as documents.

#include <utility>
#include <vector>

#include "crdt/document/document.h"
#include "tests/fuzz/document_checks.h"
#include "tests/fuzz/real_documents.h"

namespace weft::test {

inline std::vector<Document> read_histories() {
  std::vector<Document> documents;
  for (const std::vector<Bytes>& history : real_histories()) {
    Document document = Document::create(fuzz_options(1));
    for (const Bytes& delta : history) document.apply(delta).value();
    documents.push_back(std::move(document));
  }
  return documents;
}

}  // namespace weft::test
