#include "bench/sync/typist.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "bench/trace/generate.h"
#include "bench/trace/replay.h"

namespace weft::bench {
namespace {

constexpr std::uint64_t kTypingMsMax = 120'000;

}  // namespace

double shared_clock_us() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

DocumentId bench_document(std::uint32_t number) {
  DocumentId id;
  for (std::size_t i = 0; i < 4; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  id.bytes[15] = 1;
  return id;
}

trace::Trace typed_session(std::uint32_t edits) {
  const std::uint32_t erased = edits * 3 / 10;
  return trace::generate_session(
      {.seed = 50, .insert_count = edits - erased, .erase_count = erased});
}

Typist::Typist(links::EventLoop& loop, BenchPeer& peer, const Order& order,
               const trace::Trace& session)
    : loop_(loop), stage_(loop), peer_(peer), order_(order), session_(session) {
  edited_us_.reserve(count());
  durable_us_.reserve(count());
  frames_ = peer.sent().frames_of<sync::Deltas>();
  if (order.one_a_frame) peer.on_sent = [this] { go_on(); };
}

Status Typist::type_one() {
  const auto number = order_.from + static_cast<std::uint32_t>(edited_us_.size());
  const trace::Edit& edit = session_.edits[number / order_.documents];
  edited_us_.push_back(shared_clock_us());
  Result<Commit> commit = peer_.node().edit(
      bench_document(number % order_.documents),
      [&](Transaction& transaction) -> Status {
        TextEdit text = transaction.root().ensure_text(trace::kTextKey);
        return trace::apply_edit(text, session_, edit);
      },
      [this](Status status) {
        if (!status.ok()) status_ = std::move(status);
        durable_us_.push_back(shared_clock_us());
        if (is_done()) return stage_.finish();
        if (!order_.one_a_frame) go_on();
      });
  return commit.ok() ? Status() : commit.take_error();
}

/// With the next burst, if it is time.
void Typist::go_on() {
  if (order_.interval_ms != 0) return;
  const bool are_durable = durable_us_.size() == edited_us_.size();
  const bool have_gone =
      !order_.one_a_frame || peer_.sent().frames_of<sync::Deltas>() - frames_ == edited_us_.size();
  if (!are_durable || !have_gone || std::exchange(is_next_posted_, true)) return;
  loop_.post([this] {
    is_next_posted_ = false;
    type_burst();
  });
}

void Typist::type_burst() {
  for (std::uint32_t i = 0; i < order_.burst && edited_us_.size() < count() && status_.ok(); ++i)
    status_ = type_one();
  if (!status_.ok()) stage_.finish();
}

Status Typist::run() {
  if (order_.edits % order_.documents != 0 ||
      session_.edits.size() * order_.documents < order_.edits)
    return Error(ErrorCode::kInvalidArgument, "the session has another number of edits");
  links::EventLoop::Timer pace;
  if (order_.interval_ms != 0) {
    pace = loop_.every(order_.interval_ms, [this] { type_burst(); });
  } else {
    loop_.post([this] { type_burst(); });
  }
  if (!stage_.run(kTypingMsMax))
    return Error(ErrorCode::kIoError, "what was typed did not become durable in time");
  return std::move(status_);
}

}  // namespace weft::bench
