#include "storage/lmdb/page_scan.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "storage/lmdb/files.h"
#include "storage/lmdb/page_format.h"

namespace weft::lmdb {
namespace {

constexpr std::size_t kUsualPageBytes = 4096;
constexpr std::size_t kKeyBytes = sizeof(LogPosition);
/// How much is hashed to find the keys of orphans: some seconds.
constexpr std::uint64_t kOrphanBytesMax = std::uint64_t{8} << 30;
/// Of positions behind the last one that was found, where the log's end is not known.
constexpr LogPosition kBeyond = 4096;

std::size_t page_bytes_of(ByteSpan file) {
  constexpr std::size_t kAt = kHeadBytes + 24;  // in the record of the first tree
  if (file.size() < kAt + 4) return kUsualPageBytes;
  const auto size = number_at<std::uint32_t>(file, kAt);
  const bool can_be = size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
  return can_be ? size : kUsualPageBytes;
}

/// Where a record's value ends by what its own head says; nullopt: there is no head of a record.
std::optional<std::size_t> size_by_head(ByteSpan from) {
  if (from.size() < kRecordHeadBytes) return std::nullopt;
  const auto kind = number_at<std::uint8_t>(from, 12);
  if (kind < 1 || kind > 4 || number_at<std::uint8_t>(from, 13) != 1 ||
      number_at<std::uint16_t>(from, 14) != 0)
    return std::nullopt;
  const std::size_t size = record_size(number_at<std::uint32_t>(from, 8));
  if (size > from.size()) return std::nullopt;
  return size;
}

/// What a damaged record says that it is.
std::optional<RecordHead> head_of(ByteSpan value) {
  if (!size_by_head(value)) return std::nullopt;
  RecordHead head;
  head.kind = static_cast<RecordKind>(number_at<std::uint8_t>(value, 12));
  head.document.bytes = number_at<std::array<std::uint8_t, 16>>(value, 16);
  head.replica.value = number_at<std::uint64_t>(value, 32);
  head.first_seq = number_at<std::uint32_t>(value, 40);
  head.op_count = number_at<std::uint32_t>(value, 44);
  if ((head.op_count == 0) == head.has_operations() || head.op_count > kMaxSeq ||
      head.first_seq > kMaxSeq - head.op_count)
    return std::nullopt;
  return head;
}

/// The pages of a file, by what they look like.
class Pages {
 public:
  explicit Pages(ByteSpan file) : file_(file), page_bytes_(page_bytes_of(file)) {}

  std::size_t count() const { return file_.size() / page_bytes_; }
  std::size_t page_bytes() const { return page_bytes_; }
  ByteSpan page(std::size_t index) const { return file_.subspan(index * page_bytes_, page_bytes_); }
  bool says_its_number(std::size_t index) const {
    return number_at<std::uint64_t>(page(index), 0) == index;
  }
  std::uint16_t flags(std::size_t index) const { return number_at<std::uint16_t>(page(index), 10); }
  bool read_leaf(std::size_t index, std::vector<Node>& nodes) const {
    nodes.clear();
    return flags(index) == kLeaf && read_nodes(page(index), true, nodes) == nullptr;
  }
  /// Is it sound, and no leaf?
  bool is_other(std::size_t index) const {
    std::vector<Node> nodes;
    switch (flags(index)) {
      case kMeta:
        return index < 2;
      case kBranch:
        return says_its_number(index) && read_nodes(page(index), false, nodes) == nullptr;
      case kOverflow:
        return says_its_number(index);
      default:
        return false;
    }
  }
  /// From where a value on pages of its own begins; empty: there are no such pages.
  ByteSpan overflow(std::uint64_t first) const {
    if (first >= count()) return {};
    return file_.subspan(static_cast<std::size_t>(first) * page_bytes_ + kHeadBytes);
  }
  /// The value of a leaf's node, wherever it lies; empty: it can't be there.
  ByteSpan value_of(const Node& node) const {
    if ((node.flags & kBigData) == 0) return node.data;
    if (node.data.size() < 8) return {};
    const ByteSpan rest = overflow(number_at<std::uint64_t>(node.data, 0));
    if (node.data_size > rest.size()) return {};
    return rest.first(static_cast<std::size_t>(node.data_size));
  }
  std::size_t page_of(ByteSpan value) const {
    return static_cast<std::size_t>(value.data() - file_.data()) / page_bytes_;
  }

 private:
  ByteSpan file_;
  std::size_t page_bytes_;
};

class RecordFinder {
 public:
  RecordFinder(ByteSpan file, LogPosition end) : pages_(file), end_(end) {}

  FoundRecords run() {
    in_values_.resize(pages_.count());
    read_leaves();
    scan_broken_pages();
    find_unclaimed();
    adopt_orphans();
    name_damaged();
    return std::move(found_);
  }

 private:
  struct Orphan {
    LogPosition position;  ///< that it was found with; 0: none
    ByteSpan value;
  };

  bool take(LogPosition position, ByteSpan value) {
    Result<RecordView> record = decode_record(position, value);
    if (!record.ok()) return false;
    auto [known, is_new] = found_.whole.emplace(position, *record);
    if (!is_new && record->kind == RecordKind::kBundle) known->second = *record;
    return true;
  }

  /// What lies in a whole value is content, whatever it looks like.
  void claim(ByteSpan value) {
    for (std::size_t page = pages_.page_of(value); page <= pages_.page_of(value.last(1)); ++page)
      in_values_[page] = true;
  }

  void take_node(const Node& node, bool is_big) {
    const auto position = number_at<LogPosition>(node.key, 0);
    const ByteSpan value = pages_.value_of(node);
    if (value.empty()) return;
    if (!take(position, value)) {
      orphans_.push_back({position, value});
    } else if (is_big) {
      claim(value);
    }
  }

  void read_leaves() {
    std::vector<Node> nodes;
    for (const bool is_big : {true, false})
      for (std::size_t index = 2; index < pages_.count(); ++index) {
        if (in_values_[index] || !pages_.read_leaf(index, nodes)) continue;
        for (const Node& node : nodes)
          if (node.key.size() == kKeyBytes && ((node.flags & kBigData) != 0) == is_big)
            take_node(node, is_big);
      }
  }

  void scan_broken_pages() {
    std::vector<Node> nodes;
    for (std::size_t index = 0; index < pages_.count(); ++index) {
      if (in_values_[index] || pages_.is_other(index) || pages_.read_leaf(index, nodes)) continue;
      scan(index);
    }
  }

  void scan(std::size_t index) {
    const ByteSpan page = pages_.page(index);
    for (std::size_t at = kHeadBytes; at + kNodeBytes + kKeyBytes + 8 <= page.size();) {
      const auto position = number_at<LogPosition>(page, at + kNodeBytes);
      const ByteSpan data = page.subspan(at + kNodeBytes + kKeyBytes);
      if (const std::optional<std::size_t> size = size_by_head(data)) {
        if (take(position, data.first(*size))) {
          at += kNodeBytes + kKeyBytes + *size;
          continue;
        }
        orphans_.push_back({position, data.first(*size)});
      }
      Node node{};
      node.flags = number_at<std::uint16_t>(page, at + 4);
      if (node.flags == kBigData && number_at<std::uint16_t>(page, at + 6) == kKeyBytes) {
        node.data_size = number_at<std::uint32_t>(page, at);
        node.data = data.first(8);
        const ByteSpan value = pages_.value_of(node);
        if (!value.empty() && take(position, value)) {
          claim(value);
          at += kNodeBytes + kKeyBytes + 8;
          continue;
        }
      }
      at += 2;
    }
  }

  /// Values on pages of their own that no node leads to.
  void find_unclaimed() {
    for (std::size_t index = 2; index < pages_.count(); ++index) {
      if (in_values_[index] || pages_.flags(index) != kOverflow || !pages_.says_its_number(index))
        continue;
      const ByteSpan rest = pages_.overflow(index);
      const std::optional<std::size_t> size = size_by_head(rest);
      if (size) orphans_.push_back({0, rest.first(*size)});
    }
  }

  /// Tries the orphan with a key, as long as there are bytes left to hash.
  bool try_key(const Orphan& orphan, LogPosition position) {
    if (position == 0 || hashed_bytes_ >= kOrphanBytesMax || found_.whole.contains(position))
      return false;
    hashed_bytes_ += orphan.value.size();
    return take(position, orphan.value);
  }

  bool adopt(const Orphan& orphan, const std::vector<LogPosition>& missing) {
    for (unsigned bit = 0; orphan.position != 0 && bit < 64; ++bit)
      if (try_key(orphan, orphan.position ^ (LogPosition{1} << bit))) return true;
    for (const LogPosition position : missing)
      if (try_key(orphan, position)) return true;
    return false;
  }

  std::vector<LogPosition> missing_positions() const {
    LogPosition end = end_;
    if (end == 0 && !found_.whole.empty()) end = found_.whole.rbegin()->first + kBeyond;
    if (end == 0) end = kBeyond;
    std::vector<LogPosition> missing;
    auto next = found_.whole.begin();
    for (LogPosition position = 1; position < end && missing.size() < (std::size_t{1} << 20);
         ++position) {
      while (next != found_.whole.end() && next->first < position) ++next;
      if (next == found_.whole.end() || next->first != position) missing.push_back(position);
    }
    return missing;
  }

  void adopt_orphans() {
    if (orphans_.empty()) return;
    const std::vector<LogPosition> missing = missing_positions();
    std::erase_if(orphans_, [&](const Orphan& orphan) {
      // By its own head it may be shorter than the node said.
      const std::optional<std::size_t> size = size_by_head(orphan.value);
      return size && adopt({orphan.position, orphan.value.first(*size)}, missing);
    });
  }

  void name_damaged() {
    for (const Orphan& orphan : orphans_) {
      if (found_.whole.contains(orphan.position)) continue;
      if (std::optional<RecordHead> head = head_of(orphan.value))
        found_.damaged.push_back({orphan.position, *head});
    }
  }

  Pages pages_;
  LogPosition end_;
  std::vector<bool> in_values_;  ///< pages that lie in a whole value
  std::vector<Orphan> orphans_;
  std::uint64_t hashed_bytes_ = 0;
  FoundRecords found_;
};

}  // namespace

Result<std::unique_ptr<MappedFile>> MappedFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return errno == ENOENT ? Error(ErrorCode::kNotFound, "there is no " + path)
                           : error_of(errno, path);
  struct stat info {};
  void* address = nullptr;
  int code = fstat(file, &info) == 0 ? 0 : errno;
  const auto size = static_cast<std::size_t>(info.st_size);
  if (code == 0 && size > 0) {
    address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (address == MAP_FAILED) code = errno;
  }
  ::close(file);
  if (code != 0) return error_of(code, path);
  return std::unique_ptr<MappedFile>(new MappedFile(address, size));
}

MappedFile::~MappedFile() {
  if (address_ != nullptr) munmap(address_, size_);
}

void each_value(ByteSpan file, std::size_t key_bytes,
                const std::function<std::size_t(const FoundValue&)>& visit) {
  const Pages pages(file);
  std::vector<Node> nodes;
  for (std::size_t index = 2; index < pages.count(); ++index) {
    if (pages.read_leaf(index, nodes)) {
      for (const Node& node : nodes)
        if (node.key.size() == key_bytes) (void)visit({node.key, pages.value_of(node), true});
      continue;
    }
    if (pages.is_other(index)) continue;
    const ByteSpan page = pages.page(index);
    for (std::size_t at = kHeadBytes; at + kNodeBytes + key_bytes + 8 <= page.size();) {
      const ByteSpan key = page.subspan(at + kNodeBytes, key_bytes);
      const ByteSpan data = page.subspan(at + kNodeBytes + key_bytes);
      std::size_t size = 0;
      if (number_at<std::uint16_t>(page, at + 6) == key_bytes) {
        const bool is_big = number_at<std::uint16_t>(page, at + 4) == kBigData;
        size = visit({key, is_big ? pages.overflow(number_at<std::uint64_t>(data, 0)) : data});
        if (size != 0 && is_big) size = 8;
      }
      at += size == 0 ? 2 : kNodeBytes + key_bytes + size;
    }
  }
}

void each_overflow(ByteSpan file, const std::function<void(ByteSpan)>& visit) {
  const Pages pages(file);
  for (std::size_t index = 2; index < pages.count(); ++index)
    if (pages.flags(index) == kOverflow && pages.says_its_number(index))
      visit(pages.overflow(index));
}

FoundRecords find_records(ByteSpan file, LogPosition end) { return RecordFinder(file, end).run(); }

}  // namespace weft::lmdb
