#pragma once
// Folders and files below a store, made and replaced so that a power cut leaves the old or the new.

#include <string>

#include "crdt/base/result.h"
#include "storage/files/names.h"

namespace weft::lmdb {

/// The error of an LMDB or system call's code.
Error error_of(int code, const std::string& what);

using files::make_folder;
using files::parent_of;
using files::sync_folder;

/// Removes a folder of LMDB files, where there is one.
Status remove_environment(const std::string& folder);

}  // namespace weft::lmdb
