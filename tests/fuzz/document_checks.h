#pragma once
// What the fuzzers of whole documents demand: whatever was accepted can be read, edited, rolled back,
// saved and loaded again without a crash. Each function returns a fault in words, and whether it was accepted.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "crdt/document/document.h"
#include "tests/fuzz/codec_checks.h"
#include "tests/fuzz/pieces.h"

namespace weft::test {

inline DocumentOptions fuzz_options(std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  options.now_ms = [] { return std::uint64_t{1'700'000'000'000}; };
  options.pending_bytes_max = std::size_t{64} << 10;
  options.undo_depth = 4;
  return options;
}

/// Asks everything that a view can say; what comes out is not looked at, only that it does.
inline void read_everything(const Document& document) {
  (void)document.to_json();
  document.frontier();
  document.pending();
  document.log();
  const Result<std::vector<Conflict>> conflicts = document.conflicts();
  for (const Conflict& conflict : conflicts.ok() ? *conflicts : std::vector<Conflict>()) {
    Result<Explanation> why = document.why(conflict.path);
    Result<std::vector<WriteInfo>> history = document.history(conflict.path);
  }
}

/// 0 also where the order is damaged.
inline std::size_t list_size(const ListView& list) {
  const Result<std::size_t> size = list.size();
  return size.ok() ? *size : 0;
}

/// The places of a document, found by walking its JSON as paths.
inline void collect_paths(const Document& document, const std::string& path,
                          std::vector<std::string>& paths) {
  constexpr std::size_t kPathsMax = 64;
  Result<Value> value = document.get(path);
  if (!value.ok() || !value->is_container() || paths.size() > kPathsMax) return;
  paths.push_back(path);
  if (value->container_kind() == ContainerKind::kMap) {
    Result<MapView> map = document.map(path);
    if (!map.ok()) return;
    for (const std::string& key : map->keys()) {
      std::string escaped;
      for (char c : key) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      collect_paths(document, path + "/" + escaped, paths);
    }
  } else if (value->container_kind() == ContainerKind::kList) {
    Result<ListView> list = document.list(path);
    const std::size_t size = list.ok() ? list_size(*list) : 0;
    for (std::size_t i = 0; i < size; ++i)
      collect_paths(document, path + "/" + std::to_string(i), paths);
  }
}

/// Edits at `path` whatever is there. Errors are fine: bytes from outside can say that there is no room.
inline void edit_at(Transaction& tx, const std::string& path, std::size_t turn) {
  if (Result<TextEdit> text = tx.text(path); text.ok()) {
    std::size_t size = text->size();
    (void)text->insert(scalar(size * (turn % 3) / 2), "w\xc3\xb6");
    if (size > 1) (void)text->erase(scalar(turn % (size - 1)), 2);
    (void)text->blame(scalar(0), scalar(text->size()));
    Result<Anchor> anchor = text->anchor(scalar(0), Side::kAfter);
    if (anchor.ok()) (void)text->resolve(*anchor);
  } else if (Result<ListEdit> list = tx.list(path); list.ok()) {
    (void)list->insert(list_size(*list) * (turn % 3) / 2, Value(std::int64_t{7}));
    if (list_size(*list) > 1) (void)list->move(0, list_size(*list) - 1);
    if (list_size(*list) > 2) (void)list->set(1, Value(true));
    if (list_size(*list) > 2) (void)list->erase(turn % list_size(*list));
  } else if (Result<CounterEdit> counter = tx.counter(path); counter.ok()) {
    (void)counter->add(3);
  } else if (Result<MapEdit> map = tx.map(path); map.ok()) {
    std::vector<std::string> keys = map->keys();
    if (!keys.empty() && turn % 2 == 0) (void)map->erase(keys[turn % keys.size()]);
    if (!keys.empty()) (void)map->set(keys[(turn + 1) % keys.size()], Value(std::int64_t{1}));
    (void)map->ensure_text("t");
    (void)map->set("new", new_list());
  }
}

/// Edits, rolls back, undoes, saves. @return a fault, or null
inline const char* use_everywhere(Document& document) {
  read_everything(document);
  std::vector<std::string> paths{""};
  collect_paths(document, "", paths);
  Bytes before = document.snapshot();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    {
      Result<Transaction> dropped = document.begin();
      if (!dropped.ok()) return nullptr;  // a damaged cold part: nothing can be edited
      edit_at(*dropped, paths[i], i + 1);
    }
    if (document.snapshot() != before) return "a transaction that was dropped left a trace";
    (void)document.transact([&](Transaction& tx) { edit_at(tx, paths[i], i); });
    if (i % 2 == 0) (void)document.undo();
    before = document.snapshot();
  }
  document.check_invariants();
  for (const std::string& path : paths) {
    Result<Bytes> part = document.container_snapshot(path);
    if (!part.ok()) continue;
    Result<Document> loaded = Document::load(*part, fuzz_options(2));
    if (!loaded.ok()) return "a container's snapshot can't be loaded";
    Result<Value> here = document.get(path);
    if (path.empty() || !here.ok()) continue;
    if (loaded->snapshot() != *part) return "a container's snapshot is saved with other bytes";
  }
  Result<Document> again = Document::load(before, fuzz_options(2));
  if (!again.ok()) return "what was saved can't be loaded";
  const Result<Json> saved = again->to_json();
  const Result<Json> held = document.to_json();
  if (saved.ok() != held.ok() || (held.ok() && !(*saved == *held)))
    return "what was loaded says something else";
  if (again->snapshot() != before) return "what was loaded is saved with other bytes";
  return nullptr;
}

/// @param file  with its checksum
inline Verdict check_snapshot(const Bytes& file) {
  AllocationGuard guard;
  Result<Document> document = Document::load(file, fuzz_options(1));
  if (document.ok()) (void)document->conflicts();  // decodes the cold part
  if (guard.peak_bytes() > allocation_bound(file.size()))
    return faulty("loading took too much memory");
  if (!document.ok()) return accepted_if(false);
  if (const char* fault = use_everywhere(*document)) return faulty(fault);
  return accepted_if(true);
}

/// What is under test; a canary puts something faulty in its place.
struct Applying {
  Result<ApplyReport> (*apply)(Document&, ByteSpan) = [](Document& document, ByteSpan delta) {
    return document.apply(delta);
  };
};

/// Pieces that are deltas in row form, applied in turn.
inline Verdict check_deltas(ByteSpan input, const Applying& applying = {}) {
  Document document = Document::create(fuzz_options(1));
  Bytes before = document.snapshot();
  Verdict verdict{nullptr, 0, 0};
  for (const Piece& piece : split_pieces(input)) {
    Result<ApplyReport> report = applying.apply(document, piece.bytes);
    if (!report.ok() && document.snapshot() != before)
      return faulty("a refused delta left a trace");
    ++verdict.parts;
    if (report.ok() && report->refused == 0 && report->dropped == 0) ++verdict.accepted;
    before = document.snapshot();
  }
  // What waits for something that never comes was not accepted.
  verdict.accepted -= std::min(verdict.accepted, document.pending().size());
  document.check_invariants();
  verdict.fault = use_everywhere(document);
  return verdict;
}

}  // namespace weft::test
