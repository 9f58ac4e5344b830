#include "tests/oracle/validity.h"

#include <cstddef>
#include <optional>

namespace weft::test {
namespace {

/// The largest generation that an ensure may carry.
constexpr std::uint32_t kGenerationMax = 1u << 30;

/// Judges one operation; `past` is exactly what it had seen.
class Judge {
 public:
  Judge(const Oracle& past, const OracleOp& op) : past_(past), op_(op) {}

  std::string why_invalid() {
    std::optional<ContainerKind> kind = kind_of_container();
    if (!kind.has_value()) return "the container is not known";
    if (op_.overwritten.has_value() && find(*op_.overwritten) == nullptr)
      return "the overwritten write is not known";
    switch (op_.kind) {
      case OracleKind::kMapEnsure:
        if (op_.generation > kGenerationMax) return "the generation is too large";
        [[fallthrough]];
      case OracleKind::kMapSet:
      case OracleKind::kMapErase:
        return *kind == ContainerKind::kMap ? "" : "not a map";
      case OracleKind::kTextInsert:
        return *kind == ContainerKind::kText ? why_neighbours_are_false() : "not a text";
      case OracleKind::kListInsert:
        return *kind == ContainerKind::kList ? why_neighbours_are_false() : "not a list";
      case OracleKind::kListMove:
        if (*kind != ContainerKind::kList) return "not a list";
        if (!is_element(op_.target)) return "the element is not known";
        return why_neighbours_are_false();
      case OracleKind::kListSet:
        if (*kind != ContainerKind::kList) return "not a list";
        return is_element(op_.target) ? "" : "the element is not known";
      case OracleKind::kErase:
        if (*kind != ContainerKind::kList && *kind != ContainerKind::kText) return "not a sequence";
        return is_element(op_.target) ? "" : "the element is not known";
      case OracleKind::kRevoke:
      case OracleKind::kReinstate:
        return why_not_an_own_erasure();
      case OracleKind::kCounterAdd:
        return *kind == ContainerKind::kCounter ? "" : "not a counter";
      case OracleKind::kRestore:
        return op_.container.has_value() ? "" : "the root";
    }
    return "no kind";
  }

 private:
  const OracleOp* find(const Dot& dot) const {
    auto found = past_.ops().find(dot);
    return found == past_.ops().end() ? nullptr : &found->second;
  }

  std::optional<ContainerKind> kind_of_container() const {
    if (!op_.container.has_value()) return ContainerKind::kMap;
    const OracleOp* maker = find(*op_.container);
    if (maker == nullptr) return std::nullopt;
    if (maker->kind == OracleKind::kMapEnsure) return maker->child_kind;
    return maker->value.child;
  }
  bool in_this_container(const OracleOp& other) const {
    return past_.name_of(other.container) == past_.name_of(op_.container);
  }
  bool is_element(const Dot& dot) const {
    const OracleOp* made = find(dot);
    return made != nullptr && in_this_container(*made) &&
           (made->kind == OracleKind::kTextInsert || made->kind == OracleKind::kListInsert);
  }
  std::string why_not_an_own_erasure() const {
    const OracleOp* erase = find(op_.target);
    if (erase == nullptr || erase->kind != OracleKind::kErase || !in_this_container(*erase))
      return "no such erasure";
    return op_.target.replica == op_.dot.replica ? "" : "another's erasure";
  }
  /// `ro` has to be the first slot after `lo` that the author knew.
  std::string why_neighbours_are_false() const {
    std::vector<Place> places = past_.places(past_.name_of(op_.container));
    std::size_t next = 0;
    if (op_.lo.has_value()) {
      while (next < places.size() && places[next].slot != *op_.lo) ++next;
      if (next == places.size()) return "lo is not known";
      ++next;
    }
    std::optional<Dot> follows;
    if (next < places.size()) follows = places[next].slot;
    return follows == op_.ro ? "" : "ro is not what follows lo";
  }

  const Oracle& past_;
  const OracleOp& op_;
};

}  // namespace

std::string why_invalid(const Oracle& known, const std::vector<OracleOp>& delta) {
  if (delta.empty()) return "";
  const OracleOp& first = delta.front();
  if (first.legacy && first.dot.seq > 0 &&
      !known.ops().at({first.dot.replica, first.dot.seq - 1}).legacy)
    return "a row of version 1 behind one of version 2";
  Oracle past = known.restricted_to(delta.front().past);
  for (const OracleOp& op : delta) {
    std::string why = Judge(past, op).why_invalid();
    if (!why.empty()) return to_string(op.dot) + ": " + why;
    past.add(op);
  }
  return "";
}

}  // namespace weft::test
