// Snapshots: the state as a file; canonical, since it is a function of the set of operations alone.
// Layout in docs/format.md. Two parts: the hot one (version, containers, registers, visible text) is
// read at once and borrowed from where it can be; the cold one (causal graph, hlc runs, the skeleton of
// every sequence operation) is decoded when something is edited, applied or asked for by position.
#include <algorithm>
#include <map>

#include "crdt/base/checksum.h"
#include "crdt/base/utf8.h"
#include "crdt/delta/history_file.h"
#include "crdt/delta/value_codec.h"
#include "crdt/document/impl.h"

namespace weft {
namespace {

constexpr std::string_view kMagic = "WEFTSNAP";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderBytes =
    8 + 1 + 16 + 8;  // magic, version, document, size of the hot part
constexpr std::size_t kChecksumBytes = 8;

constexpr unsigned kErased = 1;  // flags of a register
constexpr unsigned kHasLosers = 2;
constexpr unsigned kHasGenerations = 4;

/// A skeleton row's tag: kind in bits 0-3, then these.
constexpr std::uint8_t kSameContainer = 16;
constexpr std::uint8_t kOne = 32;
constexpr std::uint8_t kRoShift = 6;       // inserts and moves: 0 next dot, 1 end, 2 explicit
constexpr std::uint8_t kBackwardBit = 64;  // erasures
constexpr std::uint8_t kGapRow = 15;       // no operation: operations that are not in the skeleton

bool is_sequence_op(OpKind kind) {
  return is_insert(kind) || has_targets(kind) || kind == OpKind::kListMove;
}

/// Writes one snapshot: numbers everything in its canonical order first.
class SnapshotWriter {
 public:
  SnapshotWriter(DocumentImpl& impl, ContainerIndex top) : impl_(impl), top_(top), out_(bytes_) {}

  Bytes write() {
    number_replicas();
    number_containers();
    number_keys();
    out_.text(kMagic);
    out_.u8(kVersion);
    out_.bytes(std::as_bytes(std::span(impl_.options.id.bytes)));
    out_.u64(0);
    write_tables();
    for (ContainerIndex c : containers_) write_state(c);
    std::uint64_t hot = bytes_.size() - kHeaderBytes;
    std::memcpy(bytes_.data() + kHeaderBytes - 8, &hot, 8);
    if (top_ == kRootContainer) {
      write_graph();
      for (ReplicaIndex r : replicas_) write_skeleton(r);
      for (ContainerIndex c : containers_)
        if (impl_.containers[c].kind == ContainerKind::kText) write_cold_text(c);
    }
    out_.u64(xxh3_64(bytes_));
    return std::move(bytes_);
  }

 private:
  void number_replicas() {
    for (ReplicaIndex r = 0; r < impl_.graph.replica_count(); ++r)
      if (impl_.graph.end(r) > 0) replicas_.push_back(r);
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
      return impl_.containers[a].id < impl_.containers[b].id;
    });
    container_number_.assign(impl_.containers.size(), 0);
    for (std::uint32_t i = 0; i < containers_.size(); ++i) container_number_[containers_[i]] = i;
  }
  void number_keys() {
    std::vector<bool> used(impl_.keys.size());
    for (ContainerIndex c : containers_) {
      const Container& container = impl_.containers[c];
      if (c != kRootContainer && !container.in_list) used[container.key] = true;
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
      out_.varint(impl_.graph.end(r));
      out_.u64(impl_.graph.chain(r));
    }
    out_.varint(impl_.needs_weft);
    std::vector<LocalDot> frontier = impl_.graph.frontier();
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
                                        (container.in_list ? 16u : 0u)));
      if (c == kRootContainer) continue;
      if (c != top_) {
        out_.varint(container_number_[container.parent]);
        if (container.in_list) {
          dot(container.element);
        } else {
          out_.varint(key_number_[container.key]);
          out_.varint(container.generation);
        }
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
        container.sequence->elements.for_each([&](std::uint64_t key, const Element&) {
          dots.push_back({static_cast<ReplicaIndex>(key >> 32), static_cast<Seq>(key)});
        });
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
        out_.svarint(container.counter);
        break;
    }
  }

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
        out_.varint(run.base - base);
        begin = run.begin;
        base = run.base;
      }
    }
  }

  /// The text of erased elements, in weave order: whoever revokes an erasure needs it.
  void write_cold_text(ContainerIndex c) {
    SequenceState& sequence = *impl_.containers[c].sequence;
    // While nothing has touched the sequence since the snapshot was loaded its cold text is the same.
    bool untouched = !sequence.tree && sequence.borrowed_text.data() != nullptr;
    std::string text;
    auto add = [&](const Run& run) {
      if (run.hidden) text += impl_.text_of(sequence, run.first, run.count).value();
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

  void write_skeleton(ReplicaIndex r) {
    std::vector<Op> ops;
    for (const auto& chunk : impl_.log.chunks(r))
      for (Op op : chunk->ops) {
        if (!is_sequence_op(op.kind)) continue;
        op.container = impl_.resolve(op.container);
        // Content has no part in a skeleton: let neighbours join whatever lies between.
        if (is_insert(op.kind)) op.content_begin = op.content_size = 0;
        if (ops.empty() || ops.back().end() == op.seq) {
          append_joined(ops, op, r);
        } else {
          ops.push_back(op);  // something that is no part of the skeleton lies between
        }
      }
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
    relative(op.a, r, op.seq);
    if (inserts && ro == 2) relative(op.b, r, op.seq);
    if (op.kind == OpKind::kListMove) relative(moved_element(op), r, op.seq);
  }

  DocumentImpl& impl_;
  ContainerIndex top_;
  Bytes bytes_;
  ByteWriter out_;
  std::vector<ReplicaIndex> replicas_;
  std::vector<std::uint32_t> replica_number_;
  std::vector<ContainerIndex> containers_;
  std::vector<std::uint32_t> container_number_;
  std::vector<std::uint32_t> keys_;
  std::vector<std::uint32_t> key_number_;
};

/// Reads the hot part into an empty document.
class SnapshotReader {
 public:
  SnapshotReader(DocumentImpl& impl, ByteReader in) : impl_(impl), in_(in) {}

  Status read() {
    read_replicas();
    read_keys();
    read_containers();
    for (std::size_t i = 0; i < containers_.size() && in_.ok(); ++i) read_state(containers_[i]);
    if (in_.ok() && !in_.at_end()) in_.fail("bytes after the last container");
    if (!in_.ok()) return in_.error("snapshot");
    impl_.snapshot_replicas = std::move(replicas_);
    impl_.snapshot_containers = std::move(containers_);
    return {};
  }

 private:
  LocalDot dot() {
    std::uint64_t number = in_.varint();
    if (number >= replicas_.size()) {
      in_.fail("a replica that is not in the table");
      return {0, 0};
    }
    ReplicaIndex replica = replicas_[static_cast<std::size_t>(number)];
    std::uint64_t seq = in_.varint();
    if (seq >= impl_.graph.end(replica)) in_.fail("an operation beyond the version");
    return {replica, static_cast<Seq>(seq)};
  }

  void read_replicas() {
    std::uint64_t count = in_.varint_up_to(in_.remaining() / 17, "more replicas than bytes");
    if (count > impl_.options.limits.replicas) in_.fail(ErrorCode::kLimit, "too many replicas");
    ReplicaId previous;
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      ReplicaId id{in_.u64()};
      if (i > 0 && !(previous < id)) in_.fail("replicas out of order");
      previous = id;
      if (!in_.ok()) return;
      ReplicaIndex replica = impl_.intern_replica(id);
      replicas_.push_back(replica);
      auto end = static_cast<Seq>(in_.varint_up_to(kMaxSeq, "a log of too many operations"));
      if (end == 0) in_.fail("a replica without operations");
      impl_.graph.restore_replica(replica, end, in_.u64(), {});
    }
    impl_.needs_weft = static_cast<std::uint32_t>(in_.varint_up_to(0xffff'ffff));
    std::uint64_t size = in_.varint_up_to(count, "a frontier larger than the replicas");
    std::vector<LocalDot> frontier;
    for (std::uint64_t i = 0; i < size && in_.ok(); ++i) frontier.push_back(dot());
    if (in_.ok()) impl_.graph.restore_frontier(std::move(frontier));
  }

  void read_keys() {
    std::uint64_t count = in_.varint_up_to(in_.remaining(), "more keys than bytes");
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      std::string_view key = as_text(in_.sized());
      if (key.size() > impl_.options.limits.key_bytes)
        in_.fail(ErrorCode::kLimit, "a key over its limit");
      if (!valid_utf8(key)) in_.fail(ErrorCode::kInvalidUtf8, "a key that is not UTF-8");
      if (i > 0 && key <= impl_.keys[keys_.back()]) in_.fail("keys out of order");
      if (!in_.ok()) return;
      keys_.push_back(impl_.keys.intern(key));
    }
  }

  std::uint32_t key() {
    std::uint64_t number = in_.varint();
    if (number >= keys_.size()) {
      in_.fail("a key that is not in the table");
      return 0;
    }
    return keys_[static_cast<std::size_t>(number)];
  }

  void read_containers() {
    std::uint64_t count = in_.varint_up_to(in_.remaining() / 17, "more containers than bytes");
    if (count == 0) in_.fail("no root");
    impl_.containers.reserve(static_cast<std::size_t>(count));
    impl_.names.reserve(static_cast<std::size_t>(count));
    impl_.name_by_dot.reserve(static_cast<std::size_t>(count));
    impl_.container_by_id.reserve(static_cast<std::size_t>(count));
    ContainerId previous;
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      ContainerId id;
      ByteSpan bytes = in_.bytes(16);
      if (bytes.size() == 16) std::memcpy(id.bytes.data(), bytes.data(), 16);
      std::uint8_t tag = in_.u8();
      if ((tag & ~16) > 3) in_.fail("a container of no kind");
      auto kind = static_cast<ContainerKind>(tag & 15);
      if (i == 0) {
        if (!(id == ContainerId()) || tag != 0) in_.fail("the first container is not the root");
        containers_.push_back(kRootContainer);
        continue;
      }
      if (!(previous < id)) in_.fail("containers out of order");
      previous = id;
      std::uint64_t parent = in_.varint_up_to(count - 1, "a parent that is not in the table");
      bool in_list = (tag & 16) != 0;
      LocalDot element;
      std::uint32_t at_key = 0;
      std::uint32_t generation = 0;
      if (in_list) {
        element = dot();
      } else {
        at_key = key();
        generation = static_cast<std::uint32_t>(in_.varint_up_to(0x7fff'ffff));
      }
      std::uint64_t names = in_.varint_up_to(in_.remaining() / 2, "more names than bytes");
      if (names == 0) in_.fail("a container that nobody made");
      ContainerIndex made = kNoContainer;
      for (std::uint64_t n = 0; n < names && in_.ok(); ++n) {
        LocalDot name = dot();
        if (!in_.ok()) break;
        if (impl_.find_name(name)) in_.fail("one write that made two containers");
        made = impl_.add_container(id, kind, static_cast<ContainerIndex>(parent), name);
      }
      if (!in_.ok()) return;
      // Its number in the table is its index: the document was empty, the table sorted.
      if (made != i) return in_.fail("two containers with one id");
      Container& container = impl_.containers[made];
      container.in_list = in_list;
      container.element = element;
      container.key = at_key;
      container.generation = generation;
      containers_.push_back(made);
    }
    for (ContainerIndex c = 1; c < impl_.containers.size() && in_.ok(); ++c) {
      const Container& parent = impl_.containers[impl_.containers[c].parent];
      if (parent.kind != (impl_.containers[c].in_list ? ContainerKind::kList : ContainerKind::kMap))
        in_.fail("a container inside one that can't hold it");
    }
    if (in_.ok()) check_no_cycles();
  }

  void check_no_cycles() {
    std::vector<std::uint8_t> reaches(impl_.containers.size());
    reaches[kRootContainer] = 1;
    std::vector<ContainerIndex> path;
    for (ContainerIndex c = 1; c < impl_.containers.size(); ++c) {
      path.clear();
      ContainerIndex at = c;
      for (; reaches[at] == 0; at = impl_.containers[at].parent) {
        reaches[at] = 2;
        path.push_back(at);
      }
      if (reaches[at] == 2) return in_.fail("containers that contain each other");
      for (ContainerIndex each : path) reaches[each] = 1;
    }
  }

  Write write(ContainerIndex holder, bool is_element, std::uint64_t slot, bool erased) {
    Write write;
    write.dot = dot();
    write.erased = erased;
    if (erased || !in_.ok()) return write;
    ByteReader peek = in_;
    if (peek.u8() == static_cast<std::uint8_t>(ValueTag::kChild)) {
      in_.u8();
      std::uint64_t number =
          in_.varint_up_to(impl_.containers.size() - 1, "a child that is not in the table");
      auto child = static_cast<ContainerIndex>(number);
      const Container& made = impl_.containers[child];
      bool here = child != kRootContainer && made.parent == holder && made.in_list == is_element &&
                  (is_element ? made.element.packed() == slot : made.key == slot);
      if (!here) in_.fail("a child at a place it was not made for");
      write.value = Value::container(child, made.kind);
      return write;
    }
    ByteSpan encoded = read_value(in_, impl_.options.limits);
    if (in_.ok()) write.value = Value::decode_trusted(encoded);
    return write;
  }

  void read_register(Register& reg, FlatTable<Losers>& losers, ContainerIndex holder,
                     bool is_element, std::uint64_t slot) {
    std::uint8_t flags = in_.u8();
    if (flags > 7) in_.fail("flags of a register");
    reg.winner = write(holder, is_element, slot, (flags & kErased) != 0);
    if (flags & kHasGenerations)
      reg.generations = static_cast<std::uint32_t>(in_.varint_up_to(0x7fff'ffff));
    if ((flags & kHasLosers) == 0) return;
    std::uint64_t count = in_.varint_up_to(in_.remaining() / 3, "more losers than bytes");
    if (count == 0) in_.fail("losers announced, none there");
    Losers held;
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      std::uint8_t loser_flags = in_.u8();
      if (loser_flags > 1) in_.fail("flags of a loser");
      held.push_back(write(holder, is_element, slot, loser_flags != 0));
    }
    if (!in_.ok()) return;
    reg.winner.has_losers = true;
    losers[slot] = std::move(held);
  }

  void read_state(ContainerIndex c) {
    Container& container = impl_.containers[c];
    switch (container.kind) {
      case ContainerKind::kMap: {
        std::uint64_t count = in_.varint_up_to(in_.remaining() / 4, "more entries than bytes");
        MapState& map = *container.map;
        map.entries.reserve(static_cast<std::size_t>(count));
        for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
          std::uint32_t at = key();
          if (map.find(at) != nullptr) in_.fail("a key twice");
          if (!in_.ok()) return;
          Register& reg = map.at(at).reg;
          read_register(reg, map.losers, c, false, at);
          map.visible_count += reg.visible() ? 1u : 0u;
        }
        break;
      }
      case ContainerKind::kList: {
        std::uint64_t count = in_.varint_up_to(in_.remaining() / 5, "more elements than bytes");
        SequenceState& sequence = *container.sequence;
        sequence.elements.reserve(static_cast<std::size_t>(count));
        for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
          LocalDot element = dot();
          if (!in_.ok()) return;
          if (sequence.elements.find(element.packed()) != nullptr)
            return in_.fail("an element twice");
          Element& made = sequence.elements[element.packed()];
          made.slot = element;
          Register reg;
          read_register(reg, sequence.losers, c, true, element.packed());
          sequence.elements.find(element.packed())->reg = std::move(reg);
        }
        sequence.unwoven = true;
        break;
      }
      case ContainerKind::kText: {
        std::string_view text = as_text(in_.sized());
        if (!valid_utf8(text)) in_.fail(ErrorCode::kInvalidUtf8, "a text that is not UTF-8");
        container.sequence->borrowed_text = text.data() == nullptr ? std::string_view("") : text;
        container.sequence->unwoven = true;
        break;
      }
      case ContainerKind::kCounter:
        container.counter = in_.svarint();
        break;
    }
  }

  DocumentImpl& impl_;
  ByteReader in_;
  std::vector<ReplicaIndex> replicas_;
  std::vector<std::uint32_t> keys_;
  std::vector<ContainerIndex> containers_;
};

/// Reads the cold part: graph, hlc runs, skeleton.
class SkeletonReader {
 public:
  SkeletonReader(DocumentImpl& impl, ByteReader in) : impl_(impl), in_(in) {}

  Status read() {
    for (ReplicaIndex r : impl_.snapshot_replicas) read_graph(r);
    for (ReplicaIndex r : impl_.snapshot_replicas) read_skeleton(r);
    for (Container& container : impl_.containers) {
      if (container.kind != ContainerKind::kText || !in_.ok()) continue;
      container.sequence->cold_text = as_text(in_.sized());
      if (!valid_utf8(container.sequence->cold_text))
        in_.fail(ErrorCode::kInvalidUtf8, "erased text that is not UTF-8");
    }
    if (in_.ok() && !in_.at_end()) in_.fail("bytes after the skeleton");
    if (!in_.ok()) return in_.error("snapshot, cold part");
    return {};
  }

 private:
  LocalDot known(std::uint64_t replica, std::uint64_t seq) {
    if (replica >= impl_.snapshot_replicas.size()) {
      in_.fail("a replica that is not in the table");
      return {0, 0};
    }
    ReplicaIndex r = impl_.snapshot_replicas[static_cast<std::size_t>(replica)];
    if (seq >= impl_.graph.end(r)) in_.fail("an operation beyond the version");
    return {r, static_cast<Seq>(seq)};
  }

  void read_graph(ReplicaIndex r) {
    Seq end = impl_.graph.end(r);
    std::uint64_t entries = in_.varint_up_to(in_.remaining() / 2, "more entries than bytes");
    if (entries == 0) in_.fail("a log without a begin");
    std::uint64_t at = 0;
    std::vector<LocalDot> parents;
    for (std::uint64_t i = 0; i < entries && in_.ok(); ++i) {
      std::uint64_t step = in_.varint();
      at += step;
      if (at >= end || (i == 0) != (step == 0)) in_.fail("an entry out of order");
      std::uint64_t count = in_.varint_up_to(in_.remaining() / 2, "more parents than bytes");
      parents.clear();
      for (std::uint64_t p = 0; p < count && in_.ok(); ++p) {
        std::uint64_t replica = in_.varint();
        parents.push_back(known(replica, in_.varint()));
      }
      if (in_.ok()) impl_.graph.restore_entry(r, static_cast<Seq>(at), parents);
    }
    std::uint64_t runs = in_.varint_up_to(in_.remaining() / 2, "more clock runs than bytes");
    if (runs == 0) in_.fail("a log without clock");
    std::vector<CausalGraph::HlcRun> hlc;
    std::uint64_t begin = 0;
    Hlc base = 0;
    for (std::uint64_t i = 0; i < runs && in_.ok(); ++i) {
      std::uint64_t step = in_.varint();
      begin += step;
      std::uint64_t ahead = in_.varint();
      if (begin >= end || (i == 0) != (step == 0) || ahead > (kMaxTimeMs << 16) + kMaxSeq - base ||
          (i > 0 && ahead < step))
        in_.fail("a clock run out of order");
      base += ahead;
      hlc.push_back({static_cast<Seq>(begin), base});
    }
    if (in_.ok()) impl_.graph.restore_replica(r, end, impl_.graph.chain(r), std::move(hlc));
  }

  LocalDot relative(ReplicaIndex author, Seq seq) {
    std::uint64_t v = in_.varint();
    if (v == 0) return kNoDot;
    if (v & 1) {
      std::uint64_t back = v >> 1;
      if (back >= seq) {
        in_.fail("a dot before the first");
        return kNoDot;
      }
      return {author, static_cast<Seq>(seq - 1 - back)};
    }
    return known((v - 2) / 2, in_.varint());
  }
  LocalDot some(ReplicaIndex author, Seq seq) {
    LocalDot dot = relative(author, seq);
    if (dot.is_none()) in_.fail("a dot that has to be there");
    return dot;
  }

  void read_skeleton(ReplicaIndex r) {
    auto chunk = std::make_unique<LogChunk>();
    chunk->skeleton = true;
    chunk->end = impl_.graph.end(r);
    std::uint64_t rows = in_.varint_up_to(in_.remaining(), "more rows than bytes");
    std::uint64_t at = 0;
    std::uint32_t container = 0;
    bool has_container = false;
    for (std::uint64_t i = 0; i < rows && in_.ok(); ++i) {
      std::uint8_t tag = in_.u8();
      if (tag == kGapRow) {
        at += in_.varint_up_to(chunk->end - at, "a gap beyond the log");
        continue;
      }
      Op op;
      op.kind = static_cast<OpKind>(tag & 15);
      if (!is_sequence_op(op.kind)) in_.fail("a row of no sequence operation");
      op.seq = static_cast<Seq>(at);
      if ((tag & kSameContainer) == 0) {
        std::uint64_t number = in_.varint();
        if (number == 0 || number >= impl_.containers.size() ||
            !impl_.containers[static_cast<std::size_t>(number)].sequence)
          in_.fail("a sequence that is not in the table");
        if (!in_.ok()) return;
        container = impl_.name_of(static_cast<ContainerIndex>(number));
        has_container = true;
      }
      if (!has_container) in_.fail("a row without container");
      op.container = container;
      op.count = (tag & kOne)
                     ? 1
                     : static_cast<Seq>(in_.varint_up_to(chunk->end - at, "a run beyond the log"));
      if (op.count == 0 || op.count > chunk->end - at) in_.fail("a run beyond the log");
      bool inserts = is_insert(op.kind) || op.kind == OpKind::kListMove;
      op.a = inserts ? relative(r, op.seq) : some(r, op.seq);
      if (inserts) {
        unsigned ro = tag >> kRoShift;
        if (ro == 0 && op.a.is_none()) in_.fail("a right neighbour of nothing");
        op.b = ro == 0 ? op.a.plus(1) : ro == 1 ? kNoDot : relative(r, op.seq);
        if (!op.b.is_none() && op.b.seq >= impl_.graph.end(op.b.replica))
          in_.fail("an operation beyond the version");
      } else {
        op.backward = (tag & kBackwardBit) != 0;
      }
      if (op.kind == OpKind::kListMove) {
        if (op.count != 1) in_.fail("a move of several");
        LocalDot element = some(r, op.seq);
        op.content_begin = element.replica;
        op.content_size = element.seq;
      }
      chunk->ops.push_back(op);
      at += op.count;
    }
    impl_.log.add_chunk(r, std::move(chunk));
  }

  DocumentImpl& impl_;
  ByteReader in_;
};

}  // namespace

Bytes DocumentImpl::make_snapshot(ContainerIndex top) {
  // A damaged cold part lets nothing change: what was loaded is still the state.
  if (!ensure_skeleton().ok()) return snapshot_bytes;
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r) bring_chain_up(r);
  return SnapshotWriter(*this, top).write();
}

Status DocumentImpl::ensure_skeleton() {
  if (!skeleton_pending) return {};
  if (damage) return damage.clone();
  ByteSpan bytes(snapshot_bytes);
  SkeletonReader reader(
      *this,
      ByteReader(bytes.subspan(skeleton_begin, skeleton_end - skeleton_begin), skeleton_begin));
  Status status = reader.read();
  if (status.ok() && !frontier_fits())
    status = Error(ErrorCode::kCorrupt, "the snapshot's frontier is not that of its version");
  if (status.ok()) status = weave_skeleton();
  if (!status.ok()) {
    damage = status.take_error();
    return damage.clone();
  }
  skeleton_pending = false;
  return {};
}

bool DocumentImpl::frontier_fits() const {
  auto by_dot = [](LocalDot a, LocalDot b) { return a.packed() < b.packed(); };
  std::vector<LocalDot> said = graph.frontier();
  std::vector<LocalDot> is = graph.frontier_of(graph.version());
  std::sort(said.begin(), said.end(), by_dot);
  std::sort(is.begin(), is.end(), by_dot);
  return said == is;
}

Status DocumentImpl::load_snapshot(Bytes bytes) {
  ByteSpan file(bytes);
  if (file.size() < kMagic.size() || as_text(file.first(kMagic.size())) != kMagic)
    return Error(ErrorCode::kCorrupt, "not a snapshot file", 0);
  if (file.size() < kHeaderBytes + kChecksumBytes)
    return Error(ErrorCode::kCorrupt, "the snapshot ends too early", file.size());
  if (static_cast<std::uint8_t>(file[kMagic.size()]) != kVersion)
    return Error(ErrorCode::kUnknownVersion, "a snapshot of a newer weft", kMagic.size());
  ByteSpan body = file.first(file.size() - kChecksumBytes);
  if (ByteReader(file.last(kChecksumBytes)).u64() != xxh3_64(body))
    return Error(ErrorCode::kCorrupt, "the snapshot's checksum is wrong", body.size());
  ByteReader head(body.subspan(kMagic.size() + 1));
  std::memcpy(options.id.bytes.data(), head.bytes(16).data(), 16);
  std::uint64_t hot = head.u64();
  if (hot > body.size() - kHeaderBytes)
    return Error(ErrorCode::kCorrupt, "the snapshot's parts are larger than it", kHeaderBytes - 8);
  snapshot_bytes = std::move(bytes);
  body = ByteSpan(snapshot_bytes).first(snapshot_bytes.size() - kChecksumBytes);
  skeleton_begin = kHeaderBytes + static_cast<std::size_t>(hot);
  skeleton_end = body.size();
  SnapshotReader reader(
      *this, ByteReader(body.subspan(kHeaderBytes, static_cast<std::size_t>(hot)), kHeaderBytes));
  WEFT_TRY(reader.read());
  skeleton_pending = !snapshot_replicas.empty();
  has_skeleton = skeleton_pending;
  return {};
}

Result<Document> Document::load(Bytes snapshot, DocumentOptions options) {
  auto impl = std::make_unique<DocumentImpl>(std::move(options));
  WEFT_TRY(impl->load_snapshot(std::move(snapshot)));
  return Document(std::move(impl));
}

Result<Document> Document::open_file(ByteSpan file, DocumentOptions options) {
  if (!is_history_file(file)) return load(Bytes(file.begin(), file.end()), std::move(options));
  WEFT_ASSIGN(HistoryFile history, decode_history_file(file, options.limits));
  options.id.bytes = history.document;
  Document document = create(std::move(options));
  WEFT_TRY(document.apply_bundles(history.bundles));
  return document;
}

Bytes Document::snapshot() const { return impl_->make_snapshot(kRootContainer); }

Result<Bytes> Document::container_snapshot(std::string_view path) const {
  WEFT_ASSIGN(DocumentImpl::Target target, impl_->find_path(path));
  if (!target.value.is_container())
    return Error(ErrorCode::kWrongKind, "'" + std::string(path) + "' is no container");
  return impl_->make_snapshot(target.value.container_index());
}

}  // namespace weft
