#pragma once
// Stores as the command line opens them, and the documents in them as it names them.

#include <cstdint>
#include <memory>
#include <string>

#include "crdt/document/document.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/store.h"

namespace weft::cli {

enum class Access : std::uint8_t {
  kRead,   ///< also while another process writes
  kWrite,  ///< the only one that writes
  kCreate,
};

bool is_store(const std::string& folder);

/// An opening for writing says on standard error what one should know: that the store writes as another
/// replica now, that something in it is damaged.
/// @errors those of LmdbStore::open, naming the store and what to do
Result<std::unique_ptr<LmdbStore>> open_store(const std::string& folder, Access access);
/// The same for writing, as `options` say.
Result<std::unique_ptr<LmdbStore>> open_store(LmdbStore::Options options);

/// Are the pages of the store's files sound? For an opening for reading, which does not look and would
/// follow a damaged one to anywhere. Pages that another process is changing are that one's to check.
/// @param all  every page, not only those by which others are found
/// @errors kCorrupt: the log's are not
Status check_log_pages(const std::string& folder, bool all);
Status check_derived_pages(const std::string& folder, bool all);

/// `error` with the name of the store in front, where it does not say it, and what to do behind.
Error about_store(const std::string& folder, const Error& error);

/// The document whose id begins with `prefix`, in hexadecimal digits.
/// @errors kNotFound; kInvalidArgument: several do
Result<DocumentUsage> find_document(const Store& store, const std::string& folder,
                                    const std::string& prefix);
/// Is it live? @errors kNotKept
Status check_kept(const std::string& folder, const DocumentUsage& usage);

/// How much of a stored document is wanted.
enum class Wanted : std::uint8_t {
  kContent,  ///< what it holds now: fast, from the state that is kept of it
  kHistory,
};
/// The document whose id begins with `prefix`. Says on standard error where a part of it is missing.
Result<Document> open_stored(const Store& store, const std::string& folder,
                             const std::string& prefix, Wanted wanted);

}  // namespace weft::cli
