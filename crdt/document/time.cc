// Time travel: checkouts, diffs between versions, forks. A checkout replays the log up to a version in
// bulk, by the same code that takes a history in: what was is what would be merged. A diff compares two
// checkouts by dots: what two versions both show stands in the same order in both (slots never move),
// so one walk finds what went and what came.
#include <algorithm>

#include "crdt/base/utf8.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"

namespace weft {
namespace {

struct DotRange {
  Dot first;
  Seq count = 0;
  bool common = false;  ///< visible in the other version too
};

/// The dots that a sequence shows, to be asked for membership.
class ShownDots {
 public:
  explicit ShownDots(const std::vector<DotRange>& ranges) : sorted_(ranges) {
    std::sort(sorted_.begin(), sorted_.end(),
              [](const DotRange& a, const DotRange& b) { return a.first < b.first; });
  }
  /// Cuts the ranges where they begin or cease to be common with this.
  std::vector<DotRange> split(const std::vector<DotRange>& ranges) const {
    std::vector<DotRange> result;
    for (DotRange range : ranges) {
      while (range.count > 0) {
        DotRange piece = range;
        auto after =
            std::upper_bound(sorted_.begin(), sorted_.end(), range.first,
                             [](const Dot& dot, const DotRange& r) { return dot < r.first; });
        bool inside = after != sorted_.begin() &&
                      std::prev(after)->first.replica == range.first.replica &&
                      range.first.seq - std::prev(after)->first.seq < std::prev(after)->count;
        if (inside) {
          const DotRange& holder = *std::prev(after);
          piece.count = std::min(range.count, holder.first.seq + holder.count - range.first.seq);
        } else if (after != sorted_.end() && after->first.replica == range.first.replica) {
          piece.count = std::min(range.count, after->first.seq - range.first.seq);
        }
        piece.common = inside;
        result.push_back(piece);
        range.first.seq += piece.count;
        range.count -= piece.count;
      }
    }
    return result;
  }

 private:
  std::vector<DotRange> sorted_;
};

std::size_t size_in(std::string_view text, Unit unit) {
  return unit == Unit::kUtf8    ? text.size()
         : unit == Unit::kUtf16 ? count_utf16(text)
                                : count_scalars(text);
}

/// One diff: `from_` and `to_` are checkouts.
class Differ {
 public:
  Differ(DocumentImpl& from, DocumentImpl& to, Unit unit) : from_(from), to_(to), unit_(unit) {}

  Status run() { return container(kRootContainer, kRootContainer, ""); }
  std::vector<Patch> patches;

 private:
  Status container(ContainerIndex a, ContainerIndex b, const std::string& path) {
    Patch patch;
    patch.container = b;
    patch.kind = to_.containers[b].kind;
    patch.path = path;
    std::vector<Child> children;
    switch (patch.kind) {
      case ContainerKind::kMap:
        maps(a, b, patch, children);
        break;
      case ContainerKind::kCounter: {
        auto delta = static_cast<std::uint64_t>(shown_sum(to_.containers[b].counter)) -
                     static_cast<std::uint64_t>(shown_sum(from_.containers[a].counter));
        patch.counter_delta = static_cast<std::int64_t>(delta);
        break;
      }
      case ContainerKind::kList:
      case ContainerKind::kText:
        WEFT_TRY(sequences(a, b, patch, children));
        break;
    }
    if (!patch.steps.empty() || !patch.keys.empty() || patch.counter_delta != 0)
      patches.push_back(std::move(patch));
    for (const Child& child : children) WEFT_TRY(container(child.from, child.to, child.path));
    return {};
  }

  struct Child {
    ContainerIndex from;
    ContainerIndex to;
    std::string path;
  };

  /// Equal, or the same child: then its content is compared later.
  bool same(const Value& a, const Value& b, const std::string& path, std::vector<Child>& children) {
    if (a.is_container() != b.is_container()) return false;
    if (!a.is_container()) return a == b;
    if (a.container_kind() != b.container_kind() ||
        !(from_.containers[a.container_index()].id == to_.containers[b.container_index()].id))
      return false;
    children.push_back({a.container_index(), b.container_index(), path});
    return true;
  }

  void maps(ContainerIndex a, ContainerIndex b, Patch& patch, std::vector<Child>& children) {
    MapView before(&from_, a);
    MapView after(&to_, b);
    for (const std::string& key : before.keys())
      if (!after.contains(key)) patch.keys.push_back({key, true, {}, {}});
    for (const std::string& key : after.keys()) {
      Value value = *after.get(key);
      auto old_value = before.get(key);
      std::string path = to_.slot_path(b, *to_.keys.find(key), false);
      if (old_value && same(*old_value, value, path, children)) continue;
      patch.keys.push_back({key, false, value, to_.json_of(value)});
    }
  }

  std::vector<DotRange> shown(DocumentImpl& impl, RunTree& tree) {
    std::vector<DotRange> ranges;
    tree.for_each_visible_run(0, visible_size(tree), [&](Run run) {
      ranges.push_back({impl.graph.dot(run.first), run.count, false});
    });
    return ranges;
  }

  Value value_at(DocumentImpl& impl, ContainerIndex list, std::size_t pos) {
    return ListView(&impl, list).get(pos).proven("the list's runs have shown the position");
  }

  Status sequences(ContainerIndex a, ContainerIndex b, Patch& patch, std::vector<Child>& children) {
    WEFT_ASSIGN(RunTree * before, from_.tree_of(a));
    WEFT_ASSIGN(RunTree * after, to_.tree_of(b));
    std::vector<DotRange> old_ranges = shown(from_, *before);
    std::vector<DotRange> new_ranges = shown(to_, *after);
    std::vector<DotRange> gone = ShownDots(new_ranges).split(old_ranges);
    std::vector<DotRange> come = ShownDots(old_ranges).split(new_ranges);
    bool text = patch.kind == ContainerKind::kText;
    std::size_t i = 0;
    std::size_t j = 0;
    std::size_t old_pos = 0;  // scalars in `from`
    std::size_t new_pos = 0;  // scalars in `to`
    std::size_t at = 0;       // where the next step stands, in unit_
    auto old_text = [&](std::size_t begin, std::size_t count) {
      return slice(*before, begin, count);
    };
    auto new_text = [&](std::size_t begin, std::size_t count) {
      return slice(*after, begin, count);
    };
    while (i < gone.size() || j < come.size()) {
      if (i < gone.size() && !gone[i].common) {
        std::size_t count = gone[i].count;
        std::size_t erased = text ? size_in(old_text(old_pos, count), unit_) : count;
        step_at(patch, at).erased += erased;
        old_pos += count;
        ++i;
      } else if (j < come.size() && !come[j].common) {
        std::size_t count = come[j].count;
        SequenceStep& step = patch.steps.emplace_back();
        step.retain = at;
        if (text) {
          step.inserted_text = new_text(new_pos, count);
          at += size_in(step.inserted_text, unit_);
        } else {
          for (std::size_t k = 0; k < count; ++k) insert_value(step, b, new_pos + k);
          at += count;
        }
        new_pos += count;
        ++j;
      } else {
        if (i == gone.size() || j == come.size() || gone[i].first != come[j].first)
          return Error(ErrorCode::kInvalidArgument,
                       "'" + patch.path + "' has two orders: these are two histories");
        Seq count = std::min(gone[i].count, come[j].count);
        if (text) {
          at += size_in(new_text(new_pos, count), unit_);
        } else {
          for (std::size_t k = 0; k < count; ++k) {
            std::string path = patch.path + "/" + std::to_string(new_pos + k);
            if (!same(value_at(from_, a, old_pos + k), value_at(to_, b, new_pos + k), path,
                      children)) {
              SequenceStep& step = patch.steps.emplace_back();
              step.retain = at;
              step.erased = 1;
              insert_value(step, b, new_pos + k);
            }
            ++at;
          }
        }
        old_pos += count;
        new_pos += count;
        advance(gone, i, count);
        advance(come, j, count);
      }
    }
    return {};
  }

  /// The erasing step at `at`: neighbouring erasures are one.
  static SequenceStep& step_at(Patch& patch, std::size_t at) {
    bool fits = !patch.steps.empty() && patch.steps.back().retain == at &&
                patch.steps.back().inserted_text.empty() &&
                patch.steps.back().inserted_values.empty();
    if (!fits) patch.steps.emplace_back().retain = at;
    return patch.steps.back();
  }
  void insert_value(SequenceStep& step, ContainerIndex list, std::size_t pos) {
    Value value = value_at(to_, list, pos);
    step.inserted_json.push_back(to_.json_of(value));
    step.inserted_values.push_back(std::move(value));
  }
  static void advance(std::vector<DotRange>& ranges, std::size_t& index, Seq count) {
    ranges[index].first.seq += count;
    ranges[index].count -= count;
    if (ranges[index].count == 0) ++index;
  }
  static std::string slice(RunTree& tree, std::size_t begin, std::size_t count) {
    std::string text;
    tree.for_each_text(begin, begin + count, [&](std::string_view part) { text += part; });
    return text;
  }

  DocumentImpl& from_;
  DocumentImpl& to_;
  Unit unit_;
};

}  // namespace

Result<std::unique_ptr<DocumentImpl>> DocumentImpl::checkout(const VersionVector& version) {
  WEFT_TRY(ensure_skeleton());
  auto made = std::make_unique<DocumentImpl>(DocumentOptions(options));
  if (!graph.is_closed(version))
    return Error(ErrorCode::kNotFound,
                 "'" + version.to_string() +
                     "' is no version of this document: "
                     "it goes beyond what is known, or misses something it depends on");
  if (has_skeleton) {
    if (!(version == graph.version()))
      return Error(ErrorCode::kNeedHistory,
                   "the document was loaded from a snapshot: only its newest version can be shown");
    WEFT_TRY(made->load_snapshot(make_snapshot()));
    made->read_only = true;
    return made;
  }
  std::vector<OpenedBundle> bundles;
  for (const VersionVector::Entry& entry : version.entries()) {
    WEFT_ASSIGN(OpenedBundle bundle, bundle_of(*graph.find(entry.replica), 0, entry.end));
    bundles.push_back(std::move(bundle));
  }
  ApplyReport report;
  if (!made->apply_in_bulk(bundles, report)) WEFT_TRY(made->apply_one_by_one(bundles, report));
  // A bundle names the chain hash at its end; of a version in between nobody knows it yet.
  for (ReplicaIndex r = 0; r < made->graph.replica_count(); ++r) made->graph.forget_chain(r);
  made->read_only = true;
  return made;
}

Result<Document> Document::at(const VersionVector& version) const {
  WEFT_ASSIGN(std::unique_ptr<DocumentImpl> made, impl_->checkout(version));
  return Document(std::move(made));
}

Result<std::vector<Patch>> Document::diff(const VersionVector& from, const VersionVector& to,
                                          Unit unit) const {
  WEFT_ASSIGN(std::unique_ptr<DocumentImpl> before, impl_->checkout(from));
  WEFT_ASSIGN(std::unique_ptr<DocumentImpl> after, impl_->checkout(to));
  Differ differ(*before, *after, unit);
  WEFT_TRY(differ.run());
  return std::move(differ.patches);
}

Result<std::vector<Patch>> Document::diff(const Document& before, Unit unit) const {
  if (id() != before.id())
    return Error(ErrorCode::kInvalidArgument, "versions of two documents have no difference");
  if (impl_->tx.open || before.impl_->tx.open)
    return Error(ErrorCode::kTransactionOpen, "finish the open transaction first");
  WEFT_TRY(before.impl_->ensure_skeleton());
  WEFT_TRY(impl_->ensure_skeleton());
  Differ differ(*before.impl_, *impl_, unit);
  WEFT_TRY(differ.run());
  return std::move(differ.patches);
}

Document Document::fork(ReplicaId replica) const {
  DocumentOptions options = impl_->options;
  options.replica = replica;
  auto made = std::make_unique<DocumentImpl>(std::move(options));
  if (impl_->has_skeleton) {
    made->load_snapshot(impl_->make_snapshot()).proven("a snapshot that is written can be read");
  } else {
    std::vector<OpenedBundle> bundles;
    VersionVector all = version();
    for (const VersionVector::Entry& entry : all.entries()) {
      ReplicaIndex author = *impl_->graph.find(entry.replica);
      bundles.push_back(impl_->bundle_of(author, 0, entry.end).proven("the whole log is held"));
      impl_->bring_chain_up(author);  // a checkout does not have it yet
      bundles.back().end_chain = impl_->graph.chain(author);
    }
    ApplyReport report;
    if (!made->apply_in_bulk(bundles, report))
      made->apply_one_by_one(bundles, report).proven("what is applied here applies again");
  }
  return Document(std::move(made));
}

}  // namespace weft
