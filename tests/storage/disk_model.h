#pragma once
// DiskModel: what a power cut can leave of the files below a folder.
//
// A recorder notes what a program asks of the files; the model plays that back up to a cut and builds disk
// images that could be found afterwards:
//
//   content   What a completed flush of a file covers is there, and what went through O_DSYNC. Of the rest each
//             sector of 512 bytes may be there or not, in any order; so may a change of the file's size.
//   names     kJournaled, as ext4, xfs and btrfs do it: names change in order, and a cut loses the last of them;
//             a flush of a file makes its creation and its folders' durable, a flush of a folder what happened
//             in it. kStrict, as POSIX has it: only a flush of its folder makes a name durable, and of the others
//             any may be lost.
//
// Invariants
//   I1  Events lie in the order in which they began; what ends a write's or flush's uncertainty has an event of
//       its own. So the state before any event is one that a cut can meet.
//   I2  A sector on the disk is what the system's cache held of it after some write, never a mixture.
//
// Threads: the recorder takes calls from any thread.
// Source: the rules of durability of fsync(2), open(2) (O_DSYNC); Pillai et al., OSDI 2014, section 3.

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "bench/harness/file_calls.h"
#include "crdt/base/bytes.h"
#include "tests/support/random.h"

namespace weft::test {

struct DiskEvent {
  enum class Kind : std::uint8_t {
    kCreate,      ///< a file
    kMakeFolder,  ///< a folder
    kRename,      ///< path to target
    kUnlink,      ///< a file or an empty folder
    kWrite,       ///< data at offset
    kTruncate,    ///< to the size `offset`
    kWriteDone,   ///< the write at `begun` was synchronous and has returned
    kFlushDone,   ///< a flush of path that began at `begun` has returned
    kMark         ///< `offset` is what the program says of itself from here on
  };
  Kind kind = Kind::kMark;
  std::string path;  ///< below the folder that is watched; "" is that folder
  std::string target;
  std::uint64_t offset = 0;
  Bytes data;
  std::size_t begun = 0;
};

/// Notes what happens to the files below a folder. Flushes are noted and not made.
class DiskRecorder final : public bench::FileCallObserver {
 public:
  /// @param root  there already, and empty
  explicit DiskRecorder(const std::string& root);
  bench::Verdict before(const bench::FileCallInfo& info) override;
  void after(const bench::FileCallInfo& info, std::int64_t result, std::uint64_t) override;
  void mark(std::uint64_t value);

  /// Once nothing happens any more.
  const std::vector<DiskEvent>& events() const { return events_; }

 private:
  std::string root_;
  std::mutex mutex_;
  std::vector<DiskEvent> events_;
};

class DiskModel {
 public:
  enum class Names : std::uint8_t { kJournaled, kStrict };
  struct Options {
    Names names = Names::kJournaled;
    bool flushes_work = true;             ///< false: of names only; for canaries
    bool synchronous_writes_work = true;  ///< false: they are writes like others; for canaries
  };
  /// @param events  must outlive the model
  DiskModel(std::span<const DiskEvent> events, Options options);

  /// To the moment before event `cut`, which is not before the last one.
  void advance(std::size_t cut);
  /// The last mark before the cut; 0 before the first.
  std::uint64_t mark() const { return mark_; }
  /// Makes in the empty folder `root` what a cut now could leave.
  void build(Random& random, const std::string& root) const;

 private:
  using FileId = std::size_t;
  using NameMap = std::map<std::string, FileId>;
  /// What may be on the disk or not: sectors of a write, or a size.
  struct Pending {
    std::size_t event = 0;
    bool is_size = false;
    bool is_durable = false;
    std::uint64_t begin = 0;  ///< of the first sector; or the size
    Bytes sectors;
  };
  struct File {
    bool is_folder = false;
    Bytes cache;  ///< what a reader sees
    Bytes disk;   ///< what is durable
    std::vector<Pending> pending;
  };
  struct NameChange {
    std::size_t event = 0;
    FileId file = 0;
    bool is_durable = false;  ///< kJournaled: and all before it
  };

  void apply(std::size_t index);
  void change_names(std::size_t index);
  void write(std::size_t index);
  void end_flush(const DiskEvent& event);
  void settle_names(const DiskEvent& event);
  void play(const NameChange& change, NameMap& names) const;
  NameMap surviving_names(Random& random) const;
  Bytes surviving_content(const File& file, Random& random) const;

  std::span<const DiskEvent> events_;
  Options options_;
  std::size_t next_ = 0;
  std::uint64_t mark_ = 0;
  std::vector<File> files_;
  NameMap names_;  ///< as the running system sees them
  std::vector<NameChange> name_changes_;
};

}  // namespace weft::test
