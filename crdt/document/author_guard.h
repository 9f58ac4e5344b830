#pragma once
// AuthorGuard: makes a delta's author known while its first delta is tried.

#include "crdt/document/impl.h"

namespace weft {

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

}  // namespace weft
