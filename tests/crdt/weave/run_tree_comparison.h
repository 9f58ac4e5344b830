#pragma once
// Comparison: a run tree beside the plain vector of run_tree_model.h; each operation is applied to both,
// and whatever they are asked has to have one answer.

#include <string>
#include <vector>

#include "crdt/weave/run_tree.h"
#include "crdt/weave/run_tree_impl.h"
#include "tests/crdt/weave/run_tree_model.h"
#include "tests/crdt/weave/run_tree_operations.h"

namespace weft::test {

#define WANT(condition)                                                                        \
  do {                                                                                         \
    if (!(condition)) return std::string(#condition) + " at line " + std::to_string(__LINE__); \
  } while (false)

template <class Tree>
class Comparison {
 public:
  Comparison(Script script, std::size_t elements_max)
      : script_(script), elements_max_(elements_max), tree_(script != Script::kNone) {}

  /// Applies one operation to both; what differs, or nothing.
  std::string apply(const Operation& operation);
  std::string compare_all();

 private:
  static constexpr ReplicaIndex kReplicas = 4;

  LocalDot mint(ReplicaIndex replica, std::size_t n, std::uint64_t choice) {
    if (choice % 5 == 0) {  // other operations take seqs as well
      holes_.push_back({replica, next_seq_[replica]});
      next_seq_[replica] += 1 + static_cast<Seq>(choice / 5 % 3);
    }
    const LocalDot dot{replica, next_seq_[replica]};
    next_seq_[replica] += static_cast<Seq>(n);
    return dot;
  }
  std::string text_of(const std::vector<std::string>& characters) const { return join(characters); }
  /// A contained dot, and how many follow it that are contained: at most `most`.
  LocalDot pick(std::uint64_t where, std::uint64_t most, Seq& count) const {
    const LocalDot first = model_.elements[where % model_.elements.size()].dot;
    count = 1;
    while (count < most && model_.contains(first.plus(count))) ++count;
    return first;
  }
  std::string insert_at(std::size_t pos, LocalDot first,
                        const std::vector<std::string>& characters);
  std::string type(const Operation& operation);
  std::string erase_one(std::size_t pos);
  std::string erase(const Operation& operation);
  std::string insert_after(const Operation& operation, LocalDot first, bool hidden);
  std::string set_hidden(const Operation& operation, bool hide);
  std::string remove(const Operation& operation);
  std::string compare_position(std::size_t pos);
  std::string compare_dot(std::size_t index);
  std::string compare_summary();
  std::string compare_units();

  Script script_;
  std::size_t
      elements_max_;  // the model is quadratic: beyond this, removals take the insertions' place
  Tree tree_;
  NaiveWeave model_;
  Seq next_seq_[kReplicas] = {};
  std::vector<LocalDot> holes_;
  std::size_t caret_ = 0;
  LocalDot typed_ro_;        // of the operation that typing goes on with
  bool may_extend_ = false;  // the last operation was typing
};

template <class Tree>
std::string Comparison<Tree>::insert_at(std::size_t pos, LocalDot first,
                                        const std::vector<std::string>& characters) {
  const std::size_t index = pos == 0 ? 0 : model_.visible_index(pos - 1) + 1;
  const Neighbours found =
      tree_.insert_at(pos, first, static_cast<Seq>(characters.size()), text_of(characters));
  WANT(found.lo == (index == 0 ? kNoDot : model_.elements[index - 1].dot));
  WANT(found.ro == model_.dot_or_none(index));
  typed_ro_ = found.ro;
  model_.insert(index, first, characters, false);
  caret_ = pos + characters.size();
  return {};
}

template <class Tree>
std::string Comparison<Tree>::type(const Operation& operation) {
  const std::size_t n = operation.choice % 4 == 0 ? 1 + operation.size % 40 : 1;
  const auto characters = characters_for(script_, operation.choice, n);
  const bool gap = operation.choice % 16 == 1;  // a seq went elsewhere: can't go on
  if (gap) ++next_seq_[0];
  const LocalDot first{0, next_seq_[0]};
  next_seq_[0] += static_cast<Seq>(n);
  caret_ = std::min(caret_, model_.visible_size());
  const std::string inserted = text_of(characters);
  const bool extended = (inserted.size() == 1 && tree_.type_at(caret_, first, inserted[0])) ||
                        tree_.extend_at(caret_, first, static_cast<Seq>(n), inserted);
  if (may_extend_) WANT(extended == !gap);
  may_extend_ = true;
  if (!extended) return insert_at(caret_, first, characters);
  const std::size_t index = model_.visible_index(caret_ - 1) + 1;
  WANT(model_.elements[index - 1].dot.plus(1) == first);
  WANT(model_.dot_or_none(index) == typed_ro_);
  model_.insert(index, first, characters, false);
  caret_ += n;
  return {};
}

template <class Tree>
std::string Comparison<Tree>::erase_one(std::size_t pos) {
  const std::size_t index = model_.visible_index(pos);
  WANT(tree_.erase_one(pos) == model_.elements[index].dot);
  model_.elements[index].hidden = true;
  return {};
}

template <class Tree>
std::string Comparison<Tree>::erase(const Operation& operation) {
  const std::size_t size = model_.visible_size();
  const std::size_t pos = operation.where % size;
  const std::size_t n =
      1 + operation.size % std::min<std::size_t>(size - pos, operation.choice % 3 == 0 ? 200 : 9);
  std::vector<std::pair<LocalDot, Seq>> expected;
  for (std::size_t i = 0; i < n; ++i) {
    NaiveElement& element = model_.elements[model_.visible_index(pos)];
    element.hidden = true;
    if (!expected.empty() && expected.back().first.plus(expected.back().second) == element.dot)
      ++expected.back().second;
    else
      expected.push_back({element.dot, 1});
  }
  std::vector<std::pair<LocalDot, Seq>> found;
  tree_.erase_at(pos, n, [&](LocalDot first, Seq count) { found.push_back({first, count}); });
  WANT(found == expected);
  caret_ = pos;
  return {};
}

template <class Tree>
std::string Comparison<Tree>::insert_after(const Operation& operation, LocalDot first,
                                           bool hidden) {
  const std::size_t n =
      first.is_none() ? 1 + operation.size % (operation.choice % 7 == 0 ? 60 : 3) : 1;
  if (first.is_none())
    first = mint(static_cast<ReplicaIndex>(operation.choice % kReplicas), n, operation.size);
  const auto characters = characters_for(script_, operation.choice, n);
  std::size_t index = operation.where % (model_.elements.size() + 1);
  if (first.seq > 0 && operation.choice % 2 == 0 && model_.contains({first.replica, first.seq - 1}))
    index = model_.index_of({first.replica, first.seq - 1}) +
            1;  // goes on with a run, or closes a gap in it
  const LocalDot where = index == 0 ? kNoDot : model_.elements[index - 1].dot;
  tree_.insert_after(where, first, static_cast<Seq>(n),
                     hidden ? std::string() : text_of(characters), hidden);
  model_.insert(index, first, characters, hidden);
  return {};
}

template <class Tree>
std::string Comparison<Tree>::set_hidden(const Operation& operation, bool hide) {
  Seq count = 0;
  const LocalDot first = pick(operation.where, 1 + operation.size % 50, count);
  // What the sink tells is replayed on a copy of the visible characters.
  std::vector<std::string> shadow = model_.characters();
  std::vector<std::string> all;
  std::vector<std::string> changed;
  for (Seq i = 0; i < count; ++i) {
    NaiveElement& element = model_.elements[model_.index_of(first.plus(i))];
    all.push_back(element.character);
    if (element.hidden != hide) changed.push_back(element.character);
    element.hidden = hide;
  }
  std::size_t done = 0;
  const auto replay = [&](std::size_t pos, Seq n) {
    const auto at = shadow.begin() + static_cast<std::ptrdiff_t>(pos);
    const auto from = changed.begin() + static_cast<std::ptrdiff_t>(done);
    if (hide)
      shadow.erase(at, at + n);
    else
      shadow.insert(at, from, from + n);
    done += n;
  };
  if (hide)
    tree_.hide(first, count, replay);
  else
    tree_.show(first, count, text_of(all), replay);
  WANT(done == changed.size());
  WANT(shadow == model_.characters());
  return {};
}

template <class Tree>
std::string Comparison<Tree>::remove(const Operation& operation) {
  Seq count = 0;
  const LocalDot first = pick(operation.where, 1 + operation.size % 50, count);
  tree_.remove(first, count);
  for (Seq i = 0; i < count; ++i) {
    holes_.push_back(first.plus(i));  // may come back, as after a rolled back transaction
    model_.elements.erase(model_.elements.begin() +
                          static_cast<std::ptrdiff_t>(model_.index_of(first.plus(i))));
  }
  return {};
}

template <class Tree>
std::string Comparison<Tree>::apply(const Operation& operation) {
  const std::size_t size = model_.visible_size();
  Kind kind = operation.kind;
  const bool inserts = kind == Kind::kInsert || kind == Kind::kInsertAfter || kind == Kind::kType;
  if (inserts && model_.elements.size() > elements_max_) kind = Kind::kRemove;
  if (kind != Kind::kType) may_extend_ = false;
  std::string fault;
  switch (kind) {
    case Kind::kType:
      fault = type(operation);
      break;
    case Kind::kInsert: {
      const std::size_t n = 1 + operation.size % (operation.choice % 9 == 0 ? 90 : 4);
      fault = insert_at(operation.where % (size + 1), mint(0, n, operation.choice),
                        characters_for(script_, operation.choice, n));
      break;
    }
    case Kind::kBackspace:
      caret_ = std::min(caret_, size);
      if (caret_ > 0) fault = erase_one(--caret_);
      break;
    case Kind::kDelete:
      if (caret_ < size) fault = erase_one(caret_);
      break;
    case Kind::kErase:
      if (size > 0) fault = erase(operation);
      break;
    case Kind::kInsertAfter:
    case Kind::kInsertHidden:
      fault =
          insert_after(operation, kNoDot, kind == Kind::kInsertHidden && operation.choice % 2 == 0);
      break;
    case Kind::kFillHole:
      if (holes_.empty()) break;
      std::swap(holes_[operation.size % holes_.size()], holes_.back());
      if (!model_.contains(holes_.back())) fault = insert_after(operation, holes_.back(), false);
      holes_.pop_back();
      break;
    case Kind::kHide:
    case Kind::kShow:
      if (!model_.elements.empty()) fault = set_hidden(operation, kind == Kind::kHide);
      break;
    case Kind::kRemove:
      if (!model_.elements.empty()) fault = remove(operation);
      break;
    case Kind::kClone: {
      Tree copy = tree_.clone();
      copy.insert_at(0, {kReplicas, 0}, 1,
                     script_ == Script::kNone ? "" : "x");  // the original is not touched
      tree_ = tree_.clone();
      break;
    }
    case Kind::kBuild:
      tree_ =
          Tree::build(script_ != Script::kNone, model_.maximal_runs(), join(model_.characters()));
      break;
    case Kind::kAskByDot:
    case Kind::kCount:
      if (!model_.elements.empty()) fault = compare_dot(operation.where % model_.elements.size());
      break;
  }
  if (fault.empty()) fault = compare_summary();
  if (fault.empty()) fault = compare_position(operation.choice % (model_.visible_size() + 1));
  return fault;
}

template <class Tree>
std::string Comparison<Tree>::compare_summary() {
  tree_.check_invariants();
  const auto characters = model_.characters();
  WANT(tree_.text() == join(characters));
  WANT(tree_.element_count() == model_.elements.size());
  WANT(tree_.run_count() >= model_.maximal_runs().size());
  if (script_ == Script::kNone)
    WANT(tree_.visible().scalars == characters.size());
  else
    WANT(tree_.visible() == measure_naively(characters));
  return {};
}

template <class Tree>
std::string Comparison<Tree>::compare_position(std::size_t pos) {
  const auto characters = model_.characters();
  if (pos < characters.size())
    WANT(tree_.dot_at(pos) == model_.elements[model_.visible_index(pos)].dot);
  const std::size_t end = std::min(characters.size(), pos + 20);
  const std::vector<std::string> range(characters.begin() + static_cast<std::ptrdiff_t>(pos),
                                       characters.begin() + static_cast<std::ptrdiff_t>(end));
  std::string found;
  tree_.for_each_text(pos, end, [&](std::string_view piece) { found += piece; });
  WANT(found == join(range));
  std::vector<LocalDot> dots;
  tree_.for_each_visible_run(pos, end, [&](const Run& run) {
    for (Seq i = 0; i < run.count; ++i) dots.push_back(run.first.plus(i));
  });
  WANT(dots.size() == end - pos);
  for (std::size_t i = 0; i < dots.size(); ++i)
    WANT(dots[i] == model_.elements[model_.visible_index(pos + i)].dot);
  WANT(tree_.scalar_of(Unit::kScalar, pos).value() == pos);
  WANT(tree_.scalar_of(Unit::kScalar, characters.size() + 1).error().code() ==
       ErrorCode::kOutOfRange);
  if (script_ == Script::kNone) return {};
  const TextMetrics before =
      measure_naively({characters.begin(), characters.begin() + static_cast<std::ptrdiff_t>(pos)});
  WANT(tree_.unit_of(Unit::kUtf8, pos) == before.utf8);
  WANT(tree_.unit_of(Unit::kUtf16, pos) == before.utf16);
  WANT(tree_.line_of(pos) == before.newlines);
  WANT(tree_.scalar_of(Unit::kUtf8, before.utf8).value() == pos);
  WANT(tree_.scalar_of(Unit::kUtf16, before.utf16).value() == pos);
  if (pos == characters.size()) return {};
  for (std::size_t i = 1; i < characters[pos].size(); ++i)
    WANT(tree_.scalar_of(Unit::kUtf8, before.utf8 + i).error().code() ==
         ErrorCode::kSplitsCharacter);
  if (characters[pos].size() == 4)
    WANT(tree_.scalar_of(Unit::kUtf16, before.utf16 + 1).error().code() ==
         ErrorCode::kSplitsCharacter);
  return {};
}

template <class Tree>
std::string Comparison<Tree>::compare_dot(std::size_t index) {
  const LocalDot dot = model_.elements[index].dot;
  WANT(tree_.contains(dot));
  WANT(tree_.hidden(dot) == model_.elements[index].hidden);
  WANT(tree_.next(dot) == model_.dot_or_none(index + 1));
  WANT(tree_.previous(dot) == (index == 0 ? kNoDot : model_.elements[index - 1].dot));
  const auto location = tree_.locate(dot);
  WANT(location.has_value());
  WANT(location->pos == model_.visible_before(index));
  WANT(location->hidden == model_.elements[index].hidden);
  const std::size_t other = (index * 7 + 3) % model_.elements.size();
  WANT(tree_.compare(dot, model_.elements[other].dot) == (index < other   ? -1
                                                          : index > other ? 1
                                                                          : 0));
  auto run = tree_.run_at(dot);
  WANT(dot.seq - run.run.first.seq < run.run.count);
  std::size_t at = model_.index_of(run.run.first);
  for (int steps = 0; steps < 5; ++steps) {
    for (Seq i = 0; i < run.run.count; ++i, ++at) {
      WANT(model_.dot_or_none(at) == run.run.first.plus(i));
      WANT(model_.elements[at].hidden == run.run.hidden);
    }
    const bool more = tree_.step(run);
    WANT(more == (at < model_.elements.size()));
    if (!more) break;
  }
  for (ReplicaIndex replica = 0; replica <= kReplicas; ++replica) {
    const LocalDot some{replica, static_cast<Seq>(index)};
    WANT(tree_.contains(some) == model_.contains(some));
    WANT(tree_.locate(some).has_value() == model_.contains(some));
  }
  const Seq count = static_cast<Seq>(1 + index % 5);
  bool all = true;
  for (Seq i = 0; i < count; ++i) all = all && model_.contains(dot.plus(i));
  WANT(tree_.contains_all(dot, count) == all);
  return {};
}

template <class Tree>
std::string Comparison<Tree>::compare_units() {
  const TextMetrics all = tree_.visible();
  WANT(tree_.scalar_of(Unit::kUtf8, all.utf8 + 1).error().code() == ErrorCode::kOutOfRange);
  WANT(tree_.scalar_of(Unit::kUtf16, all.utf16 + 1).error().code() == ErrorCode::kOutOfRange);
  std::size_t pos = 0;
  std::size_t line = 0;
  WANT(tree_.line_start(0).value() == 0);
  for (const std::string& character : model_.characters()) {
    ++pos;
    if (character == "\n") WANT(tree_.line_start(++line).value() == pos);
  }
  WANT(tree_.line_start(line + 1).error().code() == ErrorCode::kOutOfRange);
  return {};
}

template <class Tree>
std::string Comparison<Tree>::compare_all() {
  std::string fault;
  for (std::size_t pos = 0; pos <= model_.visible_size() && fault.empty(); ++pos)
    fault = compare_position(pos);
  for (std::size_t i = 0; i < model_.elements.size() && fault.empty(); ++i) fault = compare_dot(i);
  if (script_ != Script::kNone && fault.empty()) fault = compare_units();
  if (!fault.empty()) return fault;
  WANT(tree_.next(kNoDot) == model_.dot_or_none(0));
  WANT(tree_.previous(kNoDot) == (model_.elements.empty() ? kNoDot : model_.elements.back().dot));
  WANT(!tree_.contains(kNoDot));
  std::vector<Run> runs;
  tree_.for_each_run([&](const Run& run) { runs.push_back(run); });
  WANT(runs == model_.maximal_runs());
  return {};
}

#undef WANT

}  // namespace weft::test
