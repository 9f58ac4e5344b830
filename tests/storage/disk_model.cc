#include "tests/storage/disk_model.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "crdt/base/assert.h"

namespace weft::test {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

/// Where the flush that this thread makes has begun.
thread_local std::size_t flush_begun = 0;

using Kind = DiskEvent::Kind;

bool is_inside(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// Moves the name and all below it.
void rename_in(std::map<std::string, std::size_t>& names, const std::string& from,
               const std::string& to) {
  std::map<std::string, std::size_t> moved;
  for (auto it = names.begin(); it != names.end();) {
    if (it->first == from || is_inside(it->first, from)) {
      moved.emplace(to + it->first.substr(from.size()), it->second);
      it = names.erase(it);
    } else {
      ++it;
    }
  }
  for (auto& [path, file] : moved) names.insert_or_assign(path, file);
}

void write_at(Bytes& file, std::uint64_t begin, ByteSpan data) {
  if (file.size() < begin + data.size()) file.resize(begin + data.size());
  std::copy(data.begin(), data.end(), file.begin() + static_cast<std::ptrdiff_t>(begin));
}

}  // namespace

// --- the recorder ---

DiskRecorder::DiskRecorder(const std::string& root)
    : root_(std::filesystem::canonical(root).string()) {}

bench::Verdict DiskRecorder::before(const bench::FileCallInfo& info) {
  using bench::FileCall;
  std::string path(info.path);
  if (path != root_ && !is_inside(path, root_)) return {};
  DiskEvent event;
  event.path = path.substr(root_.size());
  switch (info.call) {
    case FileCall::kOpen:
      if ((info.open_flags & O_CREAT) == 0 || ::access(path.c_str(), F_OK) == 0) return {};
      event.kind = Kind::kCreate;
      break;
    case FileCall::kMakeFolder:
      if (::access(path.c_str(), F_OK) == 0) return {};
      event.kind = Kind::kMakeFolder;
      break;
    case FileCall::kRename:
      event.kind = Kind::kRename;
      event.target = std::string(info.target.substr(root_.size()));
      break;
    case FileCall::kUnlink:
      event.kind = Kind::kUnlink;
      break;
    case FileCall::kWrite:
      event.kind = Kind::kWrite;
      event.offset = info.offset;
      event.data = info.bytes();
      break;
    case FileCall::kTruncate:
      event.kind = Kind::kTruncate;
      event.offset = info.size;
      break;
    case FileCall::kReserve:  // what it reserves is neither size nor content, as our stores use it
      WEFT_ASSERT((info.reserve_mode & FALLOC_FL_KEEP_SIZE) != 0);
      return {};
    case FileCall::kSync: {
      std::lock_guard lock(mutex_);
      flush_begun = events_.size();
      return {.swallow = true};
    }
    case FileCall::kLink:
      WEFT_ASSERT(info.call != FileCall::kLink);  // the model knows one name of a file
  }
  std::lock_guard lock(mutex_);
  flush_begun = events_.size();
  events_.push_back(std::move(event));
  return {};
}

void DiskRecorder::after(const bench::FileCallInfo& info, std::int64_t result, std::uint64_t) {
  std::string path(info.path);
  if (!info.is_flush || result < 0 || (path != root_ && !is_inside(path, root_))) return;
  DiskEvent event;
  event.kind = info.call == bench::FileCall::kWrite ? Kind::kWriteDone : Kind::kFlushDone;
  event.path = path.substr(root_.size());
  event.begun = flush_begun;
  std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
}

void DiskRecorder::mark(std::uint64_t value) {
  DiskEvent event;
  event.offset = value;
  std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
}

// --- playing back ---

DiskModel::DiskModel(std::span<const DiskEvent> events, Options options)
    : events_(events), options_(options) {}

void DiskModel::advance(std::size_t cut) {
  WEFT_ASSERT(cut >= next_);
  for (; next_ < cut; ++next_) apply(next_);
}

void DiskModel::apply(std::size_t index) {
  const DiskEvent& event = events_[index];
  switch (event.kind) {
    case Kind::kMark:
      mark_ = event.offset;
      break;
    case Kind::kCreate:
    case Kind::kMakeFolder:
    case Kind::kRename:
    case Kind::kUnlink:
      change_names(index);
      break;
    case Kind::kWrite:
    case Kind::kTruncate:
      write(index);
      break;
    case Kind::kWriteDone:
      if (!options_.synchronous_writes_work) break;
      for (File& file : files_)
        for (Pending& pending : file.pending)
          if (pending.event == event.begun) pending.is_durable = true;
      break;
    case Kind::kFlushDone:
      settle_names(event);
      if (options_.flushes_work) end_flush(event);
      break;
  }
}

void DiskModel::change_names(std::size_t index) {
  const DiskEvent& event = events_[index];
  NameChange change;
  change.event = index;
  if (event.kind != Kind::kRename && event.kind != Kind::kUnlink) {
    change.file = files_.size();
    files_.emplace_back().is_folder = event.kind == Kind::kMakeFolder;
  } else if (auto found = names_.find(event.path); found != names_.end()) {
    change.file = found->second;
  } else {
    return;  // a call that failed
  }
  play(change, names_);
  name_changes_.push_back(change);
}

void DiskModel::play(const NameChange& change, NameMap& names) const {
  const DiskEvent& event = events_[change.event];
  switch (event.kind) {
    case Kind::kRename:
      names.erase(event.target);
      rename_in(names, event.path, event.target);
      names.insert_or_assign(event.target, change.file);  // also where the old name was lost
      break;
    case Kind::kUnlink:
      names.erase(event.path);
      break;
    default:
      names.insert_or_assign(event.path, change.file);
  }
}

void DiskModel::write(std::size_t index) {
  const DiskEvent& event = events_[index];
  auto found = names_.find(event.path);
  if (found == names_.end()) {
    if (event.path.ends_with(" (deleted)")) return;
    change_names(index);  // made by stdio, whose open is not seen
    found = names_.find(event.path);
  }
  File& file = files_[found->second];
  Pending pending;
  pending.event = index;
  if (event.kind == Kind::kTruncate) {
    pending.is_size = true;
    pending.begin = event.offset;
    file.cache.resize(event.offset);
  } else {
    write_at(file.cache, event.offset, event.data);
    pending.begin = event.offset / kSectorBytes * kSectorBytes;
    const std::uint64_t end = std::min<std::uint64_t>(
        (event.offset + event.data.size() + kSectorBytes - 1) / kSectorBytes * kSectorBytes,
        file.cache.size());
    pending.sectors.assign(file.cache.begin() + static_cast<std::ptrdiff_t>(pending.begin),
                           file.cache.begin() + static_cast<std::ptrdiff_t>(end));  // (I2)
  }
  file.pending.push_back(std::move(pending));
}

void DiskModel::end_flush(const DiskEvent& event) {
  auto found = names_.find(event.path);
  if (found == names_.end()) return;
  File& file = files_[found->second];
  auto is_covered = [&](const Pending& pending) { return pending.event < event.begun; };
  for (const Pending& pending : file.pending) {
    if (!is_covered(pending)) continue;
    if (pending.is_size) {
      file.disk.resize(pending.begin);
    } else {
      write_at(file.disk, pending.begin, pending.sectors);
    }
  }
  std::erase_if(file.pending, is_covered);
}

void DiskModel::settle_names(const DiskEvent& event) {
  std::size_t settled = 0;  // kJournaled: the changes before this one
  for (std::size_t i = 0; i < name_changes_.size(); ++i) {
    NameChange& change = name_changes_[i];
    if (change.event >= event.begun) break;
    const DiskEvent& cause = events_[change.event];
    const bool is_in_folder =
        parent_of(cause.path) == event.path ||
        (cause.kind == Kind::kRename && parent_of(cause.target) == event.path);
    const bool makes_it = (cause.kind == Kind::kCreate || cause.kind == Kind::kMakeFolder) &&
                          (cause.path == event.path || is_inside(event.path, cause.path));
    if (options_.names == Names::kStrict) {
      change.is_durable = change.is_durable || is_in_folder;
    } else if (is_in_folder || makes_it) {
      settled = i + 1;
    }
  }
  for (std::size_t i = 0; i < settled; ++i) name_changes_[i].is_durable = true;
}

// --- images ---

DiskModel::NameMap DiskModel::surviving_names(Random& random) const {
  std::size_t durable = 0;
  while (durable < name_changes_.size() && name_changes_[durable].is_durable) ++durable;
  std::size_t kept = durable + random.below(name_changes_.size() - durable + 1);
  if (random.chance(1, 2)) kept = name_changes_.size();
  NameMap names;
  for (std::size_t i = 0; i < name_changes_.size(); ++i) {
    const bool survives = options_.names == Names::kStrict
                              ? name_changes_[i].is_durable || random.chance(1, 2)
                              : i < kept;
    if (survives) play(name_changes_[i], names);
  }
  return names;
}

/// Three kinds of disks: any sectors, any whole writes, or a stretch in order whose last write is torn.
Bytes DiskModel::surviving_content(const File& file, Random& random) const {
  Bytes content = file.disk;
  const std::uint64_t kind = random.below(3);
  const std::uint64_t kept_of_4 = random.below(5);
  const std::size_t in_order = random.below(file.pending.size() + 1);
  for (std::size_t i = 0; i < file.pending.size(); ++i) {
    const Pending& pending = file.pending[i];
    const bool is_whole = pending.is_durable || (kind == 1 && random.chance(kept_of_4, 4)) ||
                          (kind == 2 && i < in_order);
    const bool is_torn = !is_whole && (kind == 0 || (kind == 2 && i == in_order));
    if (pending.is_size) {
      if (is_whole || (is_torn && random.chance(kept_of_4, 4))) content.resize(pending.begin);
      continue;
    }
    for (std::size_t at = 0; at < pending.sectors.size(); at += kSectorBytes) {
      if (!is_whole && !(is_torn && random.chance(kept_of_4, 4))) continue;
      const std::size_t size = std::min<std::size_t>(kSectorBytes, pending.sectors.size() - at);
      write_at(content, pending.begin + at, ByteSpan(pending.sectors).subspan(at, size));
    }
  }
  return content;
}

void DiskModel::build(Random& random, const std::string& root) const {
  for (const auto& [path, id] : surviving_names(random)) {  // folders come before what is in them
    const File& file = files_[id];
    if (!std::filesystem::is_directory(root + parent_of(path))) continue;  // its folder was lost
    if (file.is_folder) {
      std::filesystem::create_directory(root + path);
      continue;
    }
    const Bytes content = surviving_content(file, random);
    std::ofstream out(root + path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(content.data()),
              static_cast<std::streamsize>(content.size()));
    WEFT_ASSERT(out.good());
  }
}

}  // namespace weft::test
