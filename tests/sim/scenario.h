#pragma once
// What the named scenarios share: typing, waiting, and asking whether all devices hold the same.

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/world/world.h"

namespace weft::sim {

inline DocumentId document_id(std::uint64_t number) {
  test::Random random(derived_seed(number, 9));
  DocumentId id;
  for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random.next());
  return id;
}

inline bool is_acknowledged(const std::shared_ptr<bool>& flag) { return *flag; }

/// One edit that sets a key of the root. @return  becomes true when it is durable
inline std::shared_ptr<bool> set_key(World& world, std::size_t peer, const DocumentId& document,
                                     const std::string& key, const Value& value = 1) {
  auto durable = std::make_shared<bool>(false);
  Result<Commit> commit = world.node(peer).edit(
      document, [&](Transaction& tx) { return tx.root().set(key, value); },
      [durable](Status status) { *durable = status.ok(); });
  REQUIRE_MESSAGE(commit.ok(), commit.error().message());
  return durable;
}

inline void type(World& world, std::size_t peer, const DocumentId& document,
                 const std::string& utf8) {
  Result<Commit> commit = world.node(peer).edit(document, [&](Transaction& tx) {
    TextEdit text = tx.root().ensure_text("text");
    return text.insert(scalar(text.size()), utf8);
  });
  REQUIRE_MESSAGE(commit.ok(), commit.error().message());
}

inline bool has_key(World& world, std::size_t peer, const DocumentId& document,
                    const std::string& key) {
  Result<const Document*> shown = world.node(peer).read(document);
  return shown.ok() && (*shown)->root().contains(key);
}

inline std::string text_of(World& world, std::size_t peer, const DocumentId& document) {
  Result<const Document*> shown = world.node(peer).read(document);
  if (!shown.ok()) return "";
  Result<TextView> text = (*shown)->text("/text");
  return text.ok() ? text->str() : "";
}

/// Are all up, linked where there is an edge, and of one content in this document?
inline bool is_same_everywhere(World& world, const DocumentId& document) {
  Bytes first;
  for (std::size_t i = 0; i < world.size(); ++i) {
    if (!world.peer(i).is_up() || !world.node(i).is_flushed()) return false;
    Result<const Document*> shown = world.node(i).read(document);
    if (!shown.ok()) return false;
    Bytes snapshot = (*shown)->snapshot();
    if (i == 0) first = std::move(snapshot);
    if (i != 0 && snapshot != first) return false;
  }
  return true;
}

inline bool all_live(World& world) {
  for (std::size_t i = 0; i < world.size(); ++i) {
    if (!world.peer(i).is_up()) return false;
    for (std::size_t j = i + 1; j < world.size(); ++j)
      if (world.has_edge(i, j) && !world.is_linked(i, j)) return false;
    for (const LinkStatus& link : world.node(i).status().links)
      if (link.state != LinkState::kLive) return false;
  }
  return true;
}

inline World::Options world_of(std::uint32_t peers) {
  World::Options options;
  options.peers = peers;
  return options;
}

/// The fastest disk: flushes that a scenario is not about.
inline FlushModel quick_flush() {
  FlushModel model;
  model.least_us = 100;
  model.most_us = 200;
  return model;
}

}  // namespace weft::sim
