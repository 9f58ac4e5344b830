#pragma once
// The typed face of a dashboard: what a program or the command line reads and edits, in Grafana's terms. All of
// it works on the document as it is here, offline; merging is the document's.
//
//   Dashboard      over a Document: reads
//   DashboardEdit  over an open Transaction: reads and writes; an error fails the transaction
//
// Elements (panels, targets, variables, annotations, links) are named by their keys, which never change:
// shape.h. Whoever makes one hands in `fresh`, a string that no other device will use (random or a ULID, without
// '+' in front): the key is "+" + fresh, so it meets no imported one, and two devices that each add target B
// have two targets, shown apart (unique_names.h), and not one mixed of both.
//
// A panel's place among others is its place in an order; where it is drawn is its rectangle. They are two facts,
// as in Grafana's file. layout.h says how both are shown together.
//
// What one person has chosen for himself (values of variables, rows opened, a time range) is not written here:
// view_state.h.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/dashboard/layout.h"
#include "crdt/dashboard/panel_walk.h"
#include "crdt/document/document.h"

namespace weft::dashboard {

struct TimeRange {
  std::string from;  ///< as Grafana says it: "now-6h", or a time
  std::string to;
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

struct PanelInfo {
  std::string key;
  /// As it is shown; nullopt: it has none.
  std::optional<std::int64_t> id;
  std::string type;  ///< "row" for a row
  std::string title;
  std::optional<Rect> rect;  ///< as it is written, not laid out
  /// The row it is in: that panel's key; in an old dashboard kOldRowPrefix and the row's; empty: in none.
  std::string row;
  bool is_nested = false;  ///< it lies in the row's own list, as the panels of a collapsed row do
};

struct RowInfo {
  std::string key;  ///< as PanelInfo::row
  std::string title;
  bool is_collapsed = false;  ///< the shared default
  std::vector<std::string> panels;
};

struct TargetInfo {
  std::string key;
  std::string ref_id;  ///< as it is shown
  std::string expr;    ///< the query text: `expr`, or what other sources call it
  bool is_hidden = false;
};

struct VariableInfo {
  std::string key;
  std::string name;  ///< as it is shown
  std::string type;
  std::string label;
  Json query;
};

/// The dashboard's arrays of elements besides panels.
enum class Part : std::uint8_t {
  kVariables,    ///< templating.list
  kAnnotations,  ///< annotations.list
  kLinks,        ///< links; they have no names that are unique
};

struct ElementInfo {
  std::string key;
  Json json;  ///< as Grafana's, under the name it is shown by
};

/// A place where a search found something.
struct SearchHit {
  std::string panel;  ///< empty: the dashboard itself
  std::string path;   ///< below the panel, as "/targets/A/expr"
  std::string text;   ///< all that stands there
};

/// Where a panel is to stand.
struct PanelPlace {
  std::string row;                   ///< as PanelInfo::row; empty: above all rows
  std::optional<std::size_t> index;  ///< among the panels there, itself left out; nullopt: last
};

class Dashboard {
 public:
  explicit Dashboard(const Document& document) : Dashboard(document.root()) {}
  explicit Dashboard(const MapView& root) : root_(root) {}

  std::string title() const;
  std::string description() const;
  std::vector<std::string> tags() const;
  std::optional<TimeRange> time() const;  ///< the shared default

  std::vector<PanelInfo> panels() const;  ///< rows included, in the order in which they are shown
  std::optional<PanelInfo> find_panel(std::string_view key) const;
  std::optional<std::string> key_of_id(
      std::int64_t id) const;  ///< the first, where imported ones share it
  /// As Grafana's JSON; of a row with the panels in its list. @errors kNotFound
  Result<Json> panel(std::string_view key) const;
  std::vector<RowInfo> rows() const;

  std::vector<TargetInfo> targets(
      std::string_view panel) const;  ///< of a panel that is not there: none
  std::vector<VariableInfo> variables() const;
  std::vector<ElementInfo> elements(Part part) const;

  /// Titles, descriptions and queries that hold `text`, whatever the case of ASCII letters. An empty text
  /// is found nowhere.
  std::vector<SearchHit> search(std::string_view text) const;

  const MapView& root() const { return root_; }

 private:
  MapView root_;
};

class DashboardEdit : public Dashboard {
 public:
  explicit DashboardEdit(Transaction& transaction) : DashboardEdit(transaction.root()) {}

  Status set_title(std::string_view title);
  Status add_tag(std::string_view tag);     ///< one that is there already stays where it is
  Status remove_tag(std::string_view tag);  ///< @errors kNotFound
  Status set_time(const TimeRange& time);
  /// Any field outside of panels: what is above it is made where it is missing.
  /// @param path  as `get` of a document takes it. @errors kInvalidArgument: panels, or an order
  Status set(std::string_view path, const Json& value);
  Status erase(std::string_view path);

  // --- panels ---
  /// @param fields  as Grafana's JSON; without `gridPos` it gets 12 by 8 below the others; `id` is not taken
  /// @return        its key
  /// @errors        kInvalidArgument: no object, `fresh` is taken or can't be a key; kNotFound: the row
  Result<std::string> create_panel(std::string_view fresh, const Json& fields,
                                   const PanelPlace& place = {});
  /// The panel's content under a new key and the next id; targets keep their keys. It stands behind the
  /// original, and to its right if there is room, else below. Of a row: without its panels.
  Result<std::string> duplicate_panel(std::string_view panel, std::string_view fresh);
  Status rename_panel(std::string_view panel, std::string_view title);
  /// A field below the panel, as "/fieldConfig/defaults/unit" or "/targets/A/expr": what is above it is made where
  /// it is missing. @errors kInvalidArgument: `panels`, an order, a part of what is one value
  Status set_field(std::string_view panel, std::string_view path, const Json& value);
  Status erase_field(std::string_view panel, std::string_view path);
  /// One write: it is never torn. What else `gridPos` holds stays.
  Status set_rect(std::string_view panel, const Rect& rect);

  enum class RowPanels : std::uint8_t { kKeep, kDelete };
  /// The panel and its places. Of a row: its panels move to where it was, or are deleted with it.
  Status delete_panel(std::string_view panel, RowPanels panels = RowPanels::kKeep);

  /// Changes the panel's place in the orders. Where that changes its row it also gets a rectangle below the
  /// panels there, so that Grafana, which goes by rectangles, shows it there too.
  /// @errors kInvalidArgument: a row; kNotFound
  Status move_panel(std::string_view panel, const PanelPlace& place);
  /// A row with its panels; rectangles follow. @param index  among the rows, itself left out. @errors kNotFound, kOutOfRange
  Status move_row(std::string_view row, std::size_t index);

  // --- targets ---
  /// @param fields  as Grafana's JSON; `refId` is not taken: the next free one is given
  Result<std::string> add_target(std::string_view panel, std::string_view fresh,
                                 const Json& fields);
  Status remove_target(std::string_view panel, std::string_view target);
  Status move_target(std::string_view panel, std::string_view target, std::size_t index);
  Status set_expr(std::string_view panel, std::string_view target, std::string_view expr);

  // --- variables, annotations, links ---
  /// @param fields  as Grafana's JSON, `name` included
  Result<std::string> add(Part part, std::string_view fresh, const Json& fields);
  Status remove(Part part, std::string_view key);
  /// Queries that reference the old name are not changed; invariants.h reports them.
  /// @errors kInvalidArgument: links have no names
  Status rename(Part part, std::string_view key, std::string_view name);
  Status move(Part part, std::string_view key, std::size_t index);
  Status set(Part part, std::string_view key, std::string_view path, const Json& value);

  // --- texts, for live editing; each is made where there is none ---
  Result<TextEdit> edit_description();
  Result<TextEdit> edit_notes();
  Result<TextEdit> edit_description(std::string_view panel);
  /// What a text panel shows: `options.content`, of an old one `content`.
  Result<TextEdit> edit_content(std::string_view panel);

 private:
  explicit DashboardEdit(const MapEdit& root) : Dashboard(root), root_(root) {}

  Result<MapEdit> panel_map(std::string_view key) const;
  /// Rectangles after a row has moved: it begins where the row below it began; what that covers goes down.
  Status settle_rows(std::string_view moved);
  MapEdit root_;
};

}  // namespace weft::dashboard
