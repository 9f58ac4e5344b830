#include "bench/store/stored_revisions.h"

#include <memory>
#include <utility>

#include "bench/harness/stopwatch.h"
#include "crdt/document/json_text.h"

namespace weft::bench {

Result<StoredRevisions> store_revisions(Store& store, const std::vector<trace::Revision>& revisions,
                                        const StoredRevisionsOptions& options) {
  const auto now_ms = std::make_shared<std::uint64_t>(0);
  DocumentOptions document_options;
  document_options.replica = options.replica;
  document_options.compressor = options.compressor;
  document_options.now_ms = [now_ms] { return *now_ms; };
  WEFT_ASSIGN(StoredDocument document,
              StoredDocument::open(store, options.id, std::move(document_options)));
  StoredRevisions stored{std::move(document), {}, {}};
  const auto write = [&](Transaction& tx, std::size_t i) {
    return options.write ? options.write(tx, i) : write_json(tx.root(), revisions[i].content);
  };
  for (std::size_t i = 0; i < revisions.size(); ++i) {
    const trace::Revision& revision = revisions[i];
    RevisionCost cost;
    *now_ms = revision.time_ms;
    const Stopwatch commit_watch;
    WEFT_ASSIGN(const Commit commit, stored.document.document().transact(
                                         {.origin = "weft-bench", .message = revision.name},
                                         [&](Transaction& tx) { return write(tx, i); }));
    cost.commit_ms = commit_watch.ms();
    cost.op_count = commit.op_count;
    const Stopwatch save_watch;
    WEFT_TRY(stored.document.save());
    cost.save_ms = save_watch.ms();
    stored.versions.push_back(stored.document.document().version());
    stored.costs.push_back(cost);
  }
  return stored;
}

std::string canonical(const Json& content) { return print_json(content, {.sort_keys = true}); }

}  // namespace weft::bench
