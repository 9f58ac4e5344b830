#pragma once
// BulkSequences: the sequences of a document that is being filled in bulk (bulk.cc).

#include <span>
#include <vector>

#include "crdt/document/impl.h"
#include "crdt/weave/bulk_weaver.h"

namespace weft {

class BulkSequences final : public SiblingOracle {
 public:
  BulkSequences(DocumentImpl& impl, std::span<const Seq> ends, std::size_t capacity, bool ascii)
      : impl_(impl), weaver_(ends, capacity, ascii), capacity_(capacity) {}

  /// One operation on a sequence, in causal order. False: refused, or too much for the bulk way.
  bool apply(const Op& op, const OpContext& context);
  void finish(bool with_text);

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  bool origin(LocalDot dot, LocalDot& lo, LocalDot& ro) const override;
  bool stamp_less(LocalDot a, LocalDot b) const override;
  bool in_past(LocalDot dot) const override;
  std::uint32_t number_of(ContainerIndex container);
  bool erase(SequenceState& sequence, std::uint32_t number, const Op& op, const OpContext& context);
  bool toggle(SequenceState& sequence, ContainerIndex container, const Op& op,
              const OpContext& context);
  bool move(SequenceState& sequence, std::uint32_t number, const Op& op, const OpContext& context);
  static void count_again(SequenceState& sequence, LocalDot dot);

  DocumentImpl& impl_;
  BulkWeaver weaver_;
  std::size_t capacity_;
  std::vector<std::uint32_t> numbers_;        ///< by container
  std::vector<ContainerIndex> sequences_;     ///< by number
  const OpContext* context_ = nullptr;
  Seq before_ = 0;
};

}  // namespace weft
