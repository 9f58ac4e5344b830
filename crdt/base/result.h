#pragma once
// Result<T>: a value or an Error. The core throws nothing; every function that can fail for a reason
// outside our own code returns one of these.
//
// value() aborts where there is an error: for examples and tests. In crdt/, storage/, transport/ and peer/, where
// bytes of strangers come by, scripts/lint.sh refuses it: hand the error on (WEFT_TRY, WEFT_ASSIGN), look at
// ok() first and take *result, or say with proven() what rules an error out.
//
// An Error is one pointer (null = no error), so `Status` travels in a register-sized object and the
// successful path never touches the heap.

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "crdt/base/assert.h"

namespace weft {

/// What went wrong, by what the caller should do next. The numbers are fixed: they travel in logs.
enum class ErrorCode : std::uint16_t {
  kOk = 0,
  // The caller passed something that can't be: fix the call.
  kInvalidArgument = 1,    ///< an argument is outside its domain; the message names it
  kOutOfRange = 2,         ///< a position or index lies beyond the end
  kSplitsCharacter = 3,    ///< a position lies inside a UTF-8 sequence or a surrogate pair
  kInvalidUtf8 = 4,        ///< text that is not UTF-8
  kWrongKind = 5,          ///< the path or container is of another kind (map, list, text, counter)
  kNotFound = 6,           ///< no such path, key, element, document or version
  kReadOnly = 7,           ///< a checkout or view can't be edited; edit the live document
  kTransactionOpen = 8,    ///< finish (commit or drop) the open transaction first
  kTransactionFailed = 9,  ///< an earlier operation of this transaction failed; it was rolled back
  kTooLarge = 10,          ///< over a documented limit; split it up
  kNothingToUndo = 11,     ///< the undo or redo stack is empty
  // Bytes from outside are bad: drop them and report the sender.
  kCorrupt = 20,         ///< checksum or structure is wrong
  kNotCanonical = 21,    ///< decodes, but is not the one encoding that its content has
  kLimit = 22,           ///< a decoder limit was exceeded
  kUnknownVersion = 23,  ///< written by a newer weft: update
  kUnknownKind = 24,     ///< an operation kind this weft does not know: keep the bytes, update
  // A delta that decodes but says what can't be: its author lies or is broken.
  kInvalidDelta = 30,   ///< a dot outside its past, a false neighbour, a foreign revoke ...
  kForkedReplica = 31,  ///< one dot with two contents
  // Not now: come back with more.
  kMissingDependency = 40,  ///< a dependency is not known yet; the delta waits
  kNeedHistory = 41,        ///< the answer lies in history that is not held here: fetch it
  kBelowHorizon = 42,       ///< the delta does not contain the horizon
  kPendingFull = 43,        ///< the queue of waiting deltas is at its bound
  // The machine under a store.
  kDiskFull = 50,  ///< nothing was stored: make room, then try again
  kIoError = 51,   ///< the disk or the system refused; the message holds its words
  kInUse = 52,     ///< another process holds what was to be opened; the message names it
  kQuota = 53,    ///< the store may not grow further: compact it, evict documents, or allow it more
  kNotKept = 54,  ///< the document is evicted here: make it live first
};

const char* error_name(ErrorCode code);

/// Copyable only through clone(): errors are reported once.
class [[nodiscard]] Error {
 public:
  static constexpr std::uint64_t kNoOffset = ~std::uint64_t{0};

  Error() = default;
  Error(ErrorCode code, std::string context, std::uint64_t byte_offset = kNoOffset);

  explicit operator bool() const { return detail_ != nullptr; }
  ErrorCode code() const { return detail_ ? detail_->code : ErrorCode::kOk; }
  /// What is wrong, where, and what to do, in words.
  const std::string& context() const;
  /// Where in the input the fault lies; kNoOffset where there is no input.
  std::uint64_t byte_offset() const { return detail_ ? detail_->byte_offset : kNoOffset; }
  /// "corrupt at byte 17: ..."
  std::string message() const;
  Error clone() const;

 private:
  struct Detail {
    ErrorCode code;
    std::string context;
    std::uint64_t byte_offset;
  };
  std::unique_ptr<Detail> detail_;
};

[[noreturn]] void value_of_error(const Error& error);
[[noreturn]] void disproven(const char* why, const Error& error);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: conversion is the point
  Result(Error error) : error_(std::move(error)) {
    WEFT_ASSERT(static_cast<bool>(error_));
  }  // NOLINT

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return error_; }
  Error take_error() { return std::move(error_); }

  /// The value; aborts with the error's message where there is none.
  T& value() & {
    if (error_) value_of_error(error_);
    return *value_;
  }
  const T& value() const& {
    if (error_) value_of_error(error_);
    return *value_;
  }
  T value() && {
    if (error_) value_of_error(error_);
    return std::move(*value_);
  }
  /// The value, where an error is a bug of ours. `why` says what rules one out, and is printed where it did not.
  T proven(const char* why) && {
    if (error_) disproven(why, error_);
    return std::move(*value_);
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }

 private:
  std::optional<T> value_;
  Error error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: conversion is the point

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return error_; }
  Error take_error() { return std::move(error_); }
  void value() const {
    if (error_) value_of_error(error_);
  }
  void proven(const char* why) const {
    if (error_) disproven(why, error_);
  }

 private:
  Error error_;
};

using Status = Result<void>;

}  // namespace weft

#define WEFT_CONCAT_(a, b) a##b
#define WEFT_CONCAT(a, b) WEFT_CONCAT_(a, b)

// Names are numbered, so that both may stand in a lambda inside the expression of another.

/// Returns the error of `expression` (a Status or Result) from the enclosing function, if it has one.
#define WEFT_TRY(expression) WEFT_TRY_(WEFT_CONCAT(weft_status_, __COUNTER__), expression)
#define WEFT_TRY_(name, expression) \
  do {                              \
    auto name = (expression);       \
    if (!name.ok()) [[unlikely]]    \
      return name.take_error();     \
  } while (false)

/// `WEFT_ASSIGN(auto x, f());` is x = the value of f(), or returns f()'s error.
#define WEFT_ASSIGN(declaration, expression) \
  WEFT_ASSIGN_(WEFT_CONCAT(weft_result_, __COUNTER__), declaration, expression)
#define WEFT_ASSIGN_(name, declaration, expression) \
  auto name = (expression);                         \
  if (!name.ok()) [[unlikely]]                      \
    return name.take_error();                       \
  declaration = std::move(name).value()
