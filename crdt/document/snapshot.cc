// Snapshots: the state as a file; canonical, since it is a function of the set of operations alone.
// Layout in docs/format.md. Two parts: the hot one (version, containers, registers, visible text) is
// read at once and borrowed from where it can be; the cold one (causal graph, hlc runs, the skeleton of
// every operation) is decoded when something is edited, applied or asked for by position.
#include <algorithm>

#include "crdt/base/checksum.h"
#include "crdt/delta/history_file.h"
#include "crdt/document/impl.h"
#include "crdt/document/snapshot_format.h"

namespace weft {

using snapshot::kChecksumBytes;
using snapshot::kHeaderBytes;
using snapshot::kMagic;

/// The document without the edits of the open transaction.
Result<std::unique_ptr<DocumentImpl>> DocumentImpl::committed() {
  if (!has_skeleton) return checkout(graph.version());
  auto made = std::make_unique<DocumentImpl>(DocumentOptions(options));
  WEFT_TRY(made->load_snapshot(snapshot_bytes));
  std::vector<OpenedBundle> bundles;
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r) {
    if (graph.end(r) <= base_of(r)) continue;
    WEFT_ASSIGN(OpenedBundle bundle, bundle_of(r, base_of(r), graph.end(r)));
    bring_chain_up(r);
    bundle.end_chain = graph.chain(r);
    bundles.push_back(std::move(bundle));
  }
  ApplyReport report;
  WEFT_TRY(made->apply_one_by_one(bundles, report));
  return made;
}

Bytes DocumentImpl::make_snapshot() {
  // A damaged cold part lets nothing change: what was loaded is still the state.
  if (!ensure_skeleton().ok() || is_part()) return snapshot_bytes;
  if (tx.open) {
    auto before = committed();
    WEFT_ASSERT(before.ok());  // of what is held everything fits
    return (*before)->make_snapshot();
  }
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r) bring_chain_up(r);
  return snapshot::write(*this);
}

Result<Bytes> DocumentImpl::make_part(std::string_view path) {
  WEFT_TRY(ensure_skeleton());
  if (tx.open) {
    WEFT_ASSIGN(std::unique_ptr<DocumentImpl> before, committed());
    return before->make_part(path);
  }
  WEFT_ASSIGN(Target target, find_path(path));
  if (!target.value.is_container())
    return Error(ErrorCode::kWrongKind, "'" + std::string(path) + "' is no container");
  ContainerIndex container = target.value.container_index();
  if (container == kRootContainer) return make_snapshot();
  return snapshot::write_part(*this, container);
}

Status DocumentImpl::ensure_skeleton() {
  if (!skeleton_pending) return {};
  if (damage) return damage.clone();
  ByteSpan bytes(snapshot_bytes);
  Status status = snapshot::read_cold(
      *this, static_cast<std::uint8_t>(bytes[kMagic.size()]),
      ByteReader(bytes.subspan(skeleton_begin, skeleton_end - skeleton_begin), skeleton_begin));
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

Result<SnapshotInfo> read_snapshot_info(ByteSpan file) {
  if (file.size() < kMagic.size() || as_text(file.first(kMagic.size())) != kMagic)
    return Error(ErrorCode::kCorrupt, "not a snapshot file", 0);
  if (file.size() < kHeaderBytes + kChecksumBytes)
    return Error(ErrorCode::kCorrupt, "the snapshot ends too early", file.size());
  const auto version = static_cast<std::uint8_t>(file[kMagic.size()]);
  if (version != snapshot::kVersion && version != snapshot::kLegacyVersion)
    return Error(ErrorCode::kUnknownVersion, "a snapshot of a newer weft", kMagic.size());
  ByteReader head(file.subspan(kMagic.size() + 1));
  SnapshotInfo info;
  std::memcpy(info.document.bytes.data(), head.bytes(16).data(), 16);
  info.live_bytes = head.u64();
  if (info.live_bytes > file.size() - kHeaderBytes - kChecksumBytes)
    return Error(ErrorCode::kCorrupt, "the snapshot's parts are larger than it", kHeaderBytes - 8);
  return info;
}

Result<std::vector<std::pair<ReplicaId, std::uint64_t>>> read_snapshot_chains(ByteSpan file) {
  WEFT_ASSIGN(const SnapshotInfo info, read_snapshot_info(file));
  ByteReader in(file.subspan(kHeaderBytes, static_cast<std::size_t>(info.live_bytes)),
                kHeaderBytes);
  const std::uint64_t count = in.varint_up_to(in.remaining() / 17, "more replicas than bytes");
  std::vector<std::pair<ReplicaId, std::uint64_t>> chains;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const ReplicaId replica{in.u64()};
    (void)in.varint_up_to(kMaxSeq, "a log of too many operations");
    chains.emplace_back(replica, in.u64());
  }
  if (!in.ok()) return in.error("snapshot");
  return chains;
}

Status DocumentImpl::load_snapshot(Bytes bytes) {
  ByteSpan file(bytes);
  WEFT_ASSIGN(SnapshotInfo info, read_snapshot_info(file));
  ByteSpan body = file.first(file.size() - kChecksumBytes);
  if (ByteReader(file.last(kChecksumBytes)).u64() != xxh3_64(body))
    return Error(ErrorCode::kCorrupt, "the snapshot's checksum is wrong", body.size());
  options.id = info.document;
  const std::uint64_t hot = info.live_bytes;
  snapshot_bytes = std::move(bytes);
  body = ByteSpan(snapshot_bytes).first(snapshot_bytes.size() - kChecksumBytes);
  skeleton_begin = kHeaderBytes + static_cast<std::size_t>(hot);
  skeleton_end = body.size();
  WEFT_TRY(snapshot::read_hot(
      *this, ByteReader(body.subspan(kHeaderBytes, static_cast<std::size_t>(hot)), kHeaderBytes)));
  if (is_part()) {
    has_skeleton = true;
    return snapshot::read_order(
        *this,
        ByteReader(body.subspan(skeleton_begin, skeleton_end - skeleton_begin), skeleton_begin));
  }
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

Bytes Document::snapshot() const { return impl_->make_snapshot(); }

Result<Bytes> Document::container_snapshot(std::string_view path) const {
  return impl_->make_part(path);
}

}  // namespace weft
