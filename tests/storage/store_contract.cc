#include "tests/storage/store_contract.h"

#include <algorithm>
#include <map>
#include <thread>

#include <doctest/doctest.h>

#include "tests/storage/store_calls.h"
#include "tests/support/random.h"

namespace weft::test {

SampleRecord sample(std::uint8_t document, std::uint64_t replica, Seq first, Seq count,
                    std::size_t payload_bytes) {
  SampleRecord record;
  record.head.document.bytes.fill(document);
  record.head.replica = {replica};
  record.head.first_seq = first;
  record.head.op_count = count;
  record.payload.resize(payload_bytes);
  for (std::size_t i = 0; i < payload_bytes; ++i)
    record.payload[i] = static_cast<std::byte>((document * 31 + replica * 7 + first + i) & 0xff);
  return record;
}

std::vector<NewRecord> views(const std::vector<SampleRecord>& records) {
  std::vector<NewRecord> result;
  for (const SampleRecord& record : records) result.push_back(record.view());
  return result;
}

namespace {

void keeps_records_in_order(Workshop shop) {
  auto store = shop.open();
  std::vector<SampleRecord> records{sample(1, 7, 0, 3), sample(2, 7, 0, 1, 0),
                                    sample(1, 8, 0, 2, 5000)};
  auto result = store->append(views(records));
  REQUIRE(result.ok());
  CHECK(result->first == 1);
  CHECK(result->known == 0);
  std::vector<Kept> kept = scan_all(*store);
  REQUIRE(kept.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(kept[i].position == i + 1);
    CHECK(kept[i].head == records[i].head);
    CHECK(kept[i].payload == records[i].payload);
  }
  CHECK(store->info().end == 4);
  CHECK(store->info().records == 3);
  CHECK(store->info().payload_bytes == 5020);
  CHECK(scan_all(*store, 3).size() == 1);
  CHECK(scan_all(*store, 4).empty());
  int seen = 0;
  CHECK(store->scan(1, [&](const RecordView&) { return ++seen < 2; }).ok());
  CHECK(seen == 2);
}

void keeps_what_it_has_acknowledged(Workshop shop) {
  std::uint64_t epoch = 0;
  {
    auto store = shop.open();
    epoch = store->info().epoch;
    append(*store, {sample(1, 7, 0, 3), sample(1, 7, 3, 1)});
    append(*store, {sample(1, 9, 0, 1)});
  }
  auto store = shop.open();
  CHECK(store->info().epoch == epoch);
  CHECK(store->info().end == 4);
  CHECK(scan_all(*store).size() == 3);
  append(*store, {sample(1, 9, 1, 1)});
  CHECK(scan_all(*store).back().position == 4);
}

void stores_an_operation_once(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3), sample(1, 7, 3, 2)});
  auto again = store->append(views({sample(1, 7, 3, 2), sample(1, 7, 1, 3), sample(1, 7, 5, 1)}));
  REQUIRE(again.ok());
  CHECK(again->known == 2);
  CHECK(again->first == 3);
  auto known = store->append(views({sample(1, 7, 0, 6)}));
  REQUIRE(known.ok());
  CHECK(known->first == 0);
  CHECK(scan_all(*store).size() == 3);
  auto twice = store->append(views({sample(4, 7, 0, 2), sample(4, 7, 0, 2)}));
  REQUIRE(twice.ok());
  CHECK(twice->known == 1);
}

void refuses_a_batch_whole(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3)});
  auto overlap = store->append(views({sample(1, 8, 0, 1), sample(1, 7, 2, 2)}));
  REQUIRE(!overlap.ok());
  CHECK(overlap.error().code() == ErrorCode::kForkedReplica);
  auto nothing = store->append(views({sample(1, 8, 0, 1), sample(1, 7, 9, 0)}));
  REQUIRE(!nothing.ok());
  CHECK(nothing.error().code() == ErrorCode::kInvalidArgument);
  auto far = store->append(views({sample(1, 8, kMaxSeq, 2)}));
  CHECK(far.error().code() == ErrorCode::kInvalidArgument);
  CHECK(scan_all(*store).size() == 1);
  CHECK(store->info().end == 2);
  append(*store, {sample(1, 8, 0, 1)});
  CHECK(scan_all(*store).back().position == 2);
}

void finds_what_a_reader_lacks(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3), sample(2, 7, 0, 1), sample(1, 8, 0, 2)});
  append(*store, {sample(1, 7, 3, 2), sample(1, 8, 4, 1)});  // of 8 the middle is missing
  VersionVector since;
  CHECK(scan_document(*store, 1, since).size() == 4);
  since.set({7}, 3);
  std::vector<Kept> kept = scan_document(*store, 1, since);
  REQUIRE(kept.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(kept[i].position == i + 3);  // in the order of arrival
  since.set({7}, 4);  // in the middle of a record: it is needed
  CHECK(scan_document(*store, 1, since).size() == 3);
  since.set({7}, 5);
  CHECK(scan_document(*store, 1, since).size() == 2);
  CHECK(scan_document(*store, 3, {}).empty());
  std::vector<DocumentUsage> documents = store->documents().value();
  REQUIRE(documents.size() == 2);
  CHECK(documents[0].version.end({7}) == 5);
  CHECK(documents[0].version.end({8}) == 2);
  CHECK(documents[0].records == 4);
  CHECK(documents[1].history_bytes == 20);
}

void own_deltas_leave_no_gap(Workshop shop) {
  auto store = shop.open();
  const std::uint64_t own = store->info().replica.value;
  CHECK(store->append(views({sample(1, own, 1, 1)})).error().code() == ErrorCode::kInvalidArgument);
  append(*store, {sample(1, own, 0, 1), sample(1, own, 1, 2)});
  CHECK(store->append(views({sample(1, own, 4, 1)})).error().code() == ErrorCode::kInvalidArgument);
  append(*store, {sample(1, own, 3, 1), sample(2, own, 0, 1)});
  append(*store, {sample(1, 9, 5, 1)});  // others' may come in any order
}

void seals_records_into_a_bundle(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3, 100), sample(1, 8, 0, 1, 50), sample(1, 7, 3, 2, 100)});
  append(*store, {sample(1, 7, 5, 1, 100)});
  SampleRecord bundle = sample(1, 7, 0, 5, 120);
  bundle.head.kind = RecordKind::kBundle;
  SampleRecord beside = sample(1, 7, 0, 4, 120);
  CHECK(store->seal(beside.view()).error().code() == ErrorCode::kInvalidArgument);
  Status sealed = store->seal(bundle.view());
  REQUIRE_MESSAGE(sealed.ok(), sealed.error().message());
  now_and_later(shop, store, [&](Store& now) {
    std::vector<Kept> kept = scan_all(now);
    REQUIRE(kept.size() == 3);
    CHECK(kept[0].position == 2);
    CHECK(kept[1].position == 3);  // of the last that was sealed
    CHECK(kept[1].head == bundle.head);
    CHECK(kept[1].payload == bundle.payload);
    CHECK(kept[2].position == 4);
    DocumentUsage usage = usage_of(now, 1);
    CHECK(usage.version == version_of({{7, 6}, {8, 1}}));
    CHECK(usage.records == 3);
    CHECK(usage.history_bytes == 270);
    CHECK(now.info().records == 3);
    CHECK(now.info().payload_bytes == 270);
    CHECK(scan_document(now, 1, version_of({{7, 5}})).size() == 2);
    CHECK(scan_document(now, 1, version_of({{7, 4}, {8, 1}})).size() == 2);
    CHECK(now.verify()->empty());
  });
  append(*store, {sample(1, 7, 6, 1)});
  CHECK(scan_all(*store).back().position == 5);
}

void gives_up_what_is_evicted(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3), sample(2, 7, 0, 1)});
  REQUIRE(store->put_state(document_of(1), {version_of({{7, 3}}), Bytes(10)}, 4).ok());
  REQUIRE(store->set_status(document_of(1), DocumentStatus::kEvicted).ok());
  now_and_later(shop, store, [](Store& now) {
    CHECK(usage_of(now, 1).status == DocumentStatus::kEvicted);
    CHECK(usage_of(now, 1).records == 0);
    CHECK(now.version(document_of(1)).empty());
    CHECK(!now.state(document_of(1)));
    CHECK(scan_document(now, 1, {}).empty());
    CHECK(now.append(views({sample(1, 7, 3, 1)})).error().code() == ErrorCode::kNotKept);
    CHECK(now.info().records == 1);
    std::vector<Kept> kept = scan_all(now);
    REQUIRE(kept.size() == 2);
    CHECK(kept[1].head.kind == RecordKind::kMark);
  });
  REQUIRE(store->set_status(document_of(1), DocumentStatus::kLive).ok());
  append(*store, {sample(1, 7, 0, 3)});
  now_and_later(shop, store, [](Store& now) {
    CHECK(usage_of(now, 1).status == DocumentStatus::kLive);
    CHECK(now.version(document_of(1)) == version_of({{7, 3}}));
  });
}

/// Found by the simulator: its dots began at 0 again, while others had others under them.
void writes_as_another_where_it_begins_anew(Workshop shop) {
  auto store = shop.open();
  const ReplicaId own = store->info().replica;
  append(*store, {sample(1, own.value, 0, 3), sample(2, 8, 0, 1)});
  REQUIRE(store->set_status(document_of(2), DocumentStatus::kEvicted).ok());
  REQUIRE(store->set_status(document_of(2), DocumentStatus::kLive).ok());
  CHECK(store->info().replica == own);  // it had not written there
  REQUIRE(store->set_status(document_of(1), DocumentStatus::kEvicted).ok());
  CHECK(store->info().replica == own);
  CHECK(usage_of(*store, 1).version.end(own) == 3);
  REQUIRE(store->set_status(document_of(1), DocumentStatus::kLive).ok());
  const ReplicaId now = store->info().replica;
  CHECK_FALSE(now == own);
  append(*store, {sample(1, now.value, 0, 2), sample(1, own.value, 0, 3)});
  CHECK(store->version(document_of(1)).end(own) == 3);
}

Deletion deletion_of(std::initializer_list<Deletion::Entry> entries, std::uint64_t by,
                     std::uint64_t at_ms) {
  Deletion deletion;
  for (const Deletion::Entry& entry : entries)
    deletion.raise(entry.replica, entry.end, entry.chain);
  deletion.set_author({by}, at_ms);
  return deletion;
}

/// Retention time, day by day.
void age(Store& store, std::uint64_t& wall_ms, int days) {
  for (int day = 0; day < days; ++day)
    REQUIRE(store.note_time(wall_ms += kRetentionStepMaxMs).ok());
}

void keeps_what_is_in_the_trash(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3)});
  REQUIRE(store->mark_deleted(document_of(1), deletion_of({{{7}, 3, 77}}, 9, 1000)).ok());
  CHECK(store->set_status(document_of(1), DocumentStatus::kEvicted).error().code() ==
        ErrorCode::kInvalidArgument);
  CHECK(store->set_status(document_of(1), DocumentStatus::kLive).error().code() ==
        ErrorCode::kInvalidArgument);
  CHECK(store->set_status(document_of(1), DocumentStatus::kPurged).error().code() ==
        ErrorCode::kInvalidArgument);
  now_and_later(shop, store, [](Store& now) {
    const DocumentUsage usage = usage_of(now, 1);
    CHECK(usage.status == DocumentStatus::kDeleted);
    CHECK(usage.version == version_of({{7, 3}}));
    CHECK(usage.deletion == deletion_of({{{7}, 3, 77}}, 9, 1000));
    CHECK(usage.records == 1);
    CHECK(scan_document(now, 1, {}).size() == 1);
    CHECK(now.info().records == 1);
  });
}

void does_not_delete_what_a_deletion_has_not_seen(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3)});
  REQUIRE(store->mark_deleted(document_of(1), deletion_of({{{7}, 3, 77}}, 9, 1000)).ok());
  append(*store, {sample(1, 7, 3, 1), sample(1, 8, 0, 1)});
  now_and_later(shop, store, [](Store& now) {
    CHECK(usage_of(now, 1).status == DocumentStatus::kLive);
    CHECK(usage_of(now, 1).deletion.end({7}) == 3);
    CHECK(now.purge(document_of(1)).error().code() == ErrorCode::kInvalidArgument);
  });
  // Let go: a deletion that has seen it. They are merged by maximum.
  REQUIRE(store->mark_deleted(document_of(1), deletion_of({{{8}, 1, 5}}, 9, 3000)).ok());
  REQUIRE(store->mark_deleted(document_of(1), deletion_of({{{7}, 4, 0}}, 8, 2000)).ok());
  REQUIRE(store->mark_deleted(document_of(1), deletion_of({{{7}, 2, 1}}, 8, 100)).ok());
  now_and_later(shop, store, [](Store& now) {
    CHECK(usage_of(now, 1).status == DocumentStatus::kDeleted);
    CHECK(usage_of(now, 1).deletion == deletion_of({{{7}, 4, 0}, {{8}, 1, 5}}, 9, 3000));
  });
}

void takes_a_void_entry_for_nothing(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3)});
  Deletion deletion = deletion_of({{{7}, 3, 77}}, 9, 1000);
  REQUIRE(store->mark_deleted(document_of(1), deletion).ok());
  deletion.set_void({7});
  REQUIRE(store->mark_deleted(document_of(1), deletion).ok());
  now_and_later(shop, store, [](Store& now) {
    CHECK(usage_of(now, 1).status == DocumentStatus::kLive);
    CHECK(usage_of(now, 1).deletion.entries().front().is_void);
  });
  // Another entry of that replica counts again.
  REQUIRE(store->mark_deleted(document_of(1), deletion_of({{{7}, 4, 1}}, 9, 2000)).ok());
  CHECK(usage_of(*store, 1).status == DocumentStatus::kDeleted);
}

void purges_when_the_time_has_run(Workshop shop) {
  auto store = shop.open();
  std::uint64_t wall_ms = 1'700'000'000'000;
  REQUIRE(store->note_time(wall_ms).ok());
  append(*store, {sample(1, 7, 0, 3), sample(2, 7, 0, 1)});
  REQUIRE(store->mark_deleted(document_of(1), deletion_of({{{7}, 3, 77}}, 9, 1000)).ok());
  age(*store, wall_ms, 29);
  CHECK(store->purge(document_of(1)).error().code() == ErrorCode::kInvalidArgument);
  CHECK(store->purge(document_of(2)).error().code() == ErrorCode::kInvalidArgument);
  age(*store, wall_ms, 1);
  REQUIRE(store->purge(document_of(1)).ok());
  now_and_later(shop, store, [](Store& now) {
    const DocumentUsage usage = usage_of(now, 1);
    CHECK(usage.status == DocumentStatus::kPurged);
    CHECK(usage.version == version_of({{7, 3}}));  // what it had
    CHECK(usage.deletion.end({7}) == 3);
    CHECK(scan_document(now, 1, {}).empty());
    CHECK(now.info().records == 1);
    auto late = now.append(views({sample(1, 7, 3, 1, 40)}));
    REQUIRE(late.ok());
    CHECK(late->late == 1);
    REQUIRE(now.late_records().size() == 1);
    CHECK(now.late_records()[0].first_seq == 3);
  });
  // Kept again it is empty and still deleted, and its time begins anew.
  REQUIRE(store->set_status(document_of(1), DocumentStatus::kLive).ok());
  append(*store, {sample(1, 7, 0, 3)});
  now_and_later(shop, store, [](Store& now) {
    CHECK(usage_of(now, 1).status == DocumentStatus::kDeleted);
    CHECK(now.purge(document_of(1)).error().code() == ErrorCode::kInvalidArgument);
  });
}

/// A clock that jumps to 2038, and back, is a day.
void does_not_hurry_with_a_clock_that_jumps(Workshop shop) {
  auto store = shop.open();
  std::uint64_t wall_ms = 1'700'000'000'000;
  REQUIRE(store->note_time(wall_ms).ok());
  append(*store, {sample(1, 7, 0, 3)});
  REQUIRE(store->mark_deleted(document_of(1), deletion_of({{{7}, 3, 77}}, 9, 1000)).ok());
  REQUIRE(store->note_time(2'145'916'800'000).ok());
  CHECK(store->info().retained_ms <= kRetentionStepMaxMs);
  REQUIRE(store->note_time(2'145'916'800'000).ok());
  REQUIRE(store->note_time(wall_ms).ok());
  now_and_later(shop, store, [](Store& now) {
    CHECK(now.info().retained_ms == kRetentionStepMaxMs);
    CHECK(now.purge(document_of(1)).error().code() == ErrorCode::kInvalidArgument);
  });
}

void writes_as_another_in_what_it_had_purged(Workshop shop) {
  auto store = shop.open();
  std::uint64_t wall_ms = 1'700'000'000'000;
  REQUIRE(store->note_time(wall_ms).ok());
  const ReplicaId own = store->info().replica;
  append(*store, {sample(1, own.value, 0, 3)});
  REQUIRE(store->set_status(document_of(1), DocumentStatus::kDeleted).ok());
  age(*store, wall_ms, 30);
  REQUIRE(store->purge(document_of(1)).ok());
  CHECK(store->info().replica == own);
  REQUIRE(store->set_status(document_of(1), DocumentStatus::kLive).ok());
  CHECK_FALSE(store->info().replica == own);
}

void keeps_a_state_instead_of_what_is_trimmed(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3, 100), sample(1, 8, 0, 2, 100), sample(1, 7, 3, 2, 100)});
  const VersionVector horizon = version_of({{7, 4}, {8, 2}});  // in the middle of the last record
  CHECK(store->trim(document_of(1), {version_of({{7, 6}}), Bytes(9)}).error().code() ==
        ErrorCode::kInvalidArgument);
  Status trimmed = store->trim(document_of(1), {horizon, Bytes(30, std::byte{5})});
  REQUIRE_MESSAGE(trimmed.ok(), trimmed.error().message());
  CHECK(store->trim(document_of(1), {version_of({{7, 3}}), Bytes(9)}).error().code() ==
        ErrorCode::kInvalidArgument);
  append(*store, {sample(1, 8, 2, 1, 100)});
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == version_of({{7, 5}, {8, 3}}));
    CHECK(usage_of(now, 1).base == horizon);
    CHECK(usage_of(now, 1).records == 3);
    std::vector<Kept> kept = scan_document(now, 1, {});
    REQUIRE(kept.size() == 3);
    CHECK(kept[0].head.kind == RecordKind::kState);
    auto state = read_state_payload(kept[0].payload);
    REQUIRE(state.ok());
    CHECK(state->version == horizon);
    CHECK(Bytes(state->snapshot.begin(), state->snapshot.end()) == Bytes(30, std::byte{5}));
    CHECK(kept[1].head.first_seq == 3);
    CHECK(kept[2].head.replica == ReplicaId{8});
    CHECK(scan_document(now, 1, horizon).size() == 2);
    auto known = now.append(views({sample(1, 7, 0, 3, 100)}));
    REQUIRE(known.ok());
    CHECK(known->known == 1);
    CHECK(now.verify()->empty());
  });
  REQUIRE(store->trim(document_of(1), {version_of({{7, 5}, {8, 3}}), Bytes(20)}).ok());
  now_and_later(shop, store, [](Store& now) {
    CHECK(scan_all(now).size() == 1);
    CHECK(usage_of(now, 1).records == 1);
  });
}

void keeps_states_beside_the_log(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3), sample(2, 7, 0, 1)});
  CHECK(!store->state(document_of(1)));
  CHECK(store->put_state(document_of(1), {version_of({{7, 4}}), Bytes(10)}, 4).error().code() ==
        ErrorCode::kInvalidArgument);
  CHECK(store->put_state(document_of(1), {version_of({{7, 3}}), Bytes(10)}, 11).error().code() ==
        ErrorCode::kInvalidArgument);
  for (std::size_t size : {std::size_t{10}, std::size_t{3'000'000}, std::size_t{70'000}}) {
    Bytes snapshot(size);
    for (std::size_t i = 0; i < size; ++i) snapshot[i] = static_cast<std::byte>(i * i >> 3);
    REQUIRE(store->put_state(document_of(1), {version_of({{7, 2}}), snapshot}, 4).ok());
    now_and_later(shop, store, [&](Store& now) {
      auto state = now.state(document_of(1));
      REQUIRE(state);
      CHECK(state->version == version_of({{7, 2}}));
      CHECK(state->snapshot == snapshot);
      CHECK(!now.state(document_of(2)));
    });
  }
  REQUIRE(store->flush().ok());
  now_and_later(shop, store, [](Store& now) { CHECK(now.state(document_of(1))); });
  DocumentUsage usage = usage_of(*store, 1);
  CHECK(usage.live_bytes == 4);
  CHECK(usage.tombstone_bytes == 69'996);
}

void finds_nothing_wrong(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3), sample(2, 7, 0, 1, 100'000)});
  auto bad = store->verify();
  REQUIRE(bad.ok());
  CHECK(bad->empty());
}

void takes_nothing_when_closed(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 1)});
  CHECK(store->close().ok());
  CHECK(store->append(views({sample(1, 7, 1, 1)})).error().code() == ErrorCode::kReadOnly);
  CHECK(scan_all(*store).size() == 1);
  CHECK(store->close().ok());
}

}  // namespace

void check_store_contract(const std::function<Workshop()>& make) {
  keeps_records_in_order(make());
  stores_an_operation_once(make());
  refuses_a_batch_whole(make());
  finds_what_a_reader_lacks(make());
  own_deltas_leave_no_gap(make());
  seals_records_into_a_bundle(make());
  gives_up_what_is_evicted(make());
  writes_as_another_where_it_begins_anew(make());
  keeps_what_is_in_the_trash(make());
  does_not_delete_what_a_deletion_has_not_seen(make());
  takes_a_void_entry_for_nothing(make());
  purges_when_the_time_has_run(make());
  does_not_hurry_with_a_clock_that_jumps(make());
  writes_as_another_in_what_it_had_purged(make());
  keeps_a_state_instead_of_what_is_trimmed(make());
  keeps_states_beside_the_log(make());
  finds_nothing_wrong(make());
  takes_nothing_when_closed(make());
  check_store_for_peers(make);
  if (make().is_durable) keeps_what_it_has_acknowledged(make());
}

void check_store_model(const std::function<Workshop()>& make, std::uint64_t seed, int steps) {
  Workshop shop = make();
  Random random(seed);
  auto store = shop.open();
  std::vector<SampleRecord> model;
  std::map<std::pair<std::uint8_t, std::uint64_t>, Seq> ends;
  for (int step = 0; step < steps; ++step) {
    CAPTURE(seed);
    CAPTURE(step);
    if (random.chance(1, 8)) {
      store.reset();
      store = shop.open();
    }
    std::vector<SampleRecord> batch;
    std::size_t known = 0;
    std::size_t count = 1 + random.below(5);
    for (std::size_t i = 0; i < count; ++i) {
      if (!model.empty() && random.chance(1, 6)) {
        batch.push_back(model[random.below(model.size())]);
        ++known;
        continue;
      }
      auto document = static_cast<std::uint8_t>(random.below(4));
      std::uint64_t replica = 1 + random.below(3);
      Seq& end = ends[{document, replica}];
      auto ops = static_cast<Seq>(1 + random.below(4));
      std::size_t size = random.chance(1, 10) ? random.below(20'000) : random.below(200);
      batch.push_back(sample(document, replica, end, ops, size));
      end += ops;
    }
    auto result = store->append(views(batch));
    REQUIRE(result.ok());
    CHECK(result->known == known);
    std::size_t at = 0;
    for (const SampleRecord& record : batch) {
      auto same = [&](const SampleRecord& other) { return other.head == record.head; };
      if (std::none_of(model.begin(), model.end(), same)) {
        model.push_back(record);
        ++at;
      }
    }
    CHECK(at == batch.size() - known);
    if (!random.chance(1, 4)) continue;
    std::vector<Kept> kept = scan_all(*store);
    REQUIRE(kept.size() == model.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      REQUIRE(kept[i].head == model[i].head);
      REQUIRE(kept[i].payload == model[i].payload);
    }
    for (const DocumentUsage& usage : store->documents().value())
      for (const auto& [name, end] : ends)
        if (usage.document.bytes[0] == name.first) CHECK(usage.version.end({name.second}) == end);
  }
  auto bad = store->verify();
  REQUIRE(bad.ok());
  CHECK(bad->empty());
}

void check_store_threads(const std::function<Workshop()>& make) {
  constexpr std::uint64_t kWriters = 16;
  constexpr Seq kBatches = 40;
  Workshop shop = make();
  auto store = shop.open();
  std::vector<std::thread> threads;
  std::vector<int> failures(kWriters, 0);
  for (std::uint64_t writer = 0; writer < kWriters; ++writer)
    threads.emplace_back([&store, &failures, writer] {
      for (Seq i = 0; i < kBatches; ++i) {
        auto record = sample(1, writer + 1, i, 1);
        NewRecord view = record.view();
        if (!store->append(std::span(&view, 1)).ok()) ++failures[writer];
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (int failed : failures) CHECK(failed == 0);
  if (shop.is_durable) {
    store.reset();
    store = shop.open();
  }
  CHECK(scan_all(*store).size() == kWriters * kBatches);
  REQUIRE(store->documents().value().size() == 1);
  for (std::uint64_t writer = 0; writer < kWriters; ++writer)
    CHECK(store->documents().value()[0].version.end({writer + 1}) == kBatches);
}

}  // namespace weft::test
