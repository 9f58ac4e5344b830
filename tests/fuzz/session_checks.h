#pragma once
// What has to hold of a device whatever the other end of a link says: it does not crash, what it keeps is bounded by
// what was said, its invariants hold, and it can go on.
//
// Pieces. The first byte of each says what happens:
//   0 to 31  a message of type 1 + (byte mod their number); the rest is its segment. Its sequence number fits, unless
//            the piece is marked: then it is one too high
//   32       time passes: the second byte, times 20 ms
//   33       what is to be stored is stored
//   34       an own edit
//   35       bytes that are no message
//   36       the link is gone, and a new one made
//   37       everything is polled
// A link that has ended is made anew.

#include <algorithm>
#include <string>
#include <utility>

#include "tests/fuzz/alloc_guard.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/toy_device.h"
#include "tests/fuzz/wire_frames.h"

namespace weft::test {

inline constexpr unsigned kPassTime = 32;
inline constexpr unsigned kStore = 33;
inline constexpr unsigned kEdit = 34;
inline constexpr unsigned kGarbage = 35;
inline constexpr unsigned kNewLink = 36;
inline constexpr unsigned kPollAll = 37;

/// The device that every input begins with: two documents, stored.
inline void furnish(ToyDevice& device, std::uint8_t first) {
  device.edit(first, "a", Value(std::int64_t{1}));
  device.edit(static_cast<std::uint8_t>(first + 1), "b", Value("two"));
  device.work();
}

/// What a device may keep of so many bytes of input.
constexpr std::size_t session_bound(std::size_t input_bytes) {
  return 256 * input_bytes + (std::size_t{8} << 20);
}

/// What is under test; a canary puts something faulty in its place.
using ReceiveMessage = void (*)(Node&, LinkId, sync::Envelope);

class SessionRun {
 public:
  explicit SessionRun(ReceiveMessage receive) : receive_(receive), device_(0xa1) {
    furnish(device_, 1);
    make_link();
  }

  void step(const Piece& piece, Verdict& verdict) {
    if (piece.bytes.empty()) return;
    const auto what = std::to_integer<unsigned>(piece.bytes[0]);
    const ByteSpan rest = ByteSpan(piece.bytes).subspan(1);
    if (what < kPassTime) {
      say(what, rest, piece.marked, verdict);
    } else if (what == kPassTime) {
      device_.pass(rest.empty() ? 50 : 20 * std::to_integer<std::uint64_t>(rest[0]));
    } else if (what == kStore) {
      device_.work();
    } else if (what == kEdit) {
      device_.edit(1, "mine", Value(++edits_));
    } else if (what == kGarbage) {
      device_.node().receive_garbage(link_, Error(ErrorCode::kCorrupt, "no message"));
    } else if (what == kNewLink) {
      make_link();
    } else if (what == kPollAll) {
      poll_all();
    }
    if (device_.node().ended(link_).has_value()) make_link();
  }

  /// @return  a fault, or null
  const char* finish() {
    poll_all();
    device_.work();
    device_.node().remove_link(link_);
    device_.pass(60'000);
    device_.node().check_invariants();
    bool durable = false;
    const Result<Commit> commit = device_.node().edit(
        ToyDevice::document(9), [](Transaction& tx) { return tx.root().set("last", Value(true)); },
        [&](const Status& status) { durable = status.ok(); });
    device_.work();
    return commit.ok() && durable ? nullptr : "the device can't be edited any more";
  }

 private:
  void make_link() {
    if (is_linked_) device_.node().remove_link(link_);
    link_ = device_.node().add_link({.dialled = false, .name = "stranger"});
    is_linked_ = true;
    sequence_ = 0;
    poll_all();
  }
  /// Bounded: a link can always have something to say again.
  void poll_all() {
    for (int left = 2'000; left > 0; --left)
      if (!device_.node().poll(link_).has_value()) break;
  }
  void say(unsigned type, ByteSpan segment, bool out_of_turn, Verdict& verdict) {
    ++verdict.parts;
    const std::size_t types = std::variant_size_v<sync::Message>;
    const Bytes frame =
        frame_around(static_cast<std::uint16_t>(1 + type % types),
                     sequence_ + (out_of_turn ? 1 : 0), segment.first(segment.size() / 8 * 8));
    Result<sync::Envelope> envelope = wire::decode_frame(frame);
    if (!envelope.ok()) return device_.node().receive_garbage(link_, envelope.error());
    ++sequence_;
    const bool is_bye = std::holds_alternative<sync::Bye>(envelope->message);
    receive_(device_.node(), link_, *std::move(envelope));
    if (is_bye || !device_.node().ended(link_).has_value()) ++verdict.accepted;
  }

  ReceiveMessage receive_;
  ToyDevice device_;
  LinkId link_ = 0;
  bool is_linked_ = false;
  std::uint32_t sequence_ = 0;
  std::int64_t edits_ = 0;
};

inline Verdict check_session(
    ByteSpan input, ReceiveMessage receive = [](Node& node, LinkId link, sync::Envelope envelope) {
      node.receive(link, std::move(envelope));
    }) {
  constexpr std::size_t kStepsMax = 500;
  Verdict verdict{nullptr, 0, 0};
  std::vector<Piece> pieces = split_pieces(input);
  if (pieces.size() > kStepsMax) pieces.resize(kStepsMax);
  AllocationGuard guard;
  SessionRun run(receive);
  for (const Piece& piece : pieces) run.step(piece, verdict);
  verdict.fault = run.finish();
  if (guard.peak_bytes() > session_bound(input.size())) return faulty("too much is kept");
  verdict.parts = std::max<std::size_t>(verdict.parts, 1);
  return verdict;
}

}  // namespace weft::test
