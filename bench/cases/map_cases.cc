#include "bench/cases/map_cases.h"

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/harness/stopwatch.h"
#include "bench/trace/prng.h"
#include "bench/trace/replay.h"
#include "crdt/base/checksum.h"
#include "crdt/document/document.h"

namespace weft::bench {
namespace {

struct Sets {
  std::string case_name;
  std::vector<std::string> keys;
  std::vector<std::uint32_t> order;  ///< the key of each set; set i writes the value i
  trace::ReplayOptions options;
  std::vector<std::int64_t> expected;  ///< by key; -1: never set

  Sets(std::uint32_t set_count, std::uint32_t key_count, const Compressor& compressor) {
    case_name = std::to_string(set_count) + "x" + std::to_string(key_count);
    options.compressor = &compressor;
    trace::Prng prng(set_count);
    for (std::uint32_t k = 0; k < key_count; ++k) keys.push_back("key" + std::to_string(k));
    expected.assign(key_count, -1);
    for (std::uint32_t i = 0; i < set_count; ++i) {
      order.push_back(prng.below(key_count));
      expected[order.back()] = i;
    }
  }

  Status set_all_in_turn(Document& document, std::uint64_t& now_ms) const {
    for (std::size_t i = 0; i < order.size(); ++i) {
      ++now_ms;
      WEFT_TRY(document.transact([&](Transaction& transaction) {
        return transaction.root().set(keys[order[i]], Value(static_cast<std::int64_t>(i)));
      }));
    }
    return {};
  }

  Status set_all(MapEdit map) const {
    for (std::size_t i = 0; i < order.size(); ++i) {
      WEFT_TRY(map.set(keys[order[i]], Value(static_cast<std::int64_t>(i))));
    }
    return {};
  }

  Status check(const Document& document) const {
    const MapView root = document.root();
    for (std::size_t k = 0; k < keys.size(); ++k) {
      const std::optional<Value> value = root.get(keys[k]);
      if (value ? value->as_int() != expected[k] : expected[k] != -1) {
        return Error(ErrorCode::kCorrupt, case_name + ": wrong value at '" + keys[k] + "'");
      }
    }
    return {};
  }

  Reading reading(double ns) const {
    return {ns / static_cast<double>(order.size()),
            xxh3_64(std::as_bytes(std::span<const std::int64_t>(expected)))};
  }
};

constexpr std::array<const char*, 6> kPanelKeys = {"title", "type", "x", "y", "w", "h"};

Value panel_value(std::uint32_t panel, std::size_t key) {
  switch (key) {
    case 0:
      return Value("Panel number " + std::to_string(panel));
    case 1:
      return Value(panel % 3 == 0 ? "timeseries" : "stat");
    case 2:
      return Value(static_cast<std::int64_t>(panel % 2 * 12));
    case 3:
      return Value(static_cast<std::int64_t>(panel / 2 * 8));
    case 4:
      return Value(12);
    default:
      return Value(8);
  }
}

std::string panel_name(std::uint32_t panel) { return "panel-" + std::to_string(panel); }

Status write_panels(MapEdit root, std::uint32_t map_count) {
  for (std::uint32_t panel = 0; panel < map_count; ++panel) {
    MapEdit map = root.ensure_map(panel_name(panel));
    for (std::size_t k = 0; k < kPanelKeys.size(); ++k) {
      WEFT_TRY(map.set(kPanelKeys[k], panel_value(panel, k)));
    }
  }
  return {};
}

/// Reads every value of every map; counts what is as it was written.
Result<std::uint64_t> count_right_values(const Document& document, std::uint32_t map_count) {
  std::uint64_t right = 0;
  const MapView root = document.root();
  for (std::uint32_t panel = 0; panel < map_count; ++panel) {
    WEFT_ASSIGN(const MapView map, root.map(panel_name(panel)));
    for (std::size_t k = 0; k < kPanelKeys.size(); ++k) {
      const std::optional<Value> value = map.get(kPanelKeys[k]);
      right += value && *value == panel_value(panel, k);
    }
  }
  return right;
}

struct SmallMaps {
  std::string case_name;
  std::uint32_t map_count;
  trace::ReplayOptions options;
  Bytes snapshot;

  DocumentOptions reader_options() const { return trace::document_options(options, 1); }

  Status check(const Document& document) const {
    WEFT_ASSIGN(const std::uint64_t right, count_right_values(document, map_count));
    if (right != map_count * kPanelKeys.size()) {
      return Error(ErrorCode::kCorrupt, case_name + ": wrong values after loading");
    }
    return {};
  }
};

/// Looks up every value and folds it into a sum: what reading costs, without comparing.
Result<std::uint64_t> read_all(const Document& document, const std::vector<std::string>& names) {
  std::uint64_t sum = 0;
  const MapView root = document.root();
  for (const std::string& name : names) {
    WEFT_ASSIGN(const MapView map, root.map(name));
    for (const char* key : kPanelKeys) {
      const std::optional<Value> value = map.get(key);
      if (!value) return Error(ErrorCode::kNotFound, name + ": a key is missing");
      sum += value->type() == Value::Type::kInt ? static_cast<std::uint64_t>(value->as_int())
                                                : value->as_string().size();
    }
  }
  return sum;
}

}  // namespace

Status add_map_sets(std::uint32_t set_count, std::uint32_t key_count, const Compressor& compressor,
                    Sampler& sampler, Report& report) {
  auto sets = std::make_shared<Sets>(set_count, key_count, compressor);
  const std::string& name = sets->case_name;
  sampler.add(name, "map_set_txn", "ns", [sets]() -> Result<Reading> {
    const trace::Clock clock = trace::make_clock();
    Document document = Document::create(trace::document_options(sets->options, 0, clock));
    const Stopwatch watch;
    WEFT_TRY(sets->set_all_in_turn(document, *clock));
    const double ns = watch.ns();
    WEFT_TRY(sets->check(document));
    return sets->reading(ns);
  });
  sampler.add(name, "map_set", "ns", [sets]() -> Result<Reading> {
    Document document = Document::create(trace::document_options(sets->options, 0));
    const Stopwatch watch;
    WEFT_TRY(document.transact(
        [&](Transaction& transaction) { return sets->set_all(transaction.root()); }));
    const double ns = watch.ns();
    WEFT_TRY(sets->check(document));
    return sets->reading(ns);
  });
  sampler.add(name, "std_map", "ns", [sets]() -> Result<Reading> {
    std::unordered_map<std::string, std::int64_t> map;
    const Stopwatch watch;
    for (std::size_t i = 0; i < sets->order.size(); ++i) {
      map[sets->keys[sets->order[i]]] = static_cast<std::int64_t>(i);
    }
    const double ns = watch.ns();
    for (std::size_t k = 0; k < sets->keys.size(); ++k) {
      const auto found = map.find(sets->keys[k]);
      if ((found == map.end() ? -1 : found->second) != sets->expected[k]) {
        return Error(ErrorCode::kCorrupt, "std_map: wrong value");
      }
    }
    return sets->reading(ns);
  });

  const trace::Clock clock = trace::make_clock();
  Document document = Document::create(trace::document_options(sets->options, 0, clock));
  WEFT_TRY(sets->set_all_in_turn(document, *clock));
  const Bytes snapshot = document.snapshot();
  WEFT_ASSIGN(const Bytes history, document.export_history());
  report.add(exact("map_snapshot_bytes", name, "bytes", static_cast<double>(snapshot.size()),
                   xxh3_64(snapshot)));
  report.add(exact("map_history_bytes", name, "bytes", static_cast<double>(history.size()),
                   xxh3_64(history)));
  return {};
}

Status add_small_maps(std::uint32_t map_count, const Compressor& compressor, Sampler& sampler,
                      Report& report) {
  auto maps = std::make_shared<SmallMaps>();
  maps->map_count = map_count;
  maps->case_name = std::to_string(map_count) + "x" + std::to_string(kPanelKeys.size());
  maps->options.compressor = &compressor;
  auto names = std::make_shared<std::vector<std::string>>();
  for (std::uint32_t panel = 0; panel < map_count; ++panel) names->push_back(panel_name(panel));

  Document document = Document::create(trace::document_options(maps->options, 0));
  WEFT_TRY(document.transact(
      [&](Transaction& transaction) { return write_panels(transaction.root(), map_count); }));
  WEFT_TRY(maps->check(document));
  maps->snapshot = document.snapshot();
  report.add(exact("small_maps_bytes", maps->case_name, "bytes",
                   static_cast<double>(maps->snapshot.size()), xxh3_64(maps->snapshot)));

  sampler.add(maps->case_name, "small_maps_load", "ms", [maps]() -> Result<Reading> {
    Bytes bytes = maps->snapshot;
    const Stopwatch watch;
    WEFT_ASSIGN(const Document loaded, Document::load(std::move(bytes), maps->reader_options()));
    const double ms = watch.ms();
    WEFT_TRY(maps->check(loaded));
    return Reading{ms, xxh3_64(maps->snapshot)};
  });
  sampler.add(maps->case_name, "small_maps_load_read", "ms", [maps, names]() -> Result<Reading> {
    Bytes bytes = maps->snapshot;
    const Stopwatch watch;
    WEFT_ASSIGN(const Document loaded, Document::load(std::move(bytes), maps->reader_options()));
    WEFT_ASSIGN(const std::uint64_t sum, read_all(loaded, *names));
    return Reading{watch.ms(), sum};
  });
  return {};
}

}  // namespace weft::bench
