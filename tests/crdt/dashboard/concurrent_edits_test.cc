// Random concurrent edits of one dashboard by 2 to 5 replicas, deltas delivered in any order, and what must hold
// once all have all. Edits are not modelled: what an edit wrote is what differs on its replica between before
// and after it, so side effects (a row's panels that move, an import) count as what they are.
//
//   WEFT_SEED        the first seed
//   WEFT_HISTORIES   how many; 10000 is the full run. Else by WEFT_SIZE: smoke 30, ci 300, full 9000

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/invariants.h"
#include "crdt/dashboard/model.h"
#include "crdt/dashboard/shape.h"
#include "crdt/document/json_text.h"
#include "tests/crdt/dashboard/dashboards.h"
#include "tests/histories/harness.h"
#include "tests/support/random.h"

namespace weft {
namespace {

using namespace dashboard;

/// What a document holds, by path: registers as lines of JSON, rectangles whole; orders and texts left out.
struct Content {
  std::map<std::string, std::string> leaves;
  std::set<std::string> containers;
};

bool is_text_path(std::string_view path) {
  return path.ends_with("/description") || path.ends_with("/content");
}

void flatten(const Json& json, const std::string& path, Content& content) {
  const Json::Object* object = json.as_object();
  if (object == nullptr || path.ends_with("/gridPos")) {
    if (!is_text_path(path) && !path.ends_with("/:order"))
      content.leaves[path] = print_json(json, {.sort_keys = true});
    return;
  }
  content.containers.insert(path);
  for (const auto& [key, value] : *object) flatten(value, path + "/" + key, content);
}

Content content_of(const MapView& root) {
  Content content;
  flatten(root.json().value(), "", content);
  return content;
}

/// What a stretch without a full exchange wrote.
struct Ledger {
  /// By leaf, by who wrote it: its value there; "" where it was erased.
  std::map<std::string, std::map<std::size_t, std::string>> writes;
  std::set<std::string> deleted;  ///< containers
  /// Marks that were typed into a text, by its path; false: erased again.
  std::map<std::string, std::map<std::string, bool>> marks;
  std::set<std::string> replaced;  ///< texts that an import wrote whole
};

bool is_inside_deleted(const Ledger& ledger, const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    if (ledger.deleted.contains(path.substr(0, at))) return true;
  return false;
}

/// A list of operations that a random number chooses from.
class World {
 public:
  World(std::uint64_t seed, const Json& dashboard) : random_(seed) {
    const std::size_t count = 2 + random_.below(4);
    DocumentOptions options;
    const Bytes seeded = seed_delta(options.id, dashboard).value();
    for (std::size_t i = 0; i < count; ++i) {
      options.replica = {i + 1};
      const std::uint64_t skew = random_.below(500);
      options.now_ms = [this, skew] { return 1'000'000 + now_ms_ + skew; };
      replicas_.push_back(Document::create(options));
      replicas_.back().apply(seeded).value();
    }
    queues_.resize(count);
    for (const auto& [path, value] : content_of(replicas_[0].root()).leaves) learn(path, value);
  }

  std::uint64_t checked() const { return checked_; }

  void run() {
    const std::size_t rounds = 1 + random_.below(3);
    for (std::size_t round = 0; round < rounds; ++round) {
      ledger_ = {};
      const std::size_t edits = 5 + random_.below(30);
      for (std::size_t i = 0; i < edits; ++i) {
        now_ms_ += random_.below(100);
        edit_somewhere();
        while (random_.chance(1, 2)) deliver_something();
      }
      deliver_all();
      check();
    }
    check_imports();
  }

 private:
  std::size_t pick(std::size_t count) { return static_cast<std::size_t>(random_.below(count)); }
  std::string fresh(const char* prefix) { return prefix + std::to_string(++made_); }

  // --- delivery ---

  void deliver_something() {
    const std::size_t to = pick(replicas_.size());
    std::vector<std::size_t>& queue = queues_[to];
    if (queue.empty()) return;
    const std::size_t at = pick(queue.size());
    replicas_[to].apply(deltas_[queue[at]]).value();
    if (!random_.chance(1, 10)) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void deliver_all() {
    for (std::size_t to = 0; to < replicas_.size(); ++to) {
      while (!queues_[to].empty()) {
        const std::size_t at = pick(queues_[to].size());
        replicas_[to].apply(deltas_[queues_[to][at]]).value();
        queues_[to].erase(queues_[to].begin() + static_cast<std::ptrdiff_t>(at));
      }
      REQUIRE(replicas_[to].pending().empty());
    }
  }

  // --- edits ---

  void edit_somewhere() {
    writer_ = pick(replicas_.size());
    Document& document = replicas_[writer_];
    Content before = content_of(document.root());
    const auto write = [&](Transaction& tx) -> Status {
      const bool is_import = random_.chance(1, 12);
      const std::size_t steps = is_import ? 1 : 1 + pick(2);
      for (std::size_t i = 0; i < steps; ++i) {
        DashboardEdit dashboard(tx);
        WEFT_TRY(is_import ? import_edited(tx) : edit(dashboard));
        // After each: what the second takes back was written all the same.
        Content after = content_of(tx.root());
        note_difference(before, after);
        before = std::move(after);
      }
      return {};
    };
    const Commit commit = document.transact(write).value();
    if (commit.op_count == 0) return;
    deltas_.emplace_back(commit.delta.begin(), commit.delta.end());
    for (std::size_t to = 0; to < replicas_.size(); ++to)
      if (to != writer_) queues_[to].push_back(deltas_.size() - 1);
  }

  void note_difference(const Content& before, const Content& after) {
    for (const auto& [path, value] : after.leaves) {
      const auto at = before.leaves.find(path);
      if (at != before.leaves.end() && at->second == value) continue;
      ledger_.writes[path][writer_] = value;
      learn(path, value);
    }
    for (const auto& [path, value] : before.leaves)
      if (!after.leaves.contains(path)) ledger_.writes[path][writer_] = "";
    for (const std::string& path : before.containers)
      if (!after.containers.contains(path)) ledger_.deleted.insert(path);
  }
  void learn(const std::string& path, const std::string& value) {
    if (path.ends_with("/gridPos")) rects_[path].insert(value);
  }

  Rect random_rect() {
    Rect rect;
    rect.x = static_cast<std::int64_t>(random_.below(20));
    rect.y = static_cast<std::int64_t>(random_.below(60));
    rect.w = 1 + static_cast<std::int64_t>(random_.below(24));
    rect.h = 1 + static_cast<std::int64_t>(random_.below(12));
    return rect;
  }

  Status edit(DashboardEdit& dashboard) {
    const std::size_t kind = pick(20);
    if (kind < 3) return edit_elements(dashboard, kind);
    const std::vector<PanelInfo> panels = dashboard.panels();
    if (kind == 3 || panels.size() < 3) return create(dashboard);
    const PanelInfo& panel = panels[pick(panels.size())];
    const bool is_row = panel.type == "row";
    switch (kind) {
      case 4:
      case 5:
        return is_row ? move_row(dashboard, panel.key) : move_panel(dashboard, panel);
      case 6:
      case 7:
        return dashboard.set_rect(panel.key, random_rect());
      case 8:
        return dashboard.delete_panel(panel.key, random_.chance(1, 4)
                                                     ? DashboardEdit::RowPanels::kDelete
                                                     : DashboardEdit::RowPanels::kKeep);
      case 9: {
        WEFT_TRY(dashboard.duplicate_panel(panel.key, fresh("d")));
        return {};
      }
      case 10:
      case 11:
        return dashboard.rename_panel(panel.key, fresh("title "));
      case 12:
        return dashboard.set_field(panel.key, "/fieldConfig/defaults/unit", fresh("unit"));
      case 13: {
        const Json value(static_cast<std::int64_t>(++made_));
        return dashboard.set_field(panel.key, "/options/legend/width", value);
      }
      case 14:
        return dashboard.add_tag("tag" + std::to_string(pick(4)));
      case 15:
        return dashboard.set_title(fresh("dashboard "));
      case 16:
        return edit_description(dashboard, panel.key);
      default:
        return edit_targets(dashboard, panel.key);
    }
  }

  Status create(DashboardEdit& dashboard) {
    const std::vector<RowInfo> rows = dashboard.rows();
    PanelPlace place;
    const bool makes_row = random_.chance(1, 5);
    if (!makes_row && !rows.empty()) place.row = rows[pick(rows.size())].key;
    const bool is_closed = random_.chance(1, 2);
    const std::string title = fresh("made ");
    WEFT_TRY(dashboard.create_panel(
        fresh("p"),
        makes_row ? Json::Object{{"collapsed", is_closed}, {"title", title}, {"type", "row"}}
                  : Json::Object{{"title", title}, {"type", "stat"}},
        place));
    return {};
  }

  Status move_panel(DashboardEdit& dashboard, const PanelInfo& panel) {
    const std::vector<RowInfo> rows = dashboard.rows();
    PanelPlace place;
    if (!rows.empty() && random_.chance(4, 5)) {
      const RowInfo& row = rows[pick(rows.size())];
      place.row = row.key;
      std::size_t count = row.panels.size();
      for (const std::string& key : row.panels)
        if (key == panel.key) --count;
      if (random_.chance(2, 3)) place.index = pick(count + 1);
    }
    return dashboard.move_panel(panel.key, place);
  }
  Status move_row(DashboardEdit& dashboard, const std::string& row) {
    return dashboard.move_row(row, pick(dashboard.rows().size()));
  }

  Status edit_targets(DashboardEdit& dashboard, const std::string& panel) {
    const std::vector<TargetInfo> targets = dashboard.targets(panel);
    const std::size_t kind = pick(6);
    if (targets.empty() || kind == 0) {
      const std::string key = fresh("t");
      WEFT_TRY(dashboard.add_target(panel, key, Json::Object{{"expr", "made by " + key}}));
      return {};
    }
    const std::string& target = targets[pick(targets.size())].key;
    if (kind == 1) return dashboard.remove_target(panel, target);
    if (kind == 2) return dashboard.move_target(panel, target, pick(targets.size()));
    return dashboard.set_expr(panel, target, fresh("expr "));
  }

  Status edit_elements(DashboardEdit& dashboard, std::size_t kind) {
    const Part part = kind == 0 ? Part::kVariables : kind == 1 ? Part::kAnnotations : Part::kLinks;
    const std::vector<ElementInfo> elements = dashboard.elements(part);
    const std::size_t what = pick(6);
    if (elements.empty() || what == 0) {
      const std::string name = "name" + std::to_string(pick(3));  // others choose it, too
      WEFT_TRY(dashboard.add(part, fresh("e"), Json::Object{{"name", name}, {"title", name}}));
      return {};
    }
    const std::string& key = elements[pick(elements.size())].key;
    if (what == 1) return dashboard.remove(part, key);
    if (what == 2) return dashboard.move(part, key, pick(elements.size()));
    if (what == 3 && part != Part::kLinks)
      return dashboard.rename(part, key, "name" + std::to_string(pick(5)));
    return dashboard.set(part, key, "/label", fresh("label "));
  }

  /// Types a mark, or erases one, never inside of another: so each stays in one piece.
  Status edit_description(DashboardEdit& dashboard, const std::string& panel) {
    const std::string path = "/panels/" + panel + "/description";
    WEFT_ASSIGN(TextEdit text, dashboard.edit_description(panel));
    const std::string now = text.str();
    std::vector<std::size_t> borders;
    std::vector<std::pair<std::size_t, std::size_t>> held;
    std::size_t begin = std::string::npos;
    for (std::size_t i = 0; i <= now.size(); ++i) {
      if (begin == std::string::npos) borders.push_back(i);
      if (i == now.size()) break;
      if (now[i] == '<') begin = i;
      if (now[i] != '>' || begin == std::string::npos) continue;
      held.emplace_back(begin, i + 1 - begin);
      begin = std::string::npos;
    }
    if (!held.empty() && random_.chance(1, 4)) {
      const auto [at, size] = held[pick(held.size())];
      ledger_.marks[path][now.substr(at, size)] = false;
      return text.erase(utf8(at), size);
    }
    const std::string mark = fresh("<") + ">";
    ledger_.marks[path].emplace(mark, true);
    return text.insert(utf8(borders[pick(borders.size())]), mark);
  }

  // --- files ---

  static Json* find(Json& json, std::string_view key) {
    if (Json::Object* object = json.as_object())
      for (auto& member : *object)
        if (member.first == key) return &member.second;
    return nullptr;
  }
  static void set(Json& json, const std::string& key, Json value) {
    if (Json* held = find(json, key)) {
      *held = std::move(value);
    } else {
      json.as_object()->emplace_back(key, std::move(value));
    }
  }

  /// Somebody exports, edits the file, and imports it.
  Status import_edited(Transaction& tx) {
    Json json = to_grafana(replicas_[writer_]).value();
    const std::size_t steps = pick(4);
    for (std::size_t i = 0; i < steps; ++i) edit_file(json);
    WEFT_TRY(import_grafana(tx, json));
    return {};
  }
  void edit_file(Json& json) {
    Json* list = find(json, "panels");
    if (list == nullptr || list->as_array() == nullptr || list->as_array()->empty()) return;
    Json::Array& panels = *list->as_array();
    const std::size_t at = pick(panels.size());
    Json& panel = panels[at];
    switch (pick(6)) {
      case 0:
        set(panel, "title", fresh("from a file "));
        break;
      case 1: {
        const Rect rect = random_rect();
        set(panel, "gridPos",
            Json::Object{{"h", rect.h}, {"w", rect.w}, {"x", rect.x}, {"y", rect.y}});
        break;
      }
      case 2:
        if (panels.size() > 3) panels.erase(panels.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 3:
        std::swap(panels[at], panels[pick(panels.size())]);
        break;
      case 4:
        if (Json* targets = find(panel, "targets"); targets && targets->as_array())
          for (Json& target : *targets->as_array()) set(target, "expr", fresh("file expr "));
        break;
      default: {
        Json* description = find(panel, "description");
        if (description == nullptr) return;
        for (const PanelInfo& held : Dashboard(replicas_[writer_]).panels())
          if (held.id && *held.id == *find(panel, "id")->as_int())
            ledger_.replaced.insert("/panels/" + held.key + "/description");
        *description = "from a file";
        break;
      }
    }
  }

  // --- what must hold ---

  void check() {
    const Document& first = replicas_[0];
    const std::string exported = to_grafana_text(first).value();
    const std::string raw = to_grafana_text(first, {.repair = false}).value();
    const std::vector<Finding> found = check_dashboard(first);
    const std::vector<GridItem> rects = normalised_rects(first.root());
    for (const Document& each : replicas_) {
      REQUIRE(to_grafana_text(each).value() == exported);
      REQUIRE(to_grafana_text(each, {.repair = false}).value() == raw);
      REQUIRE(check_dashboard(each) == found);
      REQUIRE(normalised_rects(each.root()) == rects);
      each.check_invariants();
    }
    check_ledger(content_of(first.root()));
    check_texts(first);
    check_names(first);
  }

  void check_ledger(const Content& content) {
    for (const auto& written : ledger_.writes) {
      const std::string& path = written.first;
      if (written.second.size() != 1 || is_inside_deleted(ledger_, path)) continue;
      const std::size_t writer = written.second.begin()->first;
      const std::string& value = written.second.begin()->second;
      INFO(path, " written by replica ", writer + 1);
      const auto at = content.leaves.find(path);
      REQUIRE((at == content.leaves.end() ? "" : at->second) == value);
      ++checked_;
    }
    for (const auto& leaf : content.leaves) {
      if (!leaf.first.ends_with("/gridPos")) continue;
      INFO(leaf.first);
      REQUIRE(rects_[leaf.first].contains(leaf.second));
    }
  }

  void check_texts(const Document& document) {
    for (const auto& typed : ledger_.marks) {
      const std::string& path = typed.first;
      if (is_inside_deleted(ledger_, path) || ledger_.replaced.contains(path)) continue;
      const std::string text = document.text(path)->str();
      for (const auto& mark : typed.second) {
        INFO(path, ", ", mark.first);
        REQUIRE((text.find(mark.first) != std::string::npos) == mark.second);
        ++checked_;
      }
    }
  }

  void check_names(const Document& document) {
    const Dashboard dashboard(document);
    std::set<std::int64_t> ids;
    std::set<std::string> keys;
    for (const PanelInfo& panel : dashboard.panels()) {
      REQUIRE(panel.id.has_value());
      REQUIRE(ids.insert(*panel.id).second);
      REQUIRE(keys.insert(panel.key).second);
      std::set<std::string> ref_ids;
      for (const TargetInfo& target : dashboard.targets(panel.key))
        REQUIRE(ref_ids.insert(target.ref_id).second);
    }
    std::set<std::string> names;
    for (const VariableInfo& variable : dashboard.variables())
      REQUIRE(names.insert(variable.name).second);
  }

  /// A file that was exported settles what it shows, and shows the same again.
  void check_imports() {
    Document& document = replicas_[0];
    const Json exported = to_grafana(document).value();
    const auto import = [&](const Json& json) {
      return document.transact([&](Transaction& tx) { return import_grafana(tx, json); })
          .value()
          .op_count;
    };
    import(exported);
    REQUIRE(print_json(to_grafana(document).value()) == print_json(exported));
    REQUIRE(import(exported) == 0);
  }

  test::Random random_;
  std::vector<Document> replicas_;
  std::vector<Bytes> deltas_;
  std::vector<std::vector<std::size_t>> queues_;  ///< what each has yet to get, in deltas_
  Ledger ledger_;
  std::map<std::string, std::set<std::string>> rects_;  ///< every value that somebody wrote whole
  std::size_t writer_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t now_ms_ = 0;
  std::uint64_t checked_ = 0;
};

TEST_CASE("replicas that edit one dashboard at once agree and lose no edit") {
  const std::uint64_t first = test::first_seed();
  const std::uint64_t count = test::history_count(300);
  const Json own = test::own_dashboard();
  std::vector<test::NamedDashboard> real = test::real_dashboards();
  std::erase_if(real, [](const test::NamedDashboard& each) {
    return print_json(each.json).size() > 100'000 ||
           check_dashboard(test::seeded(each.json)).size();
  });
  std::uint64_t checked = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const bool is_real = !real.empty() && seed % 25 == 0;
    INFO("again: WEFT_SEED=", seed,
         " WEFT_HISTORIES=1 build/release/weft_dashboard_tests -tc=\"replicas that edit*\"");
    World world(seed, is_real ? real[seed / 25 % real.size()].json : own);
    world.run();
    checked += world.checked();
  }
  MESSAGE(count << " seeds, " << checked << " edits found again, " << real.size()
                << " recorded dashboards");
  CHECK(checked > 10 * count);
}

}  // namespace
}  // namespace weft
