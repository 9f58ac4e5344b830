#include "storage/lmdb/page_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "storage/lmdb/page_format.h"

namespace weft::lmdb {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{128} << 10;

enum class Use : std::uint8_t { kFreePages, kMain, kNamed };

class Checker {
 public:
  Checker(int file, const std::string& path, std::uint64_t file_bytes, PageDepth depth)
      : file_(file), path_(path), file_bytes_(file_bytes), depth_(depth) {}

  Status run();

 private:
  /// What is counted and known while a tree is walked.
  struct Walk {
    Use use = Use::kMain;
    Tree tree{};
    bool has_numbers = false;  ///< as keys; else bytes in the order of memcmp
    std::uint64_t branch_pages = 0;
    std::uint64_t leaf_pages = 0;
    std::uint64_t overflow_pages = 0;
    std::uint64_t entries = 0;
    bool has_last = false;
    std::string last;   ///< the last leaf's last key
    std::string floor;  ///< the next key is not below this one
  };

  Error corrupt(std::uint64_t page, std::string_view what) const {
    return Error(ErrorCode::kCorrupt,
                 path_ + ": page " + std::to_string(page) + ": " + std::string(what),
                 page * page_bytes_);
  }
  Result<ByteSpan> read(std::uint64_t begin, std::size_t size);
  Result<ByteSpan> page(std::uint64_t number) { return read(number * page_bytes_, page_bytes_); }
  Status use_pages(std::uint64_t from, std::uint64_t first, std::uint64_t count);

  Status check_heads();
  Status check_tree(Use use, const Tree& tree, std::uint64_t named_by);
  Status check_page(Walk& walk, std::uint64_t from, std::uint64_t number, unsigned level);
  Status check_leaf(Walk& walk, std::uint64_t number, const std::vector<Node>& nodes);
  Status check_overflow(Walk& walk, std::uint64_t from, std::uint64_t first, std::uint64_t size);
  Status check_key(Walk& walk, std::uint64_t number, ByteSpan key);
  Status note_free_pages(std::uint64_t number, ByteSpan key, ByteSpan list);
  Status check_free_pages();

  int file_;
  const std::string& path_;
  std::uint64_t file_bytes_;
  PageDepth depth_;
  std::uint64_t page_bytes_ = 0;
  std::uint64_t page_count_ = 0;  ///< that the newest head knows
  std::uint64_t transaction_ = 0;
  Tree free_tree_{};
  Tree main_tree_{};
  std::vector<bool> used_;
  std::vector<std::uint64_t> free_;
  Bytes window_;
  std::uint64_t window_begin_ = 0;
};

bool is_below(bool has_numbers, ByteSpan a, std::string_view b) {
  if (!has_numbers) return as_text(a) < b;
  return number_at<std::uint64_t>(a, 0) < number_at<std::uint64_t>(as_bytes(b), 0);
}

/// Valid until the next read.
Result<ByteSpan> Checker::read(std::uint64_t begin, std::size_t size) {
  if (begin > file_bytes_ || size > file_bytes_ - begin)
    return corrupt(page_bytes_ == 0 ? 0 : begin / page_bytes_, "lies beyond the end of the file");
  if (begin < window_begin_ || begin + size > window_begin_ + window_.size()) {
    window_.resize(std::min<std::uint64_t>(std::max(size, kWindowBytes), file_bytes_ - begin));
    window_begin_ = begin;
    for (std::size_t done = 0; done < window_.size();) {
      const ssize_t got = pread(file_, window_.data() + done, window_.size() - done,
                                static_cast<off_t>(begin + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        window_.clear();
        return Error(ErrorCode::kIoError,
                     path_ + ": " + (got < 0 ? std::strerror(errno) : "got shorter"), begin + done);
      }
      done += static_cast<std::size_t>(got);
    }
  }
  return ByteSpan(window_).subspan(begin - window_begin_, size);
}

/// (P2) @param from  the page that names them
Status Checker::use_pages(std::uint64_t from, std::uint64_t first, std::uint64_t count) {
  if (first < 2 || count == 0 || first >= page_count_ || count > page_count_ - first)
    return corrupt(from, "names page " + std::to_string(first) + ", which there can't be");
  for (std::uint64_t number = first; number < first + count; ++number) {
    if (used_[number]) return corrupt(number, "is used twice");
    used_[number] = true;
  }
  return {};
}

Status Checker::run() {
  if (file_bytes_ == 0) return Error(ErrorCode::kCorrupt, path_ + " is empty: it was cut off", 0);
  WEFT_TRY(check_heads());
  used_.resize(page_count_);
  WEFT_TRY(check_tree(Use::kFreePages, free_tree_, 0));
  WEFT_TRY(check_tree(Use::kMain, main_tree_, 0));
  return check_free_pages();
}

/// (P1)
Status Checker::check_heads() {
  std::array<std::uint64_t, 2> transactions{};
  for (std::uint64_t number = 0; number < 2; ++number) {
    WEFT_ASSIGN(ByteSpan bytes, read(number * page_bytes_, kHeadBytes + kMetaBytes));
    const ByteSpan meta = bytes.subspan(kHeadBytes);
    if (number_at<std::uint32_t>(meta, 0) != kMagic)
      return corrupt(number, "is no head of an LMDB file");
    if (number_at<std::uint32_t>(meta, 4) != 1) return corrupt(number, "is of another format");
    if (number_at<std::uint64_t>(bytes, 0) != number ||
        number_at<std::uint16_t>(bytes, 10) != kMeta)
      return corrupt(number, "is not where it belongs");
    const std::uint64_t page_bytes = number_at<std::uint32_t>(meta, 24);
    if (page_bytes < 512 || page_bytes > 32'768 || (page_bytes & (page_bytes - 1)) != 0 ||
        (number == 1 && page_bytes != page_bytes_))
      return corrupt(number, "has a page size that can't be");
    page_bytes_ = page_bytes;
    transactions[number] = number_at<std::uint64_t>(meta, 128);
    // Of two equal ones LMDB takes the first: the other may be left of a first commit that failed.
    if (number == 1 && transactions[1] <= transactions[0]) break;
    free_tree_ = tree_at(meta, 24);
    main_tree_ = tree_at(meta, 72);
    page_count_ = number_at<std::uint64_t>(meta, 120) + 1;
    transaction_ = transactions[number];
  }
  // Transaction n writes head n % 2; only a new file has two of transaction 0.
  const bool follow_on = transactions[0] + 1 == transactions[1] ||
                         transactions[1] + 1 == transactions[0] ||
                         (transactions[0] == 0 && transactions[1] == 0);
  if (!follow_on || (transaction_ != 0 && transactions[transaction_ % 2] != transaction_))
    return corrupt(transaction_ % 2, "its transaction does not follow on the other head's");
  if (page_count_ < 2 || page_count_ > (std::uint64_t{1} << 48) ||
      (page_count_ - 1) > file_bytes_ / page_bytes_ + (std::uint64_t{1} << 20))
    return corrupt(transaction_ % 2, "counts more pages than there can be");
  return {};
}

// --- trees ---

Status Checker::check_tree(Use use, const Tree& tree, std::uint64_t named_by) {
  Walk walk;
  walk.use = use;
  walk.tree = tree;
  walk.has_numbers = tree.flags == kIntegerKey;
  if (walk.has_numbers ? use == Use::kMain : tree.flags != 0 || use == Use::kFreePages)
    return corrupt(named_by, "a tree of a kind that is not used here");
  if (tree.root != kNoRoot) {
    if (tree.depth == 0 || tree.depth > kDepthMax)
      return corrupt(named_by, "a tree whose depth can't be");
    WEFT_TRY(check_page(walk, named_by, tree.root, 1));
  } else if (tree.depth != 0) {
    return corrupt(named_by, "a tree without a root");
  }
  // Every transaction but the first frees a page and notes it under its number. A head whose transaction's last
  // bits were flipped would be taken for the newest, and the last commit would be gone.
  if (use == Use::kFreePages &&
      (walk.has_last ? number_at<std::uint64_t>(as_bytes(walk.last), 0) != transaction_
                     : transaction_ > 1))
    return corrupt(transaction_ % 2, "is a head of another transaction");
  const bool leaves_seen = use != Use::kNamed || depth_ == PageDepth::kEverything;
  if (walk.branch_pages != tree.branch_pages || walk.leaf_pages != tree.leaf_pages ||
      (leaves_seen && (walk.overflow_pages != tree.overflow_pages || walk.entries != tree.entries)))
    return corrupt(named_by, "a tree that counts its pages or entries wrongly");  // (P5)
  return {};
}

/// @param level  of this page; the root's is 1
Status Checker::check_page(Walk& walk, std::uint64_t from, std::uint64_t number, unsigned level) {
  WEFT_TRY(use_pages(from, number, 1));
  const bool is_leaf = level == walk.tree.depth;
  ++(is_leaf ? walk.leaf_pages : walk.branch_pages);
  if (is_leaf && walk.use == Use::kNamed && depth_ == PageDepth::kBranches) return {};
  WEFT_ASSIGN(ByteSpan bytes, page(number));
  if (number_at<std::uint64_t>(bytes, 0) != number) return corrupt(number, "is another page");
  if (number_at<std::uint16_t>(bytes, 10) != (is_leaf ? kLeaf : kBranch))
    return corrupt(number, "is of another kind");  // (P4)
  std::vector<Node> nodes;
  const char* fault = read_nodes(bytes, is_leaf, nodes);
  if (fault != nullptr) return corrupt(number, fault);  // (P3)
  if (is_leaf) return check_leaf(walk, number, nodes);
  if (nodes.size() < 2 && walk.use != Use::kFreePages)
    return corrupt(number, "a branch that does not branch");
  struct Child {
    std::uint64_t number;
    std::string key;
  };
  std::vector<Child> children;  // copied, since reading them moves the window
  for (const Node& node : nodes) {
    if (!children.empty() && walk.has_numbers && node.key.size() != 8)
      return corrupt(number, "a key of another size");
    children.push_back({node.child, std::string(as_text(node.key))});
  }
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (i > 0) {  // the first key is not used: everything below belongs there
      WEFT_TRY(check_key(walk, number, as_bytes(children[i].key)));
      walk.floor = children[i].key;
    }
    WEFT_TRY(check_page(walk, number, children[i].number, level + 1));
  }
  return {};
}

/// Above all keys before it, and not below the branches' (P4).
Status Checker::check_key(Walk& walk, std::uint64_t number, ByteSpan key) {
  if (walk.has_numbers && key.size() != 8) return corrupt(number, "a key of another size");
  if ((walk.has_last && !is_below(walk.has_numbers, as_bytes(walk.last), as_text(key))) ||
      (!walk.floor.empty() && is_below(walk.has_numbers, key, walk.floor)))
    return corrupt(number, "its keys don't ascend");
  return {};
}

Status Checker::check_leaf(Walk& walk, std::uint64_t number, const std::vector<Node>& nodes) {
  struct Value {
    std::uint64_t first;
    std::uint64_t size;
    std::string key;
  };
  std::vector<Value> values;  // elsewhere: looked at last, since reading moves the window
  std::vector<Tree> trees;
  for (const Node& node : nodes) {
    WEFT_TRY(check_key(walk, number, node.key));
    walk.last.assign(as_text(node.key));
    walk.has_last = true;
    ++walk.entries;
    if (node.flags == kBigData) {
      values.push_back(
          {number_at<std::uint64_t>(node.data, 0), node.data_size, std::string(as_text(node.key))});
    } else if (node.flags == kSubData && walk.use == Use::kMain && node.data.size() == kTreeBytes) {
      trees.push_back(tree_at(node.data, 0));
    } else if (node.flags != 0) {
      return corrupt(number, "a node of a kind that is not used here");
    } else if (walk.use == Use::kFreePages) {
      WEFT_TRY(note_free_pages(number, node.key, node.data));
    }
  }
  for (const Value& value : values) {
    WEFT_TRY(check_overflow(walk, number, value.first, value.size));
    if (walk.use != Use::kFreePages) continue;
    WEFT_ASSIGN(ByteSpan list, read(value.first * page_bytes_ + kHeadBytes, value.size));
    WEFT_TRY(note_free_pages(number, as_bytes(value.key), list));
  }
  for (const Tree& tree : trees) WEFT_TRY(check_tree(Use::kNamed, tree, number));
  return {};
}

/// The pages of a value that does not fit into a leaf; may be more than it needs.
Status Checker::check_overflow(Walk& walk, std::uint64_t from, std::uint64_t first,
                               std::uint64_t size) {
  const std::uint64_t needed = (kHeadBytes - 1 + size) / page_bytes_ + 1;
  WEFT_TRY(use_pages(from, first, needed));
  if ((first + needed) * page_bytes_ > file_bytes_)
    return corrupt(first, "lies beyond the end of the file");
  WEFT_ASSIGN(ByteSpan head, read(first * page_bytes_, kHeadBytes));
  const std::uint64_t count = number_at<std::uint32_t>(head, 12);
  if (number_at<std::uint64_t>(head, 0) != first ||
      number_at<std::uint16_t>(head, 10) != kOverflow || count < needed)
    return corrupt(first, "is not the value that it is reached as");
  if (count > needed) WEFT_TRY(use_pages(from, first + needed, count - needed));
  walk.overflow_pages += count;
  return {};
}

// --- free pages ---

/// A list: how many, then their numbers, descending; its key is the transaction that has freed them.
Status Checker::note_free_pages(std::uint64_t number, ByteSpan key, ByteSpan list) {
  if (number_at<std::uint64_t>(key, 0) > transaction_)
    return corrupt(number, "pages that are freed in the future");
  if (list.size() < 8 || list.size() % 8 != 0 ||
      number_at<std::uint64_t>(list, 0) > list.size() / 8 - 1)
    return corrupt(number, "a list of free pages that is too short");
  const std::uint64_t count = number_at<std::uint64_t>(list, 0);
  std::uint64_t above = page_count_;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto page = number_at<std::uint64_t>(list, i * 8);
    if (page < 2 || page >= above) return corrupt(number, "free pages that don't descend");
    free_.push_back(page);
    above = page;
  }
  return {};
}

Status Checker::check_free_pages() {
  for (std::uint64_t number : free_) {
    if (used_[number]) return corrupt(number, "is free and in use, or free twice");
    used_[number] = true;
  }
  // A free page may never have been written. Of any other, the file was cut off, or the head lies.
  for (std::uint64_t number = file_bytes_ / page_bytes_; number < page_count_; ++number)
    if (!used_[number]) return corrupt(number, "lies beyond the end of the file");
  return {};
}

}  // namespace

Status check_pages(const std::string& path, PageDepth depth) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return Error(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIoError,
                 path + ": " + std::strerror(errno));
  struct stat info {};
  Status status;
  if (fstat(file, &info) != 0) {
    status = Error(ErrorCode::kIoError, path + ": " + std::strerror(errno));
  } else {
    status = Checker(file, path, static_cast<std::uint64_t>(info.st_size), depth).run();
  }
  ::close(file);
  return status;
}

}  // namespace weft::lmdb
