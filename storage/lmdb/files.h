#pragma once
// Folders and files below a store, made and replaced so that a power cut leaves the old or the new.

#include <string>

#include "crdt/base/result.h"

namespace weft::lmdb {

/// The error of an LMDB or system call's code.
Error error_of(int code, const std::string& what);

/// Nothing happens where it is there.
Status make_folder(const std::string& folder);
/// Makes what was made, renamed or removed in `folder` durable.
Status sync_folder(const std::string& folder);
/// The folder that holds it.
std::string parent_of(const std::string& path);
/// Puts a file or a folder in another's place, durably. A folder that lies there has to be empty.
Status replace_file(const std::string& from, const std::string& to);
/// Removes a folder of LMDB files, where there is one.
Status remove_environment(const std::string& folder);

}  // namespace weft::lmdb
