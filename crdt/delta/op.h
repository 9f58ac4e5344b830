#pragma once
// Op: a run of consecutive unit operations of one replica, as the log holds them and the codecs move
// them. A unit operation takes exactly one seq: one inserted element, one erased element, one
// register write.
//
// What an Op with `count` units, starting at `seq` of replica r, means for unit k (0 <= k < count):
//
//   kind          a                 b             content               unit k
//   kMapSet       overwritten       {0, key}      value                 count == 1
//   kMapErase     overwritten       {0, key}      -                     count == 1
//   kMapEnsure    overwritten       {0, key}      kind, generation      count == 1
//   kTextInsert   lo                ro            UTF-8, count scalars  lo = k == 0 ? a : (r, seq+k-1); ro = b
//   kListInsert   lo                ro            count values          as kTextInsert
//   kErase        first target      -             -                     target = a.seq +/- k (kBackward)
//   kListSet      overwritten       element       value                 count == 1
//   kListMove     lo                ro            element, see below    count == 1
//   kRevoke       first erase dot   -             -                     takes back the erase unit a.seq + k
//   kReinstate    first erase dot   -             -                     puts it in force again
//   kCounterAdd   -                 -             int64                 count == 1
//   kRestore      overwritten       -             -                     count == 1; `container` names the child
//                                                                       that is written again to the register it was made for
//   kTouched      -                 -             -                     in a log that comes from a snapshot only: an
//                                                                       operation of which no more than its container is known
//   kUnknown      -                 -             payload               an operation of a later weft
//
// `a` and `b` are LocalDots: their replica index is the document's in a log, the delta's own table's
// in a decoded batch. `container` likewise. Content is [content_begin, +content_size) of the content
// buffer that belongs to the log or batch. Values in content are encoded as value_codec.h says, as are
// an ensure's kind and generation and an unknown operation's payload; a counter's int64 is a zigzag
// varint. kListMove has a third dot and no content: content_begin is its element's replica index and
// content_size its element's seq (slice.h: moved_element).
//
// Invariants
//   I1  Within one replica's log ops are sorted by seq and cover it without gaps.
//   I2  Runs of one delta are maximal: two neighbours that could be one op are one op. In a log and in
//       a bundle they may join across delta boundaries too; cutting one at a unit gives ops again.

#include <cstdint>
#include <string_view>

#include "crdt/clock/ids.h"

namespace weft {

enum class OpKind : std::uint8_t {
  kMapSet = 0,
  kMapErase = 1,
  kMapEnsure = 2,
  kTextInsert = 3,
  kListInsert = 4,
  kErase = 5,
  kListSet = 6,
  kListMove = 7,
  kRevoke = 8,
  kReinstate = 9,
  kCounterAdd = 10,
  kRestore = 11,
  kTouched = 14,
  kUnknown = 15,
};

enum class ContainerKind : std::uint8_t { kMap = 0, kList = 1, kText = 2, kCounter = 3 };

constexpr std::string_view kind_name(ContainerKind kind) {
  switch (kind) {
    case ContainerKind::kMap:
      return "map";
    case ContainerKind::kList:
      return "list";
    case ContainerKind::kText:
      return "text";
    case ContainerKind::kCounter:
      return "counter";
  }
  return "container";
}

struct Op {
  OpKind kind = OpKind::kUnknown;
  bool backward = false;  ///< kErase only: unit k erases a.seq - k; false where count == 1
  std::uint32_t container = 0;
  Seq seq = 0;
  Seq count = 0;
  LocalDot a;
  LocalDot b;
  std::uint32_t content_begin = 0;
  std::uint32_t content_size = 0;

  Seq end() const { return seq + count; }
  std::uint32_t key() const { return b.seq; }
};

}  // namespace weft
