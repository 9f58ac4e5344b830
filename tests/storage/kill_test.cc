// A process that writes to a store is killed, at random moments and at chosen file calls, while it opens,
// writes and closes. Afterwards the store opens without repair, and holds of each thread a prefix of what that
// thread was to write, no shorter than what was acknowledged, and of no batch a part; its documents are those
// that an oracle makes of these deltas.
//
// The system goes on, so what was written is there, flushed or not: power cuts are power_cut_test.cc.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/base/checksum.h"
#include "crdt/document/json_text.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"
#include "tests/histories/harness.h"
#include "tests/storage/delta_source.h"
#include "tests/storage/kill_writer.h"
#include "tests/support/folder.h"

namespace weft::test {
namespace {

constexpr int kRoundsPerStore = 40;

/// When a writer is killed.
struct Plan {
  std::uint64_t batches = 0;  ///< it would close after so many on each thread
  std::uint64_t call = 0;     ///< it kills itself at this file call; 0: it is killed from outside,
  KillMessage::Kind stage = {};   ///< after this message ...
  std::uint64_t messages = 0;     ///< ... the so manieth of its kind ...
  std::uint64_t nanoseconds = 0;  ///< ... and so long after it
};

Plan random_plan(Random& random) {
  Plan plan;
  plan.batches = random.below(30);
  if (random.chance(1, 2)) {
    plan.call = 1 + random.below(random.chance(1, 2) ? 30 : 300);
    return plan;
  }
  const std::uint64_t stage = random.below(4);
  plan.stage = stage == 0   ? KillMessage::Kind::kOpening
               : stage == 1 ? KillMessage::Kind::kClosing
                            : KillMessage::Kind::kAcknowledged;
  plan.messages = plan.stage == KillMessage::Kind::kAcknowledged ? 1 + random.below(40) : 1;
  plan.nanoseconds = random.below(stage == 0 ? 4'000'000 : 300'000);
  return plan;
}

/// Burns the time away: a moment inside of another process's system call has no event to wait for.
void wait_briefly(std::uint64_t nanoseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(nanoseconds);
  while (std::chrono::steady_clock::now() < end) {
  }
}

/// A store whose writers are killed, and what the parent knows about it.
class Victim {
 public:
  Victim(std::uint64_t seed, std::uint64_t writers)
      : seed_(seed), folder_(fast_parent()), acknowledged_(writers), applied_(writers) {
    for (std::uint64_t i = 0; i < writers; ++i) sources_.emplace_back(seed, i);
    for (std::uint64_t i = 0; i < DeltaSource::kDocuments; ++i) {
      DocumentOptions options;
      options.replica = {999};
      options.id = DeltaSource::document(i);
      oracle_.push_back(Document::create(std::move(options)));
    }
  }

  /// Runs a writer to its end. "" or what is wrong.
  std::string run(const Plan& plan);
  /// "" or what is wrong with the store.
  std::string check();
  bool was_killed() const { return was_killed_; }
  std::uint64_t acknowledged_count() const {
    std::uint64_t sum = 0;
    for (std::uint64_t each : acknowledged_) sum += each;
    return sum;
  }
  void pretend_acknowledged(std::size_t writer) { ++acknowledged_[writer]; }

 private:
  std::string hear(int pipe, pid_t writer, const Plan& plan);
  std::string check_log(const Store& store);
  std::string check_documents(const Store& store);

  std::uint64_t seed_;
  Folder folder_;
  std::vector<DeltaSource> sources_;
  std::vector<std::uint64_t> acknowledged_;
  std::vector<std::uint64_t> applied_;  ///< of each writer, to the oracle
  std::vector<Document> oracle_;
  bool was_killed_ = false;
  bool has_opened_ = false;
};

std::string Victim::run(const Plan& plan) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const std::string program =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "weft_kill_writer").string();
  std::vector<std::string> texts = {program,
                                    folder_.path(),
                                    std::to_string(seed_),
                                    std::to_string(sources_.size()),
                                    std::to_string(plan.batches),
                                    std::to_string(plan.call)};
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t writer = 0;
  const int code =
      posix_spawn(&writer, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  REQUIRE_MESSAGE(code == 0, program);
  std::string wrong = hear(ends[0], writer, plan);
  ::close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(writer, &status, 0) == writer);
  was_killed_ = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  const bool has_ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!was_killed_ && !has_ended)
    return "the writer failed by itself, with status " + std::to_string(status);
  return wrong;
}

std::string Victim::hear(int pipe, pid_t writer, const Plan& plan) {
  std::string wrong;
  std::uint64_t heard = 0;
  KillMessage message;
  while (::read(pipe, &message, sizeof message) == sizeof message) {
    if (message.kind == KillMessage::Kind::kAcknowledged) {
      acknowledged_[message.writer] = message.deltas;
      has_opened_ = true;
      const SourceDelta& last = sources_[message.writer].at(message.deltas - 1);
      if (last.head.first_seq != message.first_seq || xxh3_64(last.delta) != message.checksum)
        wrong = "the writer wrote something else than its seed says";
    }
    if (plan.call == 0 && message.kind == plan.stage && ++heard == plan.messages) {
      wait_briefly(plan.nanoseconds);
      kill(writer, SIGKILL);
    }
  }
  return wrong;
}

std::string Victim::check() {
  LmdbStore::Options options;
  options.folder = folder_.path() + "/store";
  options.create = !has_opened_;
  auto store = LmdbStore::open(options);
  if (!store.ok()) return "does not open: " + store.error().message();
  has_opened_ = true;
  if (!(*store)->damaged().empty()) return (*store)->damaged()[0].error.message();
  auto bad = (*store)->verify();
  if (!bad.ok()) return "verify: " + bad.error().message();
  if (!bad->empty()) return "verify: " + (*bad)[0].error.message();
  std::string wrong = check_log(**store);
  return wrong.empty() ? check_documents(**store) : wrong;
}

/// Hands what is new to the oracle.
std::string Victim::check_log(const Store& store) {
  std::vector<std::uint64_t> counts(sources_.size());
  std::string wrong;
  Status status = store.scan(1, [&](const RecordView& record) {
    const std::uint64_t writer = record.replica.value - 1;
    const std::string name = "record " + std::to_string(record.position);
    if (writer >= sources_.size()) {
      wrong = name + " is nobody's";
      return false;
    }
    const SourceDelta& expected = sources_[writer].at(counts[writer]);
    if (!(record == expected.head) || as_text(record.payload) != as_text(expected.delta))
      wrong = name + " is not delta " + std::to_string(counts[writer]) + " of writer " +
              std::to_string(writer);
    ++counts[writer];
    return wrong.empty();
  });
  if (!status.ok()) return "scan: " + status.error().message();
  if (!wrong.empty()) return wrong;
  for (std::size_t writer = 0; writer < counts.size(); ++writer) {
    const std::string name = "writer " + std::to_string(writer) + ": ";
    const std::uint64_t count = counts[writer];
    if (count < acknowledged_[writer])
      return name + std::to_string(acknowledged_[writer]) + " deltas were acknowledged, " +
             std::to_string(count) + " are there";
    if (count != 0 && !sources_[writer].at(count - 1).ends_batch)
      return name + "a batch is there in part (I1)";
    for (std::uint64_t& at = applied_[writer]; at < count; ++at) {
      const SourceDelta& delta = sources_[writer].at(at);
      for (Document& document : oracle_)
        if (document.id() == delta.head.document) document.apply(delta.delta).value();
    }
  }
  return "";
}

std::string Victim::check_documents(const Store& store) {
  for (const Document& expected : oracle_) {
    DocumentOptions options;
    options.replica = {998};
    auto document = open_document(store, expected.id(), options);
    if (!document.ok()) {
      if (document.error().code() == ErrorCode::kNotFound && expected.version() == VersionVector())
        continue;
      return "a document does not open: " + document.error().message();
    }
    if (document->snapshot() != expected.snapshot()) return "a document differs from the oracle";
    if (print_json(document->to_json().value()) != print_json(expected.to_json().value()))
      return "a document shows something else than the oracle";
  }
  return "";
}

TEST_CASE("a writer that is killed at any moment loses nothing that it has acknowledged") {
  const std::uint64_t seed = first_seed();
  const auto rounds = static_cast<int>(scaled_count(300));
  Random random(seed);
  std::unique_ptr<Victim> victim;
  int kills = 0;
  for (int round = 0; kills < rounds; ++round) {
    if (round % kRoundsPerStore == 0) {
      const std::uint64_t store_seed = random.next() >> 20;
      victim = std::make_unique<Victim>(store_seed, 1 + random.below(4));
    }
    const Plan plan = random_plan(random);
    std::string wrong = victim->run(plan);
    if (wrong.empty()) wrong = victim->check();
    if (!wrong.empty())
      FAIL(wrong, "\nin round ", round, "\nagain: WEFT_SEED=", seed,
           " build/release/weft_crash_tests -sf=*kill_test.cc");
    kills += victim->was_killed() ? 1 : 0;
  }
}

TEST_CASE("a loss after a kill would be noticed") {
  Victim victim(1, 2);
  while (victim.acknowledged_count() == 0) REQUIRE(victim.run({.batches = 20, .call = 100}) == "");
  REQUIRE(victim.check() == "");
  // More than one batch, since one can be stored and not be acknowledged yet.
  for (int i = 0; i < 50; ++i) victim.pretend_acknowledged(1);
  CHECK(victim.check().find("deltas were acknowledged") != std::string::npos);
}

}  // namespace
}  // namespace weft::test
