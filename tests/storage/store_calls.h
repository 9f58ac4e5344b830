#pragma once
// What tests of stores ask and do, with failures that are doctest's.

#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "storage/store.h"
#include "tests/storage/store_contract.h"

namespace weft::test {

struct Kept {
  LogPosition position;
  RecordHead head;
  Bytes payload;
};

inline std::vector<Kept> scan_all(const Store& store, LogPosition from = 1) {
  std::vector<Kept> result;
  Status status = store.scan(from, [&](const RecordView& record) {
    result.push_back(
        {record.position, record, Bytes(record.payload.begin(), record.payload.end())});
    return true;
  });
  REQUIRE_MESSAGE(status.ok(), status.error().message());
  return result;
}

inline std::vector<Kept> scan_document(const Store& store, std::uint8_t document,
                                       const VersionVector& since) {
  DocumentId id;
  id.bytes.fill(document);
  std::vector<Kept> result;
  Status status = store.scan_document(id, since, [&](const RecordView& record) {
    result.push_back(
        {record.position, record, Bytes(record.payload.begin(), record.payload.end())});
    return true;
  });
  REQUIRE_MESSAGE(status.ok(), status.error().message());
  return result;
}

inline void append(Store& store, const std::vector<SampleRecord>& records) {
  auto result = store.append(views(records));
  REQUIRE_MESSAGE(result.ok(), result.error().message());
}

inline DocumentId document_of(std::uint8_t number) {
  DocumentId id;
  id.bytes.fill(number);
  return id;
}

inline DocumentUsage usage_of(const Store& store, std::uint8_t number) {
  auto usage = store.document(document_of(number));
  REQUIRE(usage.ok());
  REQUIRE(usage->has_value());
  return **usage;
}

inline VersionVector version_of(std::initializer_list<std::pair<std::uint64_t, Seq>> ends) {
  VersionVector version;
  for (const auto& [replica, end] : ends) version.set({replica}, end);
  return version;
}

/// Checks that hold now and after the store was opened again, if it can be.
inline void now_and_later(const Workshop& shop, std::shared_ptr<Store>& store,
                          const std::function<void(Store&)>& check) {
  check(*store);
  if (!shop.is_durable) return;
  store.reset();
  store = shop.open();
  check(*store);
}

}  // namespace weft::test
