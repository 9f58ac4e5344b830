#pragma once
// Real documents as seeds: histories that the editing API made on several replicas (tests/histories), with every kind
// of operation, undo and moves among them.

#include <vector>

#include "crdt/base/bytes.h"

namespace weft::test {

/// Of each history its deltas, dependencies first; the later ones are longer. The first is the smallest that has an
/// insertion, an erasure of it and other edits in one transaction.
const std::vector<std::vector<Bytes>>& real_histories();

class Random;
/// An input of pieces that are deltas with one of them changed: a lie that decodes. Empty: it could not be told.
Bytes lie_in_pieces(ByteSpan input, Random& random);

}  // namespace weft::test
