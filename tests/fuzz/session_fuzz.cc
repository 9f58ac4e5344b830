// Fuzzer: the other end of a link, which says what it likes. See session_checks.h for what has to hold.

#include "tests/fuzz/real_documents.h"
#include "tests/fuzz/session_checks.h"

namespace weft::test {
namespace {

/// Two devices talk; what `other` says and what happens meanwhile is written down.
class Conversation {
 public:
  explicit Conversation(std::uint64_t other) : device_(0xa1), other_(other) {
    furnish(device_, 1);
    furnish(other_, 2);
    link_ = device_.node().add_link({.dialled = false, .name = "other"});
    others_link_ = other_.node().add_link({.dialled = true, .name = "device"});
  }
  ToyDevice& other() { return other_; }
  void edit_here() {
    device_.edit(1, "mine", Value(++edits_));
    note(kEdit);
  }
  void exchange() {
    for (int round = 0; round < 12; ++round) {
      deliver();
      device_.work();
      note(kStore);
      other_.work();
      pass(10);
    }
  }
  void pass(std::uint8_t steps) {
    device_.pass(20 * std::uint64_t{steps});
    other_.pass(20 * std::uint64_t{steps});
    note(kPassTime, static_cast<std::byte>(steps));
  }
  Bytes written() const { return join_pieces(pieces_); }

 private:
  void note(unsigned what) { pieces_.push_back({{static_cast<std::byte>(what)}, false}); }
  void note(unsigned what, std::byte how) {
    pieces_.push_back({{static_cast<std::byte>(what), how}, false});
  }
  void deliver() {
    for (bool more = true; more;) {
      more = false;
      while (std::optional<sync::Envelope> envelope = device_.node().poll(link_)) {
        other_.node().receive(others_link_, *std::move(envelope));
        more = true;
      }
      note(kPollAll);
      while (std::optional<sync::Envelope> envelope = other_.node().poll(others_link_)) {
        const Bytes frame = frame_of(*envelope);
        Bytes piece{static_cast<std::byte>(sync::type_of(envelope->message) - 1)};
        piece.insert(piece.end(), frame.begin() + wire::kHeaderBytes, frame.end());
        pieces_.push_back({std::move(piece), false});
        device_.node().receive(link_, *std::move(envelope));
        more = true;
      }
    }
  }

  ToyDevice device_;
  ToyDevice other_;
  LinkId link_ = 0;
  LinkId others_link_ = 0;
  std::int64_t edits_ = 0;
  std::vector<Piece> pieces_;
};

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  const auto add = [&](const char* name, const std::function<void(Conversation&)>& about) {
    Conversation conversation(0xb2);
    about(conversation);
    conversation.exchange();
    all.push_back({name, conversation.written()});
  };
  add("meeting", [](Conversation&) {});
  add("editing", [](Conversation& talk) {
    talk.exchange();
    talk.other().edit(1, "theirs", Value(std::int64_t{2}));
    talk.edit_here();
    talk.exchange();
    talk.other().edit(2, "theirs", Value("x"));
    talk.pass(255);
  });
  add("deleting", [](Conversation& talk) {
    talk.exchange();
    talk.other().node().set_status(ToyDevice::document(2), DocumentStatus::kDeleted,
                                   [](const Status&) {});
    talk.other().node().set_status(ToyDevice::document(3), DocumentStatus::kEvicted,
                                   [](const Status&) {});
    talk.exchange();
  });
  add("presence", [](Conversation& talk) {
    talk.exchange();
    (void)talk.other().node().set_presence(ToyDevice::document(2), as_bytes("here"), 5'000);
  });
  add("trimmed", [](Conversation& talk) {
    talk.other().node().trim(ToyDevice::document(2), [](const Status&) {});
    talk.other().work();
  });
  add("leaving", [](Conversation& talk) {
    talk.exchange();
    talk.other().node().shut_down();
  });
  for (std::size_t number : {std::size_t{3}, std::size_t{8}, std::size_t{12}}) {
    const std::vector<Bytes>& history = real_histories()[number];
    add("history", [&](Conversation& talk) {
      for (const Bytes& delta : history)
        (void)talk.other().node().apply(ToyDevice::document(4), delta);
    });
    all.back().name += std::to_string(number);
  }
  return all;
}

}  // namespace

const Fuzzer kSessionFuzz{"session_fuzz", [](ByteSpan input) { return check_session(input); },
                          seeds};

}  // namespace weft::test
