#pragma once
// The document that the archives of older versions in this folder hold, and files.

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "crdt/base/checksum.h"
#include "storage/archive/archive.h"
#include "storage/archive/transfer.h"
#include "tests/crdt/document/replicas.h"

namespace weft::test {

inline DocumentOptions options_of(std::uint64_t replica, std::uint8_t id = 0) {
  DocumentOptions options;
  options.replica = {replica};
  options.id.bytes.fill(id);
  return options;
}

inline void commit(Document& document, std::string message, auto&& body) {
  TransactionOptions options;
  options.message = std::move(message);
  auto made = document.transact(std::move(options), body);
  REQUIRE_MESSAGE(made.ok(), made.error().message());
}

/// Two replicas' edits of every kind of container, some at the same time. Never to be changed: old archives
/// hold it.
inline Document sample_document(std::uint8_t id = 0xa5) {
  DocumentOptions options = options_of(0xa11ce, id);
  auto clock = std::make_shared<std::uint64_t>(1'700'000'000'000);
  options.now_ms = [clock] { return *clock += 1000; };
  Document a = Document::create(std::move(options));
  commit(a, "first", [](Transaction& tx) -> Status {
    MapEdit cpu = tx.root().ensure_map("panels").ensure_map("cpu");
    WEFT_TRY(cpu.set("title", "CPU"));
    WEFT_TRY(cpu.set("grid", Record{{"x", 0}, {"y", 0}, {"w", 12}, {"h", 8}}));
    ListEdit tags = tx.root().ensure_list("tags");
    WEFT_TRY(tags.insert(0, "linux"));
    WEFT_TRY(tags.insert(1, 2.5));
    WEFT_TRY(tx.root().ensure_counter("views").add(3));
    return tx.root().ensure_text("notes").insert(scalar(0), "Look at node 7.\n");
  });
  Document b = a.fork({0xb0b});
  commit(a, "<a> & \"b\"\n\tline two \x01 \xc3\xa9", [](Transaction& tx) -> Status {
    WEFT_TRY(tx.map("/panels/cpu")->set("title", "CPU load"));
    WEFT_TRY(tx.counter("/views")->add(-1));
    return tx.text("/notes")->insert(scalar(0), "First: ");
  });
  commit(b, "", [](Transaction& tx) -> Status {
    WEFT_TRY(tx.map("/panels/cpu")->set("title", "CPU busy"));
    WEFT_TRY(tx.list("/tags")->erase(0, 1));
    return tx.text("/notes")->erase(scalar(0), 5);
  });
  exchange(a, b);
  commit(b, " spaces ", [](Transaction& tx) { return tx.root().set("done", true); });
  exchange(a, b);
  return a;
}

inline constexpr const char* kSampleContent =
    R"({"done":true,"notes":"First: at node 7.\n",)"
    R"("panels":{"cpu":{"grid":{"h":8,"w":12,"x":0,"y":0},"title":"CPU busy"}},)"
    R"("tags":[2.5],"views":2})";

inline Archive sample_archive() {
  Archive archive;
  archive.origin = {0xe90c'0000'0000'0001, {0x5707e}};
  archive.documents.push_back(archive_document(sample_document()).value());
  return archive;
}

/// The same, of a document that was deleted by somebody who had not seen all of it. Never to be changed either.
inline Archive sample_archive_with_deletion() {
  Archive archive = sample_archive();
  Deletion& deletion = archive.documents[0].deletion;
  deletion.raise({0xb0b}, 3, 0);
  deletion.raise({0xa11ce}, 12, 0xc4a1'9123);
  deletion.set_void({0xb0b});
  deletion.set_author({0xb0b}, 1'700'000'009'000);
  return archive;
}

/// A first line for any body, written by hand.
inline Bytes sealed(const std::string& format, std::string_view body) {
  std::string file = "weft-archive 1 " + format + " " +
                     to_string(ReplicaId{xxh3_64(as_bytes(body))}) + " " +
                     std::to_string(body.size()) + "\n" + std::string(body);
  return Bytes(as_bytes(file).begin(), as_bytes(file).end());
}

inline std::string body_of(const Bytes& file) {
  std::string_view text = as_text(file);
  return std::string(text.substr(text.find('\n') + 1));
}

inline Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  return Bytes(as_bytes(text).begin(), as_bytes(text).end());
}

}  // namespace weft::test
