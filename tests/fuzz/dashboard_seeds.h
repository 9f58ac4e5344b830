#pragma once
// Dashboards as seeds: parts of the project's own, small ones, and changes of them.

#include <string>
#include <vector>

#include "crdt/document/json_text.h"
#include "tests/crdt/dashboard/dashboards.h"

namespace weft::test {

/// A dashboard and two changes of it that people could make.
struct DashboardChange {
  std::string base;
  std::string ours;
  std::string theirs;
};

inline std::string with_text(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

inline std::vector<DashboardChange> dashboard_changes() {
  const std::string own = own_dashboard_text();
  const std::string small =
      R"({"uid":"u","title":"T","version":3,"panels":[)"
      R"({"id":1,"type":"graph","title":"A","gridPos":{"x":0,"y":0,"w":12,"h":8},"targets":[{"refId":"A","expr":"up"}]},)"
      R"({"id":2,"type":"stat","title":"B","gridPos":{"x":12,"y":0,"w":12,"h":8}}],)"
      R"("templating":{"list":[{"name":"job","query":"q"}]},"tags":["a","b"]})";
  const std::string rows =
      R"({"title":"R","rows":[{"title":"r","panels":[{"id":1,"span":6},{"id":2,"span":6}]}]})";
  std::vector<DashboardChange> all;
  all.push_back(
      {small, with_text(small, "\"up\"", "\"down\""), with_text(small, "\"A\"", "\"AA\"")});
  all.push_back({small, with_text(small, "\"title\":\"B\"", "\"title\":\"ours\""),
                 with_text(small, "\"title\":\"B\"", "\"title\":\"theirs\"")});
  all.push_back({small, with_text(small, R"("x":12,"y":0)", R"("x":12,"y":8)"),
                 with_text(small, R"({"name":"job","query":"q"})", "")});
  all.push_back({small, with_text(small, R"("a","b")", R"("a","c","b")"), rows});
  all.push_back(
      {rows, with_text(rows, "\"r\"", "\"s\""), with_text(rows, "\"span\":6", "\"span\":4")});
  all.push_back({own, with_text(own, "\"title\"", "\"titel\""), own});
  return all;
}

}  // namespace weft::test
