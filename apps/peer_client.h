#pragma once
// A running peer, as the commands talk to it: through its control socket, in the folder of its store.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apps/store_access.h"
#include "crdt/base/result.h"
#include "crdt/map/value.h"

namespace weft::cli {

/// The store that a command means where none is named: $WEFT_STORE, else the folder that it stands in.
/// @errors kNotFound: neither is a store
Result<std::string> usual_store();

/// The command that starts a peer on `folder`.
std::string start_words(const std::string& folder);

class PeerClient {
 public:
  /// @errors kNotFound: no peer runs there; the message says how to start one
  static Result<PeerClient> connect(const std::string& folder);
  /// nullopt: none runs there, or it does not answer.
  static std::optional<PeerClient> try_connect(const std::string& folder);

  const std::string& folder() const { return folder_; }

  /// Asks once and returns what is answered; a client asks as often as it likes.
  /// @errors those of the peer, with the store's name; kIoError: it went away
  Result<Json> ask(Json::Object request);
  /// Asks and hands over every line of the answer until `take` says false or the peer has said all.
  /// @param timeout_ms  for each line; 0: for ever
  Status each(Json::Object request, std::uint64_t timeout_ms,
              const std::function<Result<bool>(const Json&)>& take);

 private:
  PeerClient(std::string folder, std::string socket)
      : folder_(std::move(folder)), socket_(std::move(socket)) {}

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

/// A number, a text, a list of an answer; 0, "" and an empty one where it has none.
std::uint64_t number_in(const Json& answer, std::string_view key);
std::string text_in(const Json& answer, std::string_view key);
const Json::Array& list_in(const Json& answer, std::string_view key);

/// What follows the words of something that was written: nothing, or that it is not durable yet, and why.
std::string durable_words(const Json& answer);

}  // namespace weft::cli
