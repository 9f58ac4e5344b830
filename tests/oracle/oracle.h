#pragma once
// Oracle: what a set of operations means, worked out anew at every question, as plainly as possible.
//
// The state of a replica is its set of operations and nothing else; every answer is a function of that
// set. It is slow on purpose and shares no code with crdt/ (op.h).
//
//   Register  a true multi-value register: a write is dropped iff it lies in the causal past of another
//             write of the register; of the rest the largest weight wins, the others are losers. The
//             first write of a list element's register is its insertion.
//   Sequence  sibling_tree.h; a list element shows at the slot of its largest-stamp move.
//   Erasure   an erase unit counts unless the last revoke or reinstate of it in its author's log is a
//             revoke; an element is visible iff no erase unit that counts names it.
//   Counter   the sum.
//   Children  mergeable ones are known by (parent, key, kind, generation), distinct ones by the dot of
//             the write that made them.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/oracle/op.h"
#include "tests/oracle/sibling_tree.h"

namespace weft::test {

/// A container's identity in words: "root", "root#t/text/0" (mergeable), "@b2:7" (distinct).
using ContainerName = std::string;

struct RegisterState {
  const OracleOp* winner = nullptr;     ///< null: never written
  std::vector<const OracleOp*> losers;  ///< largest weight first
};

/// One place of a weave.
struct Place {
  Dot slot;
  Dot element;
  bool current = false;  ///< the element is here, and nowhere else
  bool shows = false;    ///< and is visible
};

struct OracleConflict {
  std::string path;
  Dot winner;
  std::vector<Dot> losers;  ///< largest weight first; those equal to the winner are left out
  friend bool operator==(const OracleConflict&, const OracleConflict&) = default;
};

/// A child that is reachable from the root.
struct ReachableContainer {
  std::string path;
  ContainerName name;
  ContainerKind kind = ContainerKind::kMap;
};

class Oracle {
 public:
  explicit Oracle(SiblingRule rule = SiblingRule::kFugueMax) : rule_(rule) {}

  /// Known ones are ignored. Everything in op.past has to be here.
  void add(const OracleOp& op);
  /// Only what lies in `version`.
  Oracle restricted_to(const Past& version) const;

  const std::map<Dot, OracleOp>& ops() const { return ops_; }
  Past version() const;
  /// Of the next delta of someone who has seen `past`.
  Hlc first_hlc(const Past& past, std::uint64_t committed_at_ms) const;
  /// w of a delta whose direct parents end with these operations.
  std::uint64_t weight_ms(const std::vector<Dot>& parents, std::uint64_t committed_at_ms) const;

  Json to_json() const;
  /// Concurrent writes of reachable keys and list elements, by path.
  std::vector<OracleConflict> conflicts() const;
  std::vector<ReachableContainer> containers() const;  ///< the root first, parents before children

  ContainerName name_of(const std::optional<Dot>& container) const;
  std::vector<std::string> keys(const ContainerName& map) const;  ///< all that were ever written
  RegisterState key_state(const ContainerName& map, const std::string& key) const;
  RegisterState element_state(const ContainerName& list, const Dot& element) const;
  std::vector<const OracleOp*> key_writes(const ContainerName& map, const std::string& key) const;
  std::vector<Place> places(const ContainerName& sequence) const;
  std::string text(const ContainerName& text) const;

 private:
  using Ops = std::vector<const OracleOp*>;
  /// The write that first gave the child that `restore` writes again.
  const OracleOp& maker_of(const OracleOp& restore) const;
  /// Where a register write goes.
  ContainerName home_of(const OracleOp& op) const;
  std::optional<std::string> key_written(const OracleOp& op) const;
  std::optional<Dot> element_written(const OracleOp& op) const;
  /// Every operation by the container it is in.
  const std::map<ContainerName, Ops>& by_container() const;
  const Ops& ops_in(const ContainerName& container) const;
  Json value_json(const OracleOp& write) const;
  Json container_json(const ContainerName& name, ContainerKind kind) const;
  std::optional<ContainerName> child_of(const OracleOp& write, ContainerKind& kind) const;
  bool same_value(const OracleOp& a, const OracleOp& b) const;
  struct Visitor;
  void visit(Visitor& visitor, const std::string& path, const ContainerName& name,
             ContainerKind kind) const;
  void visit_register(Visitor& visitor, const std::string& path, const RegisterState& state) const;

  SiblingRule rule_;
  std::map<Dot, OracleOp> ops_;
  // Memory of the last answer, thrown away by add().
  mutable std::map<Dot, ContainerName> names_;
  mutable std::map<ContainerName, Ops> by_container_;
};

/// Appends a Unicode scalar as UTF-8.
void append_utf8(std::string& out, char32_t scalar);
/// The scalars of valid UTF-8.
std::u32string scalars_of(const std::string& utf8);
/// RFC 6901: "~" and "/" escaped.
std::string pointer_token(const std::string& key);

}  // namespace weft::test
