#include "crdt/base/result.h"

#include <cstdio>
#include <cstdlib>

namespace weft {

const char* error_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOk:
      return "ok";
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kOutOfRange:
      return "out of range";
    case ErrorCode::kSplitsCharacter:
      return "position splits a character";
    case ErrorCode::kInvalidUtf8:
      return "invalid UTF-8";
    case ErrorCode::kWrongKind:
      return "wrong kind";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kReadOnly:
      return "read only";
    case ErrorCode::kTransactionOpen:
      return "transaction open";
    case ErrorCode::kTransactionFailed:
      return "transaction failed";
    case ErrorCode::kTooLarge:
      return "too large";
    case ErrorCode::kNothingToUndo:
      return "nothing to undo";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kNotCanonical:
      return "not canonical";
    case ErrorCode::kLimit:
      return "limit exceeded";
    case ErrorCode::kUnknownVersion:
      return "unknown version";
    case ErrorCode::kUnknownKind:
      return "unknown operation kind";
    case ErrorCode::kInvalidDelta:
      return "invalid delta";
    case ErrorCode::kForkedReplica:
      return "forked replica";
    case ErrorCode::kMissingDependency:
      return "missing dependency";
    case ErrorCode::kNeedHistory:
      return "history needed";
    case ErrorCode::kBelowHorizon:
      return "below the horizon";
    case ErrorCode::kPendingFull:
      return "pending queue full";
    case ErrorCode::kDiskFull:
      return "disk full";
    case ErrorCode::kIoError:
      return "i/o error";
    case ErrorCode::kInUse:
      return "in use";
    case ErrorCode::kQuota:
      return "over quota";
    case ErrorCode::kNotKept:
      return "not kept";
  }
  return "error";
}

Error::Error(ErrorCode code, std::string context, std::uint64_t byte_offset)
    : detail_(std::make_unique<Detail>(Detail{code, std::move(context), byte_offset})) {}

const std::string& Error::context() const {
  static const std::string kEmpty;
  return detail_ ? detail_->context : kEmpty;
}

std::string Error::message() const {
  std::string text = error_name(code());
  if (byte_offset() != kNoOffset) text += " at byte " + std::to_string(byte_offset());
  if (detail_ && !detail_->context.empty()) text += ": " + detail_->context;
  return text;
}

Error Error::clone() const {
  if (!detail_) return Error();
  return Error(detail_->code, detail_->context, detail_->byte_offset);
}

void value_of_error(const Error& error) {
  std::fprintf(stderr, "weft: value() of an error: %s\n", error.message().c_str());
  std::abort();
}

void disproven(const char* why, const Error& error) {
  std::fprintf(stderr, "weft: there is an error although %s: %s\n", why, error.message().c_str());
  std::abort();
}

}  // namespace weft
