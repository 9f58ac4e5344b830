// weft store create, compact, backup, salvage: making stores, whole ones or smaller ones.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/store_access.h"
#include "apps/store_arguments.h"
#include "apps/terminal.h"
#include "storage/archive/archive.h"
#include "storage/compact.h"
#include "storage/lmdb/salvage.h"

namespace weft::cli {
namespace {

/// Salvage had to leave something behind.
constexpr int kNotEverything = 3;

Status create(const StoreArguments& arguments) {
  const std::string& folder = arguments.folder;
  if (is_store(folder))
    return Error(ErrorCode::kInvalidArgument, folder + ": there is a store already");
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder, Access::kCreate));
  print("made a store in " + printable(folder) + ", replica " + to_string(store->info().replica) +
        "\n");
  return store->close();
}

/// What went wrong is with the new folder, then it is named, or with the store.
Error about_copying(const StoreArguments& arguments, Error error) {
  if (error.context().starts_with(arguments.file)) return error;
  return about_store(arguments.folder, error);
}

/// "3 to 7, 9 of 0123456789abcdef"
std::string words_of(const std::vector<DocumentHead::Range>& missing) {
  constexpr std::size_t kShown = 4;
  std::string words;
  for (std::size_t i = 0; i < std::min(missing.size(), kShown); ++i) {
    const DocumentHead::Range& range = missing[i];
    if (!words.empty()) words += ", ";
    words += std::to_string(range.begin);
    if (range.end > range.begin + 1) words += " to " + std::to_string(range.end - 1);
    words += " of " + to_string(range.replica);
  }
  if (missing.size() > kShown) words += " and " + std::to_string(missing.size() - kShown) + " more";
  return words;
}

void print_loss(const SalvageReport::Loss& loss) {
  const auto operations = static_cast<std::size_t>(loss.operations);
  if (loss.is_whole_document) {
    print(red("lost") + "  " + to_string(loss.document) + ": all of it, " +
          counted(operations, "operation") + "; fetch or import it again from where it is\n");
    return;
  }
  print(red("incomplete") + "  " + to_string(loss.document) + ": " +
        counted(operations, "operation") + (operations == 1 ? " is missing" : " are missing") +
        " (" + words_of(loss.missing) + "); fetch or import it again from where it is whole\n");
}

bool is_in(const std::vector<SalvageReport::Loss>& losses, const DocumentId& id) {
  return std::any_of(losses.begin(), losses.end(),
                     [&](const SalvageReport::Loss& loss) { return loss.document == id; });
}

Status salvage_store(const StoreArguments& arguments) {
  Result<SalvageReport> report =
      salvage(arguments.folder, arguments.file, [] { return process_options().replica.value; });
  if (!report.ok()) return about_copying(arguments, report.take_error());
  print(counted(static_cast<std::size_t>(report->records), "whole record") + " copied into " +
        printable(arguments.file) + ", a store with a new identity\n");
  for (const SalvageReport::Loss& loss : report->losses) print_loss(loss);
  for (const DocumentId& id : report->incomplete)
    if (!is_in(report->losses, id))
      print(red("incomplete") + "  " + to_string(id) +
            ": operations are missing; fetch or import it again from where it is whole\n");
  for (const SalvageReport::Cut& cut : report->from_state)
    print(red("without history") + "  " + to_string(cut.document) + ": the log lost " +
          counted(static_cast<std::size_t>(cut.operations), "operation") +
          "; the document goes on from its kept state\n");
  if (report->unnamed_records > 0)
    print(red("lost") + "  " +
          counted(static_cast<std::size_t>(report->unnamed_records), "record") +
          " of which nothing tells to which document they belong\n");
  if (report->may_lack_more)
    print(red("unknown") +
          "  the log is damaged, and nothing tells how much it had held; compare with "
          "another copy\n");
  if (!report->is_everything()) throw Exit{kNotEverything};
  return {};
}

Status back_up(const StoreArguments& arguments) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(arguments.folder, Access::kRead));
  if (Status done = store->backup(arguments.file); !done.ok())
    return about_copying(arguments, done.take_error());
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> copy, open_store(arguments.file, Access::kRead));
  WEFT_ASSIGN(const LmdbStore::Space space, copy->space());
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, copy->documents());
  print("copied " + counted(static_cast<std::size_t>(copy->info().records), "record") + " of " +
        counted(documents.size(), "document") + ", " + byte_words(space.log_bytes) + ", into " +
        printable(arguments.file) +
        "; a store of its own, with another replica, once it is opened for writing\n");
  return {};
}

// --- compact ---

/// Does the copy that shrinking makes fit beside the files?
Status check_space(const std::string& folder, std::uint64_t needed_bytes) {
  std::error_code failed;
  const std::filesystem::space_info disk = std::filesystem::space(folder, failed);
  if (failed || disk.available >= needed_bytes) return {};
  return Error(ErrorCode::kDiskFull,
               folder + ": needs about " + byte_words(needed_bytes) +
                   " on its disk while it runs, and " + byte_words(disk.available) +
                   " are free; make room, or give --no-shrink to seal the history only");
}

/// What a copy without free pages takes; sealing makes it smaller still.
std::uint64_t copy_bytes(const LmdbStore::Space& space) {
  return space.total() - std::min(space.total(), space.log_free_bytes + space.derived_free_bytes);
}

Status seal_history(LmdbStore& store, CompactOptions options) {
  options.progress = [](const CompactProgress& progress) {
    show_progress("sealing: " + std::to_string(progress.documents) + " of " +
                  counted(static_cast<std::size_t>(progress.document_count), "document") + ", " +
                  byte_words(progress.before_bytes) + " -> " + byte_words(progress.after_bytes));
    return true;
  };
  Result<CompactProgress> progress = compact(store, options);
  show_progress("");
  if (!progress.ok()) return progress.take_error();
  print("sealed: history " + byte_words(progress->before_bytes) + " -> " +
        byte_words(progress->after_bytes) + "\n");
  for (const CompactFailure& failure : progress->failed)
    print(red("not sealed") + "  " + to_string(failure.document) + ": " +
          printable(failure.error.message()) + "\n");
  if (!progress->failed.empty())
    return Error(progress->failed.front().error.code(),
                 counted(progress->failed.size(), "document") +
                     " could not be sealed and is as it was; the others are sealed");
  return {};
}

Status shrink_files(LmdbStore& store, const std::string& folder) {
  WEFT_ASSIGN(const LmdbStore::Space before, store.space());
  show_progress("copying the files without their free pages");
  Status shrunk = store.shrink();
  show_progress("");
  if (!shrunk.ok() && shrunk.error().code() == ErrorCode::kInUse)
    return Error(ErrorCode::kInUse, shrunk.error().context() +
                                        ". The history is sealed all the same; run `weft store "
                                        "compact " +
                                        folder + "` again when they are done");
  WEFT_TRY(std::move(shrunk));
  WEFT_ASSIGN(const LmdbStore::Space after, store.space());
  print("shrunk: files " + byte_words(before.total()) + " -> " + byte_words(after.total()) + "\n");
  return {};
}

Status compact_opened(LmdbStore& store, const StoreArguments& arguments) {
  CompactOptions options;
  options.compressor = process_options().compressor;
  show_progress("estimating");
  Result<CompactEstimate> estimate = estimate_compact(store, options);
  show_progress("");
  if (!estimate.ok()) return estimate.take_error();
  WEFT_ASSIGN(const LmdbStore::Space space, store.space());
  const std::uint64_t needed = arguments.no_shrink ? 0 : copy_bytes(space);
  print("estimate: history " + byte_words(estimate->history_bytes) + " -> about " +
        byte_words(estimate->sealed_bytes) + "; files now " + byte_words(space.total()) +
        (needed == 0 ? std::string()
                     : ", and " + byte_words(needed) + " more while it runs, at most") +
        "\n");
  if (arguments.dry_run) return {};
  WEFT_TRY(check_space(arguments.folder, needed));
  WEFT_TRY(seal_history(store, options));
  if (!arguments.no_shrink) WEFT_TRY(shrink_files(store, arguments.folder));
  return store.close();
}

Status compact_store(const StoreArguments& arguments) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store,
              open_store(arguments.folder, arguments.dry_run ? Access::kRead : Access::kWrite));
  Status done = compact_opened(*store, arguments);
  if (!done.ok()) return about_store(arguments.folder, done.error());
  return {};
}

}  // namespace

void add_store_upkeep(CLI::App& store, Action& action) {
  add_store_command(store, action, "create", "Make an empty store", create)
      .app->footer("Example:\n  weft store create boards");

  StoreCommand compacting = add_store_command(
      store, action, "compact", "Seal the history into compressed bundles, give free pages back",
      compact_store);
  compacting.app->add_flag("--dry-run", compacting.arguments->dry_run,
                           "Only say what it would win");
  compacting.app->add_flag("--no-shrink", compacting.arguments->no_shrink,
                           "Leave the files as large as they are");
  compacting.app->footer(
      "No version of any document changes by it. Shrinking copies the files, so it needs room, "
      "and\n"
      "nobody else may have the store open.\n\n"
      "Examples:\n"
      "  weft store compact boards --dry-run\n"
      "  weft store compact boards");

  StoreCommand backing =
      add_store_command(store, action, "backup",
                        "Copy the store into a new folder, also while it is written", back_up);
  backing.app->add_option("FOLDER", backing.arguments->file, "The folder to make")->required();
  backing.app->footer("Example:\n  weft store backup boards boards-monday");

  StoreCommand salvaging =
      add_store_command(store, action, "salvage",
                        "Copy what is whole in a damaged store into a new one", salvage_store);
  salvaging.app->add_option("NEW", salvaging.arguments->file, "The folder to make")->required();
  salvaging.app->footer(
      "Reads the damaged store and changes nothing in it. Exit code 0: everything that it held was "
      "copied.\n"
      "3: what could be was, and what is lost is named.\n\n"
      "Example:\n  weft store salvage boards boards-salvaged");
}

}  // namespace weft::cli
