#pragma once
// The pages of an LMDB file, as page_check.cc reads them: liblmdb 0.9, 64-bit, little-endian.
//
// Source: mdb.c of liblmdb 0.9.24: MDB_meta, MDB_db, MDB_page, MDB_node.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "crdt/base/bytes.h"

namespace weft::lmdb {

// A page: u64 its number, u16 unused, u16 flags, u16 lower, u16 upper (of overflow pages u32 their count instead of
// these two), then u16 offsets of nodes up to `lower`; nodes from `upper` to the end.
inline constexpr std::size_t kHeadBytes = 16;
inline constexpr std::uint16_t kBranch = 0x01;
inline constexpr std::uint16_t kLeaf = 0x02;
inline constexpr std::uint16_t kOverflow = 0x04;
inline constexpr std::uint16_t kMeta = 0x08;

// A node: u16 low, u16 high, u16 flags, u16 key size, key, data. In a leaf low and high are the data's size; in a
// branch low, high and flags are the child's page number.
inline constexpr std::size_t kNodeBytes = 8;
inline constexpr std::uint16_t kBigData =
    0x01;  ///< the data is the number of its first overflow page
inline constexpr std::uint16_t kSubData = 0x02;  ///< the data is the record of a tree

// A tree's record: u32 (of the first: page size), u16 flags, u16 depth, u64 branch pages, u64 leaf pages, u64
// overflow pages, u64 entries, u64 root.
inline constexpr std::size_t kTreeBytes = 48;
inline constexpr std::uint16_t kIntegerKey = 0x08;
inline constexpr std::uint64_t kNoRoot = ~std::uint64_t{0};
inline constexpr std::uint16_t kDepthMax = 32;  ///< LMDB's cursors have room for so many

// A head, behind its page's head: u32 magic, u32 version, u64 address, u64 map size, the record of the tree of free
// pages, that of the main tree, u64 last page, u64 transaction.
inline constexpr std::uint32_t kMagic = 0xbeef'c0de;
inline constexpr std::size_t kMetaBytes = 136;

template <typename T>
T number_at(ByteSpan bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Tree {
  std::uint16_t flags;
  std::uint16_t depth;
  std::uint64_t branch_pages;
  std::uint64_t leaf_pages;
  std::uint64_t overflow_pages;
  std::uint64_t entries;
  std::uint64_t root;
};

inline Tree tree_at(ByteSpan bytes, std::size_t at) {
  return {number_at<std::uint16_t>(bytes, at + 4),  number_at<std::uint16_t>(bytes, at + 6),
          number_at<std::uint64_t>(bytes, at + 8),  number_at<std::uint64_t>(bytes, at + 16),
          number_at<std::uint64_t>(bytes, at + 24), number_at<std::uint64_t>(bytes, at + 32),
          number_at<std::uint64_t>(bytes, at + 40)};
}

/// A node that was found to lie inside its page.
struct Node {
  std::uint16_t flags;      ///< of a leaf
  std::uint64_t data_size;  ///< of a leaf
  std::uint64_t child;      ///< of a branch
  ByteSpan key;
  ByteSpan data;  ///< what lies in the page: of kBigData 8 bytes
};

/// The nodes of a branch or leaf; they lie side by side and fill the page from `upper` to its end.
/// @return  what is wrong; null: nothing
const char* read_nodes(ByteSpan page, bool is_leaf, std::vector<Node>& nodes);

}  // namespace weft::lmdb
