#include "storage/lmdb/page_format.h"

#include <algorithm>
#include <utility>

namespace weft::lmdb {

const char* read_nodes(ByteSpan page, bool is_leaf, std::vector<Node>& nodes) {
  const std::size_t lower = number_at<std::uint16_t>(page, 12);
  const std::size_t upper = number_at<std::uint16_t>(page, 14);
  if (lower <= kHeadBytes || lower % 2 != 0 || lower > upper || upper > page.size())
    return "its bounds can't be";
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t at = kHeadBytes; at < lower; at += 2) {
    const std::size_t begin = number_at<std::uint16_t>(page, at);
    if (begin < upper || begin % 2 != 0 || begin + kNodeBytes > page.size())
      return "a node that lies outside";
    const std::uint64_t low = number_at<std::uint32_t>(page, begin);
    Node node{};
    node.flags = number_at<std::uint16_t>(page, begin + 4);
    const std::size_t key_size = number_at<std::uint16_t>(page, begin + 6);
    std::uint64_t data_size = 0;
    if (is_leaf) {
      node.data_size = low;
      data_size = (node.flags & kBigData) != 0 ? 8 : low;
    } else {
      node.child = low | std::uint64_t{node.flags} << 32;
    }
    if (key_size + data_size > page.size() - begin - kNodeBytes) return "a node that ends outside";
    node.key = page.subspan(begin + kNodeBytes, key_size);
    node.data = page.subspan(begin + kNodeBytes + key_size, data_size);
    nodes.push_back(node);
    places.emplace_back(begin, begin + (kNodeBytes + key_size + data_size + 1) / 2 * 2);
  }
  std::sort(places.begin(), places.end());
  std::size_t end = upper;
  for (const auto& [begin, node_end] : places) {
    if (begin != end) return "its nodes don't lie side by side";
    end = node_end;
  }
  return end == page.size() ? nullptr : "its nodes don't fill it";
}

}  // namespace weft::lmdb
