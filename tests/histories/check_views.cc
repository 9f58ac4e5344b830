#include "tests/histories/check_views.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "tests/histories/failure.h"

namespace weft::test {
namespace {

class ViewCheck {
 public:
  ViewCheck(const Document& document, const Oracle& oracle, Random& random, std::string where)
      : document_(document), oracle_(oracle), random_(random), where_(std::move(where)) {}

  void run() {
    for (const ReachableContainer& container : oracle_.containers()) {
      std::vector<Place> places = oracle_.places(container.name);
      std::string at = where_ + ", " + container.path;
      if (container.kind == ContainerKind::kText) {
        TextView text = must(document_.text(container.path), at);
        check_anchors(text, places, at);
        check_text(text, places, at);
      } else if (container.kind == ContainerKind::kList) {
        check_anchors(must(document_.list(container.path), at), places, at);
      }
    }
  }

 private:
  /// An anchor stays beside its element, or where that was.
  template <typename View>
  void check_anchors(const View& view, const std::vector<Place>& places, const std::string& at) {
    std::size_t before = 0;  // visible elements left of the place
    for (const Place& place : places) {
      if (place.current && random_.chance(1, 4)) {
        std::string anchor = at + ": anchor at " + to_string(place.element);
        std::size_t left = must(view.resolve({place.element, Side::kBefore, false}), anchor);
        std::size_t right = must(view.resolve({place.element, Side::kAfter, false}), anchor);
        expect(left == before, anchor + ", before");
        expect(right == before + (place.shows ? 1 : 0), anchor + ", after");
      }
      if (place.shows) ++before;
    }
    expect(must(view.resolve({{}, Side::kBefore, true}), at) == 0, at + ": anchor at the begin");
    expect(must(view.resolve({{}, Side::kAfter, true}), at) == before, at + ": anchor at the end");
  }

  void check_text(const TextView& text, const std::vector<Place>& places, const std::string& at) {
    std::string utf8;
    std::size_t scalars = 0, utf16 = 0;
    std::string expected, got;
    for (const Place& place : places) {
      if (!place.shows) continue;
      const OracleOp& op = oracle_.ops().at(place.element);
      append_utf8(utf8, op.scalar);
      ++scalars;
      utf16 += op.scalar < 0x10000 ? 1 : 2;
      expected += to_string(place.element) + " " + std::to_string(op.committed_at_ms) + op.message;
    }
    expect(text.size(Unit::kUtf8) == utf8.size() && text.size(Unit::kScalar) == scalars &&
               text.size(Unit::kUtf16) == utf16,
           at + ": size");
    std::size_t begin = 0;
    for (const BlameSpan& span : must(text.blame(scalar(0), scalar(scalars)), at + ": blame")) {
      expect(span.begin == begin && span.end > begin, at + ": blame's spans have gaps");
      for (Seq i = 0; i < span.end - span.begin; ++i)
        got += to_string(Dot{span.first.replica, span.first.seq + i}) + " " +
               std::to_string(span.committed_at_ms) + span.message;
      begin = span.end;
    }
    expect_equal(expected, got, at + ": blame");
  }

  const Document& document_;
  const Oracle& oracle_;
  Random& random_;
  std::string where_;
};

}  // namespace

void check_views(const Document& document, const Oracle& oracle, Random& random,
                 const std::string& where) {
  ViewCheck(document, oracle, random, where).run();
}

}  // namespace weft::test
