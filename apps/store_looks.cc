// weft store ls, stat, verify: what a store holds, and whether it is whole. They open it for reading only.

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/describe.h"
#include "apps/store_access.h"
#include "apps/store_arguments.h"
#include "apps/terminal.h"
#include "apps/trash.h"
#include "storage/archive/archive.h"

namespace weft::cli {
namespace {

std::uint64_t operations_of(const DocumentUsage& usage) {
  std::uint64_t count = 0;
  for (const VersionVector::Entry& entry : usage.version.entries()) count += entry.end;
  return count;
}

Json usage_json(const DocumentUsage& usage) {
  return Json::Object{{"document", to_string(usage.document)},
                      {"status", status_name(usage.status)},
                      {"records", number_json(usage.records)},
                      {"operations", number_json(operations_of(usage))},
                      {"history_bytes", number_json(usage.history_bytes)},
                      {"live_bytes", number_json(usage.live_bytes)},
                      {"tombstone_bytes", number_json(usage.tombstone_bytes)},
                      {"version", usage.version.to_string()},
                      {"trimmed", usage.base.to_string()}};
}

/// What there is to see and what only orders it, as far as that is known.
std::string state_words(std::uint64_t live_bytes, std::uint64_t tombstone_bytes) {
  if (live_bytes + tombstone_bytes == 0) return "no state kept";
  return "live " + byte_words(live_bytes) + ", tombstones " + byte_words(tombstone_bytes);
}

std::string usage_words(const DocumentUsage& usage, const std::optional<Contested>& contested) {
  std::string words = to_string(usage.document) + "  ";
  if (usage.status != DocumentStatus::kLive) return words + dim(status_name(usage.status)) + "\n";
  words += "live  " + counted(static_cast<std::size_t>(usage.records), "record") + ", " +
           counted(static_cast<std::size_t>(operations_of(usage)), "operation") + " of " +
           counted(usage.version.entries().size(), "replica") + ", history " +
           byte_words(usage.history_bytes) + ", " +
           state_words(usage.live_bytes, usage.tombstone_bytes);
  if (!usage.base.empty()) words += ", trimmed";
  if (contested)
    words += ", contested: " + deletion_words(contested->deletion) + ", " + edits_words(*contested);
  return words + "\n";
}

Status list(const StoreArguments& arguments) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(arguments.folder, Access::kRead));
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store->documents());
  for (const DocumentUsage& each : documents) {
    WEFT_ASSIGN(const std::optional<Contested> contested, contested_of(*store, each));
    if (arguments.json) {
      Json usage = usage_json(each);
      if (contested) usage.as_object()->emplace_back("contested", contested_json(*contested));
      print_line(usage);
    } else {
      print(usage_words(each, contested));
    }
  }
  if (documents.empty() && !arguments.json) print("no documents\n");
  return {};
}

struct Statistics {
  StoreInfo info;
  LmdbStore::Space space;
  std::vector<lmdb::Reader> readers;  ///< other processes
  std::size_t live = 0;
  std::size_t evicted = 0;
  std::size_t deleted = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t tombstone_bytes = 0;
};

Result<Statistics> statistics_of(const LmdbStore& store) {
  Statistics result;
  result.info = store.info();
  WEFT_ASSIGN(result.space, store.space());
  for (const lmdb::Reader& reader : store.readers())
    if (reader.pid != getpid()) result.readers.push_back(reader);
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store.documents());
  for (const DocumentUsage& usage : documents) {
    std::size_t& count = usage.status == DocumentStatus::kLive      ? result.live
                         : usage.status == DocumentStatus::kEvicted ? result.evicted
                                                                    : result.deleted;
    ++count;
    result.live_bytes += usage.live_bytes;
    result.tombstone_bytes += usage.tombstone_bytes;
  }
  return result;
}

std::string file_words(std::uint64_t bytes, std::uint64_t free_bytes) {
  return byte_words(bytes) + ", of it free " + byte_words(free_bytes);
}

void print_statistics(const Statistics& all, const LmdbStore& store, const std::string& folder) {
  auto line = [](const std::string& name, const std::string& value) {
    print(name + std::string(14 - name.size(), ' ') + value + "\n");
  };
  line("format", std::to_string(all.info.format));
  line("epoch", to_string(ReplicaId{all.info.epoch}));
  line("replica", to_string(all.info.replica));
  line("openings", std::to_string(all.info.incarnations.size()) + " for writing");
  line("documents", std::to_string(all.live) + " live, " + std::to_string(all.evicted) +
                        " evicted, " + std::to_string(all.deleted) + " deleted");
  line("records", std::to_string(all.info.records));
  line("history", byte_words(all.info.payload_bytes));
  line("state", state_words(all.live_bytes, all.tombstone_bytes));
  line("log file", file_words(all.space.log_bytes, all.space.log_free_bytes));
  line("derived file", file_words(all.space.derived_bytes, all.space.derived_free_bytes));
  if (all.space.quota_bytes != 0) line("quota", byte_words(all.space.quota_bytes));
  for (const lmdb::Reader& reader : all.readers)
    line("open in",
         "process " + std::to_string(reader.pid) +
             (reader.lag == 0
                  ? std::string()
                  : ", which looks at it as it was " +
                        counted(static_cast<std::size_t>(reader.lag), "commit") + " ago"));
  if (!store.derived_fault().empty()) line("derived fault", printable(store.derived_fault()));
  if (!store.damaged().empty())
    line("damaged", red(counted(store.damaged().size(), "record")) + "; see `weft store verify " +
                        printable(folder) + "`");
}

Json statistics_json(const Statistics& all, const LmdbStore& store) {
  Json::Array processes;
  for (const lmdb::Reader& reader : all.readers)
    processes.push_back(
        Json::Object{{"pid", std::int64_t{reader.pid}}, {"lag", number_json(reader.lag)}});
  return Json::Object{{"format", std::int64_t{all.info.format}},
                      {"epoch", to_string(ReplicaId{all.info.epoch})},
                      {"replica", to_string(all.info.replica)},
                      {"openings", number_json(all.info.incarnations.size())},
                      {"live", number_json(all.live)},
                      {"evicted", number_json(all.evicted)},
                      {"deleted", number_json(all.deleted)},
                      {"records", number_json(all.info.records)},
                      {"history_bytes", number_json(all.info.payload_bytes)},
                      {"live_bytes", number_json(all.live_bytes)},
                      {"tombstone_bytes", number_json(all.tombstone_bytes)},
                      {"log_bytes", number_json(all.space.log_bytes)},
                      {"log_free_bytes", number_json(all.space.log_free_bytes)},
                      {"derived_bytes", number_json(all.space.derived_bytes)},
                      {"derived_free_bytes", number_json(all.space.derived_free_bytes)},
                      {"quota_bytes", number_json(all.space.quota_bytes)},
                      {"processes", std::move(processes)},
                      {"derived_fault", store.derived_fault()},
                      {"damaged", number_json(store.damaged().size())}};
}

Status show_statistics(const StoreArguments& arguments) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(arguments.folder, Access::kRead));
  Result<Statistics> statistics = statistics_of(*store);
  if (!statistics.ok()) return about_store(arguments.folder, statistics.error());
  if (arguments.json) {
    print_line(statistics_json(*statistics, *store));
  } else {
    print_statistics(*statistics, *store, arguments.folder);
  }
  return {};
}

void print_damage(const BadRecord& bad, bool json) {
  if (json) {
    print_line(Json::Object{{"position", number_json(bad.position)},
                            {"error", error_name(bad.error.code())},
                            {"what", bad.error.context()}});
  } else {
    print(red("damaged") + "  " + printable(bad.error.context()) + "\n");
  }
}

Error only_derived(const std::string& folder) {
  return Error(ErrorCode::kCorrupt,
               folder + ": only what is derived from the log is damaged; remove the folder " +
                   folder + "/derived, it is made anew");
}

Error can_be_salvaged(const std::string& folder, const std::string& what) {
  return Error(ErrorCode::kCorrupt, folder + ": " + what + "; `weft store salvage " + folder +
                                        " NEW` copies what is whole into a new store");
}

/// Where pages are damaged nothing else can be read safely.
Status verify_pages(const std::string& folder, bool json) {
  if (Status log = check_log_pages(folder, true); !log.ok()) {
    print_damage({0, log.take_error()}, json);
    return can_be_salvaged(folder, "the log's file is damaged");
  }
  if (Status derived = check_derived_pages(folder, true); !derived.ok()) {
    print_damage({0, derived.take_error()}, json);
    return only_derived(folder);
  }
  return {};
}

Status verify(const StoreArguments& arguments) {
  const std::string& folder = arguments.folder;
  if (is_store(folder)) WEFT_TRY(verify_pages(folder, arguments.json));
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder, Access::kRead));
  Result<std::vector<BadRecord>> bad = store->verify();
  if (!bad.ok()) return about_store(folder, bad.error());
  std::size_t records = 0;
  for (const BadRecord& each : *bad) {
    print_damage(each, arguments.json);
    if (each.position != 0) ++records;
  }
  if (records > 0)
    return can_be_salvaged(folder, counted(records, "record") + " can't be used, the others can");
  if (!bad->empty()) return only_derived(folder);
  if (!arguments.json)
    print(counted(static_cast<std::size_t>(store->info().records), "record") + ", all whole\n");
  return {};
}

}  // namespace

void add_store_looks(CLI::App& store, Action& action) {
  auto add = [&](const char* name, const char* help, Status (*run)(const StoreArguments&)) {
    StoreCommand command = add_store_command(store, action, name, help, run);
    command.app->add_flag("--json", command.arguments->json, "One JSON object a line");
    command.app->footer(std::string("Example:\n  weft store ") + name + " boards");
  };
  add("ls", "List the documents: id, status, what they take", list);
  add("stat", "Say who the store is, what it holds, what it takes and who has it open",
      show_statistics);
  add("verify", "Read everything and list what is damaged; exit code 1 where something is", verify);
}

}  // namespace weft::cli
