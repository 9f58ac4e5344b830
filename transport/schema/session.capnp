# What two peers say to each other, as bytes. Normative, together with the frame header of docs/format.md, section
# Messages; what a message means stands in crdt/sync/message.h, whose structs these are.
#
# A message is a frame: a header of 16 bytes, then exactly one segment. The segment's root is the struct that belongs
# to the header's type (the number behind "Type" below), so no union is paid for. There is no segment table.
#
# Rules for all of it:
#   - A frame has at most 262,144 bytes.            Attack: a header that makes the receiver wait for, and keep, gigabytes.
#   - A reader follows content of at most twice the segment's size, and pointers 16 deep.
#                                                   Attack: a few pointers to one list, or in a circle, are endless work.
#   - Every list's size is compared with its limit, and with the size of the segment, before room is made for it.
#                                                   Attack: 2^29 elements of no size in a segment of 24 bytes.
#   - What is named takes together no more than the segment has, so that sharing gains nothing.
#                                                   Attack: one delta, sent once, arrives a thousand times.
#   - A writer writes structs in full and in the order of their fields, each list behind what points to it, an empty
#     list, data or text as a null pointer outside of a List(Data), no far pointers, nothing else. Equal messages have
#     equal bytes. A reader takes every layout that Cap'n Proto allows within the rules above (of far pointers those
#     that libcapnp takes; another reader may refuse them), and skips fields that a later version has added at the end.
#   - Fields are only ever added. A type of message that isn't below, or an enumerant, needs a new protocol version.
#
# "Seq": at most 0x7ffffffe (attack: sums that overflow 32 bits). "Number": of a document, below 1,048,576 (attack: a
# table with room for four billion). "Time": milliseconds since 1970. Log positions and epochs: any value.

@0xf2b61a8e81f65beb;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("weft::wire::schema");

struct Hello {  # Type 1. The first thing each end says; must stay readable for every version.
  versionMin @0 :UInt16;
  versionMax @1 :UInt16;
  replica @2 :UInt64;
  epoch @3 :UInt64;
  logEnd @4 :UInt64;
  setKey @5 :UInt64;
  timeMs @6 :UInt64;
  creditBytes @7 :UInt64;
  documentCount @8 :UInt64;
  sum :group {
    low @9 :UInt64;
    high @10 :UInt64;
  }
  incarnations @11 :List(UInt64);  # at most 64 (attack: memory for each peer, and a comparison with each)
  agent @12 :Text;                 # at most 64 bytes of UTF-8 (attack: floods logs and status)
}

struct Resumable {
  transfer @0 :UInt64;
  receivedBytes @1 :UInt64;  # at most 1,074,790,400, a whole state
}

struct Welcome {  # Type 2.
  version @0 :UInt16;
  knownIncarnation @1 :UInt64;
  cursor @2 :UInt64;
  resumable @3 :List(Resumable);  # at most 4 (attack: each makes the sender look for what it sent)
}

enum ByeReason {
  done @0;
  protocol @1;
  limit @2;
  garbage @3;
  version @4;
  identityChanged @5;
  self @6;
  timeout @7;
  lost @8;
  overloaded @9;
  store @10;
  double @11;
}

struct Bye {  # Type 3.
  reason @0 :ByeReason;
  text @1 :Text;  # at most 512 bytes of UTF-8 (attack: floods logs)
}

struct SymbolRequest {  # Type 4.
  begin @0 :UInt64;
  count @1 :UInt32;  # at most 4,096, as in one answer (attack: a request of 40 bytes that costs gigabytes to answer)
}

struct Symbols {  # Type 5. As columns: a symbol takes 28 bytes, as a struct it would take 32.
  begin @0 :UInt64;
  setSize @1 :UInt64;
  sums @2 :List(UInt64);   # name, version and check of each symbol; 3 times as many as counts
  counts @3 :List(Int32);  # at most 4,096 (attack: each symbol costs the peeling time)
}

struct NameRequest {  # Type 6.
  names @0 :List(UInt64);  # at most 4,096 (attack: each costs the answer a document's version vector)
}

enum HeldAs {
  live @0;
  evicted @1;
  purged @2;
}

struct LogEnd {
  replica @0 :UInt64;
  chain @1 :UInt64;
  end @2 :UInt32;  # a seq, exclusive; at least 1
}

struct Deletion {  # What deletions had seen (docs/adr/0013); counts as two log ends more than it has.
  ends @0 :List(LogEnd);  # ascending by replica, none twice; at least one
  by @1 :UInt64;          # a replica: who deleted last, for people
  atMs @2 :UInt64;
}

struct HeldDocument {
  document :group {  # bytes 0 to 7, then 8 to 15 of the id, each as a little-endian number
    low @0 :UInt64;
    high @1 :UInt64;
  }
  as @2 :HeldAs;
  answer @3 :Bool;
  logEnds @4 :List(LogEnd);  # ascending by replica, none twice
  deletion @5 :Deletion;         # null where nobody ever deleted it
}

struct Have {  # Type 7.
  documents @0 :List(HeldDocument);  # at most 1,024, with at most 8,192 log ends together, those of deletions too
                                     # (attack: each is looked up in the store, and answered)
}

struct AllAnnounced {  # Type 8.
}

struct NameDocument {  # Type 9.
  document :group {
    low @0 :UInt64;
    high @1 :UInt64;
  }
  number @2 :UInt32;  # a number
}

struct Deltas {  # Type 10.
  number @0 :UInt32;        # a number
  chain @1 :UInt32;
  deltas @2 :List(Data);    # at most 4,096 of at most 131,072 bytes each (attack: memory for each that is held)
}

struct State {  # Type 11.
  number @0 :UInt32;  # a number
  payload @1 :Data;   # at most 131,072 bytes; what is larger comes in parts
}

struct Part {  # Type 12.
  number @0 :UInt32;    # a number
  isState @1 :Bool;
  transfer @2 :UInt64;
  offset @3 :UInt64;    # offset + size of bytes is at most total (attack: writes behind a buffer's end)
  total @4 :UInt64;     # at most 67,108,864, of a state 1,074,790,400 (attack: one number that reserves all memory)
  bytes @5 :Data;       # at most 131,072
}

struct Credit {  # Type 13.
  totalBytes @0 :UInt64;
}

struct AckedEnd {
  replica @0 :UInt64;
  number @1 :UInt32;  # a number
  end @2 :UInt32;     # a seq, exclusive
}

struct Ack {  # Type 14.
  ends @0 :List(AckedEnd);  # at most 4,096 (attack: a search for each)
}

struct Mark {  # Type 15.
  position @0 :UInt64;
  documentCount @1 :UInt64;
  sum :group {
    low @2 :UInt64;
    high @3 :UInt64;
  }
  timeMs @4 :UInt64;
}

struct LogRequest {  # Type 16.
  document :group {
    low @0 :UInt64;
    high @1 :UInt64;
  }
  replica @2 :UInt64;
  begin @3 :UInt32;  # a seq
}

struct Presence {  # Type 17.
  document :group {
    low @0 :UInt64;
    high @1 :UInt64;
  }
  replica @2 :UInt64;
  age @3 :UInt64;
  ttlMs @4 :UInt32;
  data @5 :Data;  # at most 1,024 bytes (attack: everybody passes it on to everybody)
}

struct Prune {  # Type 18.
  replica @0 :UInt64;  # 0: of all, the opposite
}
