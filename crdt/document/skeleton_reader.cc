// Reads the cold part of a snapshot. What has to fit together (positions, targets, the text of what
// is erased) is checked when the sequences are woven from it.
#include "crdt/base/utf8.h"
#include "crdt/document/snapshot_format.h"

namespace weft::snapshot {
namespace {

/// Reads the cold part: graph, hlc runs, skeleton.
class SkeletonReader {
 public:
  SkeletonReader(DocumentImpl& impl, std::uint8_t version, ByteReader in)
      : impl_(impl), version_(version), in_(in) {}

  Status read() {
    index_containers();
    check_ids();
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
  /// For edits and deltas, which name containers by the writes that made them.
  void index_containers() {
    impl_.container_by_id.reserve(impl_.containers.size());
    impl_.name_by_dot.reserve(impl_.names.size());
    for (ContainerIndex c = 1; c < impl_.containers.size(); ++c)
      impl_.container_by_id.emplace(impl_.containers[c].id, c);
    for (std::uint32_t name = 1; name < impl_.names.size(); ++name) {
      std::uint64_t dot = impl_.names[name].dot.packed();
      if (impl_.name_by_dot.find(dot) != nullptr)
        return in_.fail("one write that made two containers");
      impl_.name_by_dot[dot] = name;
    }
  }

  /// A mergeable child's id is the hash of its place: whoever makes it next has to meet it there.
  void check_ids() {
    for (const Container& child : impl_.containers) {
      if (child.parent == kNoContainer || (child.id.bytes[15] & 1) == 0) continue;
      if (child.id !=
          impl_.mergeable_id(child.parent, impl_.keys[child.key], child.kind, child.generation))
        return in_.fail("a mergeable child with the id of another place");
    }
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
        parents.push_back(read_dot(impl_, in_));
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
      std::uint64_t time = in_.varint();
      std::uint64_t counter = time & 1 ? in_.varint_up_to(0xffff, "a clock's counter") : 0;
      // The counter of a run may go on into the time's bits, and so may the last operation's.
      Hlc limit = (kMaxTimeMs << 16) + kMaxSeq;
      Hlc next = time >> 1 > limit >> 16 ? limit + 1 : ((base >> 16) + (time >> 1)) << 16 | counter;
      if (begin >= end || (i == 0) != (step == 0) || next > limit || (i > 0 && next < base + step))
        in_.fail("a clock run out of order");
      base = next;
      hlc.push_back({static_cast<Seq>(begin), base});
    }
    if (!in_.ok()) return;
    impl_.graph.restore_replica(r, end, impl_.graph.chain(r), std::move(hlc));
    if (version_ == kLegacyVersion) {
      impl_.graph.restore_weights(r, end, {});
    } else {
      read_weights(r, end);
    }
  }

  void read_weights(ReplicaIndex r, Seq end) {
    auto legacy_end = static_cast<Seq>(in_.varint_up_to(end, "rows of version 1 beyond the log"));
    std::uint64_t count = in_.varint_up_to(in_.remaining() / 2, "more weights than bytes");
    std::vector<CausalGraph::WeightRun> runs;
    std::uint64_t begin = 0;
    std::uint64_t weight_ms = 0;
    std::uint64_t before = DeltaClock::kAsHlc;
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      std::uint64_t step = in_.varint();
      begin += step;
      std::uint64_t told = in_.varint();
      if (told > 0) weight_ms += static_cast<std::uint64_t>(unzigzag(told - 1));
      std::uint64_t now = told == 0 ? DeltaClock::kAsHlc : weight_ms;
      if (begin < legacy_end || begin >= end || (i > 0 && step == 0) || now == before)
        return in_.fail("a weight out of order");
      if (told > 0 &&
          weight_ms >= impl_.graph.hlc_of({r, static_cast<Seq>(begin)}) >> 16)  // (weight.h, I1)
        return in_.fail("a weight beyond its hlc");
      before = now;
      runs.push_back({static_cast<Seq>(begin), now});
    }
    if (in_.ok()) impl_.graph.restore_weights(r, legacy_end, std::move(runs));
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
    return read_dot(impl_, in_, (v - 2) / 2);
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
    ContainerIndex at_container = kNoContainer;
    for (std::uint64_t i = 0; i < rows && in_.ok(); ++i) {
      std::uint8_t tag = in_.u8();
      if (tag == kGapRow) {
        at += in_.varint_up_to(chunk->end - at, "a gap beyond the log");
        continue;
      }
      Op op;
      op.kind = static_cast<OpKind>(tag & 15);
      bool touched = op.kind == OpKind::kTouched;
      if (!touched && !is_sequence_op(op.kind)) in_.fail("a row of no such kind");
      op.seq = static_cast<Seq>(at);
      if ((tag & kSameContainer) == 0) {
        std::uint64_t number = in_.varint();
        if (number >= impl_.containers.size()) in_.fail("a container that is not in the table");
        if (!in_.ok()) return;
        at_container = static_cast<ContainerIndex>(number);
      }
      if (at_container == kNoContainer) return in_.fail("a row without container");
      if (!touched && !impl_.containers[at_container].sequence)
        return in_.fail("an operation of sequences in something else");
      op.container = impl_.name_of(at_container);
      op.count = (tag & kOne)
                     ? 1
                     : static_cast<Seq>(in_.varint_up_to(chunk->end - at, "a run beyond the log"));
      if (op.count == 0 || op.count > chunk->end - at) in_.fail("a run beyond the log");
      if (touched) {
        if (tag >> kRoShift != 0) in_.fail("flags of a row");
        chunk->ops.push_back(op);
        at += op.count;
        continue;
      }
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
  std::uint8_t version_;
  ByteReader in_;
};

}  // namespace

Status read_cold(DocumentImpl& impl, std::uint8_t version, ByteReader in) {
  return SkeletonReader(impl, version, in).read();
}

}  // namespace weft::snapshot
