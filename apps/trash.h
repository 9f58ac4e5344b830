#pragma once
// Documents in the trash, and contested ones, as the commands see them.

#include <functional>
#include <optional>
#include <string>

#include "apps/peer_client.h"
#include "apps/store_access.h"
#include "crdt/map/value.h"
#include "storage/documents.h"

namespace weft::cli {

/// "deleted by 357f7bd4 at 2026-11-24 19:39:07"
std::string deletion_words(const Deletion& deletion);
/// "edited by 4f1c0aa2 (3 operations) and ..."
std::string edits_words(const Contested& contested);
Json contested_json(const Contested& contested);

/// What is contested of STORE:DOCUMENT; nullopt: nothing, or it is a file.
Result<std::optional<Contested>> contested_in(const std::string& name, const Document& document);
/// Of a stored document that is live. Reads it only where it was ever deleted.
Result<std::optional<Contested>> contested_of(const Store& store, const DocumentUsage& usage);
/// Says it, and how it is settled.
void print_contested(const Contested& contested, const std::string& name);

/// Before something is written into STORE:DOCUMENT: where that is in the trash it is restored, but only if a person
/// asked for it or the writing changes something. So a job that imports the same file again does not undo a deletion.
/// @param would_change  tried on a copy
/// @return  false: nothing is to be written, it stays in the trash
/// @errors kNotKept: not all of what was deleted is here, so nobody can tell
Result<bool> prepare_import(const std::string& name, bool is_asked,
                            const std::function<Result<bool>(const Document&)>& would_change);
/// What is said where prepare_import() said no.
std::string left_in_trash_words(const std::string& name);

}  // namespace weft::cli
