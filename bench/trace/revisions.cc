#include "bench/trace/revisions.h"

#include <utility>

#include "bench/trace/unpacked_file.h"
#include "crdt/document/json_text.h"

namespace weft::trace {
namespace {

Result<Revision> parse_revision(std::string_view line) {
  WEFT_ASSIGN(Json json, parse_json(line));
  const Json* name = json.find("revision");
  const Json* time = json.find("time");
  const Json* content = json.find("dashboard");
  if (!name || !name->as_string()) return Error(ErrorCode::kCorrupt, "revision: expected a string");
  if (!time || !time->as_int() || *time->as_int() < 0)
    return Error(ErrorCode::kCorrupt, "time: expected whole seconds since 1970");
  if (!content || !content->as_object())
    return Error(ErrorCode::kCorrupt, "dashboard: expected an object");
  return Revision{*name->as_string(), static_cast<std::uint64_t>(*time->as_int()) * 1000, *content};
}

}  // namespace

Result<std::vector<Revision>> parse_revisions(std::string_view lines, const std::string& name) {
  std::vector<Revision> revisions;
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() == lines.size() ? line.size() : line.size() + 1);
    if (line.empty()) continue;
    Result<Revision> revision = parse_revision(line);
    if (!revision.ok())
      return Error(revision.error().code(),
                   name + ": line " + std::to_string(number) + ": " + revision.error().message());
    revisions.push_back(std::move(revision).value());
  }
  return revisions;
}

Result<std::vector<Revision>> read_revisions(const std::string& path) {
  WEFT_ASSIGN(const std::string lines, read_unpacked(path));
  return parse_revisions(lines, path);
}

}  // namespace weft::trace
