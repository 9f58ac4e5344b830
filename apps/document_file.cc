#include "apps/document_file.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>

#include "apps/terminal.h"
#include "crdt/base/utf8.h"
#include "crdt/clock/release.h"
#include "crdt/document/json_text.h"
#include "storage/codec/zstd_codec.h"

namespace weft::cli {
namespace {

std::uint64_t random_64() {
  static std::random_device device;
  std::uint64_t high = device();
  return high << 32 | device();
}

std::uint64_t now_ms() {
  auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
  return static_cast<std::uint64_t>(std::max<decltype(ms)>(ms, 0));
}

/// "3:14": line and column, from 1, as editors show them.
std::string place_in(std::string_view text, std::uint64_t offset) {
  std::string_view before = text.substr(0, static_cast<std::size_t>(offset));
  auto lines = std::count(before.begin(), before.end(), '\n');
  std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  std::size_t column = count_scalars(before.substr(line_begin));
  return std::to_string(lines + 1) + ":" + std::to_string(column + 1);
}

/// Every key that an object has more than once: the last value is taken, as everywhere.
void warn_of_repeated(const std::string& name, std::string_view text, const JsonNotes& notes,
                      std::vector<std::string>* warnings) {
  const auto warn = [&](std::string words) {
    print_error("warning: " + words);
    if (warnings != nullptr) warnings->push_back(std::move(words));
  };
  for (const RepeatedKey& each : notes.repeated)
    warn(name + ":" + place_in(text, each.offset) + ": " + each.path +
         " stands there more than once; the last value is taken");
  if (notes.repeated_count > notes.repeated.size())
    warn(name + ": " + std::to_string(notes.repeated_count - notes.repeated.size()) +
         " more keys stand there more than once");
}

}  // namespace

Error about(const std::string& name, const Error& error) {
  return Error(error.code(), name + ": " + error.message());
}

DocumentOptions process_options() {
  static const ZstdCompressor compressor;
  DocumentOptions options;
  options.replica = device_replica(random_64());
  options.now_ms = now_ms;
  options.clock_floor_ms = kReleasedMs;
  options.compressor = &compressor;
  return options;
}

Result<Document> open_document(const std::string& file) {
  WEFT_ASSIGN(Bytes bytes, read_file(file));
  return document_of(file, bytes);
}

Result<Document> document_of(const std::string& file, ByteSpan bytes) {
  auto document = Document::open_file(bytes, process_options());
  if (!document.ok()) {
    const Error& error = document.error();
    std::string what = file + ": " + error.message();
    if (error.code() == ErrorCode::kCorrupt)
      what += "; is it a document file? `weft doc new` makes one";
    return Error(error.code(), std::move(what));
  }
  return document;
}

Status save_document(const std::string& file, const Document& document, Existing existing) {
  auto history = document.export_history();
  if (history.ok()) return write_output(file, *history, existing);
  if (history.error().code() == ErrorCode::kNeedHistory)
    return write_output(file, document.snapshot(), existing);
  return about(file, history.error());
}

Result<Json> read_json(const std::string& file, const std::string& called,
                       std::vector<std::string>* warnings) {
  WEFT_ASSIGN(Bytes bytes, read_file(file));
  std::string_view text = as_text(bytes);
  JsonNotes notes;
  auto json = parse_json(text, {}, &notes);
  std::string name = !called.empty() ? called : file == "-" ? "standard input" : file;
  if (json.ok()) {
    warn_of_repeated(name, text, notes, warnings);
    return json;
  }
  const Error& error = json.error();
  if (error.byte_offset() != Error::kNoOffset) name += ":" + place_in(text, error.byte_offset());
  const char* const what = error.code() == ErrorCode::kCorrupt ? ": is no JSON: " : ": ";
  return Error(error.code(), name + what + error.context());
}

void add_warnings(Json::Object& line, const std::vector<std::string>& warnings) {
  if (warnings.empty()) return;
  line.emplace_back("warnings", Json::Array(warnings.begin(), warnings.end()));
}

Result<VersionVector> version_of(const Document& document, const std::string& text) {
  if (text == "now") return document.version();
  std::string_view number = text;
  if (number.starts_with('#')) number.remove_prefix(1);
  std::size_t count = 0;
  auto parsed = std::from_chars(number.data(), number.data() + number.size(), count);
  if (!number.empty() && parsed.ec == std::errc() && parsed.ptr == number.data() + number.size()) {
    std::vector<DeltaInfo> log = document.log();
    if (count > log.size())
      return Error(ErrorCode::kNotFound, "the log has only " + std::to_string(log.size()) +
                                             " deltas, so there is no version #" +
                                             std::to_string(count));
    VersionVector version = document.base();
    for (std::size_t i = 0; i < count; ++i)
      version.raise(log[i].first.replica, log[i].first.seq + log[i].op_count);
    return version;
  }
  auto version = VersionVector::parse(text);
  if (!version.ok() || text.empty())
    throw CLI::ValidationError(
        "VERSION",
        "'" + text +
            "' is no version; write now, the number of the last delta in `weft doc log`, "
            "or replica:end,replica:end");
  return version;
}

}  // namespace weft::cli
