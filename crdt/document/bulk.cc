// Whole histories into an empty document, and sequences out of a snapshot's skeleton: operations are
// walked once in causal order, registers written as ever, sequences woven by BulkWeaver. Nothing is
// kept when anything fails: the caller then goes the way of single deltas, which refuses exactly what
// has to be refused.
//
// Causal order without sorting: each replica's log is taken in segments that begin where a delta has
// explicit dependencies; a segment is ready when they are known; the replicas take turns.
#include <algorithm>

#include "crdt/base/utf8.h"
#include "crdt/delta/value_codec.h"
#include "crdt/document/bulk.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"

namespace weft {

BulkWeaver::Outcome TreeWeaver::insert(std::uint32_t sequence, SequenceState& state, const Op& op,
                                       const OpContext& context, const SiblingOracle&) {
  while (trees_.size() <= sequence) trees_.emplace_back(false);
  RunTree& tree = trees_[sequence];
  LocalDot dot{context.author, op.seq};
  auto after = impl_.place(state, tree, op.a, op.b, dot, context);
  if (!after.ok()) return BulkWeaver::Outcome::kInvalid;
  tree.insert_after(*after, dot, op.count, {});
  impl_.note_sibling(state, tree, op.a, op.b, dot, context);
  return BulkWeaver::Outcome::kDone;
}

template <class Weaver>
bool BulkSequences<Weaver>::origin(LocalDot dot, LocalDot& lo, LocalDot& ro) const {
  auto found = impl_.log.origin(dot);
  if (!found) return false;
  lo = found->lo;
  ro = found->ro;
  return true;
}

template <class Weaver>
bool BulkSequences<Weaver>::stamp_less(LocalDot a, LocalDot b) const {
  return impl_.graph.stamp_of(a) < impl_.graph.stamp_of(b);
}

template <class Weaver>
bool BulkSequences<Weaver>::in_past(LocalDot dot) const {
  return impl_.in_past(dot, *context_, before_);
}

template <class Weaver>
std::uint32_t BulkSequences<Weaver>::number_of(ContainerIndex container) {
  if (container >= numbers_.size()) numbers_.resize(impl_.containers.size(), kNone);
  std::uint32_t& number = numbers_[container];
  if (number == kNone) {
    if (sequences_.size() == capacity_) return kNone;
    number = static_cast<std::uint32_t>(sequences_.size());
    sequences_.push_back(container);
  }
  return number;
}

template <class Weaver>
bool BulkSequences<Weaver>::apply(const Op& op, const OpContext& context) {
  ContainerIndex container = impl_.resolve(op.container);
  SequenceState* sequence = impl_.containers[container].sequence.get();
  if (sequence == nullptr) return false;
  std::uint32_t number = number_of(container);
  if (number == kNone) return false;
  context_ = &context;
  before_ = op.seq;
  LocalDot dot{context.author, op.seq};
  switch (op.kind) {
    case OpKind::kTextInsert:
    case OpKind::kListInsert: {
      if (sequence->is_text != (op.kind == OpKind::kTextInsert)) return false;
      if (weaver_.insert(number, *sequence, op, context, *this) != BulkWeaver::Outcome::kDone)
        return false;
      if (context.trusted) {  // values and text are there already
        if (sequence->is_text) return true;
        sequence->list_size += op.count;
        for (Seq k = 0; k < op.count; ++k)
          if (sequence->elements.find(dot.plus(k).packed()) == nullptr) return false;
        return true;
      }
      std::string_view content = context.content.substr(op.content_begin, op.content_size);
      if (sequence->is_text) {
        weaver_.put_text(dot, content);
        return true;
      }
      for (Seq k = 0; k < op.count; ++k) {
        std::size_t size = value_size(as_bytes(content));
        impl_.add_element(*sequence, container, dot.plus(k), as_bytes(content.substr(0, size)));
        content.remove_prefix(size);
      }
      return true;
    }
    case OpKind::kErase:
      return erase(*sequence, number, op, context);
    case OpKind::kRevoke:
    case OpKind::kReinstate:
      return toggle(*sequence, number, container, op, context);
    case OpKind::kListMove:
      return move(*sequence, number, op, context);
    default:
      return false;
  }
}

template <class Weaver>
bool BulkSequences<Weaver>::erase(SequenceState& sequence, std::uint32_t number, const Op& op,
                                  const OpContext& context) {
  LocalDot first = op.a;
  if (op.backward) {
    if (op.a.seq < op.count - 1) return false;
    first.seq = op.a.seq - (op.count - 1);
  }
  if (first.replica >= impl_.graph.replica_count() ||
      first.seq + std::uint64_t{op.count} > impl_.graph.end(first.replica))
    return false;
  if (!context.trusted && !impl_.in_past(first.plus(op.count - 1), context, op.seq)) return false;
  if (!weaver_.are_elements(number, first, op.count)) return false;
  if (!sequence.is_text) {
    for (Seq k = 0; k < op.count; ++k) {
      Element* element = sequence.elements.find(first.plus(k).packed());
      if (element == nullptr) return false;  // a slot of a move is no element
      ++element->erase_count;
    }
    return true;
  }
  weaver_.hide(number, first, op.count, [&](LocalDot dot) { count_again(sequence, dot); });
  return true;
}

template <class Weaver>
void BulkSequences<Weaver>::count_again(SequenceState& sequence, LocalDot dot) {
  std::uint32_t& erasures = sequence.multi_erased[dot.packed()];
  erasures = erasures == 0 ? 2 : erasures + 1;
}

template <class Weaver>
bool BulkSequences<Weaver>::toggle(SequenceState& sequence, std::uint32_t number,
                                   ContainerIndex container, const Op& op,
                                   const OpContext& context) {
  bool revoke = op.kind == OpKind::kRevoke;
  if (op.a.replica != context.author || op.a.seq + std::uint64_t{op.count} > op.seq) return false;
  for (Seq k = 0; k < op.count; ++k) {
    LocalDot unit = op.a.plus(k);
    auto found = impl_.log.find(unit);
    if (!found || found->op->kind != OpKind::kErase ||
        impl_.resolve(found->op->container) != container)
      return false;
    LocalDot target = target_of_unit(*found->op, unit.seq - found->op->seq);
    bool revoked = sequence.revoked.find(unit.packed()) != nullptr;
    if (revoked == revoke) continue;
    if (revoke) {
      sequence.revoked[unit.packed()] = 1;
    } else {
      sequence.revoked.erase(unit.packed());
    }
    if (!sequence.is_text) {
      Element& element = *sequence.elements.find(target.packed());
      element.erase_count += revoke ? 0xffff'ffffu : 1u;
    } else if (!revoke) {
      if (weaver_.is_hidden(number, target)) {
        count_again(sequence, target);
      } else {
        weaver_.set_hidden(number, target);
      }
    } else if (std::uint32_t* erasures = sequence.multi_erased.find(target.packed())) {
      if (--*erasures == 1) sequence.multi_erased.erase(target.packed());
    } else {
      weaver_.show(number, target);
    }
  }
  return true;
}

template <class Weaver>
bool BulkSequences<Weaver>::move(SequenceState& sequence, std::uint32_t number, const Op& op,
                                 const OpContext& context) {
  if (sequence.is_text) return false;
  LocalDot moved = moved_element(op);
  Element* element = sequence.elements.find(moved.packed());
  if (element == nullptr || !weaver_.is_element(number, moved)) return false;
  if (!context.trusted && !impl_.in_past(moved, context, op.seq)) return false;
  LocalDot slot{context.author, op.seq};
  if (weaver_.insert(number, sequence, op, context, *this) != BulkWeaver::Outcome::kDone)
    return false;
  sequence.slots[slot.packed()] = moved.packed();
  if (impl_.stamp(element->slot, context) < impl_.stamp(slot, context)) element->slot = slot;
  return true;
}

/// Writes the packed form of every sequence that was touched.
template <class Weaver>
void BulkSequences<Weaver>::finish(bool with_text) {
  for (std::uint32_t number = 0; number < sequences_.size(); ++number) {
    SequenceState& sequence = *impl_.containers[sequences_[number]].sequence;
    if (!sequence.is_text) {
      sequence.elements.for_each([&](std::uint64_t key, const Element& element) {
        LocalDot dot = LocalDot::unpacked(key);
        if (element.erase_count > 0 || !(element.slot == dot)) weaver_.set_hidden(number, dot);
      });
      sequence.slots.for_each([&](std::uint64_t key, std::uint64_t of) {
        LocalDot slot = LocalDot::unpacked(key);
        const Element& element = *sequence.elements.find(of);
        if (element.erase_count > 0 || !(element.slot == slot)) weaver_.set_hidden(number, slot);
      });
    }
    sequence.packed.clear();
    bool text = sequence.is_text && with_text;
    weaver_.finish(number, sequence.packed, text ? &sequence.packed_text : nullptr);
    sequence.unwoven = false;
  }
}

namespace {

/// One bundle on its way into the document.
struct Source {
  Batch* batch = nullptr;
  std::uint64_t end_chain = 0;
  ReplicaIndex author = 0;
  std::vector<ReplicaIndex> replicas;
  std::vector<std::uint32_t> names;
  std::vector<std::uint32_t> keys;
  LogChunk* chunk = nullptr;
  std::size_t next_delta = 0;
  std::size_t next_op = 0;
};

constexpr std::uint32_t kUnresolved = 0xffff'ffff;

class BulkApplication {
 public:
  BulkApplication(DocumentImpl& impl, std::vector<OpenedBundle>& bundles)
      : impl_(impl), bundles_(bundles) {}

  bool run() {
    if (replay()) return true;
    for (Source& source : sources_) {
      source.batch->deltas = std::move(source.chunk->deltas);
      source.batch->messages = std::move(source.chunk->messages);
    }
    return false;
  }

 private:
  bool replay() {
    if (!prepare()) return false;
    for (bool progress = true; progress;) {
      progress = false;
      for (Source& source : sources_)
        while (source.next_delta < source.chunk->deltas.size() && is_ready(source)) {
          if (!segment(source)) return false;
          progress = true;
        }
    }
    for (Source& source : sources_) {
      if (source.next_delta < source.chunk->deltas.size()) return false;
      impl_.graph.set_chain(source.author, source.end_chain);
    }
    sequences_->finish(true);
    return true;
  }

  bool prepare() {
    std::vector<Seq> ends;
    bool ascii = true;
    std::vector<std::uint64_t> named;  // no more sequences can come up than containers are named
    for (OpenedBundle& bundle : bundles_) {
      Batch& batch = bundle.batch;
      for (ReplicaId id : batch.replicas) impl_.intern_replica(id);
    }
    ends.assign(impl_.graph.replica_count(), 0);
    for (OpenedBundle& bundle : bundles_) {
      Batch& batch = bundle.batch;
      Source source;
      source.batch = &batch;
      source.end_chain = bundle.end_chain;
      source.author = *impl_.graph.find(batch.author());
      if (ends[source.author] != 0 || batch.first_seq != 0) return false;  // one bundle a replica
      ends[source.author] = batch.op_count;
      for (ReplicaId id : batch.replicas) source.replicas.push_back(*impl_.graph.find(id));
      source.names.assign(batch.containers.size(), kUnresolved);
      for (std::string_view key : batch.keys) source.keys.push_back(impl_.keys.intern(key));
      ascii = ascii && is_ascii_content(batch);
      for (LocalDot name : batch.containers)
        if (!name.is_none())
          named.push_back(LocalDot{source.replicas[name.replica], name.seq}.packed());
      add_chunk(source);
      sources_.push_back(std::move(source));
    }
    if (!BulkWeaver::fits(ends)) return false;
    std::sort(named.begin(), named.end());
    auto distinct = std::unique(named.begin(), named.end()) - named.begin();
    auto capacity = static_cast<std::size_t>(distinct);
    sequences_.emplace(impl_, capacity, ends, capacity, ascii);
    return true;
  }

  static bool is_ascii_content(const Batch& batch) {
    for (const Op& op : batch.ops)
      if (op.kind == OpKind::kTextInsert && op.content_size != op.count) return false;
    return true;
  }

  void add_chunk(Source& source) {
    Batch& batch = *source.batch;
    auto chunk = std::make_unique<LogChunk>();
    chunk->begin = batch.first_seq;
    chunk->end = batch.end();
    chunk->sealed = true;
    chunk->ops.reserve(batch.ops.size());
    chunk->deltas = std::move(batch.deltas);
    chunk->messages = std::move(batch.messages);
    for (Dependency dependency : batch.dependencies) {
      dependency.dot.replica = source.replicas[dependency.dot.replica];
      chunk->dependencies.push_back(dependency);
    }
    source.chunk = chunk.get();
    impl_.log.add_chunk(source.author, std::move(chunk));
  }

  std::span<const Dependency> deps(const Source& source, const DeltaRun& run) const {
    return source.chunk->deps(run);
  }

  bool is_ready(const Source& source) const {
    for (const Dependency& dependency : deps(source, source.chunk->deltas[source.next_delta]))
      if (!impl_.graph.knows(dependency.dot)) return false;
    return true;
  }

  /// Takes the deltas up to the next one with dependencies.
  bool segment(Source& source) {
    const Batch& batch = *source.batch;
    OpContext context;
    context.author = source.author;
    context.in_graph = true;
    context.content = batch.content;
    const std::vector<DeltaRun>& deltas = source.chunk->deltas;
    const DeltaRun& head = deltas[source.next_delta];
    context.first_seq = head.first_seq;
    context.covers_everything = impl_.graph.covers_everything(source.author, deps(source, head));
    if (!context.covers_everything)
      context.past = &impl_.graph.advance_past(source.author, deps(source, head));
    impl_.graph.append(source.author, head.ops_each * head.delta_count, deps(source, head),
                       impl_.graph.next_clock(source.author, deps(source, head),
                                              head.committed_at_ms, head.row_version));
    std::size_t first = ++source.next_delta;
    while (source.next_delta < deltas.size() && deltas[source.next_delta].dependency_count == 0)
      ++source.next_delta;
    impl_.graph.append_runs(source.author,
                            std::span(deltas).subspan(first, source.next_delta - first));
    Seq end = impl_.graph.end(source.author);
    while (source.next_op < batch.ops.size() && batch.ops[source.next_op].seq < end) {
      const Op& op = batch.ops[source.next_op];
      if (op.end() <= end && op.seq >= context.first_seq) {
        if (!apply(source, op, context)) return false;
        ++source.next_op;
        continue;
      }
      // The op goes over the segment's border: its part inside.
      Seq from = std::max(op.seq, context.first_seq);
      Op part = slice_op(op, from, std::min(op.end(), end), 0, batch.content);
      if (!apply(source, part, context)) return false;
      if (op.end() > end) break;
      ++source.next_op;
    }
    return true;
  }

  bool dot(const Source& source, LocalDot& dot) const {
    if (dot.is_none()) return true;
    dot.replica = source.replicas[dot.replica];
    return impl_.graph.knows(dot);
  }

  bool apply(Source& source, Op op, const OpContext& context) {
    bool known = dot(source, op.a);
    if (is_insert(op.kind) || op.kind == OpKind::kListMove || op.kind == OpKind::kListSet)
      known = dot(source, op.b) && known;
    if (op.kind == OpKind::kListMove) {
      LocalDot element = moved_element(op);
      known = dot(source, element) && known;
      op.content_begin = element.replica;
      op.content_size = element.seq;
    }
    if (!known) return false;
    if (has_key(op.kind)) op.b = {0, source.keys[op.key()]};
    std::uint32_t& name = source.names[op.container];
    if (name == kUnresolved) {
      LocalDot made = source.batch->containers[op.container];
      if (!dot(source, made)) return false;
      auto found = impl_.find_name(made);
      if (!found) return false;
      name = *found;
    }
    LocalDot made = impl_.names[name].dot;
    if (!made.is_none() && !impl_.in_past(made, context, op.seq)) return false;
    op.container = name;
    append_run(source.chunk->ops, op, source.author);
    if (impl_.nests_too_deep(op, context.content)) return false;
    if (is_sequence_op(op.kind)) return sequences_->apply(op, context);
    return impl_.apply_op(op, context).ok();
  }

  DocumentImpl& impl_;
  std::vector<OpenedBundle>& bundles_;
  std::vector<Source> sources_;
  std::optional<BulkSequences<FlatWeaver>> sequences_;
};

}  // namespace

bool DocumentImpl::apply_in_bulk(std::vector<OpenedBundle>& bundles, ApplyReport& report) {
  if (has_skeleton || !graph.frontier().empty() || !pending.empty()) return false;
  std::unique_ptr<PatchCollector> kept = std::move(collector);
  tx.journaling = false;
  BulkApplication application(*this, bundles);
  bool done = application.run();
  tx.journaling = true;
  collector = std::move(kept);
  if (!done) {
    reset_state();
    return false;
  }
  for (OpenedBundle& bundle : bundles) {
    Batch& batch = bundle.batch;
    LogChunk& chunk = *log.chunks(*graph.find(batch.author())).front();
    if (batch.owned.empty()) {
      chunk.text = batch.content;
      chunk.sealed = false;
    } else {
      chunk.owned = std::move(batch.owned);  // moving a vector keeps its bytes where they are
      chunk.borrowed = batch.content;
    }
    for (const DeltaRun& run : chunk.deltas) report.applied += run.delta_count;
  }
  return true;
}

Status DocumentImpl::weave_skeleton() {
  std::vector<Seq> ends;
  std::size_t capacity = 0;
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r) ends.push_back(graph.end(r));
  for (const Container& container : containers)
    if (container.sequence) ++capacity;
  Error damaged(ErrorCode::kCorrupt, "the snapshot's sequences do not fit together");
  if (!BulkWeaver::fits(ends)) return damaged;
  BulkSequences<FlatWeaver> flat(*this, capacity, ends, capacity, true);
  if (replay_skeleton(ends, flat)) return check_sequences();
  // Perhaps a gap was too crowded: once more, with trees. What the first try has counted goes.
  for (Container& container : containers) {
    if (!container.sequence) continue;
    SequenceState& sequence = *container.sequence;
    sequence.multi_erased.clear();
    sequence.revoked.clear();
    sequence.slots.clear();
    sequence.list_size = 0;
    std::vector<std::uint64_t> dots;
    sequence.elements.for_each([&](std::uint64_t dot, const Element&) { dots.push_back(dot); });
    for (std::uint64_t dot : dots) {
      Element& element = *sequence.elements.find(dot);
      element.erase_count = 0;
      element.slot = LocalDot::unpacked(dot);
    }
  }
  BulkSequences<TreeWeaver> trees(*this, capacity, *this, capacity);
  bool done = replay_skeleton(ends, trees);
  drop_siblings();
  if (!done) return damaged;
  return check_sequences();
}

/// What a snapshot shows and its order agree: every list element that it names was inserted, and each text
/// has as many scalars, visible and erased, as its runs have elements.
Status DocumentImpl::check_sequences() {
  for (Container& container : containers) {
    if (!container.sequence) continue;
    SequenceState& sequence = *container.sequence;
    sequence.unwoven = false;  // also where nothing was ever inserted
    if (!sequence.is_text) {
      if (sequence.list_size != sequence.elements.size())
        return Error(ErrorCode::kCorrupt, "the snapshot's list elements do not fit its sequence");
      continue;
    }
    std::size_t visible = 0;
    std::size_t hidden = 0;
    for (const Run& run : sequence.packed) (run.hidden ? hidden : visible) += run.count;
    if (visible != count_scalars(sequence.text_view()))
      return Error(ErrorCode::kCorrupt, "the snapshot's text does not fit its sequence");
    if (hidden != count_scalars(sequence.cold_text))
      return Error(ErrorCode::kCorrupt, "the snapshot's erased text does not fit its sequence");
  }
  return {};
}

/// Every operation of the skeleton in causal order. @return false: it does not fit together
template <class Sequences>
bool DocumentImpl::replay_skeleton(std::span<const Seq> ends, Sequences& sequences) {
  struct Turn {
    std::size_t entry = 0;
    std::size_t op = 0;
    Seq known = 0;
  };
  std::vector<Turn> turns(ends.size());
  for (bool progress = true; progress;) {
    progress = false;
    for (ReplicaIndex r = 0; r < ends.size(); ++r) {
      Turn& turn = turns[r];
      auto entries = graph.entries(r);
      while (turn.entry < entries.size()) {
        auto parents = graph.parents(entries[turn.entry]);
        if (!std::all_of(parents.begin(), parents.end(),
                         [&](LocalDot parent) { return parent.seq < turns[parent.replica].known; }))
          break;
        Seq end = turn.entry + 1 < entries.size() ? entries[turn.entry + 1].begin : ends[r];
        OpContext context;
        context.author = r;
        context.in_graph = true;
        context.trusted = true;
        if (!log.chunks(r).empty() && log.chunks(r).front()->skeleton) {
          const std::vector<Op>& ops = log.chunks(r).front()->ops;
          for (; turn.op < ops.size() && ops[turn.op].seq < end; ++turn.op) {
            const Op& op = ops[turn.op];
            if (op.kind == OpKind::kTouched) continue;
            Seq from = std::max(op.seq, turn.known);
            Op part = slice_skeleton(op, from, std::min(op.end(), end), r);
            if (!sequences.apply(part, context)) return false;
            if (op.end() > end) break;
          }
        }
        turn.known = end;
        ++turn.entry;
        progress = true;
      }
    }
  }
  for (ReplicaIndex r = 0; r < ends.size(); ++r)
    if (turns[r].known != ends[r]) return false;
  sequences.finish(false);
  return true;
}

Op DocumentImpl::slice_skeleton(const Op& op, Seq begin, Seq end, ReplicaIndex author) {
  if (begin == op.seq && end == op.end()) return op;
  Op part = op;
  part.seq = begin;
  part.count = end - begin;
  if (is_insert(op.kind)) {
    if (begin != op.seq) part.a = {author, begin - 1};
  } else {
    part.a = target_of_unit(op, begin - op.seq);
  }
  return part;
}

/// Finds out which erased elements the snapshot's cold text belongs to.
/// @pre  check_sequences() found that it fits
void DocumentImpl::index_cold_text(SequenceState& sequence) {
  std::size_t at = 0;
  std::string_view text = sequence.cold_text;
  bool ascii = is_ascii(text);
  for (const Run& run : sequence.packed) {
    if (!run.hidden) continue;
    sequence.cold_runs.push_back({run.first, run.count, at});
    at += ascii ? run.count : utf8_offset_of_scalar(text.substr(at), run.count);
  }
  std::sort(sequence.cold_runs.begin(), sequence.cold_runs.end(),
            [](const ColdRun& a, const ColdRun& b) { return a.first.packed() < b.first.packed(); });
}

Result<RunTree*> DocumentImpl::tree_of(ContainerIndex container) {
  SequenceState& sequence = *containers[container].sequence;
  if (sequence.tree) return sequence.tree.get();
  if (sequence.unwoven) {
    WEFT_TRY(ensure_skeleton());
    sequence.unwoven = false;  // a snapshot without operations has no skeleton
  }
  if (has_skeleton && !is_part() && sequence.is_text) index_cold_text(sequence);
  sequence.tree = std::make_unique<RunTree>(
      RunTree::build(sequence.is_text, sequence.packed, sequence.text_view()));
  sequence.packed = {};
  sequence.packed_text = {};
  sequence.borrowed_text = {};
  return sequence.tree.get();
}

}  // namespace weft
