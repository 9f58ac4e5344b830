// Deltas from outside: decode, wait for what they depend on, check and apply whole, or take back.
//
//   bytes -> decode -> admit -> kDuplicate: compare, done
//                            -> kWaits: into the pending queue, saying for what
//                            -> kReady: apply ops one by one; the first refused one takes all back
//
// Which delta is refused is a function of the delta and its causal past only, so every replica refuses
// the same ones.
#include <algorithm>

#include "crdt/base/checksum.h"
#include "crdt/delta/value_codec.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"
#include "crdt/document/translator.h"

namespace weft {
namespace {

Error invalid(const char* what) { return Error(ErrorCode::kInvalidDelta, what); }

/// Largest generation of a mergeable child: one a liar could set must leave room for others.
constexpr std::uint32_t kMaxGeneration = 1u << 30;

/// Interns an author, and takes that back where nothing of it was applied.
class AuthorGuard {
 public:
  AuthorGuard(DocumentImpl& impl, ReplicaId id)
      : impl_(impl), is_new_(!impl.graph.find(id).has_value()), index_(impl.intern_replica(id)) {}
  AuthorGuard(const AuthorGuard&) = delete;
  AuthorGuard& operator=(const AuthorGuard&) = delete;
  ~AuthorGuard() {
    if (!is_new_) return;
    impl_.graph.forget_newest(index_);
    impl_.log.forget_newest_replica();
  }
  ReplicaIndex index() const { return index_; }
  void keep() { is_new_ = false; }

 private:
  DocumentImpl& impl_;
  bool is_new_;
  ReplicaIndex index_;
};

}  // namespace

Status DocumentImpl::apply_op(const Op& op, const OpContext& context) {
  ContainerIndex container = resolve(op.container);
  switch (op.kind) {
    case OpKind::kMapSet:
    case OpKind::kMapErase:
      return apply_map_op(container, op, context);
    case OpKind::kMapEnsure: {
      ByteSpan content = as_bytes(context.content.substr(op.content_begin, op.content_size));
      if (parse_ensure_content(content).generation > kMaxGeneration)
        return invalid("a generation beyond 2^30");
      return apply_map_op(container, op, context);
    }
    case OpKind::kTextInsert:
    case OpKind::kListInsert:
      return insert_elements(container, op, context);
    case OpKind::kErase:
      return erase_elements(container, op, context);
    case OpKind::kListSet:
      return set_element(container, op, context);
    case OpKind::kListMove:
      return move_element(container, op, context);
    case OpKind::kRevoke:
      return toggle_erasures(container, op, context, true);
    case OpKind::kReinstate:
      return toggle_erasures(container, op, context, false);
    case OpKind::kCounterAdd: {
      if (containers[container].kind != ContainerKind::kCounter)
        return invalid("an addition to a container that is no counter");
      ByteReader in(as_bytes(context.content.substr(op.content_begin, op.content_size)));
      std::int64_t amount = in.svarint();
      add_to_counter(container, amount);
      if (observing()) note_counter(container, amount);
      return {};
    }
    case OpKind::kRestore:
      return restore_child(container, op, context);
    case OpKind::kUnknown: {
      ByteReader in(as_bytes(context.content.substr(op.content_begin, op.content_size)));
      ByteSpan whole;
      UnknownContent unknown = read_unknown_content(in, whole);
      auto version =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(unknown.weft_version, 0xffff'ffff));
      needs_weft = std::max(needs_weft, version);
      return {};
    }
    case OpKind::kTouched:
      break;
  }
  return invalid("an operation of no kind");
}

void DocumentImpl::add_to_counter(ContainerIndex container, std::int64_t amount) {
  auto sum = static_cast<std::uint64_t>(containers[container].counter) +
             static_cast<std::uint64_t>(amount);  // wraps, the same on every replica
  containers[container].counter = static_cast<std::int64_t>(sum);
}

Status DocumentImpl::set_element(ContainerIndex container, const Op& op, const OpContext& context) {
  if (containers[container].kind != ContainerKind::kList)
    return invalid("an element's value set in a container that is no list");
  if (containers[container].sequence->elements.find(op.b.packed()) == nullptr ||
      !in_past(op.b, context, op.seq))
    return invalid("the element that is set is not in this list in the author's past");
  if (!op.a.is_none() && !in_past(op.a, context, op.seq))
    return invalid("the overwritten write is not in the author's past");
  LocalDot dot{context.author, op.seq};
  Value value =
      Value::decode_trusted(as_bytes(context.content.substr(op.content_begin, op.content_size)));
  if (value.is_container()) {
    ContainerKind kind = value.container_kind();
    ContainerIndex child = add_container(distinct_id(dot), kind, container, dot);
    containers[child].in_list = true;
    containers[child].element = op.b;
    value = Value::container(child, kind);
  }
  return write_element(container, op.b, Write{std::move(value), dot, false, false}, op.a, context);
}

Status DocumentImpl::write_element(ContainerIndex container, LocalDot element, Write write,
                                   LocalDot overwritten, const OpContext& context) {
  backup_register(container, true, element.packed());
  SequenceState& sequence = *containers[container].sequence;
  Element& cell = *sequence.elements.find(element.packed());
  bool changed = write_register(cell.reg, sequence.losers, element.packed(), std::move(write),
                                overwritten, context);
  if (changed && observing() && cell.erase_count == 0) {
    WEFT_ASSIGN(RunTree * tree, tree_of(container));
    note_list(container, tree->locate(cell.slot)->pos, 1, {cell.reg.winner.value});
  }
  return {};
}

Status DocumentImpl::restore_child(ContainerIndex child, const Op& op, const OpContext& context) {
  if (child == kRootContainer) return invalid("the root can't be restored");
  if (!op.a.is_none() && !in_past(op.a, context, op.seq))
    return invalid("the overwritten write is not in the author's past");
  const Container& made = containers[child];
  ContainerIndex parent = made.parent;
  LocalDot dot{context.author, op.seq};
  Write write{Value::container(child, made.kind), dot, false, false};
  if (made.in_list) return write_element(parent, made.element, std::move(write), op.a, context);
  std::uint32_t key = made.key;
  backup_register(parent, false, key);
  MapState& map = *containers[parent].map;
  Register& reg = map.at(key).reg;
  reg.touched = journal.epoch;
  bool was_visible = reg.visible();
  bool changed = write_register(reg, map.losers, key, std::move(write), op.a, context);
  map.visible_count +=
      static_cast<std::size_t>(reg.visible()) - static_cast<std::size_t>(was_visible);
  if (changed && observing()) note_key(parent, key);
  return {};
}

void DocumentImpl::begin_journal() {
  journal.registers.clear();
  journal.moves.clear();
  journal.toggles.clear();
  journal.containers = containers.size();
  journal.names = names.size();
  ++journal.epoch;
}

void DocumentImpl::rollback_ops(std::span<const Op> ops, const OpContext& context) {
  drop_siblings();
  // What is taken back is nobody's business: no patches.
  std::unique_ptr<PatchCollector> kept = std::move(collector);
  for (std::size_t i = ops.size(); i-- > 0;) {
    const Op& op = ops[i];
    ContainerIndex container = resolve(op.container);
    SequenceState* sequence = containers[container].sequence.get();
    if (is_insert(op.kind)) {
      LocalDot first{context.author, op.seq};
      sequence->tree->remove(first, op.count);
      if (!sequence->is_text)
        for (Seq k = 0; k < op.count; ++k) sequence->elements.erase(first.plus(k).packed());
    } else if (op.kind == OpKind::kErase) {
      for (Seq k = op.count; k-- > 0;)
        uncount_erasure(container, *sequence->tree, target_of_unit(op, k), 1).value();
    } else if (op.kind == OpKind::kRevoke || op.kind == OpKind::kReinstate) {
      while (!journal.toggles.empty() && journal.toggles.back().op_seq == op.seq) {
        Toggle toggle = journal.toggles.back();
        journal.toggles.pop_back();
        if (op.kind == OpKind::kRevoke) {
          sequence->revoked.erase(toggle.erase.packed());
          count_erasure(container, *sequence->tree, toggle.target, 1);
        } else {
          sequence->revoked[toggle.erase.packed()] = 1;
          uncount_erasure(container, *sequence->tree, toggle.target, 1).value();
        }
      }
    } else if (op.kind == OpKind::kListMove) {
      MoveBackup backup = journal.moves.back();
      journal.moves.pop_back();
      LocalDot slot{context.author, op.seq};
      Element& element = *sequence->elements.find(backup.element.packed());
      if (element.slot == slot && element.erase_count == 0) {
        show_slot(container, *sequence->tree, slot, false);
        show_slot(container, *sequence->tree, backup.slot, true);
      }
      element.slot = backup.slot;
      sequence->tree->remove(slot, 1);
      sequence->slots.erase(slot.packed());
    } else if (op.kind == OpKind::kCounterAdd) {
      ByteReader in(as_bytes(context.content.substr(op.content_begin, op.content_size)));
      add_to_counter(container,
                     static_cast<std::int64_t>(-static_cast<std::uint64_t>(in.svarint())));
    }
  }
  for (std::size_t i = journal.registers.size(); i-- > 0;) restore_register(journal.registers[i]);
  while (names.size() > journal.names) {
    name_by_dot.erase(names.back().dot.packed());
    containers[names.back().container].names.pop_back();
    names.pop_back();
  }
  while (containers.size() > journal.containers) {
    container_by_id.erase(containers.back().id);
    containers.pop_back();
  }
  begin_journal();
  collector = std::move(kept);
}

Result<DocumentImpl::Admission> DocumentImpl::admit(const Batch& batch) const {
  Admission admission;
  auto author = graph.find(batch.author());
  Seq end = author ? graph.end(*author) : 0;
  if (batch.end() <= end) {
    admission.kind = Admission::Kind::kDuplicate;
    return admission;
  }
  if (batch.first_seq < end)
    return Error(ErrorCode::kForkedReplica, "replica " + to_string(batch.author()) +
                                                " has cut its log in two ways at " +
                                                std::to_string(batch.first_seq));
  if (batch.first_seq > end) admission.missing.push_back({batch.author(), batch.first_seq - 1});
  for (const Dependency& dependency : batch.dependencies) {
    ReplicaId id = batch.replicas[dependency.dot.replica];
    auto replica = graph.find(id);
    Seq known = replica ? graph.end(*replica) : 0;
    if (dependency.dot.seq >= known) {
      admission.missing.push_back({id, dependency.dot.seq});
    } else if (dependency.dot.seq + 1 == known && graph.chain(*replica) != dependency.chain) {
      admission.forked = true;
    }
  }
  if (!admission.missing.empty()) admission.kind = Admission::Kind::kWaits;
  return admission;
}

Status DocumentImpl::apply_ready_delta(const Batch& batch, const DeltaRun& delta,
                                       std::span<const Op> ops, Translator& translator) {
  ReplicaIndex author = translator.author();
  boost::container::small_vector<Dependency, 2> dependencies;
  for (std::uint32_t i = 0; i < delta.dependency_count; ++i) {
    Dependency dependency = batch.dependencies[delta.dependency_begin + i];
    translator.dot(dependency.dot);
    dependencies.push_back(dependency);
  }
  std::span<const Dependency> deps(dependencies.data(), dependencies.size());
  OpContext context;
  context.author = author;
  context.first_seq = delta.first_seq;
  context.first_hlc = graph.next_hlc(author, deps, delta.committed_at_ms);
  context.covers_everything = graph.covers_everything(author, deps);
  if (!context.covers_everything) context.past = &graph.past_after(author, deps);
  context.content = batch.content;
  begin_journal();
  boost::container::small_vector<Op, 4> applied;
  in_progress_author = author;
  for (const Op& from : ops) {
    Op op = from;
    in_progress = std::span(applied.data(), applied.size());
    Status status = translator.op(op, context);
    if (status.ok()) status = apply_op(op, context);
    if (!status.ok()) {
      in_progress = {};
      rollback_ops(std::span(applied.data(), applied.size()), context);
      translator.forget_names();
      Error error = status.take_error();
      return Error(error.code(), "delta " + to_string(Dot{batch.author(), delta.first_seq}) +
                                     ", operation " + std::to_string(from.seq) + ": " +
                                     error.context());
    }
    applied.push_back(op);
  }
  in_progress = {};
  LogChunk& chunk = log.open_chunk(author, delta.first_seq);
  for (Op op : applied) {
    if (has_content(op.kind)) {
      std::string_view content = batch.content.substr(op.content_begin, op.content_size);
      op.content_begin = static_cast<std::uint32_t>(chunk.text.size());
      chunk.text += content;
    }
    append_joined(chunk.ops, op, author);
  }
  DeltaRun run = delta;
  run.delta_count = 1;
  run.dependency_begin = static_cast<std::uint32_t>(chunk.dependencies.size());
  chunk.dependencies.insert(chunk.dependencies.end(), deps.begin(), deps.end());
  if (run.message_size > 0) {
    std::string_view message =
        std::string_view(batch.messages).substr(run.message_begin, run.message_size);
    run.message_begin = static_cast<std::uint32_t>(chunk.messages.size());
    chunk.messages += message;
  } else {
    run.message_begin = 0;
  }
  if (run.dependency_count == 0) run.dependency_begin = 0;
  append_delta_run(chunk.deltas, run);
  chunk.end = delta.first_seq + delta.ops_each;
  graph.append(author, delta.ops_each, deps, context.first_hlc);
  return {};
}

Result<ApplyReport> DocumentImpl::apply_delta(ByteSpan bytes) {
  if (read_only) return Error(ErrorCode::kReadOnly, "a checkout takes no deltas");
  if (tx.open) return Error(ErrorCode::kTransactionOpen, "finish the open transaction first");
  WEFT_ASSIGN(Batch batch, decode_delta(bytes, options.limits));
  ApplyReport report;
  WEFT_TRY(take_delta(batch, bytes, report));
  if (report.applied > 0) {
    if (!pending.empty()) drain_pending(report);
    deliver_patches(false, {});
  }
  return report;
}

Status DocumentImpl::take_delta(Batch& batch, ByteSpan bytes, ApplyReport& report) {
  WEFT_ASSIGN(Admission admission, admit(batch));
  switch (admission.kind) {
    case Admission::Kind::kDuplicate:
      WEFT_TRY(check_duplicate(batch, bytes));
      ++report.duplicate;
      return {};
    case Admission::Kind::kWaits:
      add_pending(bytes, batch, std::move(admission.missing), report);
      return {};
    case Admission::Kind::kReady:
      break;
  }
  WEFT_TRY(ensure_skeleton());
  AuthorGuard author(*this, batch.author());
  Translator translator(*this, batch, author.index());
  std::uint64_t chain = xxh3_64(bytes, graph.chain(author.index()));
  WEFT_TRY(apply_ready_delta(batch, batch.deltas.front(), batch.ops, translator));
  graph.set_chain(author.index(), chain);
  author.keep();
  ++report.applied;
  if (admission.forked) ++report.forked;
  return {};
}

/// A known dot again: it must be the same delta. Where its content is not held, it is believed.
Status DocumentImpl::check_duplicate(const Batch& batch, ByteSpan bytes) {
  ReplicaIndex author = *graph.find(batch.author());
  const LogChunk* chunk = nullptr;
  auto run = delta_of({author, batch.first_seq}, &chunk);
  if (!run || chunk->skeleton) return {};
  Seq into = (batch.first_seq - run->first_seq) % run->ops_each;
  Bytes known;
  if (into == 0 && run->ops_each == batch.op_count)
    known = encode_logged(author, *chunk, *run, batch.first_seq);
  if (known.size() == bytes.size() && std::equal(bytes.begin(), bytes.end(), known.begin()))
    return {};
  return Error(ErrorCode::kForkedReplica, "replica " + to_string(batch.author()) +
                                              " has two histories: two deltas at " +
                                              std::to_string(batch.first_seq));
}

void DocumentImpl::add_pending(ByteSpan bytes, const Batch& batch, std::vector<Dot> missing,
                               ApplyReport& report) {
  for (const PendingEntry& entry : pending)
    if (entry.author == batch.author() && entry.first_seq == batch.first_seq &&
        std::ranges::equal(entry.bytes, bytes)) {
      ++report.duplicate;
      return;
    }
  PendingEntry entry;
  entry.bytes.assign(bytes.begin(), bytes.end());
  entry.author = batch.author();
  entry.first_seq = batch.first_seq;
  entry.op_count = batch.op_count;
  entry.missing = std::move(missing);
  pending_bytes += entry.bytes.size() + sizeof entry;
  pending.push_back(std::move(entry));
  ++report.pending;
  // Over the bound the farthest go: those whose own log lacks the most before them.
  while (pending_bytes > options.pending_bytes_max && !pending.empty()) {
    auto farthest =
        std::max_element(pending.begin(), pending.end(),
                         [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
    pending_bytes -= farthest->bytes.size() + sizeof *farthest;
    pending.erase(farthest);
    ++report.dropped;
  }
}

Seq DocumentImpl::distance(const PendingEntry& entry) const {
  auto author = graph.find(entry.author);
  Seq end = author ? graph.end(*author) : 0;
  return entry.first_seq > end ? entry.first_seq - end : 0;
}

void DocumentImpl::drain_pending(ApplyReport& report) {
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t i = 0; i < pending.size();) {
      auto is_known = [&](const Dot& dot) { return graph.local(dot).has_value(); };
      std::erase_if(pending[i].missing, is_known);
      if (!pending[i].missing.empty()) {
        ++i;
        continue;
      }
      PendingEntry entry = std::move(pending[i]);
      pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(i));
      pending_bytes -= entry.bytes.size() + sizeof entry;
      --report.pending;
      Result<Batch> batch = decode_delta(entry.bytes, options.limits);
      Status status =
          batch.ok() ? take_delta(batch.value(), entry.bytes, report) : Status(batch.take_error());
      if (!status.ok()) ++report.refused;
      progress = true;
    }
  }
}

Result<ApplyReport> DocumentImpl::apply_opened(std::vector<OpenedBundle> bundles) {
  if (read_only) return Error(ErrorCode::kReadOnly, "a checkout takes no deltas");
  if (tx.open) return Error(ErrorCode::kTransactionOpen, "finish the open transaction first");
  ApplyReport report;
  if (apply_in_bulk(bundles, report)) {
    note_whole_document();
  } else {
    WEFT_TRY(apply_one_by_one(bundles, report));
  }
  if (report.applied > 0) {
    drain_pending(report);
    deliver_patches(false, {});
  }
  return report;
}

namespace {

/// One bundle's replay, delta by delta.
class BundleReplay {
 public:
  BundleReplay(DocumentImpl& impl, OpenedBundle& bundle)
      : impl_(impl), bundle_(bundle), batch_(bundle.batch) {}

  bool done() const { return run_ == batch_.deltas.size(); }
  void stop() { run_ = batch_.deltas.size(); }
  DeltaRun delta() const {
    DeltaRun one = batch_.deltas[run_];
    one.first_seq += member_ * one.ops_each;
    one.delta_count = 1;
    return one;
  }
  Batch as_batch() const { return DocumentImpl::single_delta(batch_, run_, member_); }
  void advance() {
    if (++member_ < batch_.deltas[run_].delta_count) return;
    member_ = 0;
    ++run_;
  }

  /// Applies deltas as long as they are ready. @return how many took effect
  Result<std::uint32_t> go(ApplyReport& report) {
    std::uint32_t applied = 0;
    std::optional<AuthorGuard> author;
    while (!done()) {
      DeltaRun one = delta();
      auto known = impl_.graph.find(batch_.author());
      Seq end = known ? impl_.graph.end(*known) : 0;
      if (one.end() <= end) {
        ++report.duplicate;
        advance();
        continue;
      }
      if (one.first_seq != end || !is_ready(one)) break;
      if (!author) author.emplace(impl_, batch_.author());
      if (!translator_) translator_.emplace(impl_, batch_, author->index());
      translator_->refresh();
      cut_ops(one);
      Status status =
          impl_.apply_ready_delta(batch_, one, std::span(ops_.data(), ops_.size()), *translator_);
      if (!status.ok()) return status.take_error();
      author->keep();
      ++report.applied;
      ++applied;
      advance();
    }
    return applied;
  }

  /// Brings the author's chain hash up to date. The bundle names the one at its end only; where replay
  /// stopped before, it is computed.
  /// @errors kForkedReplica: all of it was known, but ends in another chain hash
  Status settle() {
    auto known = impl_.graph.find(batch_.author());
    if (!known) return {};
    Seq end = impl_.graph.end(*known);
    Seq chained = impl_.graph.chain_end(*known);
    if (end == batch_.end()) {
      if (end > chained) {
        impl_.graph.set_chain(*known, bundle_.end_chain);
      } else if (impl_.graph.chain(*known) != bundle_.end_chain) {
        return Error(ErrorCode::kForkedReplica,
                     "replica " + to_string(batch_.author()) + " has two histories");
      }
    } else if (end > chained) {
      impl_.bring_chain_up(*known);
    }
    return {};
  }

 private:
  bool is_ready(const DeltaRun& run) const {
    for (std::uint32_t i = 0; i < run.dependency_count; ++i) {
      LocalDot dot = batch_.dependencies[run.dependency_begin + i].dot;
      if (!impl_.graph.local({batch_.replicas[dot.replica], dot.seq})) return false;
    }
    return true;
  }
  void cut_ops(const DeltaRun& run) {
    const std::vector<Op>& all = batch_.ops;
    while (op_ < all.size() && all[op_].end() <= run.first_seq) ++op_;
    std::size_t last = op_;
    while (last < all.size() && all[last].seq < run.end()) ++last;
    ops_.clear();
    for_each_run(std::span(all).subspan(op_, last - op_), run.first_seq, run.end(), 0,
                 batch_.content, kUnknownContentBegin, [&](const Op& op) { ops_.push_back(op); });
  }
  DocumentImpl& impl_;
  OpenedBundle& bundle_;
  Batch& batch_;
  std::optional<Translator> translator_;
  boost::container::small_vector<Op, 4> ops_;
  std::size_t run_ = 0;
  std::uint32_t member_ = 0;
  std::size_t op_ = 0;
};

}  // namespace

/// Computes a replica's chain hash over the deltas of the log that it does not cover yet.
void DocumentImpl::bring_chain_up(ReplicaIndex author) {
  Seq chained = graph.chain_end(author);
  Seq end = graph.end(author);
  if (chained == end) return;
  std::uint64_t chain = graph.chain(author);
  for (const auto& chunk : log.chunks(author))
    for (std::size_t i = chunk->delta_at(chained); i < chunk->deltas.size(); ++i) {
      const DeltaRun& run = chunk->deltas[i];
      for (std::uint32_t k = 0; k < run.delta_count; ++k) {
        Seq first = run.first_seq + k * run.ops_each;
        if (first >= chained && first < end)
          chain = xxh3_64(encode_logged(author, *chunk, run, first), chain);
      }
    }
  graph.set_chain(author, chain);
}

/// Replays every bundle as far as its dependencies are there, round and round; what is left waits.
Status DocumentImpl::apply_one_by_one(std::vector<OpenedBundle>& bundles, ApplyReport& report) {
  WEFT_TRY(ensure_skeleton());
  std::vector<std::unique_ptr<BundleReplay>> replays;
  for (OpenedBundle& bundle : bundles)
    replays.push_back(std::make_unique<BundleReplay>(*this, bundle));
  Error first_error;
  for (bool progress = true; progress;) {
    progress = false;
    for (auto& replay : replays) {
      auto applied = replay->go(report);
      if (applied.ok()) {
        progress = progress || *applied > 0;
        continue;
      }
      if (!first_error) first_error = applied.take_error();
      replay->stop();  // what follows in this log depends on the refused one
    }
  }
  for (auto& replay : replays) {
    Status status = replay->settle();
    if (!status.ok() && !first_error) first_error = status.take_error();
  }
  Bytes row;
  for (auto& replay : replays)
    for (; !replay->done(); replay->advance()) {
      Batch one = replay->as_batch();
      row.clear();
      encode_delta(one, 0, row);
      Status status = take_delta(one, row, report);
      if (!status.ok() && !first_error) first_error = status.take_error();
    }
  if (first_error && report.applied == 0 && report.pending == 0) return first_error;
  if (first_error) ++report.refused;
  return {};
}

/// One delta of a batch as a batch of its own: the tables are shared, the ops cut out.
Batch DocumentImpl::single_delta(const Batch& batch, std::size_t run_index, std::uint32_t member) {
  const DeltaRun& run = batch.deltas[run_index];
  Batch one;
  one.first_seq = run.first_seq + member * run.ops_each;
  one.op_count = run.ops_each;
  one.replicas = batch.replicas;
  one.containers = batch.containers;
  one.keys = batch.keys;
  one.content = batch.content;
  one.messages = batch.messages.substr(run.message_begin, run.message_size);
  DeltaRun header = run;
  header.first_seq = one.first_seq;
  header.delta_count = 1;
  header.dependency_begin = 0;
  header.message_begin = 0;
  one.dependencies.assign(batch.dependencies.begin() + run.dependency_begin,
                          batch.dependencies.begin() + run.dependency_begin + run.dependency_count);
  one.deltas.push_back(header);
  auto at = std::upper_bound(batch.ops.begin(), batch.ops.end(), one.first_seq,
                             [](Seq seq, const Op& op) { return seq < op.end(); });
  std::span<const Op> ops(&*at, static_cast<std::size_t>(batch.ops.end() - at));
  std::size_t count = 0;
  while (count < ops.size() && ops[count].seq < one.end()) ++count;
  for_each_run(ops.first(count), one.first_seq, one.end(), 0, batch.content, kUnknownContentBegin,
               [&](const Op& op) { one.ops.push_back(op); });
  return one;
}

}  // namespace weft
