#pragma once
// Translator: from the tables of a decoded batch to the document's indices.

#include <algorithm>

#include <boost/container/small_vector.hpp>

#include "crdt/document/impl.h"

namespace weft {

/// Turns the indices of a batch's tables into the document's. Containers are looked up when an op
/// needs them: the delta itself may make them.
class Translator {
 public:
  Translator(DocumentImpl& impl, const Batch& batch, ReplicaIndex author)
      : impl_(impl), batch_(batch) {
    replicas_.push_back(author);
    for (std::size_t i = 1; i < batch.replicas.size(); ++i)
      replicas_.push_back(impl.graph.find(batch.replicas[i]).value_or(kNoReplica));
    names_.assign(batch.containers.size(), kUnresolved);
  }

  ReplicaIndex author() const { return replicas_[0]; }
  /// Looks again for replicas that were not known when they were looked for last.
  void refresh() {
    for (std::size_t i = 1; i < replicas_.size(); ++i)
      if (replicas_[i] == kNoReplica)
        replicas_[i] = impl_.graph.find(batch_.replicas[i]).value_or(kNoReplica);
  }
  /// Forgets containers: those of a delta that was taken back are gone.
  void forget_names() { std::fill(names_.begin(), names_.end(), kUnresolved); }

  bool dot(LocalDot& dot) const {
    if (dot.is_none()) return true;
    dot.replica = replicas_[dot.replica];
    return dot.replica != kNoReplica;
  }

  Status op(Op& op, const OpContext& context) {
    bool known = dot(op.a);
    bool has_b = is_insert(op.kind) || op.kind == OpKind::kListMove || op.kind == OpKind::kListSet;
    if (has_b) known = dot(op.b) && known;
    if (op.kind == OpKind::kListMove) {
      LocalDot element = moved_element(op);
      known = dot(element) && known;
      op.content_begin = element.replica;
      op.content_size = element.seq;
    }
    if (!known)
      return Error(ErrorCode::kInvalidDelta, "a dot of a replica that is not in the author's past");
    if (has_key(op.kind)) op.b = {0, impl_.keys.intern(batch_.keys[op.key()])};
    std::uint32_t& name = names_[op.container];
    if (name == kUnresolved) {
      LocalDot made = batch_.containers[op.container];
      if (!dot(made))
        return Error(ErrorCode::kInvalidDelta, "a container that is not in the author's past");
      auto found = impl_.find_name(made);
      if (!found) return Error(ErrorCode::kInvalidDelta, "a container that nobody made");
      name = *found;
    }
    LocalDot made = impl_.names[name].dot;
    if (!made.is_none() && !impl_.in_past(made, context, op.seq))
      return Error(ErrorCode::kInvalidDelta, "a container that is not in the author's past");
    op.container = name;
    return {};
  }

 private:
  static constexpr std::uint32_t kUnresolved = 0xffff'ffff;
  DocumentImpl& impl_;
  const Batch& batch_;
  boost::container::small_vector<ReplicaIndex, 4> replicas_;
  boost::container::small_vector<std::uint32_t, 4> names_;
};

}  // namespace weft
