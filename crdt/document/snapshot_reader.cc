// Reads the hot part of a snapshot. Nothing in it is trusted: whatever the rest of the document takes
// for granted is checked here.
#include "crdt/base/utf8.h"
#include "crdt/delta/value_codec.h"
#include "crdt/document/snapshot_format.h"

namespace weft::snapshot {
namespace {

/// Reads the hot part into an empty document.
class SnapshotReader {
 public:
  SnapshotReader(DocumentImpl& impl, ByteReader in) : impl_(impl), in_(in) {}

  Status read() {
    read_replicas();
    read_keys();
    read_containers();
    for (ContainerIndex c = 0; c < impl_.containers.size() && in_.ok(); ++c) read_state(c);
    if (in_.ok() && !in_.at_end()) in_.fail("bytes after the last container");
    if (!in_.ok()) return in_.error("snapshot");
    return {};
  }

 private:
  LocalDot dot() { return read_dot(impl_, in_); }

  void read_replicas() {
    std::uint64_t count = in_.varint_up_to(in_.remaining() / 17, "more replicas than bytes");
    ReplicaId previous;
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      ReplicaId id{in_.u64()};
      if (i > 0 && !(previous < id)) in_.fail("replicas out of order");
      previous = id;
      if (!in_.ok()) return;
      ReplicaIndex replica = impl_.intern_replica(id);
      impl_.snapshot_replicas.push_back(replica);
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
    ContainerId previous;
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      ContainerId id;
      ByteSpan bytes = in_.bytes(16);
      if (bytes.size() == 16) std::memcpy(id.bytes.data(), bytes.data(), 16);
      std::uint8_t tag = in_.u8();
      if ((tag & ~16) > 3) in_.fail("a container of no kind");
      auto kind = static_cast<ContainerKind>(tag & 15);
      if (i == 0) {
        if (id == ContainerId() ? tag != 0 : (tag & 16) != 0)
          in_.fail("the first container is not the root");
        if (!(id == ContainerId())) make_root(id, kind);
        places_.push_back({});
        continue;
      }
      if (i > 1 && !(previous < id)) in_.fail("containers out of order");
      if (id == ContainerId() || id == impl_.containers[kRootContainer].id)
        in_.fail("the root twice");
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
      // Its number in the table is its index: the document was empty, the table is sorted. Looking up by
      // id and by name comes with the cold part.
      auto made = static_cast<ContainerIndex>(i);
      Container& container = impl_.add_container(id, kind, static_cast<ContainerIndex>(parent));
      for (std::uint64_t n = 0; n < names && in_.ok(); ++n) {
        container.names.push_back(static_cast<std::uint32_t>(impl_.names.size()));
        impl_.names.push_back({dot(), made});
      }
      if (!in_.ok()) return;
      bool mergeable = (id.bytes[15] & 1) != 0;
      if (mergeable ? in_list : names != 1 || id != impl_.distinct_id(impl_.names.back().dot))
        return in_.fail("a container with the id of another one");
      container.in_list = in_list;
      container.element = element;
      container.key = at_key;
      container.generation = generation;
      places_.push_back({in_list ? element.packed() : at_key, container.parent, kind, in_list});
    }
    for (ContainerIndex c = 1; c < impl_.containers.size() && in_.ok(); ++c) {
      const Container& parent = impl_.containers[impl_.containers[c].parent];
      if (parent.kind != (impl_.containers[c].in_list ? ContainerKind::kList : ContainerKind::kMap))
        in_.fail("a container inside one that can't hold it");
    }
    if (in_.ok()) check_nesting();
  }

  /// A part of a document: its container is the root of what is read.
  void make_root(const ContainerId& id, ContainerKind kind) {
    impl_.containers.clear();
    impl_.add_container(id, kind, kNoContainer);
    impl_.read_only = true;
  }

  /// Every container hangs below the root, and not too deep.
  void check_nesting() {
    constexpr std::uint32_t kUnknown = 0xffff'ffff;
    constexpr std::uint32_t kOnPath = 0xffff'fffe;
    std::vector<std::uint32_t> depth(impl_.containers.size(), kUnknown);
    depth[kRootContainer] = 0;
    std::vector<ContainerIndex> path;
    for (ContainerIndex c = 1; c < impl_.containers.size(); ++c) {
      ContainerIndex at = c;
      for (; depth[at] == kUnknown; at = impl_.containers[at].parent) {
        depth[at] = kOnPath;
        path.push_back(at);
      }
      if (depth[at] == kOnPath) return in_.fail("containers that contain each other");
      for (; !path.empty(); path.pop_back()) {
        ContainerIndex child = path.back();
        depth[child] = depth[impl_.containers[child].parent] + 1;
        if (depth[child] > kContainerDepthMax)
          return in_.fail(ErrorCode::kLimit, "containers that lie too deep");
        impl_.containers[child].depth = depth[child];
      }
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
      const Place& made = places_[child];
      if (made.parent != holder || made.in_list != is_element || made.slot != slot)
        in_.fail("a child at a place it was not made for");
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
        std::uint64_t next = 0;
        for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
          std::uint64_t number = in_.varint();
          if (number < next || number >= keys_.size())
            return in_.fail("keys of a map out of order, or not in the table");
          next = number + 1;
          std::uint32_t at = keys_[static_cast<std::size_t>(number)];
          Register& reg = map.add(at).reg;
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
        container.counter = read_sum(in_);
        break;
    }
  }

  DocumentImpl& impl_;
  ByteReader in_;
  std::vector<std::uint32_t> keys_;
  /// Where each container was made for, close together: registers ask for them in any order.
  struct Place {
    std::uint64_t slot = 0;
    ContainerIndex parent = kNoContainer;
    ContainerKind kind = ContainerKind::kMap;
    bool in_list = false;
  };
  std::vector<Place> places_;
};

/// Reads the order of sequences that stands behind the hot part of one container.
class OrderReader {
 public:
  OrderReader(DocumentImpl& impl, ByteReader in) : impl_(impl), in_(in) {}

  Status read() {
    // Nothing is known of times: every log is as if it had been written without a clock.
    for (ReplicaIndex r : impl_.snapshot_replicas)
      impl_.graph.restore_replica(r, impl_.graph.end(r), 0, {{0, 0}});
    for (Container& container : impl_.containers)
      if (container.sequence && in_.ok()) read_sequence(*container.sequence);
    if (in_.ok() && !in_.at_end()) in_.fail("bytes after the last sequence");
    if (!in_.ok()) return in_.error("snapshot, order");
    return {};
  }

 private:
  LocalDot dot() { return read_dot(impl_, in_); }

  void read_sequence(SequenceState& sequence) {
    std::uint64_t count = in_.varint_up_to(in_.remaining() / 3, "more runs than bytes");
    sequence.packed.reserve(static_cast<std::size_t>(count));
    std::uint64_t visible = 0;
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      LocalDot last = dot();
      std::uint64_t tag = in_.varint();
      if (tag < 2 || tag >> 1 > std::uint64_t{last.seq} + 1) return in_.fail("a run of no length");
      Run run{{last.replica, last.seq}, static_cast<Seq>(tag >> 1), (tag & 1) != 0};
      run.first.seq -= run.count - 1;
      if (!run.hidden) visible += run.count;
      sequence.packed.push_back(run);
    }
    sequence.unwoven = false;
    if (!in_.ok()) return;
    if (sequence.is_text) {
      if (visible != count_scalars(sequence.borrowed_text)) in_.fail("a text of another length");
      return;
    }
    read_moves(sequence);
    if (in_.ok()) place_elements(sequence, visible);
  }

  void read_moves(SequenceState& sequence) {
    std::uint64_t count = in_.varint_up_to(in_.remaining() / 4, "more moves than bytes");
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      LocalDot slot = dot();
      LocalDot element = dot();
      if (sequence.elements.find(element.packed()) == nullptr)
        return in_.fail("a move of no element");
      sequence.slots[slot.packed()] = element.packed();
    }
  }

  /// Each element shows once, where its slot is visible, or is erased.
  void place_elements(SequenceState& sequence, std::uint64_t visible) {
    std::vector<std::uint64_t> all;
    sequence.elements.for_each([&](std::uint64_t dot, const Element&) { all.push_back(dot); });
    if (visible > all.size()) return in_.fail("more visible elements than there are");
    for (std::uint64_t dot : all) sequence.elements.find(dot)->erase_count = 1;
    for (const Run& run : sequence.packed)
      for (Seq k = 0; k < run.count && !run.hidden; ++k) {
        LocalDot slot = run.first.plus(k);
        Element* element = sequence.elements.find(sequence.element_of_slot(slot).packed());
        if (element == nullptr || element->erase_count == 0)
          return in_.fail("an element that shows twice, or is none");
        element->erase_count = 0;
        element->slot = slot;
      }
    sequence.list_size = all.size();
  }

  DocumentImpl& impl_;
  ByteReader in_;
};

}  // namespace

CounterSum read_sum(ByteReader& in) {
  __extension__ using Wide = unsigned __int128;
  Wide sum = 0;
  for (unsigned shift = 0; in.ok(); shift += 7) {
    const std::uint8_t byte = in.u8();
    // Of 127 bits: what can be added to it later still fits.
    if ((shift == 126 && byte > 1) || (shift > 0 && byte == 0)) {
      in.fail("a sum that is too long");
      break;
    }
    sum |= static_cast<Wide>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  return static_cast<CounterSum>(sum >> 1) ^ -static_cast<CounterSum>(sum & 1);
}

LocalDot read_dot(const DocumentImpl& impl, ByteReader& in, std::uint64_t replica_number) {
  if (replica_number >= impl.snapshot_replicas.size()) {
    in.fail("a replica that is not in the table");
    return {0, 0};
  }
  ReplicaIndex replica = impl.snapshot_replicas[static_cast<std::size_t>(replica_number)];
  std::uint64_t seq = in.varint();
  if (seq >= impl.graph.end(replica)) in.fail("an operation beyond the version");
  return {replica, static_cast<Seq>(seq)};
}

Status read_order(DocumentImpl& impl, ByteReader in) { return OrderReader(impl, in).read(); }

Status read_hot(DocumentImpl& impl, ByteReader in) { return SnapshotReader(impl, in).read(); }

}  // namespace weft::snapshot
