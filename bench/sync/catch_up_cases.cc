#include "bench/sync/catch_up_cases.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bench/sync/typing_pair.h"
#include "bench/trace/replay.h"
#include "crdt/base/checksum.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"

namespace weft::bench {
namespace {

enum class Sender : std::uint8_t { kHistory, kState, kCompacted };

const char* sender_name(Sender sender) {
  switch (sender) {
    case Sender::kHistory:
      return "history";
    case Sender::kState:
      return "state";
    case Sender::kCompacted:
      break;
  }
  return "sealed";
}

struct Prepared {
  Fault fault;
  std::uint64_t ops = 0;
};

Result<std::uint64_t> write_store(const std::string& folder, const trace::Trace& trace,
                                  bool is_compacted) {
  const ZstdCompressor compressor;
  LmdbStore::Options options;
  options.folder = folder;
  options.create = true;
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, LmdbStore::open(std::move(options)));
  const trace::Clock clock = trace::make_clock();
  DocumentOptions document;
  document.replica = store->info().replica;
  document.compressor = &compressor;
  document.now_ms = [clock] { return *clock; };
  WEFT_ASSIGN(StoredDocument stored, StoredDocument::open(*store, bench_document(0), document));
  std::uint32_t unsaved = 0;
  WEFT_TRY(trace::replay_sequential_on(stored.document(), clock, trace, trace::Grouping::kEdit,
                                       [&](const Commit&) -> Status {
                                         if (++unsaved % 100 == 0) return stored.save();
                                         return {};
                                       }));
  WEFT_TRY(stored.save());
  WEFT_TRY(stored.save_state());
  if (is_compacted) {
    CompactOptions compacting;
    compacting.compressor = &compressor;
    WEFT_TRY(compact(*store, compacting));
  }
  WEFT_TRY(store->close());
  return count_ops(stored.document().version());
}

/// What a sender is started on, and the sender itself where it stays.
struct Source {
  std::vector<TemporaryFolder> folders;
  std::optional<PeerProcess> process;
  std::uint64_t ops = 0;
  std::uint64_t digest = 0;  ///< of the text
};

Status prepare_store(const CatchUpOptions& options, Sender sender, Source& source) {
  WEFT_ASSIGN(TemporaryFolder folder, TemporaryFolder::make(options.folder));
  WEFT_ASSIGN(const ChildProcess child, ChildProcess::start([&](const Link& link) {
                Prepared prepared;
                Result<std::uint64_t> ops =
                    write_store(folder.path(), *options.trace, sender == Sender::kCompacted);
                if (ops.ok()) {
                  prepared.ops = *ops;
                } else {
                  prepared.fault.set(ops.error());
                }
                (void)link.send(prepared);
              }));
  WEFT_ASSIGN(const Prepared prepared, child.link().receive<Prepared>());
  WEFT_TRY(prepared.fault.status());
  source.ops = prepared.ops;
  source.folders.push_back(std::move(folder));
  return {};
}

Result<std::shared_ptr<Source>> prepare(const CatchUpOptions& options, Sender sender) {
  auto source = std::make_shared<Source>();
  source->digest = xxh3_64(as_bytes(options.trace->end_content));
  if (sender != Sender::kHistory) {
    WEFT_TRY(prepare_store(options, sender, *source));
    return source;
  }
  WEFT_ASSIGN(PeerProcess process, start_peers(options.folder, {}, source->folders));
  source->process.emplace(std::move(process));
  Order order;
  order.kind = Order::Kind::kReplay;
  order.edits = static_cast<std::uint32_t>(options.trace->edits.size());
  WEFT_ASSIGN(const Answer answer, source->process->ask(order.with(options.trace_file)));
  source->ops = answer.ops;
  return source;
}

Result<std::vector<Reading>> measure(const CatchUpOptions& options, const Source& source,
                                     const PeerProcess& sender, std::uint16_t port) {
  std::vector<TemporaryFolder> folders;
  WEFT_ASSIGN(const PeerProcess receiver, start_peers(options.folder, {}, folders));
  WEFT_ASSIGN(const Answer sender_before, sender.look());
  WEFT_ASSIGN(const Answer receiver_before, receiver.look());
  Order order;
  order.kind = Order::Kind::kCatchUp;
  order.port = port;
  order.ops = source.ops;
  WEFT_ASSIGN(const Answer caught_up, receiver.ask(order));
  WEFT_ASSIGN(const Answer receiver_after, receiver.look());
  WEFT_ASSIGN(const Answer sender_after, sender.look());
  WEFT_ASSIGN(const std::uint64_t digest, receiver.content(1));
  if (digest != source.digest)
    return Error(ErrorCode::kCorrupt, "what was caught up with is another text");
  const auto cpu_ms = [](const Answer& before, const Answer& after) {
    return (after.usage.cpu_us - before.usage.cpu_us) / 1e3;
  };
  return std::vector<Reading>{{caught_up.ms, digest},
                              {cpu_ms(sender_before, sender_after), digest},
                              {cpu_ms(receiver_before, receiver_after), digest},
                              {static_cast<double>(receiver_after.usage.socket_bytes_in), digest}};
}

Result<std::vector<Reading>> sample(const CatchUpOptions& options, const Source& source) {
  if (source.process) {
    WEFT_ASSIGN(const std::uint16_t port, source.process->listen());
    return measure(options, source, *source.process, port);
  }
  Order order;
  order.with(source.folders.front().path());
  WEFT_ASSIGN(const PeerProcess sender, PeerProcess::start(order));
  order.kind = Order::Kind::kRead;
  WEFT_TRY(sender.ask(order));
  WEFT_ASSIGN(const std::uint16_t port, sender.listen());
  return measure(options, source, sender, port);
}

}  // namespace

Status add_catch_up(const CatchUpOptions& options, Sampler& sampler) {
  for (const Sender sender : {Sender::kHistory, Sender::kState, Sender::kCompacted}) {
    WEFT_ASSIGN(const std::shared_ptr<Source> source, prepare(options, sender));
    sampler.add(Probe{options.trace->name + "-" + sender_name(sender),
                      {{"catch_up", "ms"},
                       {"catch_up_cpu_sender", "ms"},
                       {"catch_up_cpu_receiver", "ms"},
                       {"catch_up_bytes", "bytes"}},
                      [options, source] { return sample(options, *source); }});
  }
  return {};
}

}  // namespace weft::bench
