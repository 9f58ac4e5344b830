#pragma once
// Typist: a replica made of nothing but an Oracle, for testing the oracle without the engine. It edits
// by visible index and makes the operations that an honest author would.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "tests/oracle/oracle.h"

namespace weft::test {

class Typist {
 public:
  explicit Typist(std::uint64_t replica, SiblingRule rule = SiblingRule::kFugueMax)
      : replica_{replica}, oracle_(rule) {}

  const Oracle& oracle() const { return oracle_; }
  /// The time that goes into the following operations' clocks.
  void set_time(std::uint64_t time_ms) { time_ms_ = time_ms; }

  /// Learns all that `other` knows.
  void merge(const Typist& other) {
    for (const auto& [dot, op] : other.oracle_.ops()) oracle_.add(op);
    past_.merge(other.past_);
  }

  /// A child at a key of the root, which is the container that the calls below take.
  Dot ensure(const std::string& key, ContainerKind kind) {
    OracleOp op = begin(OracleKind::kMapEnsure, std::nullopt);
    op.key = key;
    op.child_kind = kind;
    for (const OracleOp* write : oracle_.key_writes("root", key))
      if (write->kind == OracleKind::kMapEnsure)
        op.generation = std::max(op.generation, write->generation + 1);
    op.overwritten = winner_of(oracle_.key_state("root", key));
    return finish(std::move(op));
  }
  Dot set(const std::string& key, Json value) {
    OracleOp op = begin(OracleKind::kMapSet, std::nullopt);
    op.key = key;
    op.value.json = std::move(value);
    op.overwritten = winner_of(oracle_.key_state("root", key));
    return finish(std::move(op));
  }
  Dot erase_key(const std::string& key) {
    OracleOp op = begin(OracleKind::kMapErase, std::nullopt);
    op.key = key;
    op.overwritten = winner_of(oracle_.key_state("root", key));
    return finish(std::move(op));
  }
  Dot add(const Dot& counter, std::int64_t amount) {
    OracleOp op = begin(OracleKind::kCounterAdd, counter);
    op.amount = amount;
    return finish(std::move(op));
  }

  Dot type(const Dot& text, std::size_t index, char32_t scalar) {
    OracleOp op = begin(OracleKind::kTextInsert, text);
    op.scalar = scalar;
    find_gap(op, text, index, std::nullopt);
    return finish(std::move(op));
  }
  Dot insert(const Dot& list, std::size_t index, Json value) {
    OracleOp op = begin(OracleKind::kListInsert, list);
    op.value.json = std::move(value);
    find_gap(op, list, index, std::nullopt);
    return finish(std::move(op));
  }
  Dot erase(const Dot& sequence, std::size_t index) {
    OracleOp op = begin(OracleKind::kErase, sequence);
    op.target = element_at(sequence, index);
    return finish(std::move(op));
  }
  Dot set(const Dot& list, std::size_t index, Json value) {
    OracleOp op = begin(OracleKind::kListSet, list);
    op.target = element_at(list, index);
    op.value.json = std::move(value);
    op.overwritten = winner_of(oracle_.element_state(oracle_.name_of(list), op.target));
    return finish(std::move(op));
  }
  /// So that it stands at `to` afterwards.
  Dot move(const Dot& list, std::size_t from, std::size_t to) {
    OracleOp op = begin(OracleKind::kListMove, list);
    op.target = element_at(list, from);
    find_gap(op, list, to, op.target);
    return finish(std::move(op));
  }
  /// Takes an erase unit of its own back, or puts it in force again.
  Dot toggle(const Dot& sequence, const Dot& erase, OracleKind kind) {
    OracleOp op = begin(kind, sequence);
    op.target = erase;
    return finish(std::move(op));
  }

 private:
  OracleOp begin(OracleKind kind, const std::optional<Dot>& container) const {
    OracleOp op;
    op.kind = kind;
    op.container = container;
    op.past = past_;
    op.dot = {replica_, past_.end(replica_)};
    op.hlc = oracle_.first_hlc(past_, time_ms_);
    op.weight_ms = oracle_.weight_ms(parents(), time_ms_);
    op.committed_at_ms = time_ms_;
    return op;
  }
  /// Its own last operation, and those that nothing else it has seen has seen.
  std::vector<Dot> parents() const {
    std::vector<Dot> result;
    for (const auto& [replica, end] : past_.ends()) {
      const Dot dot{replica, end - 1};
      bool seen = false;
      for (const auto& [other, other_end] : past_.ends())
        seen |= oracle_.ops().at({other, other_end - 1}).past.contains(dot);
      if (!seen || replica == replica_) result.push_back(dot);
    }
    return result;
  }
  Dot finish(OracleOp op) {
    past_.add_up_to(replica_, op.dot.seq + 1);
    Dot dot = op.dot;
    oracle_.add(op);
    return dot;
  }
  static std::optional<Dot> winner_of(const RegisterState& state) {
    if (state.winner == nullptr) return std::nullopt;
    return state.winner->dot;
  }
  Dot element_at(const Dot& sequence, std::size_t index) const {
    for (const Place& place : oracle_.places(oracle_.name_of(sequence)))
      if (place.shows && index-- == 0) return place.element;
    std::abort();
  }
  /// The neighbours of the gap behind `index` visible elements, not counting the one that moves.
  void find_gap(OracleOp& op, const Dot& sequence, std::size_t index,
                const std::optional<Dot>& moving) const {
    auto places = oracle_.places(oracle_.name_of(sequence));
    std::size_t next = 0;  // place after the gap
    for (std::size_t i = 0; i < places.size() && index > 0; ++i) {
      if (!places[i].shows || places[i].element == moving) continue;
      --index;
      op.lo = places[i].slot;
      next = i + 1;
    }
    if (next < places.size()) op.ro = places[next].slot;
  }

  ReplicaId replica_;
  std::uint64_t time_ms_ = 0;
  Past past_;
  Oracle oracle_;
};

}  // namespace weft::test
