#include "bench/trace/trace_reader.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "bench/trace/iso_time.h"
#include "bench/trace/unpacked_file.h"
#include "crdt/base/utf8.h"
#include "crdt/document/json_text.h"

namespace weft::trace {
namespace {

constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();

std::string name_of(std::string_view path) {
  path = path.substr(path.find_last_of('/') + 1);
  if (path.ends_with(".gz")) path.remove_suffix(3);
  if (path.ends_with(".json")) path.remove_suffix(5);
  return std::string(path);
}

/// Builds a Trace from a JSON tree. Where it stands is kept as indices and only written out for an
/// error.
class TraceBuilder {
 public:
  explicit TraceBuilder(std::string name) { trace_.name = std::move(name); }

  Result<Trace> build(const Json& root) {
    if (!root.as_object()) return fault("expected an object");
    const Json* kind = root.find("kind");
    if (kind) {
      const std::string* text = kind->as_string();
      if (!text || (*text != "concurrent" && *text != "sequential")) {
        return fault("kind: expected \"concurrent\" or \"sequential\"");
      }
      trace_.concurrent = *text == "concurrent";
    }
    WEFT_TRY(read_text(root, "startContent", false, trace_.start_content));
    WEFT_TRY(read_text(root, "endContent", true, trace_.end_content));
    length_ = count_scalars(trace_.start_content);
    if (trace_.concurrent) WEFT_TRY(read_agent_count(root));
    const Json* txns = root.find("txns");
    if (!txns || !txns->as_array()) return fault("txns: expected an array");
    trace_.transactions.reserve(txns->as_array()->size());
    trace_.edits.reserve(txns->as_array()->size());
    txn_index_ = 0;
    for (const Json& txn : *txns->as_array()) {
      WEFT_TRY(read_transaction(txn));
      ++txn_index_;
    }
    txn_index_ = kNone;
    const std::size_t end_length = count_scalars(trace_.end_content);
    if (!trace_.concurrent && length_ != end_length) {
      return fault("the patches lead to a text of " + std::to_string(length_) +
                   " scalars, endContent has " + std::to_string(end_length));
    }
    return std::move(trace_);
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  Error fault(const std::string& what, ErrorCode code = ErrorCode::kCorrupt) const {
    std::string where = trace_.name + ": ";
    if (txn_index_ != kNone) {
      where += "txns[" + std::to_string(txn_index_) + "]";
      if (patch_index_ != kNone) where += ".patches[" + std::to_string(patch_index_) + "]";
      where += ": ";
    }
    return Error(code, where + what);
  }

  Status read_text(const Json& object, std::string_view key, bool required, std::string& out) {
    const Json* text = object.find(key);
    if (!text && !required) return {};
    if (!text || !text->as_string()) return fault(std::string(key) + ": expected a string");
    out = *text->as_string();
    return {};
  }

  /// A whole number from 0 to 2^32 - 1.
  Status read_number(const Json* json, const char* what, std::uint32_t& out) const {
    const std::int64_t* number = json ? json->as_int() : nullptr;
    if (!number || *number < 0) return fault(std::string(what) + ": expected a whole number >= 0");
    if (static_cast<std::uint64_t>(*number) > kMax32) {
      return fault(std::string(what) + ": over 2^32", ErrorCode::kTooLarge);
    }
    out = static_cast<std::uint32_t>(*number);
    return {};
  }

  Status read_agent_count(const Json& root) {
    const Json* count = root.find("numAgents");
    trace_.agent_count = 0;
    if (!count) return {};  // then as many as turn up
    WEFT_TRY(read_number(count, "numAgents", trace_.agent_count));
    agents_given_ = true;
    return {};
  }

  Status read_transaction(const Json& txn) {
    patch_index_ = kNone;
    if (!txn.as_object()) return fault("expected an object");
    std::uint64_t time_ms = 0;
    WEFT_TRY(read_time(txn.find("time"), time_ms));
    std::uint32_t agent = 0;
    if (trace_.concurrent) {
      WEFT_TRY(read_number(txn.find("agent"), "agent", agent));
      if (agents_given_ && agent >= trace_.agent_count) {
        return fault("agent " + std::to_string(agent) + " of " +
                     std::to_string(trace_.agent_count) + " (numAgents)");
      }
      if (!agents_given_) trace_.agent_count = std::max(trace_.agent_count, agent + 1);
    }
    trace_.begin_transaction(agent, time_ms);
    if (trace_.concurrent) WEFT_TRY(read_parents(txn.find("parents")));
    const Json* patches = txn.find("patches");
    if (!patches || !patches->as_array()) return fault("patches: expected an array");
    patch_index_ = 0;
    for (const Json& patch : *patches->as_array()) {
      WEFT_TRY(read_patch(patch));
      ++patch_index_;
    }
    return {};
  }

  Status read_time(const Json* time, std::uint64_t& out) {
    if (!time || time->is_null()) return {};
    if (const std::int64_t* number = time->as_int()) {
      out = *number < 0 ? 0 : static_cast<std::uint64_t>(*number);
      return {};
    }
    const std::string* text = time->as_string();
    if (!text) return fault("time: expected ISO 8601 or milliseconds");
    // Most transactions follow within the same millisecond or carry the same time again.
    if (*text != time_text_) {
      Result<std::uint64_t> parsed = parse_iso_time_ms(*text);
      if (!parsed.ok()) return fault("time: " + parsed.error().context());
      time_text_ = *text;
      time_ms_ = *parsed;
    }
    out = time_ms_;
    return {};
  }

  Status read_parents(const Json* parents) {
    if (!parents || !parents->as_array()) return fault("parents: expected an array");
    for (const Json& entry : *parents->as_array()) {
      std::uint32_t parent = 0;
      WEFT_TRY(read_number(&entry, "parents", parent));
      if (parent >= txn_index_) {
        return fault("parents: " + std::to_string(parent) + " does not come earlier");
      }
      trace_.add_parent(parent);
    }
    return {};
  }

  Status read_patch(const Json& patch) {
    const Json::Array* parts = patch.as_array();
    if (!parts || parts->size() != 3) return fault("expected [position, deleted, inserted]");
    std::uint32_t position = 0;
    std::uint32_t deleted = 0;
    WEFT_TRY(read_number(&(*parts)[0], "position", position));
    WEFT_TRY(read_number(&(*parts)[1], "deleted", deleted));
    const std::string* inserted = (*parts)[2].as_string();
    if (!inserted) return fault("inserted: expected a string");
    const std::size_t count = count_scalars(*inserted);
    if (!trace_.concurrent) {
      if (position > length_ || deleted > length_ - position) {
        return fault("erases " + std::to_string(deleted) + " at " + std::to_string(position) +
                         " of a text of " + std::to_string(length_) + " scalars",
                     ErrorCode::kOutOfRange);
      }
      length_ = length_ - deleted + count;
    }
    if (trace_.arena.size() + inserted->size() > kMax32 || trace_.edits.size() >= kMax32) {
      return fault("over 2^32 edits or bytes", ErrorCode::kTooLarge);
    }
    trace_.add_edit(position, deleted, *inserted, static_cast<std::uint32_t>(count));
    return {};
  }

  Trace trace_;
  bool agents_given_ = false;
  std::size_t txn_index_ = kNone;  ///< where it stands; kNone: outside of txns
  std::size_t patch_index_ = kNone;
  std::size_t length_ = 0;  ///< scalars, of a sequential trace's text so far
  std::string time_text_;
  std::uint64_t time_ms_ = 0;
};

}  // namespace

Result<Trace> parse_trace(std::string_view json, std::string name) {
  JsonLimits limits;
  limits.input_bytes = std::size_t{1} << 30;
  Result<Json> root = parse_json(json, limits);
  if (!root.ok()) {
    return Error(root.error().code(), name + ": " + root.error().context(),
                 root.error().byte_offset());
  }
  return TraceBuilder(std::move(name)).build(*root);
}

Result<Trace> read_trace(const std::string& path) {
  WEFT_ASSIGN(const std::string text, read_unpacked(path));
  WEFT_ASSIGN(Trace trace, parse_trace(text, path));
  trace.name = name_of(path);
  return trace;
}

}  // namespace weft::trace
