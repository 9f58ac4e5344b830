#pragma once
// check_pages: is the structure of an LMDB file sound? LMDB itself checks no page: a flipped bit in a page's head
// or in a node makes it read beyond the page, follow a page number to nowhere, or hand out a page that is in use.
// So the file is read here first, without LMDB, as a reader and writer of the newest transaction would meet it.
//
// What holds afterwards:
//   P1  Both heads are heads, of one page size; their transactions follow on, so the newest is the newest.
//   P2  Every page that is reached lies in the file, says its own number and is of the kind that it is
//       reached as; none is reached twice, and none of them is listed as free.
//   P3  In every page the nodes lie side by side, whole, inside of it.
//   P4  Leaves lie at the depth that the tree's record says, and keys ascend through the tree.
//   P5  The tree's record counts its pages and entries as they are.
// A value's bytes are not looked at: these have their own checksums.
//
// It knows the format of liblmdb 0.9 on 64-bit little-endian machines, and of it what Environment uses: named
// databases with 8-byte integer keys or with bytes as keys, no duplicates.
//
// Source: mdb.c of liblmdb 0.9.24: MDB_meta, MDB_db, MDB_page, MDB_node.

#include <cstdint>
#include <string>

#include "crdt/base/result.h"

namespace weft::lmdb {

enum class PageDepth : std::uint8_t {
  kBranches,   ///< named databases without their leaves: P2 to P5 as far as the other pages tell
  kEverything  ///< all pages but the insides of values that have pages of their own
};

/// The file must not change meanwhile. A file of no bytes is sound: LMDB makes a new one of it.
/// @errors kCorrupt: says which page, and its place in the file; kNotFound: no such file; kIoError
/// @cost   reads every page it looks at once; a bit of memory for each page of the file
Status check_pages(const std::string& path, PageDepth depth);

}  // namespace weft::lmdb
