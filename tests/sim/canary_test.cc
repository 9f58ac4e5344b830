// Canaries: the simulation is worth something only if it notices a fault. Here a disk loses what it has
// acknowledged, the network changes what is sent, or something that is not of the seed gets in.

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>

#include "tests/sim/campaign.h"

namespace weft::sim {
namespace {

/// Without what could explain a loss or another content.
PlanOptions plain() {
  PlanOptions options;
  options.without.set();
  options.peers = 3;
  options.documents = 1;
  return options;
}

PlanOptions with(PlanOptions options, std::initializer_list<Trait> traits) {
  for (Trait trait : traits) {
    options.without.reset(static_cast<std::size_t>(trait));
    options.with.set(static_cast<std::size_t>(trait));
  }
  return options;
}

/// The kind of the first failure in some seeds.
FailedSeed first_failure(const PlanOptions& plan, const std::function<void(World&)>& prepare,
                         bool shrinks = false, std::uint64_t repeat_every = 0) {
  FailedSeed first;
  CampaignOptions options;
  options.count = 40;
  options.plan = plan;
  options.prepare = prepare;
  options.shrinks = shrinks;
  options.repeat_every = repeat_every;
  options.failed = [&](const FailedSeed& failed) { first = failed; };
  run_campaign(options);
  return first;
}

TEST_CASE("without a fault the same seeds pass") {
  CHECK(first_failure(plain(), nullptr).kind == FailureKind::kNone);
}

TEST_CASE("a disk that loses acknowledged edits is noticed as soon as its device restarts") {
  auto lose = [](World& world) {
    world.peer(0).store().lose([&store = world.peer(0).store()](const NewRecord& record) {
      return record.replica == store.info().replica && record.first_seq % 7 == 3;
    });
  };
  PlanOptions options = with(plain(), {Trait::kCrashes});
  FailedSeed failed = first_failure(options, lose);
  CHECK(failed.kind != FailureKind::kNone);
  MESSAGE(print(failed));
}

TEST_CASE("operations that change on their way are noticed as a divergence or a fork") {
  // The same edit with another value, well formed, for one of the receivers.
  auto change = [](World& world) {
    world.network().tamper = [](EndpointIndex from, EndpointIndex to, sync::Envelope& envelope) {
      auto* deltas = std::get_if<sync::Deltas>(&envelope.message);
      if (deltas == nullptr || from == 2 || to != 2) return;
      deltas->chain = 0;
      for (Bytes& delta : deltas->deltas)
        for (std::size_t i = 0; i + 3 < delta.size(); ++i)  // in "true" of a text: any word
          if (delta[i] == std::byte{'a'}) delta[i] = std::byte{'b'};
    };
  };
  FailedSeed failed = first_failure(plain(), change);
  CHECK(failed.kind != FailureKind::kNone);
  MESSAGE(print(failed));
}

TEST_CASE("data that is never sent is noticed as something that does not converge") {
  auto withhold = [](World& world) {
    world.network().tamper = [](EndpointIndex, EndpointIndex to, sync::Envelope& envelope) {
      if (to == 1 && std::holds_alternative<sync::Deltas>(envelope.message))
        envelope.message = sync::AllAnnounced();
    };
  };
  FailedSeed failed = first_failure(plain(), withhold, true);
  CHECK(failed.kind == FailureKind::kNotConverged);
  // And is made small: one step is enough.
  CHECK(make_plan(failed.seed, failed.options).steps.size() <= 2);
}

/// Audits what would have been sent.
void audit_instead(World& world, const std::function<void(sync::Envelope&)>& change) {
  world.network().on_send = [audit = std::make_shared<Audit>(), &world, change](
                                EndpointIndex from, LinkNumber link,
                                const sync::Envelope& envelope) {
    sync::Envelope changed = envelope;
    change(changed);
    audit->check(world.peer(from), link, world.network().endpoint(link, 0) == from ? 0 : 1,
                 changed);
  };
}

TEST_CASE("an acknowledgement before its flush is noticed by the audit") {
  auto boast = [](World& world) {
    audit_instead(world, [](sync::Envelope& envelope) {
      if (auto* ack = std::get_if<sync::Ack>(&envelope.message))
        for (sync::AckedEnd& end : ack->ends) end.end += 1'000;
    });
  };
  CHECK(first_failure(plain(), boast).kind == FailureKind::kInvariant);
}

TEST_CASE("an own delta that is not on its author's disk is noticed by the audit") {
  auto hurry = [](World& world) {  // as if it were of a document that the disk has not got yet
    audit_instead(world, [](sync::Envelope& envelope) {
      if (auto* name = std::get_if<sync::NameDocument>(&envelope.message))
        name->document.bytes[0] ^= 1;
    });
  };
  CHECK(first_failure(plain(), hurry).kind == FailureKind::kInvariant);
}

TEST_CASE("a run that depends on something else than its seed has another trace") {
  auto dice = [](World& world) {
    static std::uint64_t runs = 0;
    world.network().path(0, 1).delay_us = 100 + 37 * ++runs;
    world.peer(0).set_clock_offset_ms(static_cast<std::int64_t>(runs));
  };
  CHECK(first_failure(plain(), dice, false, 1).kind == FailureKind::kNotRepeatable);
}

TEST_CASE("an assertion is a failure with its seed") {
  auto die = [](World& world) { world.timeline().after_ms(100, [] { WEFT_ASSERT(1 + 1 == 3); }); };
  FailedSeed failed = first_failure(plain(), die);
  CHECK(failed.kind == FailureKind::kDied);
  CHECK(failed.seed == 1);
  CHECK(failed.what.find("1 + 1 == 3") != std::string::npos);
}

}  // namespace
}  // namespace weft::sim
