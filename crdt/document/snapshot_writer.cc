// Writes snapshots: numbers everything in its canonical order, then the hot part, then the cold one.
#include <algorithm>

#include "crdt/base/checksum.h"
#include "crdt/delta/slice.h"
#include "crdt/delta/value_codec.h"
#include "crdt/document/snapshot_format.h"

namespace weft::snapshot {
namespace {

constexpr const char* kTextIsHeld = "the log, the cold part or the stash holds what is hidden";

/// Writes one snapshot: numbers everything in its canonical order first.
class SnapshotWriter {
 public:
  SnapshotWriter(DocumentImpl& impl, ContainerIndex top) : impl_(impl), top_(top), out_(bytes_) {
    seen_end_.assign(impl.graph.replica_count(), 0);
  }

  Bytes write() {
    for (ReplicaIndex r = 0; r < impl_.graph.replica_count(); ++r)
      if (impl_.graph.end(r) > 0) replicas_.push_back(r);
    number_replicas();
    number_containers();
    number_keys();
    write_header();
    write_tables();
    for (ContainerIndex c : containers_) write_state(c);
    write_hot_size();
    write_graph();
    for (ReplicaIndex r : replicas_) write_skeleton(r);
    for (ContainerIndex c : containers_)
      if (impl_.containers[c].kind == ContainerKind::kText) write_cold_text(c);
    return finish();
  }

  /// One container and what lies below. Only replicas that wrote there have a part in it: what is
  /// edited elsewhere changes nothing.
  Bytes write_part() {
    for (ReplicaIndex r = 0; r < impl_.graph.replica_count(); ++r)
      if (impl_.graph.end(r) > 0) replicas_.push_back(r);
    number_replicas();
    number_containers();
    number_keys();
    write_part_body();  // to see who wrote
    bytes_.clear();
    std::erase_if(replicas_, [&](ReplicaIndex r) { return seen_end_[r] == 0; });
    number_replicas();
    write_part_body();
    return finish();
  }

 private:
  void write_header() {
    out_.text(kMagic);
    out_.u8(kVersion);
    out_.bytes(std::as_bytes(std::span(impl_.options.id.bytes)));
    out_.u64(0);
  }
  void write_hot_size() {
    std::uint64_t hot = bytes_.size() - kHeaderBytes;
    std::memcpy(bytes_.data() + kHeaderBytes - 8, &hot, 8);
  }
  Bytes finish() {
    out_.u64(xxh3_64(bytes_));
    return std::move(bytes_);
  }
  void write_part_body() {
    write_header();
    write_tables();
    for (ContainerIndex c : containers_) write_state(c);
    write_hot_size();
    for (ContainerIndex c : containers_)
      if (impl_.containers[c].sequence) write_order(*impl_.containers[c].sequence);
  }

  void number_replicas() {
    std::sort(replicas_.begin(), replicas_.end(), [&](ReplicaIndex a, ReplicaIndex b) {
      return impl_.graph.id(a) < impl_.graph.id(b);
    });
    replica_number_.assign(impl_.graph.replica_count(), 0);
    for (std::uint32_t i = 0; i < replicas_.size(); ++i) replica_number_[replicas_[i]] = i;
  }
  bool is_below_top(ContainerIndex c) const {
    for (;; c = impl_.containers[c].parent) {
      if (c == top_) return true;
      if (c == kRootContainer) return false;
    }
  }
  void number_containers() {
    for (ContainerIndex c = 0; c < impl_.containers.size(); ++c)
      if (is_below_top(c)) containers_.push_back(c);
    std::sort(containers_.begin(), containers_.end(), [&](ContainerIndex a, ContainerIndex b) {
      if ((a == top_) != (b == top_)) return a == top_;
      return impl_.containers[a].id < impl_.containers[b].id;
    });
    container_number_.assign(impl_.containers.size(), 0);
    for (std::uint32_t i = 0; i < containers_.size(); ++i) container_number_[containers_[i]] = i;
  }
  void number_keys() {
    std::vector<bool> used(impl_.keys.size());
    for (ContainerIndex c : containers_) {
      const Container& container = impl_.containers[c];
      if (c != top_ && !container.in_list) used[container.key] = true;
      if (container.map)
        for (const MapEntry& entry : container.map->entries) used[entry.key] = true;
    }
    for (std::uint32_t key = 0; key < used.size(); ++key)
      if (used[key]) keys_.push_back(key);
    std::sort(keys_.begin(), keys_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return impl_.keys[a] < impl_.keys[b]; });
    key_number_.assign(used.size(), 0);
    for (std::uint32_t i = 0; i < keys_.size(); ++i) key_number_[keys_[i]] = i;
  }

  void dot(LocalDot dot) {
    seen_end_[dot.replica] = std::max(seen_end_[dot.replica], dot.seq + 1);
    out_.varint(replica_number_[dot.replica]);
    out_.varint(dot.seq);
  }
  bool dot_less(LocalDot a, LocalDot b) const {
    std::uint32_t x = replica_number_[a.replica];
    std::uint32_t y = replica_number_[b.replica];
    return x != y ? x < y : a.seq < b.seq;
  }

  void write_tables() {
    out_.varint(replicas_.size());
    for (ReplicaIndex r : replicas_) {
      out_.u64(impl_.graph.id(r).value);
      out_.varint(is_part() ? seen_end_[r] : impl_.graph.end(r));
      out_.u64(is_part() ? 0 : impl_.graph.chain(r));
    }
    out_.varint(is_part() ? 0 : impl_.needs_weft);
    std::vector<LocalDot> frontier;
    if (!is_part()) frontier = impl_.graph.frontier();
    std::sort(frontier.begin(), frontier.end(),
              [&](LocalDot a, LocalDot b) { return dot_less(a, b); });
    out_.varint(frontier.size());
    for (LocalDot each : frontier) dot(each);
    out_.varint(keys_.size());
    for (std::uint32_t key : keys_) out_.sized(as_bytes(impl_.keys[key]));
    out_.varint(containers_.size());
    for (ContainerIndex c : containers_) {
      const Container& container = impl_.containers[c];
      out_.bytes(std::as_bytes(std::span(container.id.bytes)));
      out_.u8(static_cast<std::uint8_t>(static_cast<unsigned>(container.kind) |
                                        (container.in_list && c != top_ ? 16u : 0u)));
      if (c == top_) continue;
      out_.varint(container_number_[container.parent]);
      if (container.in_list) {
        dot(container.element);
      } else {
        out_.varint(key_number_[container.key]);
        out_.varint(container.generation);
      }
      std::vector<LocalDot> names;
      for (std::uint32_t name : container.names) names.push_back(impl_.names[name].dot);
      std::sort(names.begin(), names.end(), [&](LocalDot a, LocalDot b) { return dot_less(a, b); });
      out_.varint(names.size());
      for (LocalDot name : names) dot(name);
    }
  }

  void write_write(const Write& write) {
    dot(write.dot);
    if (write.erased) return;
    if (write.value.is_container()) {
      out_.u8(static_cast<std::uint8_t>(ValueTag::kChild));
      out_.varint(container_number_[write.value.container_index()]);
    } else {
      write.value.encode(out_);
    }
  }
  void write_register(const Register& reg, const Losers* losers) {
    unsigned flags = (reg.winner.erased ? kErased : 0u) | (losers != nullptr ? kHasLosers : 0u) |
                     (reg.generations > 0 ? kHasGenerations : 0u);
    out_.u8(static_cast<std::uint8_t>(flags));
    write_write(reg.winner);
    if (reg.generations > 0) out_.varint(reg.generations);
    if (losers == nullptr) return;
    out_.varint(losers->size());
    for (const Write& loser : *losers) {
      out_.u8(loser.erased ? 1 : 0);
      write_write(loser);
    }
  }

  void write_state(ContainerIndex c) {
    const Container& container = impl_.containers[c];
    switch (container.kind) {
      case ContainerKind::kMap: {
        std::vector<const MapEntry*> entries;
        for (const MapEntry& entry : container.map->entries) entries.push_back(&entry);
        std::sort(entries.begin(), entries.end(), [&](const MapEntry* a, const MapEntry* b) {
          return key_number_[a->key] < key_number_[b->key];
        });
        out_.varint(entries.size());
        for (const MapEntry* entry : entries) {
          out_.varint(key_number_[entry->key]);
          write_register(entry->reg, container.map->losers.find(entry->key));
        }
        break;
      }
      case ContainerKind::kList: {
        std::vector<LocalDot> dots;
        container.sequence->elements.for_each(
            [&](std::uint64_t key, const Element&) { dots.push_back(LocalDot::unpacked(key)); });
        std::sort(dots.begin(), dots.end(), [&](LocalDot a, LocalDot b) { return dot_less(a, b); });
        out_.varint(dots.size());
        for (LocalDot each : dots) {
          dot(each);
          write_register(container.sequence->elements.find(each.packed())->reg,
                         container.sequence->losers.find(each.packed()));
        }
        break;
      }
      case ContainerKind::kText: {
        const SequenceState& sequence = *container.sequence;
        if (sequence.tree) {
          out_.sized(as_bytes(sequence.tree->text()));
        } else {
          out_.sized(as_bytes(sequence.text_view()));
        }
        break;
      }
      case ContainerKind::kCounter:
        put_sum(out_, container.counter);
        break;
    }
  }

  /// A part has no history to weave its sequences from: the order itself, and where moved elements are.
  void write_order(SequenceState& sequence) {
    std::vector<Run> runs;
    if (sequence.tree) {
      sequence.tree->for_each_run([&](const Run& run) { runs.push_back(run); });
    } else {
      runs = sequence.packed;
    }
    out_.varint(runs.size());
    for (const Run& run : runs) {
      dot(run.first.plus(run.count - 1));
      out_.varint(std::uint64_t{run.count} << 1 | (run.hidden ? 1 : 0));
    }
    if (sequence.is_text) return;
    std::vector<std::pair<LocalDot, LocalDot>> moves;
    sequence.slots.for_each([&](std::uint64_t slot, std::uint64_t element) {
      moves.emplace_back(LocalDot::unpacked(slot), LocalDot::unpacked(element));
    });
    std::sort(moves.begin(), moves.end(),
              [&](const auto& a, const auto& b) { return dot_less(a.first, b.first); });
    out_.varint(moves.size());
    for (const auto& [slot, element] : moves) {
      dot(slot);
      dot(element);
    }
  }
  bool is_part() const { return top_ != kRootContainer; }

  void write_graph() {
    for (ReplicaIndex r : replicas_) {
      auto entries = impl_.graph.entries(r);
      // Entries without parents, after the first one, are where logs were joined: no part of the set.
      std::vector<const CausalGraph::Entry*> kept;
      for (const CausalGraph::Entry& entry : entries)
        if (kept.empty() || entry.parents_count > 0) kept.push_back(&entry);
      out_.varint(kept.size());
      Seq previous = 0;
      for (const CausalGraph::Entry* entry : kept) {
        out_.varint(entry->begin - previous);
        previous = entry->begin;
        std::vector<LocalDot> parents(impl_.graph.parents(*entry).begin(),
                                      impl_.graph.parents(*entry).end());
        std::sort(parents.begin(), parents.end(),
                  [&](LocalDot a, LocalDot b) { return dot_less(a, b); });
        out_.varint(parents.size());
        for (LocalDot parent : parents) dot(parent);
      }
      auto runs = impl_.graph.hlc_runs(r);
      out_.varint(runs.size());
      Seq begin = 0;
      Hlc base = 0;
      for (const CausalGraph::HlcRun& run : runs) {
        out_.varint(run.begin - begin);
        // Its counter is mostly 0: a run begins where the clock's time went on.
        std::uint64_t counter = run.base & 0xffff;
        out_.varint(((run.base >> 16) - (base >> 16)) << 1 | (counter != 0 ? 1 : 0));
        if (counter != 0) out_.varint(counter);
        begin = run.begin;
        base = run.base;
      }
      write_weights(r);
    }
  }

  void write_weights(ReplicaIndex r) {
    out_.varint(impl_.graph.legacy_end(r));
    auto runs = impl_.graph.weight_runs(r);
    out_.varint(runs.size());
    Seq begin = 0;
    std::uint64_t weight_ms = 0;
    for (const CausalGraph::WeightRun& run : runs) {
      out_.varint(run.begin - begin);
      begin = run.begin;
      if (run.weight_ms == DeltaClock::kAsHlc) {
        out_.varint(0);
        continue;
      }
      out_.varint(1 + zigzag(static_cast<std::int64_t>(run.weight_ms - weight_ms)));
      weight_ms = run.weight_ms;
    }
  }

  /// The text of erased elements, in weave order: whoever revokes an erasure needs it.
  void write_cold_text(ContainerIndex c) {
    SequenceState& sequence = *impl_.containers[c].sequence;
    // While nothing has touched the sequence since the snapshot was loaded its cold text is the same.
    bool untouched = !sequence.tree && sequence.borrowed_text.data() != nullptr;
    std::string text;
    auto add = [&](const Run& run) {
      if (run.hidden) text += impl_.text_of(sequence, run.first, run.count).proven(kTextIsHeld);
    };
    if (untouched) {
      text = sequence.cold_text;
    } else if (sequence.tree) {
      sequence.tree->for_each_run(add);
    } else {
      for (const Run& run : sequence.packed) add(run);
    }
    out_.sized(as_bytes(text));
  }

  // --- skeleton ---

  static Op touched(const Op& op) {
    Op result;
    result.kind = OpKind::kTouched;
    result.container = op.container;
    result.seq = op.seq;
    result.count = op.count;
    return result;
  }

  /// The runs of a log, without their content: neighbours join whatever lay between that.
  std::vector<Op> skeleton_of(ReplicaIndex r) const {
    std::vector<Op> ops;
    for (const auto& chunk : impl_.log.chunks(r))
      for (Op op : chunk->ops) {
        if (op.kind == OpKind::kUnknown) continue;
        op.container = impl_.resolve(op.container);
        if (!is_sequence_op(op.kind)) {
          op = touched(op);
        } else if (is_insert(op.kind)) {
          op.content_begin = op.content_size = 0;
        }
        bool adjacent = !ops.empty() && ops.back().end() == op.seq;
        if (adjacent && op.kind == OpKind::kTouched && ops.back().kind == OpKind::kTouched &&
            ops.back().container == op.container) {
          ops.back().count += op.count;
        } else if (adjacent) {
          append_run(ops, op, r);
        } else {
          ops.push_back(op);
        }
      }
    return ops;
  }

  void write_skeleton(ReplicaIndex r) {
    std::vector<Op> ops = skeleton_of(r);
    std::size_t rows = 0;
    Seq at = 0;
    for (const Op& op : ops) {
      rows += op.seq == at ? 1 : 2;
      at = op.end();
    }
    out_.varint(rows);
    at = 0;
    ContainerIndex container = kNoContainer;
    for (const Op& op : ops) {
      if (op.seq != at) {
        out_.u8(kGapRow);
        out_.varint(op.seq - at);
      }
      at = op.end();
      write_row(op, r, op.container == container);
      container = op.container;
    }
  }

  void relative(LocalDot other, ReplicaIndex author, Seq seq) {
    if (other.is_none()) {
      out_.varint(0);
    } else if (other.replica == author) {
      out_.varint(1 + 2 * std::uint64_t{seq - 1 - other.seq});
    } else {
      out_.varint(2 + 2 * std::uint64_t{replica_number_[other.replica]});
      out_.varint(other.seq);
    }
  }

  void write_row(const Op& op, ReplicaIndex r, bool same_container) {
    unsigned tag = static_cast<unsigned>(op.kind);
    if (same_container) tag |= kSameContainer;
    if (op.count == 1) tag |= kOne;
    bool inserts = is_insert(op.kind) || op.kind == OpKind::kListMove;
    unsigned ro = 2;
    if (inserts) {
      if (!op.a.is_none() && op.b == op.a.plus(1)) {
        ro = 0;
      } else if (op.b.is_none()) {
        ro = 1;
      }
      tag |= ro << kRoShift;
    } else if (op.backward) {
      tag |= kBackwardBit;
    }
    out_.u8(static_cast<std::uint8_t>(tag));
    if (!same_container) out_.varint(container_number_[op.container]);
    if (op.count != 1) out_.varint(op.count);
    if (op.kind == OpKind::kTouched) return;
    relative(op.a, r, op.seq);
    if (inserts && ro == 2) relative(op.b, r, op.seq);
    if (op.kind == OpKind::kListMove) relative(moved_element(op), r, op.seq);
  }

  DocumentImpl& impl_;
  ContainerIndex top_;
  Bytes bytes_;
  ByteWriter out_;
  std::vector<ReplicaIndex> replicas_;
  std::vector<Seq> seen_end_;  ///< by replica: behind the last dot that was written
  std::vector<std::uint32_t> replica_number_;
  std::vector<ContainerIndex> containers_;
  std::vector<std::uint32_t> container_number_;
  std::vector<std::uint32_t> keys_;
  std::vector<std::uint32_t> key_number_;
};

}  // namespace

void put_sum(ByteWriter& out, CounterSum sum) {
  __extension__ using Wide = unsigned __int128;
  Wide rest = static_cast<Wide>(sum) << 1 ^ static_cast<Wide>(sum >> 127);
  for (; rest >= 0x80; rest >>= 7) out.u8(static_cast<std::uint8_t>(rest | 0x80));
  out.u8(static_cast<std::uint8_t>(rest));
}

Bytes write(DocumentImpl& impl) { return SnapshotWriter(impl, kRootContainer).write(); }

Bytes write_part(DocumentImpl& impl, ContainerIndex top) {
  return SnapshotWriter(impl, top).write_part();
}

}  // namespace weft::snapshot
