// The part of the contract that peers need.

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/storage/store_calls.h"

namespace weft::test {
namespace {

PeerNote note_of(std::uint64_t replica, LogPosition position, std::uint64_t seen_ms) {
  return {{replica}, replica * 10, position, replica * 100, seen_ms};
}

void keeps_notes_of_peers(Workshop shop) {
  constexpr std::uint64_t kFar = 0xffff'ffff'ffff'fff0;  // with the top bit
  auto store = shop.open();
  CHECK(store->peer_notes()->empty());
  const SampleRecord record = sample(1, 7, 0, 3);
  const NewRecord view = record.view();
  const std::vector<PeerNote> first{note_of(kFar, 5, 1'000), note_of(3, 9, 2'000)};
  REQUIRE(store->append({&view, 1}, first).ok());
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.peer_notes().value() == std::vector<PeerNote>{first[1], first[0]});
    CHECK(now.version(document_of(1)) == version_of({{7, 3}}));
    CHECK(now.info().end == 2);
  });
  const std::vector<PeerNote> second{note_of(3, 11, 3'000), note_of(4, 1, 3'000),
                                     note_of(3, 12, 3'001)};
  REQUIRE(store->append({}, second).ok());  // notes alone
  const std::vector<PeerNote> all{second[2], second[1], first[0]};
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.peer_notes().value() == all);
    CHECK(now.info().end == 2);
  });
  const SampleRecord overlap = sample(1, 7, 2, 2);
  const NewRecord refused = overlap.view();
  const PeerNote other = note_of(4, 70, 4'000);
  CHECK(!store->append({&refused, 1}, {&other, 1}).ok());
  CHECK(store->append({&view, 1}, {}).value().known == 1);
  now_and_later(shop, store, [&](Store& now) { CHECK(now.peer_notes().value() == all); });
  REQUIRE(
      store->append({&view, 1}, {&other, 1}).ok());  // a known record: the note is new all the same
  now_and_later(shop, store, [&](Store& now) { CHECK(now.peer_notes().value()[1] == other); });
}

void forgets_the_peer_that_was_away_longest(Workshop shop) {
  auto store = shop.open();
  std::vector<PeerNote> notes;
  for (std::uint64_t i = 0; i < kPeerNotesMax; ++i) notes.push_back(note_of(i + 1, 1, 10'000 - i));
  REQUIRE(store->append({}, notes).ok());
  CHECK(store->peer_notes()->size() == kPeerNotesMax);
  notes = {note_of(9'000, 1, 20'000), note_of(9'001, 1, 20'000)};
  REQUIRE(store->append({}, notes).ok());
  now_and_later(shop, store, [&](Store& now) {
    const std::vector<PeerNote> kept = now.peer_notes().value();
    REQUIRE(kept.size() == kPeerNotesMax);
    CHECK(kept[kPeerNotesMax - 3].replica.value == kPeerNotesMax - 2);
    CHECK(kept[kPeerNotesMax - 2] == notes[0]);
    CHECK(kept[kPeerNotesMax - 1] == notes[1]);
  });
  const PeerNote older = note_of(9'002, 1, 1);
  REQUIRE(store->append({}, {&older, 1}).ok());
  CHECK(store->peer_notes()->back() == notes[1]);
}

void writes_as_another_replica(Workshop shop) {
  auto store = shop.open();
  const StoreInfo before = store->info();
  const std::uint64_t first = before.replica.value;
  append(*store, {sample(1, first, 0, 2)});
  const Result<ReplicaId> taken = store->take_replica();
  REQUIRE(taken.ok());
  CHECK(*taken != before.replica);
  CHECK(store->info().replica == *taken);
  CHECK(store->info().epoch == before.epoch);
  CHECK(store->info().end == before.end + 1);
  REQUIRE(store->info().incarnations.size() == 1);
  const std::uint64_t incarnation = store->info().incarnations[0];
  CHECK(std::ranges::find(before.incarnations, incarnation) == before.incarnations.end());
  // Of the old replica they may come in any order now, of the new one not.
  append(*store, {sample(1, first, 3, 1), sample(1, first, 2, 1)});
  CHECK(store->append(views({sample(1, taken->value, 1, 1)})).error().code() ==
        ErrorCode::kInvalidArgument);
  append(*store, {sample(1, taken->value, 0, 1), sample(1, taken->value, 1, 1)});
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.info().replica == *taken);
    CHECK(now.info().epoch == before.epoch);
    CHECK(now.info().incarnations.front() == incarnation);
    CHECK(now.version(document_of(1)) == version_of({{first, 4}, {taken->value, 2}}));
  });
  const Result<ReplicaId> again = store->take_replica();
  REQUIRE(again.ok());
  CHECK(*again != *taken);
  CHECK(*again != before.replica);
  CHECK(store->close().ok());
  CHECK(store->take_replica().error().code() == ErrorCode::kReadOnly);
}

SampleRecord bundle_of(std::uint8_t document, std::uint64_t replica, Seq first, Seq count) {
  SampleRecord bundle = sample(document, replica, first, count, 70);
  bundle.head.kind = RecordKind::kBundle;
  return bundle;
}

void takes_back_what_lies_beyond_a_version(Workshop shop) {
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3, 100), sample(2, 7, 0, 1), sample(1, 8, 0, 2, 50)});
  append(*store, {sample(1, 7, 3, 2, 100), sample(1, 8, 4, 1, 50), sample(1, 7, 5, 1, 100)});
  REQUIRE(store->put_state(document_of(1), {version_of({{7, 2}}), Bytes(10)}, 4).ok());
  const SampleRecord delta = sample(1, 9, 0, 4, 30);
  const NewRecord view = delta.view();
  const VersionVector keep = version_of({{7, 3}, {8, 2}});
  Status rewritten = store->rewrite(document_of(1), keep, &view);
  REQUIRE_MESSAGE(rewritten.ok(), rewritten.error().message());
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == version_of({{7, 3}, {8, 2}, {9, 4}}));
    const std::vector<Kept> kept = scan_document(now, 1, {});
    REQUIRE(kept.size() == 3);
    CHECK(kept[0].position == 1);
    CHECK(kept[1].position == 3);
    CHECK(kept[2].position == 7);
    CHECK(kept[2].head == delta.head);
    CHECK(kept[2].payload == delta.payload);
    CHECK(scan_all(now).size() == 4);
    CHECK(usage_of(now, 1).records == 3);
    CHECK(usage_of(now, 1).history_bytes == 180);
    CHECK(usage_of(now, 2).records == 1);
    CHECK(now.info().records == 4);
    CHECK(now.info().payload_bytes == 200);
    CHECK(now.info().end == 8);
    CHECK(!now.state(document_of(1)));
    CHECK(now.verify()->empty());
  });
  // The same dots again, from whoever had used them first.
  append(*store, {sample(1, 7, 3, 9, 100), sample(1, 8, 2, 3, 50)});
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == version_of({{7, 12}, {8, 5}, {9, 4}}));
    CHECK(!now.state(document_of(1)));
  });
  REQUIRE(store->put_state(document_of(1), {version_of({{7, 12}}), Bytes(20)}, 4).ok());
  now_and_later(shop, store, [&](Store& now) { CHECK(now.state(document_of(1))); });
  REQUIRE(store->rewrite(document_of(1), {}, nullptr).ok());
  now_and_later(shop, store, [&](Store& now) {
    CHECK(!now.document(document_of(1))->has_value());
    CHECK(now.documents()->size() == 1);
    CHECK(now.info().records == 1);
    CHECK(scan_document(now, 1, {}).empty());
  });
  append(*store, {sample(1, 7, 0, 1)});
  CHECK(scan_all(*store).back().position == 10);
}

void refuses_to_rewrite(Workshop shop) {
  auto store = shop.open();
  const std::uint64_t own = store->info().replica.value;
  append(*store,
         {sample(1, 7, 0, 2), sample(1, 7, 2, 2), sample(1, own, 0, 2), sample(2, 7, 0, 1)});
  REQUIRE(store->seal(bundle_of(1, 7, 0, 4).view()).ok());
  auto code = [&](const VersionVector& keep, const SampleRecord& delta) {
    const NewRecord view = delta.view();
    Status status = store->rewrite(document_of(1), keep, &view);
    return status.ok() ? ErrorCode() : status.error().code();
  };
  const VersionVector keep = version_of({{7, 4}});
  CHECK(code(version_of({{7, 3}}), sample(1, 9, 0, 1)) == ErrorCode::kInvalidArgument);
  CHECK(code(keep, sample(2, 9, 0, 1)) == ErrorCode::kInvalidArgument);
  CHECK(code(keep, sample(1, 9, 0, 0)) == ErrorCode::kInvalidArgument);
  CHECK(code(keep, sample(1, own, 1, 1)) == ErrorCode::kInvalidArgument);  // leaves a gap
  CHECK(code(keep, sample(1, 7, 3, 2)) == ErrorCode::kForkedReplica);
  REQUIRE(store->trim(document_of(1), {version_of({{7, 2}}), Bytes(9)}).ok());
  CHECK(code(version_of({{7, 1}}), sample(1, 9, 0, 1)) == ErrorCode::kInvalidArgument);
  REQUIRE(store->set_status(document_of(2), DocumentStatus::kEvicted).ok());
  CHECK(store->rewrite(document_of(2), {}, nullptr).error().code() == ErrorCode::kNotKept);
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == version_of({{7, 4}, {own, 2}}));
  });
  // A bundle that is cut is taken back whole; its first part comes again, and what was written anew.
  const std::vector<SampleRecord> instead{bundle_of(1, 7, 2, 1), sample(1, own, 0, 1, 10),
                                          sample(1, own, 1, 3, 10)};
  REQUIRE(store->rewrite(document_of(1), version_of({{7, 2}}), views(instead)).ok());
  const LogPosition end = store->info().end;
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == version_of({{7, 3}, {own, 4}}));
    const std::vector<Kept> kept = scan_document(now, 1, version_of({{7, 2}}));
    REQUIRE(kept.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(kept[i].position == end - 3 + i);
      CHECK(kept[i].head == instead[i].head);
    }
    CHECK(usage_of(now, 1).records == 4);
    CHECK(usage_of(now, 1).history_bytes == 19 + 70 + 20);
    CHECK(now.info().end == end);
    CHECK(now.verify()->empty());
  });
  // What is known already is not stored again; the rest goes all the same.
  CHECK(code(keep, sample(1, 7, 1, 2)) == ErrorCode());
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == version_of({{7, 3}}));
    CHECK(usage_of(now, 1).records == 2);
  });
}

/// Who reads meanwhile finds what was there before or after, and who keeps a state learns that it is too late.
void rewrites_under_readers(Workshop shop) {
  constexpr Seq kRounds = 60;
  auto store = shop.open();
  append(*store, {sample(1, 7, 0, 3)});
  std::atomic<bool> is_done = false;
  int failed_scans = 0;
  std::thread reader([&] {
    while (!is_done) {
      VersionVector seen;
      Status status = store->scan_document(document_of(1), {}, [&](const RecordView& record) {
        seen.raise(record.replica, record.end());
        return true;
      });
      failed_scans += status.ok() && seen.end({7}) >= 3 && seen.end({7}) <= 5 ? 0 : 1;
    }
  });
  std::thread keeper([&] {
    while (!is_done) {
      (void)store->put_state(document_of(1), {version_of({{7, 5}}), Bytes(10)}, 4);
      (void)store->state(document_of(1));
    }
  });
  for (Seq round = 0; round < kRounds; ++round) {
    append(*store, {sample(1, 7, 3, 2)});
    const SampleRecord delta = sample(1, 9, round, 1);
    const NewRecord view = delta.view();
    const VersionVector keep = version_of({{7, 3}, {9, round}});
    CHECK(store->rewrite(document_of(1), keep, &view).ok());
  }
  is_done = true;
  reader.join();
  keeper.join();
  CHECK(failed_scans == 0);
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == version_of({{7, 3}, {9, kRounds}}));
    CHECK(!now.state(document_of(1)));
    CHECK(now.verify()->empty());
  });
}

void starts_from_the_state_of_another(Workshop shop) {
  auto store = shop.open();
  const VersionVector base = version_of({{7, 5}, {8, 2}});
  const StoredState state{base, Bytes(40, std::byte{3})};
  REQUIRE(store->adopt_state(document_of(1), state).ok());  // of which it has nothing
  append(*store, {sample(2, 7, 0, 2, 10), sample(2, 7, 2, 4, 10), sample(2, 8, 4, 1, 10),
                  sample(2, 9, 0, 1, 10), sample(2, 7, 6, 1, 10)});
  REQUIRE(store->put_state(document_of(2), {version_of({{7, 6}}), Bytes(10)}, 4).ok());
  CHECK(store->trim(document_of(2), state).error().code() == ErrorCode::kInvalidArgument);
  REQUIRE(store->adopt_state(document_of(2), state).ok());  // of which it has other things
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == base);
    CHECK(usage_of(now, 1).base == base);
    CHECK(usage_of(now, 1).records == 1);
    CHECK(now.version(document_of(2)) == version_of({{7, 7}, {8, 2}, {9, 1}}));
    CHECK(usage_of(now, 2).base == base);
    CHECK(usage_of(now, 2).records == 5);
    CHECK(!now.state(document_of(2)));  // it lacks what came with the other
    std::vector<Kept> kept = scan_document(now, 2, {});
    REQUIRE(kept.size() == 5);
    CHECK(kept[0].head.kind == RecordKind::kState);
    const Result<StateView> view = read_state_payload(kept[0].payload);
    REQUIRE(view.ok());
    CHECK(view->version == base);
    CHECK(std::ranges::equal(view->snapshot, state.snapshot));
    CHECK(kept[1].head == sample(2, 7, 2, 4).head);  // the base reaches into it
    CHECK(scan_document(now, 2, base).size() == 4);
    CHECK(now.info().records == 6);
    CHECK(now.verify()->empty());
  });
  append(*store, {sample(1, 7, 5, 1), sample(2, 8, 2, 2)});
  CHECK(store->append(views({sample(1, 7, 0, 5)}))->known == 1);
  const StoredState less{version_of({{7, 4}, {8, 2}}), Bytes(1)};
  CHECK(store->adopt_state(document_of(1), less).error().code() == ErrorCode::kInvalidArgument);
  const VersionVector more = version_of({{7, 6}, {8, 9}, {10, 1}});
  REQUIRE(store->adopt_state(document_of(1), {more, Bytes(7)}).ok());
  now_and_later(shop, store, [&](Store& now) {
    CHECK(now.version(document_of(1)) == more);
    CHECK(usage_of(now, 1).records == 1);
    CHECK(now.version(document_of(2)) == version_of({{7, 7}, {8, 5}, {9, 1}}));
  });
  REQUIRE(store->set_status(document_of(1), DocumentStatus::kEvicted).ok());
  CHECK(store->adopt_state(document_of(1), {more, Bytes(7)}).error().code() == ErrorCode::kNotKept);
  CHECK(store->trim(document_of(1), {{}, Bytes(7)}).error().code() == ErrorCode::kNotKept);
}

}  // namespace

void check_store_for_peers(const std::function<Workshop()>& make) {
  takes_back_what_lies_beyond_a_version(make());
  refuses_to_rewrite(make());
  rewrites_under_readers(make());
  starts_from_the_state_of_another(make());
  keeps_notes_of_peers(make());
  forgets_the_peer_that_was_away_longest(make());
  writes_as_another_replica(make());
}

}  // namespace weft::test
