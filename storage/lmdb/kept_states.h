#pragma once
// KeptStates: what a store's derived environment still proves of its documents: where the log's records of them end,
// and their kept states. Where its pages are sound it is read as usual, else value by value (page_scan.h).
//
// Threads: none of its own.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/lmdb/derived.h"
#include "storage/lmdb/page_scan.h"

namespace weft::lmdb {

class KeptStates {
 public:
  /// @param folder  of the environment; there may be none. Nobody writes there
  explicit KeptStates(const std::string& folder);

  /// As they were when they were derived.
  const std::map<DocumentId, DerivedDocument>& documents() const { return documents_; }
  /// Of what it was derived; nullopt: that can't be read.
  const std::optional<Derived::Meta>& meta() const { return meta_; }
  /// The newest whole one. It loads.
  std::optional<KeptState> state(const DocumentId& id) const;
  /// Documents with a whole state, those included that are not in documents().
  std::vector<DocumentId> with_state() const;

 private:
  bool open_sound(const std::string& folder);
  void scan(const std::string& file);
  void find_orphans();
  std::optional<KeptState> assemble(std::uint64_t number) const;

  std::unique_ptr<Derived> derived_;  ///< null: its pages are damaged, or there is none
  std::optional<Derived::Meta> meta_;
  std::map<DocumentId, DerivedDocument> documents_;
  // Of a scan.
  std::unique_ptr<MappedFile> file_;
  std::map<Key, std::vector<ByteSpan>> parts_;  ///< whole values: pieces of states, and chunks
  std::map<DocumentId, KeptState> unlisted_;    ///< states of documents whose entry is lost
};

}  // namespace weft::lmdb
