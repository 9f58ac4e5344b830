#pragma once
// A running peer, as the commands talk to it: through its control socket, in the folder of its store.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apps/store_access.h"
#include "crdt/base/result.h"
#include "crdt/map/value.h"

namespace CLI {
class App;
}

namespace weft::cli {

/// How long a question to a peer may take, where the command line does not say.
inline constexpr std::uint64_t kQuestionMs = 5'000;

/// What a command does while the peer can't bring to the disk what it wrote.
enum class Waiting : std::uint8_t {
  kUntilDurable,  ///< it waits, but not for ever; what is not on the disk then is an error
  kNoWait,        ///< --no-wait: it says so and is done
};
/// --no-wait, for a command that a running peer may do.
void add_no_wait_option(CLI::App& command, bool& no_wait);
inline Waiting waiting_of(bool no_wait) {
  return no_wait ? Waiting::kNoWait : Waiting::kUntilDurable;
}
/// --timeout, for a command that asks a running peer.
void add_timeout_option(CLI::App& command, std::uint64_t& timeout_ms);

/// The store that a command means where none is named: $WEFT_STORE, else the folder that it stands in.
/// @errors kNotFound: neither is a store
Result<std::string> usual_store();

/// The command that starts a peer on `folder`.
std::string start_words(const std::string& folder);

class PeerClient {
 public:
  /// @errors kNotFound: no peer runs there; the message says how to start one; kIoError: it does not answer
  static Result<PeerClient> connect(const std::string& folder,
                                    std::uint64_t timeout_ms = kQuestionMs);
  /// nullopt: none runs there, or it does not answer.
  static std::optional<PeerClient> try_connect(const std::string& folder);

  const std::string& folder() const { return folder_; }

  /// Asks once and returns what is answered; a client asks as often as it likes.
  /// @errors those of the peer, with the store's name; kIoError: it went away, it does not answer; kDiskFull: what
  ///         was asked for is not on its disk, since done without an error means durable
  Result<Json> ask(Json::Object request, std::uint64_t timeout_ms = kQuestionMs);
  /// The same for what changes something. @errors kDiskFull only with kUntilDurable
  Result<Json> write(Json::Object request, Waiting waiting = Waiting::kUntilDurable);
  /// Asks and hands over every line of the answer until `take` says false or the peer has said all.
  /// @param timeout_ms  for each line; 0: for ever
  Status each(Json::Object request, std::uint64_t timeout_ms,
              const std::function<Result<bool>(const Json&)>& take);

 private:
  PeerClient(std::string folder, std::string socket)
      : folder_(std::move(folder)), socket_(std::move(socket)) {}

  Result<Json> ask_once(Json::Object request, std::uint64_t timeout_ms);
  Error not_durable(const Json& answer) const;

  std::string folder_;
  std::string socket_;
};

/// Who writes into a store: this process, or the peer that keeps it.
struct StoreWriter {
  std::unique_ptr<LmdbStore> store;  ///< null: the peer does
  std::optional<PeerClient> peer;
};
/// @errors those of open_store, kInUse: by something that is no peer
Result<StoreWriter> open_writer(const std::string& folder);

/// "4 operations in 2 documents are at no other device, the oldest for 3 min", of what pending_json() says.
std::string pending_words(const Json& answer);

/// A number, a text, a list of an answer; 0, "" and an empty one where it has none.
std::uint64_t number_in(const Json& answer, std::string_view key);
std::string text_in(const Json& answer, std::string_view key);
const Json::Array& list_in(const Json& answer, std::string_view key);

/// What follows the words of something that was written: nothing, or with --no-wait that it is not durable yet, and why.
std::string durable_words(const Json& answer);

}  // namespace weft::cli
