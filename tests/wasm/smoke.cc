// Does weft_crdt link and compute the same for wasm32 as natively? Exits with 0 if so.

#include <cstddef>
#include <cstdio>
#include <span>
#include <string_view>

#include "crdt/base/checksum.h"
#include "crdt/base/sha256.h"

int main() {
  const auto text = std::as_bytes(std::span(std::string_view("abc")));
  const bool xxh3_agrees = weft::xxh3_64({}) == 0x2D06800538D394C2;
  const bool sha256_agrees = weft::sha256(text)[0] == std::byte{0xba};
  std::printf("wasm smoke: xxh3 %s, sha256 %s\n", xxh3_agrees ? "agrees" : "DIFFERS",
              sha256_agrees ? "agrees" : "DIFFERS");
  return xxh3_agrees && sha256_agrees ? 0 : 1;
}
