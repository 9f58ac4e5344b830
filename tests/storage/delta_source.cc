#include "tests/storage/delta_source.h"

#include <string>

namespace weft::test {
namespace {

std::string random_text(Random& random, std::uint64_t size_max) {
  std::string text(1 + random.below(size_max), ' ');
  for (char& c : text) c = static_cast<char>('a' + random.below(26));
  return text;
}

void edit_text(TextEdit text, Random& random) {
  const std::size_t size = text.size();
  if (size > 10 && random.chance(1, 3)) {
    const std::size_t begin = random.below(size - 5);
    text.erase(scalar(begin), 1 + random.below(5)).value();
    return;
  }
  // Now and then a paste that does not fit into a page of the store.
  const std::uint64_t size_max = random.chance(1, 20) ? 9'000 : 12;
  const std::size_t at = random.below(size + 1);
  text.insert(scalar(at), random_text(random, size_max)).value();
}

void edit_list(ListEdit list, Random& random) {
  const std::size_t size = list.size().value();
  const std::uint64_t kind = size < 3 ? 0 : random.below(4);
  const std::size_t at = random.below(size + (kind == 0 ? 1 : 0));
  const auto value = static_cast<std::int64_t>(random.below(1'000));
  if (kind == 0) list.insert(at, Value(value)).value();
  if (kind == 1) list.erase(at).value();
  if (kind == 2) list.set(at, Value(value)).value();
  if (kind == 3) list.move(at, random.below(size)).value();
}

void edit_map(MapEdit map, Random& random) {
  const std::string key = "k" + std::to_string(random.below(12));
  if (map.contains(key) && random.chance(1, 4)) {
    map.erase(key).value();
  } else {
    map.set(key, random_text(random, 40)).value();
  }
}

void edit_once(Transaction& tx, Random& random) {
  switch (random.below(5)) {
    case 0:
      return edit_map(tx.root(), random);
    case 1:
      return edit_map(tx.root().ensure_map("panels"), random);
    case 2:
      return edit_list(tx.root().ensure_list("order"), random);
    case 3:
      return edit_text(tx.root().ensure_text("notes"), random);
    default:
      tx.root()
          .ensure_counter("visits")
          .add(static_cast<std::int64_t>(1 + random.below(9)))
          .value();
  }
}

}  // namespace

DeltaSource::DeltaSource(std::uint64_t seed, std::uint64_t writer)
    : random_(seed * 1'000 + writer) {
  for (std::uint64_t i = 0; i < kDocuments; ++i) {
    DocumentOptions options;
    options.replica = replica(writer);
    options.id = document(i);
    documents_.push_back(Document::create(std::move(options)));
  }
}

DocumentId DeltaSource::document(std::uint64_t number) {
  DocumentId id;
  id.bytes.fill(static_cast<std::uint8_t>(number + 1));
  return id;
}

const SourceDelta& DeltaSource::at(std::size_t index) {
  while (made_.size() <= index) make_next();
  return made_[index];
}

std::vector<NewRecord> DeltaSource::batch(std::size_t begin) {
  std::size_t end = begin + 1;
  while (!at(end - 1).ends_batch) ++end;
  std::vector<NewRecord> records;
  for (std::size_t i = begin; i < end; ++i) records.push_back({made_[i].head, made_[i].delta});
  return records;
}

void DeltaSource::make_next() {
  if (batch_left_ == 0) batch_left_ = random_.chance(1, 2) ? 1 : 1 + random_.below(20);
  Document& document = documents_[random_.below(kDocuments)];
  const std::uint64_t edits = random_.chance(3, 4) ? 1 : 1 + random_.below(6);
  Commit commit;
  while (commit.op_count == 0)  // an element moved to where it is changes nothing
    commit = document
                 .transact([&](Transaction& tx) {
                   for (std::uint64_t i = 0; i < edits; ++i) edit_once(tx, random_);
                 })
                 .value();
  SourceDelta& made = made_.emplace_back();
  made.head.document = document.id();
  made.head.replica = commit.first.replica;
  made.head.first_seq = commit.first.seq;
  made.head.op_count = commit.op_count;
  made.delta.assign(commit.delta.begin(), commit.delta.end());
  made.ends_batch = --batch_left_ == 0;
}

}  // namespace weft::test
