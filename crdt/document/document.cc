// Document and Transaction: the public face, handed on to DocumentImpl.
#include "crdt/document/document.h"

#include <algorithm>

#include "crdt/delta/history_file.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"

namespace weft {

Document::Document(std::unique_ptr<DocumentImpl> impl) : impl_(std::move(impl)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Document Document::create(DocumentOptions options) {
  return Document(std::make_unique<DocumentImpl>(std::move(options)));
}

const DocumentId& Document::id() const { return impl_->options.id; }
ReplicaId Document::replica() const { return impl_->options.replica; }
VersionVector Document::version() const { return impl_->graph.version(); }

Frontier Document::frontier() const {
  Frontier frontier;
  for (LocalDot dot : impl_->graph.frontier()) frontier.push_back(impl_->graph.dot(dot));
  std::sort(frontier.begin(), frontier.end());
  return frontier;
}

VersionVector Document::base() const {
  VersionVector base;
  for (ReplicaIndex r = 0; r < impl_->graph.replica_count(); ++r)
    base.set(impl_->graph.id(r), impl_->base_of(r));
  return base;
}

MapView Document::root() const { return {impl_.get(), kRootContainer}; }

Result<Value> Document::get(std::string_view path) const {
  WEFT_ASSIGN(DocumentImpl::Target target, impl_->find_path(path));
  return std::move(target.value);
}
Result<MapView> Document::map(std::string_view path) const {
  WEFT_ASSIGN(ContainerIndex at, impl_->container_at(path, ContainerKind::kMap));
  return MapView(impl_.get(), at);
}
Result<ListView> Document::list(std::string_view path) const {
  WEFT_ASSIGN(ContainerIndex at, impl_->container_at(path, ContainerKind::kList));
  return ListView(impl_.get(), at);
}
Result<TextView> Document::text(std::string_view path) const {
  WEFT_ASSIGN(ContainerIndex at, impl_->container_at(path, ContainerKind::kText));
  return TextView(impl_.get(), at);
}
Result<CounterView> Document::counter(std::string_view path) const {
  WEFT_ASSIGN(ContainerIndex at, impl_->container_at(path, ContainerKind::kCounter));
  return CounterView(impl_.get(), at);
}
Result<Json> Document::to_json() const { return impl_->try_json_of(kRootContainer); }
Status Document::check_readable() const { return impl_->ensure_skeleton(); }
std::uint32_t Document::needs_weft() const { return impl_->needs_weft; }

Result<Transaction> Document::begin(TransactionOptions options) {
  WEFT_TRY(impl_->begin_transaction(std::move(options)));
  return Transaction(impl_.get());
}

Status Document::write_as(ReplicaId replica) { return impl_->write_as(replica); }

Result<Commit> Document::restore(std::string_view path) {
  return transact([&](Transaction& transaction) { return transaction.restore(path); });
}

Result<ApplyReport> Document::apply(ByteSpan delta) { return impl_->apply_delta(delta); }

Result<ApplyReport> Document::apply_bundle(ByteSpan bundle) {
  return apply_bundles(std::span(&bundle, 1));
}

Result<ApplyReport> Document::apply_bundles(std::span<const ByteSpan> bundles) {
  std::vector<OpenedBundle> opened;
  for (ByteSpan bundle : bundles) {
    WEFT_ASSIGN(OpenedBundle one,
                open_bundle(bundle, impl_->options.compressor, impl_->options.limits));
    opened.push_back(std::move(one));
  }
  return impl_->apply_opened(std::move(opened));
}

Result<ApplyReport> Document::apply_history(ByteSpan file) {
  WEFT_ASSIGN(HistoryFile history, decode_history_file(file, impl_->options.limits));
  if (history.document != id().bytes)
    return Error(ErrorCode::kInvalidArgument, "the history is another document's");
  return apply_bundles(history.bundles);
}

std::vector<PendingDelta> Document::pending() const {
  std::vector<PendingDelta> result;
  for (const WaitingDelta& delta : impl_->pending)
    result.push_back({delta.first, delta.op_count, delta.bytes.size(), delta.missing});
  return result;
}

std::uint64_t Document::chain(ReplicaId replica) const {
  auto index = impl_->graph.find(replica);
  if (!index) return 0;
  impl_->bring_chain_up(*index);
  return impl_->graph.chain(*index);
}

Result<std::uint64_t> Document::chain_at(ReplicaId replica, Seq end) const {
  if (end == 0) return std::uint64_t{0};
  auto index = impl_->graph.find(replica);
  if (!index)
    return Error(ErrorCode::kNotFound, "nothing of " + to_string(replica) + " is known here");
  return impl_->chain_at(*index, end);
}

std::vector<Dot> Document::contradictions(ByteSpan delta) const {
  std::vector<Dot> found;
  Result<Batch> batch = decode_delta(delta, impl_->options.limits);
  if (!batch.ok()) return found;
  for (const Dependency& dependency : batch->dependencies) {
    const Dot dot{batch->replicas[dependency.dot.replica], dependency.dot.seq};
    if (!impl_->graph.local(dot)) continue;
    Result<std::uint64_t> chain = chain_at(dot.replica, dot.seq + 1);
    const bool ends_elsewhere = !chain.ok() && chain.error().code() == ErrorCode::kNotFound;
    if (ends_elsewhere || (chain.ok() && *chain != dependency.chain)) found.push_back(dot);
  }
  return found;
}

Result<Bytes> Document::delta_at(const Dot& first) const {
  const std::optional<LocalDot> dot = impl_->graph.local(first);
  if (!dot)
    return Error(ErrorCode::kNotFound, "operation " + to_string(first) + " is not known here");
  const LogChunk* chunk = nullptr;
  const std::optional<DeltaRun> run =
      dot->seq < impl_->base_of(dot->replica) ? std::nullopt : impl_->delta_of(*dot, &chunk);
  if (!run)
    return Error(ErrorCode::kNeedHistory, "the delta of " + to_string(first) + " is not held here");
  if ((dot->seq - run->first_seq) % run->ops_each != 0)
    return Error(ErrorCode::kNotFound, "no delta begins with operation " + to_string(first));
  return impl_->encode_logged(dot->replica, *chunk, *run, dot->seq);
}

Result<bool> Document::happened_before(const Dot& a, const Dot& b) const {
  WEFT_TRY(impl_->ensure_skeleton());
  auto first = impl_->graph.local(a);
  auto second = impl_->graph.local(b);
  if (!first || !second)
    return Error(ErrorCode::kNotFound,
                 "operation " + to_string(first ? b : a) + " is not known here");
  return impl_->graph.happened_before(*first, *second);
}

Result<Frontier> Document::frontier_of(const VersionVector& version) const {
  WEFT_TRY(impl_->ensure_skeleton());
  Frontier frontier;
  for (LocalDot dot : impl_->graph.frontier_of(version)) frontier.push_back(impl_->graph.dot(dot));
  std::sort(frontier.begin(), frontier.end());
  return frontier;
}

Result<VersionVector> Document::version_of(const Frontier& frontier) const {
  WEFT_TRY(impl_->ensure_skeleton());
  LocalVersion past;
  for (const Dot& dot : frontier) {
    auto local = impl_->graph.local(dot);
    if (!local)
      return Error(ErrorCode::kNotFound, "operation " + to_string(dot) + " is not known here");
    impl_->graph.add_past(past, *local);
  }
  VersionVector version;
  for (const LocalVersion::Entry& entry : past.entries())
    version.set(impl_->graph.id(entry.replica), entry.end);
  return version;
}

void Document::check_invariants() const {
  DocumentImpl& impl = *impl_;
  const bool knows_weights = impl.ensure_skeleton().ok() && !impl.is_part();
  for (ContainerIndex c = 0; c < impl.containers.size(); ++c) {
    const Container& container = impl.containers[c];
    if (container.map) {
      std::size_t visible = 0;
      for (const MapEntry& entry : container.map->entries) {
        visible += entry.reg.visible() ? 1u : 0u;
        WEFT_ASSERT(entry.reg.winner.has_losers ==
                    (container.map->losers.find(entry.key) != nullptr));
        WEFT_ASSERT(impl.graph.knows(entry.reg.winner.dot));
        if (!entry.reg.winner.has_losers || !knows_weights) continue;
        Weight above = impl.weight_of(entry.reg.winner.dot);
        for (const Write& loser : *container.map->losers.find(entry.key)) {
          const Weight weight = impl.weight_of(loser.dot);
          WEFT_ASSERT(weight < above);  // (register.h, I2)
          above = weight;
        }
      }
      WEFT_ASSERT(visible == container.map->visible_count);
    }
    if (!container.sequence) continue;
    auto made = impl.tree_of(c);
    if (!made.ok()) continue;
    const RunTree& tree = **made;
    tree.check_invariants();
    SequenceState& sequence = *container.sequence;
    if (sequence.is_text) continue;
    sequence.elements.for_each([&](std::uint64_t key, const Element& element) {
      LocalDot dot = LocalDot::unpacked(key);
      WEFT_ASSERT(tree.contains(dot) && tree.contains(element.slot));
      WEFT_ASSERT(sequence.element_of_slot(element.slot) == dot);
      WEFT_ASSERT(tree.hidden(element.slot) == (element.erase_count > 0));
    });
  }
}

Transaction::~Transaction() {
  if (impl_ != nullptr) impl_->rollback_transaction();
}
MapEdit Transaction::root() { return {impl_, kRootContainer}; }
Status Transaction::restore(std::string_view path) {
  WEFT_ASSIGN(const ContainerIndex child, impl_->hidden_child_at(path));
  return impl_->edit_restore(child, false);
}
Result<MapEdit> Transaction::map(std::string_view path) {
  WEFT_ASSIGN(ContainerIndex at, impl_->container_at(path, ContainerKind::kMap));
  return MapEdit(impl_, at);
}
Result<ListEdit> Transaction::list(std::string_view path) {
  WEFT_ASSIGN(ContainerIndex at, impl_->container_at(path, ContainerKind::kList));
  return ListEdit(impl_, at);
}
Result<TextEdit> Transaction::text(std::string_view path) {
  WEFT_ASSIGN(ContainerIndex at, impl_->container_at(path, ContainerKind::kText));
  return TextEdit(impl_, at);
}
Result<CounterEdit> Transaction::counter(std::string_view path) {
  WEFT_ASSIGN(ContainerIndex at, impl_->container_at(path, ContainerKind::kCounter));
  return CounterEdit(impl_, at);
}
bool Transaction::failed() const { return impl_ == nullptr || impl_->tx.failed; }
void Transaction::fail(Error error) {
  if (impl_ == nullptr) return;
  Status ignored = impl_->fail_transaction(std::move(error));
}
Result<Commit> Transaction::commit() {
  if (impl_ == nullptr)
    return Error(ErrorCode::kInvalidArgument, "the transaction has ended already");
  return std::exchange(impl_, nullptr)->commit_transaction();
}
void Transaction::rollback() {
  if (impl_ != nullptr) std::exchange(impl_, nullptr)->rollback_transaction();
}

}  // namespace weft
