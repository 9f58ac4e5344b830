#pragma once
// What has to hold of a dashboard, whatever a document holds and a file says. Input: up to three JSON texts, 0x1e between
// them: the document's raw content, then what two devices import while apart.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/dashboard/edit_json.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/invariants.h"
#include "crdt/dashboard/layout.h"
#include "crdt/dashboard/model.h"
#include "crdt/dashboard/names.h"
#include "crdt/document/json_text.h"
#include "tests/fuzz/fuzzer.h"

namespace weft::test {

inline DocumentOptions fuzzed_device(std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  options.now_ms = [replica] { return 1'700'000'000'000 + replica; };
  return options;
}

/// The same of a document on every device, without an abort.
struct Looks {
  std::string text;
  std::vector<std::string> conflicts;
  std::vector<dashboard::Finding> findings;
  friend bool operator==(const Looks&, const Looks&) = default;
};

inline Looks look_at(const Document& document) {
  Looks looks{
      dashboard::to_grafana_text(document).value(), {}, dashboard::check_dashboard(document)};
  for (const dashboard::InboxItem& item : dashboard::inbox(document).value()) {
    looks.conflicts.push_back(item.id + " " + item.path + " " + item.where);
    (void)dashboard::why(document, item.path);
  }
  const dashboard::Dashboard board(document);
  for (const dashboard::PanelInfo& panel : board.panels()) {
    (void)board.panel(panel.key);
    (void)board.targets(panel.key);
    (void)dashboard::find_panel_key(board, panel.title);
  }
  (void)board.rows();
  (void)board.variables();
  (void)board.search("a");
  (void)dashboard::normalised_rects(document.root());
  (void)dashboard::shown_at(document, "/panels/0/targets/A");
  return looks;
}

inline bool import_into(Document& document, const Json& json) {
  return document.transact([&](Transaction& tx) { return dashboard::import_grafana(tx, json); })
      .ok();
}

/// Three JSON texts with 0x1e between them. The verdict counts those that parse.
inline std::array<Json, 3> three_texts(std::string_view input, Verdict& verdict) {
  std::array<Json, 3> parts;
  verdict = {nullptr, parts.size(), 0};
  for (Json& part : parts) {
    const std::size_t end = std::min(input.find('\x1e'), input.size());
    Result<Json> json = parse_json(input.substr(0, end), {.depth = 40});
    if (json.ok()) ++verdict.accepted;
    if (json.ok()) part = *std::move(json);
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return parts;
}

/// Its parts are the texts.
inline Verdict check_dashboards(std::string_view input) {
  Verdict verdict;
  const std::array<Json, 3> parts = three_texts(input, verdict);
  Document a = Document::create(fuzzed_device(1));
  if (parts[0].as_object())
    (void)a.transact([&](Transaction& tx) { return write_json(tx.root(), parts[0]); });
  Document b = a.fork({2});
  const VersionVector common = a.version();
  (void)import_into(a, parts[1]);
  (void)import_into(b, parts[2]);
  (void)look_at(a);
  const std::vector<Bytes> of_a = a.deltas_since(common).value();
  for (const Bytes& delta : b.deltas_since(common).value())
    if (!a.apply(delta).ok()) return faulty("a delta of an import is refused");
  for (const Bytes& delta : of_a)
    if (!b.apply(delta).ok()) return faulty("a delta of an import is refused");
  if (!(look_at(a) == look_at(b)))
    return faulty("two devices that have seen the same look at something else");

  // What is exported is imported, and then nothing is left to write.
  for (int round = 0; round < 2; ++round) {
    const VersionVector before = a.version();
    if (!import_into(a, dashboard::to_grafana(a).value()))
      return faulty("an export can't be imported");
    if (round > 0 && !(a.version() == before))
      return faulty("an export that was imported is written again");
  }
  // Every conflict that is resolved is gone.
  const Json all = Json::Object{{"do", "resolve"}, {"pattern", "**"}, {"strategy", "latest"}};
  const auto resolved =
      a.transact([&](Transaction& tx) { return dashboard::apply_edit(a, tx, all); });
  if (resolved.ok() && !dashboard::inbox(a).value().empty())
    return faulty("a conflict that was resolved is there");
  a.check_invariants();
  return verdict;
}

}  // namespace weft::test
