#include "apps/peer_client.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "apps/describe.h"
#include "crdt/document/json_text.h"
#include "peer/config.h"
#include "peer/control_json.h"
#include "transport/links/address.h"
#include "transport/links/line_socket.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;
using links::LineClient;

/// How long a peer is to try to bring to its disk what was written. It answers then, durable or not.
constexpr std::uint64_t kDurableMs = 10'000;
/// A peer may work on what is large for a while before it answers.
constexpr std::uint64_t kWrittenMs = kDurableMs + 50'000;

/// A name of `path` that fits into a socket's address, where it is too long itself: through the open folder.
std::string short_enough(const std::string& path) {
  if (path.size() <= links::Address::kPathBytes) return path;
  const fs::path file = path;
  // Stays open as long as the process: the name goes through it.
  const int folder = ::open(file.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return path;
  return "/proc/self/fd/" + std::to_string(folder) + "/" + file.filename().string();
}

/// Where the peer is asked: its socket, or what stands in its place if that lies elsewhere.
std::string socket_of(const std::string& folder) {
  const std::string usual = control_path_of(folder);
  std::error_code error;
  const fs::path elsewhere = fs::read_symlink(usual, error);
  return short_enough(error ? usual : elsewhere.string());
}

/// What says nothing of it changed nothing, or is on the disk.
bool is_durable(const Json& answer) {
  const Json* durable = answer.find("durable");
  return durable == nullptr || durable->as_bool() == nullptr || *durable->as_bool();
}

}  // namespace

Result<std::string> usual_store() {
  const char* named = std::getenv("WEFT_STORE");
  if (named != nullptr && *named != '\0') return std::string(named);
  if (is_store(".")) return std::string(".");
  return Error(ErrorCode::kNotFound,
               "no store is named, WEFT_STORE is not set and there is no store in this folder; "
               "name the store that the peer keeps");
}

std::string start_words(const std::string& folder) {
  return "`weft peer --store " + folder + "` starts one";
}

Result<PeerClient> PeerClient::connect(const std::string& folder, std::uint64_t timeout_ms) {
  const std::string socket = socket_of(folder);
  std::error_code error;
  // A peer whose store was taken away from under it still answers.
  if (!is_store(folder) && !fs::exists(fs::symlink_status(socket, error)))
    return Error(ErrorCode::kNotFound, "there is no store in " + folder + "; `weft peer --store " +
                                           folder + " --create` makes one and starts a peer on it");
  Result<LineClient> there = LineClient::connect(socket, timeout_ms);
  if (there.ok()) return PeerClient(folder, socket);
  if (there.error().code() != ErrorCode::kNotFound)
    return Error(there.error().code(), folder + ": " + there.error().context());
  return Error(ErrorCode::kNotFound,
               folder + ": no peer runs on this store; " + start_words(folder));
}

std::optional<PeerClient> PeerClient::try_connect(const std::string& folder) {
  Result<PeerClient> client = connect(folder);
  if (!client.ok()) return std::nullopt;
  return std::move(*client);
}

Status PeerClient::each(Json::Object request, std::uint64_t timeout_ms,
                        const std::function<Result<bool>(const Json&)>& take) {
  const auto about = [&](const Error& error) {
    return Error(error.code(), folder_ + ": " + error.context());
  };
  Result<LineClient> client = LineClient::connect(socket_);
  if (!client.ok()) return about(client.error());
  client->set_timeout(timeout_ms);
  if (Status sent = client->send(print_json(std::move(request))); !sent.ok())
    return about(sent.error());
  for (;;) {
    Result<std::optional<std::string>> line = client->next_line();
    if (!line.ok()) return about(line.error());
    if (!*line) return {};
    Result<Json> json = parse_json(**line);
    if (!json.ok()) return about(json.error());
    if (const std::optional<Error> said = read_error_json(*json)) return about(*said);
    WEFT_ASSIGN(const bool go_on, take(*json));
    if (!go_on) return {};
  }
}

Result<Json> PeerClient::ask_once(Json::Object request, std::uint64_t timeout_ms) {
  std::optional<Json> answer;
  WEFT_TRY(each(std::move(request), timeout_ms, [&](const Json& line) -> Result<bool> {
    if (const Json* result = line.find("result")) answer = *result;
    return false;
  }));
  if (answer) return std::move(*answer);
  return Error(ErrorCode::kIoError, folder_ + ": the peer went away without an answer");
}

Result<Json> PeerClient::ask(Json::Object request, std::uint64_t timeout_ms) {
  WEFT_ASSIGN(Json answer, ask_once(std::move(request), timeout_ms));
  if (is_durable(answer)) return answer;
  return not_durable(answer);
}

Result<Json> PeerClient::write(Json::Object request, Waiting waiting) {
  const bool waits = waiting == Waiting::kUntilDurable;
  request.emplace_back("wait_ms", static_cast<std::int64_t>(waits ? kDurableMs : 0));
  WEFT_ASSIGN(Json answer, ask_once(std::move(request), kWrittenMs));
  if (!waits || is_durable(answer)) return answer;
  return not_durable(answer);
}

Error PeerClient::not_durable(const Json& answer) const {
  const std::string document = text_in(answer, "document");
  return Error(ErrorCode::kDiskFull,
               folder_ + (document.empty() ? "" : ":" + document) +
                   ": is NOT on the disk: " + text_in(answer, "why") +
                   ". The running peer holds it in memory and writes it once it can; if it ends "
                   "before, it is lost. Make room; don't write it a second time: it is there as "
                   "soon as `weft peer health --store " +
                   folder_ + "` says that it is ready");
}

Result<StoreWriter> open_writer(const std::string& folder) {
  StoreWriter writer;
  Result<std::unique_ptr<LmdbStore>> store = open_store(folder, Access::kWrite);
  if (store.ok()) {
    writer.store = std::move(*store);
    return writer;
  }
  if (store.error().code() == ErrorCode::kInUse) writer.peer = PeerClient::try_connect(folder);
  if (!writer.peer) return store.take_error();
  return writer;
}

std::uint64_t number_in(const Json& answer, std::string_view key) {
  const Json* value = answer.find(key);
  const std::int64_t* number = value == nullptr ? nullptr : value->as_int();
  return number == nullptr || *number < 0 ? 0 : static_cast<std::uint64_t>(*number);
}

std::string text_in(const Json& answer, std::string_view key) {
  const Json* value = answer.find(key);
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr ? std::string() : *text;
}

const Json::Array& list_in(const Json& object, std::string_view key) {
  static const Json::Array kNone;
  const Json* value = object.find(key);
  const Json::Array* list = value == nullptr ? nullptr : value->as_array();
  return list == nullptr ? kNone : *list;
}

std::string pending_words(const Json& answer) {
  const auto words = [&](std::string_view key, std::string_view noun) {
    return counted(static_cast<std::size_t>(number_in(answer, key)), noun);
  };
  return words("pending_operations", "operation") + " in " +
         words("pending_documents", "document") + " at no other device, the oldest for " +
         duration_words(number_in(answer, "oldest_pending_ms"));
}

std::string durable_words(const Json& answer) {
  if (is_durable(answer)) return {};
  return "; not on the disk yet, the peer holds it in memory: " + text_in(answer, "why");
}

void add_no_wait_option(CLI::App& command, bool& no_wait) {
  command.add_flag("--no-wait", no_wait,
                   "Through a running peer: be done before it is on the disk, if need be");
}

void add_timeout_option(CLI::App& command, std::uint64_t& timeout_ms) {
  command
      .add_option_function<std::string>(
          "--timeout",
          [&timeout_ms](const std::string& text) {
            const Result<std::uint64_t> ms = parse_duration(text);
            if (!ms.ok() || *ms == 0)
              throw CLI::ValidationError("--timeout", "'" + text + "' is no time, as 5s or 200ms");
            timeout_ms = *ms;
          },
          "How long the peer may take to answer; else 5 s")
      ->type_name("TIME");
}

}  // namespace weft::cli
