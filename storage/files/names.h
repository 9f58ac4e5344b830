#pragma once
// Folders and the names in them.
//
// Invariants
//   I1  Nothing is removed or replaced that is of another kind than the caller says: a device, a fifo, a socket
//       or a folder never goes because a file was meant.
//   I2  What a function that promises durability has made, moved or removed is on the disk when it returns.
//
// Threads: any.

#include <string>

#include "crdt/base/result.h"

namespace weft::files {

/// The error of a system call's code. @param what  the path, and what was tried
Error system_error(int code, const std::string& what);

/// Is it the open `file` that `path` names, and not another that took its place?
bool is_at(int file, const std::string& path);

/// The folder that holds it.
std::string parent_of(const std::string& path);
/// The file that `path` leads to through links; `path` itself where there is none.
std::string without_links(const std::string& path);

/// Nothing happens where it is there. Not durable: sync_folder(parent_of(folder)) makes it so.
Status make_folder(const std::string& folder);
/// Makes what was made, renamed or removed in `folder` durable.
Status sync_folder(const std::string& folder);

/// Puts a file or a folder in another's place, durably. Through a link the file goes that it leads to. A folder
/// that lies there has to be empty.
/// @errors kInvalidArgument: what lies there is neither file nor folder (I1)
Status replace(const std::string& from, const std::string& to);

/// Removes a regular file; through a link only the link goes. Nothing happens where there is none.
/// @errors kInvalidArgument: something else lies there (I1)
Status remove_file(const std::string& path);
/// Removes a symbolic link. Nothing happens where there is none, or something else.
void remove_link(const std::string& path);
/// Removes an empty folder. Nothing happens where there is none.
Status remove_empty_folder(const std::string& folder);

}  // namespace weft::files
