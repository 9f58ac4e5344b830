#pragma once
// BulkSequences: the sequences of a document that is being filled in bulk (bulk.cc), over a weaver that
// keeps their order: BulkWeaver, or TreeWeaver where a gap is too crowded for that.

#include <span>
#include <vector>

#include "crdt/document/impl.h"
#include "crdt/weave/bulk_weaver.h"

namespace weft {

/// BulkWeaver under the names that BulkSequences uses.
class FlatWeaver {
 public:
  FlatWeaver(std::span<const Seq> ends, std::size_t sequences, bool ascii)
      : weaver_(ends, sequences, ascii) {}
  BulkWeaver::Outcome insert(std::uint32_t sequence, const SequenceState&, const Op& op,
                             const OpContext& context, const SiblingOracle& oracle) {
    return weaver_.insert(sequence, {context.author, op.seq}, op.count, op.a, op.b,
                          !context.covers_everything, context.trusted, oracle);
  }
  bool is_element(std::uint32_t sequence, LocalDot dot) const {
    return weaver_.is_element(sequence, dot);
  }
  bool are_elements(std::uint32_t sequence, LocalDot first, Seq count) const {
    return weaver_.are_elements(sequence, first, count);
  }
  void put_text(LocalDot first, std::string_view utf8) { weaver_.put_text(first, utf8); }
  template <typename Again>
  void hide(std::uint32_t, LocalDot first, Seq count, Again&& again) {
    weaver_.hide(first, count, again);
  }
  void show(std::uint32_t, LocalDot dot) { weaver_.show(dot); }
  void set_hidden(std::uint32_t, LocalDot dot) { weaver_.set_hidden(dot); }
  bool is_hidden(std::uint32_t, LocalDot dot) const { return weaver_.is_hidden(dot); }
  void finish(std::uint32_t sequence, std::vector<Run>& runs, std::string* text) const {
    weaver_.finish(sequence, runs, text);
  }

 private:
  BulkWeaver weaver_;
};

/// The weaver for crowded gaps: trees without text, placed by the document's own rule. Trusted
/// operations only.
class TreeWeaver {
 public:
  TreeWeaver(DocumentImpl& impl, std::size_t sequences) : impl_(impl) { trees_.reserve(sequences); }
  BulkWeaver::Outcome insert(std::uint32_t sequence, SequenceState& state, const Op& op,
                             const OpContext& context, const SiblingOracle& oracle);
  bool is_element(std::uint32_t sequence, LocalDot dot) const {
    return sequence < trees_.size() && trees_[sequence].contains(dot);
  }
  bool are_elements(std::uint32_t sequence, LocalDot first, Seq count) const {
    return sequence < trees_.size() && trees_[sequence].contains_all(first, count);
  }
  void put_text(LocalDot, std::string_view) {}
  template <typename Again>
  void hide(std::uint32_t sequence, LocalDot first, Seq count, Again&& again) {
    for (Seq k = 0; k < count; ++k) {
      if (is_hidden(sequence, first.plus(k))) {
        again(first.plus(k));
      } else {
        set_hidden(sequence, first.plus(k));
      }
    }
  }
  void show(std::uint32_t sequence, LocalDot dot) { trees_[sequence].show(dot, 1, {}, NoSink()); }
  void set_hidden(std::uint32_t sequence, LocalDot dot) { trees_[sequence].hide(dot, 1, NoSink()); }
  bool is_hidden(std::uint32_t sequence, LocalDot dot) const {
    return trees_[sequence].hidden(dot);
  }
  void finish(std::uint32_t sequence, std::vector<Run>& runs, std::string*) const {
    if (sequence < trees_.size())
      trees_[sequence].for_each_run([&](const Run& run) { runs.push_back(run); });
  }

 private:
  DocumentImpl& impl_;
  std::vector<RunTree> trees_;
};

template <class Weaver>
class BulkSequences final : public SiblingOracle {
 public:
  template <typename... Arguments>
  BulkSequences(DocumentImpl& impl, std::size_t capacity, Arguments&&... arguments)
      : impl_(impl), weaver_(std::forward<Arguments>(arguments)...), capacity_(capacity) {}

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
  bool toggle(SequenceState& sequence, std::uint32_t number, ContainerIndex container, const Op& op,
              const OpContext& context);
  bool move(SequenceState& sequence, std::uint32_t number, const Op& op, const OpContext& context);
  static void count_again(SequenceState& sequence, LocalDot dot);

  DocumentImpl& impl_;
  Weaver weaver_;
  std::size_t capacity_;
  std::vector<std::uint32_t> numbers_;     ///< by container
  std::vector<ContainerIndex> sequences_;  ///< by number
  const OpContext* context_ = nullptr;
  Seq before_ = 0;
};

}  // namespace weft
