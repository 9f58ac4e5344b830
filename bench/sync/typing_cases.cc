#include "bench/sync/typing_cases.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "bench/sync/typing_pair.h"

namespace weft::bench {
namespace {

/// The first ones find out that there is a document.
constexpr std::size_t kUncounted = 10;
constexpr const char* kFilesInMemory = "/dev/shm";

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::vector<double> minus(const std::vector<double>& later, const std::vector<double>& earlier) {
  std::vector<double> result;
  for (std::size_t i = kUncounted; i < later.size(); ++i) result.push_back(later[i] - earlier[i]);
  return result;
}

Result<std::vector<Reading>> sample_keystrokes(const KeystrokeOptions& options) {
  PairOptions pair_options;
  pair_options.folder = options.folder;
  WEFT_ASSIGN(const TypingPair pair, TypingPair::start(pair_options));
  Order order;
  order.edits = options.edits;
  order.interval_ms = options.interval_ms;
  order.watch = true;
  WEFT_ASSIGN(const Typed typed, pair.type(order));
  const std::size_t edits = options.edits;
  if (typed.patched_us.size() != edits || typed.edited_us.size() != edits)
    return Error(ErrorCode::kCorrupt, std::to_string(typed.patched_us.size()) + " patches of " +
                                          std::to_string(edits) + " keystrokes");
  const std::vector<double> applied = minus(typed.patched_us, typed.edited_us);
  const std::vector<double> durable = minus(typed.durable_us, typed.edited_us);
  const std::uint64_t digest = typed.typist.digest;
  std::vector<Reading> readings{{quantile(applied, 0.5), digest},
                                {quantile(applied, 0.99), digest},
                                {quantile(durable, 0.5), digest}};
  // Each keystroke is alone in its flush, but for those that came while one took longer than the pause.
  std::vector<double> flush(edits, 0);
  const bool is_one_each = typed.flush_us.size() >= edits;
  for (std::size_t i = 0; i < edits && is_one_each; ++i)
    flush[i] = typed.flush_us[typed.flush_us.size() - edits + i];
  std::vector<double> beside;
  for (std::size_t i = kUncounted; i < edits; ++i)
    beside.push_back(applied[i - kUncounted] - flush[i]);
  const double flushed = sum(flush) / static_cast<double>(edits);
  const double whole = sum(applied) / static_cast<double>(applied.size());
  readings.push_back({flushed / whole, digest});
  readings.push_back({quantile(beside, 0.5), digest});
  return readings;
}

// --- frames ---

/// User time, and user and system time, of a process between two looks.
struct Used {
  double user_us = 0;
  double cpu_us = 0;
  Used() = default;
  Used(const Usage& before, const Usage& after)
      : user_us(after.user_us - before.user_us), cpu_us(after.cpu_us - before.cpu_us) {}
};

Result<Used> edit_alone(const Order& first, const Order& rest) {
  WEFT_ASSIGN(const PeerProcess alone, PeerProcess::start(first));
  Answer before;
  for (Order order : {first, rest}) {
    WEFT_ASSIGN(before, alone.look());
    order.kind = Order::Kind::kType;
    WEFT_TRY(alone.ask(order));
    for (int i = 0; i < 3; ++i) WEFT_TRY(alone.times());
  }
  WEFT_ASSIGN(const Answer after, alone.look());
  return Used(before.usage, after.usage);
}

Result<std::vector<Reading>> sample_frames(std::uint32_t edits, std::uint32_t documents) {
  PairOptions pair_options;
  pair_options.store = StoreKind::kMemory;
  WEFT_ASSIGN(const TypingPair pair, TypingPair::start(pair_options));
  Order first;  // so that the reader knows the documents
  first.store = StoreKind::kMemory;
  first.documents = documents;
  first.burst = documents;
  first.edits = edits;
  first.to = documents;
  Order rest = first;
  rest.from = first.to;
  rest.to = edits;
  WEFT_TRY(pair.type(first));

  WEFT_ASSIGN(const Answer typist_before, pair.typist().look());
  WEFT_ASSIGN(const Answer reader_before, pair.reader().look());
  Order alone_in_frames = rest;
  alone_in_frames.one_a_frame = true;
  WEFT_ASSIGN(const Typed typed, pair.type(alone_in_frames));
  WEFT_ASSIGN(const Answer typist_after, pair.typist().look());
  WEFT_ASSIGN(const Answer reader_after, pair.reader().look());
  WEFT_ASSIGN(const Used editing, edit_alone(first, rest));

  const std::uint64_t frames =
      reader_after.received.since(reader_before.received).frames_of<sync::Deltas>();
  if (frames != edits - documents)
    return Error(ErrorCode::kCorrupt, std::to_string(frames) + " frames of " +
                                          std::to_string(edits - documents) + " keystrokes");
  const auto per_frame = static_cast<double>(frames);
  const Used sending(typist_before.usage, typist_after.usage);
  const Used receiving(reader_before.usage, reader_after.usage);
  const std::uint64_t digest = typed.typist.digest;
  return std::vector<Reading>{{receiving.user_us / per_frame, digest},
                              {sending.user_us / per_frame, digest},
                              {editing.user_us / per_frame, digest},
                              {(sending.user_us - editing.user_us) / per_frame, digest},
                              {receiving.cpu_us / per_frame, digest},
                              {sending.cpu_us / per_frame, digest},
                              {editing.cpu_us / per_frame, digest}};
}

// --- bytes ---

Order wire_order(const WireOptions& options, std::uint32_t keys_per_second) {
  Order order;
  order.edits = options.seconds * keys_per_second;
  order.interval_ms = 1000 / keys_per_second;
  return order;
}

struct WirePair {
  std::string case_name;
  Order order;
  TypingPair pair;
  Answer before;
};

Status report_wire(const WirePair& wire, Report& report) {
  WEFT_ASSIGN(const Typed typed, wire.pair.end_typing(wire.order));
  WEFT_TRY(wire.pair.typist().rest(300));  // the last ack and mark
  WEFT_ASSIGN(const Answer after, wire.pair.typist().look());
  const Traffic sent = after.sent.since(wire.before.sent);
  const Traffic received = after.received.since(wire.before.received);
  const std::uint64_t data = sent.bytes_of<sync::Deltas, sync::Part, sync::State>();
  const std::uint64_t out = after.usage.socket_bytes_out - wire.before.usage.socket_bytes_out;
  const std::uint64_t in = after.usage.socket_bytes_in - wire.before.usage.socket_bytes_in;
  if (sent.bytes_in_all() != out || received.bytes_in_all() != in)
    return Error(ErrorCode::kCorrupt, "the sockets carried other bytes than the frames have");
  const double keys = wire.order.edits;
  const std::uint64_t digest = typed.typist.digest;
  const auto add = [&](const char* name, const char* unit, double value) {
    report.add(exact(name, wire.case_name, unit, value, digest));
  };
  add("wire_bytes_per_key", "bytes", static_cast<double>(data) / keys);
  add("wire_control_per_key", "bytes", static_cast<double>(out - data) / keys);
  add("wire_back_per_key", "bytes", static_cast<double>(in) / keys);
  add("keys_per_frame", "count", keys / static_cast<double>(sent.frames_of<sync::Deltas>()));
  return {};
}

}  // namespace

void add_keystrokes(const KeystrokeOptions& options, Sampler& sampler, Report& report) {
  for (const bool has_disk : {true, false}) {
    KeystrokeOptions here = options;
    if (!has_disk) here.folder = kFilesInMemory;
    if (access(here.folder.c_str(), W_OK) != 0) {
      report.add(not_run("keystroke_to_apply", "no-disk", here.folder + " is missing"));
      continue;
    }
    sampler.add(Probe{has_disk ? "durable" : "no-disk",
                      {{"keystroke_to_apply", "us"},
                       {"keystroke_to_apply_p99", "us"},
                       {"keystroke_to_durable", "us"},
                       {"keystroke_flush_share", "ratio"},
                       {"keystroke_beside_flush", "us"}},
                      [here] { return sample_keystrokes(here); }});
  }
}

void add_small_frames(std::uint32_t edits, Sampler& sampler) {
  for (const std::uint32_t documents : {1u, 64u}) {
    const std::string name =
        documents == 1 ? "one-document" : std::to_string(documents) + "-documents";
    sampler.add(Probe{name,
                      {{"frame_user_receiving", "us"},
                       {"frame_user_sending", "us"},
                       {"edit_user", "us"},
                       {"frame_user_beside_edit", "us"},
                       {"frame_cpu_receiving", "us"},
                       {"frame_cpu_sending", "us"},
                       {"edit_cpu", "us"}},
                      [edits, documents] { return sample_frames(edits, documents); }});
  }
}

Status add_wire_bytes(const WireOptions& options, Report& report) {
  std::vector<WirePair> pairs;  // all at once: what is counted does not depend on time
  for (const std::uint32_t ms : options.coalesce_ms) {
    for (const std::uint32_t keys : options.keys_per_second) {
      PairOptions pair_options;
      pair_options.folder = options.folder;
      pair_options.coalesce_ms = ms;
      pair_options.counts_bytes = true;
      WEFT_ASSIGN(TypingPair pair, TypingPair::start(pair_options));
      const std::string name = ms == 0 ? "live" : "coalesced-" + std::to_string(ms);
      pairs.push_back(
          {name + "-" + std::to_string(keys), wire_order(options, keys), std::move(pair), {}});
    }
  }
  for (WirePair& wire : pairs) {
    WEFT_ASSIGN(wire.before, wire.pair.typist().look());
    WEFT_TRY(wire.pair.begin_typing(wire.order));
  }
  for (const WirePair& wire : pairs) WEFT_TRY(report_wire(wire, report));
  return {};
}

}  // namespace weft::bench
