#include "crdt/base/sha256.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace {

std::string hex(const weft::Sha256Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : digest) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{0xf})];
  }
  return text;
}

std::string sha256_of_text(std::string_view text) {
  return hex(weft::sha256(std::as_bytes(std::span(text))));
}

// The bytes 0, 1, 2, ...
std::vector<std::byte> counting_bytes(std::size_t size_bytes) {
  std::vector<std::byte> bytes(size_bytes);
  for (std::size_t i = 0; i < size_bytes; ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

}  // namespace

TEST_CASE("sha256 gives the digests of NIST's examples for FIPS 180") {
  CHECK(sha256_of_text("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_of_text("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_of_text("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                       "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu") ==
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(sha256_of_text(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 pads right at the lengths around a block's end") {
  struct Vector {
    std::size_t size_bytes;
    std::string_view digest;
  };
  // Computed with another implementation (OpenSSL's), over the bytes 0, 1, 2, ...
  const Vector vectors[] = {
      {55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"},
      {56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"},
      {63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488"},
      {64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"},
      {65, "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781"},
      {119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6"},
      {120, "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c"},
      {128, "471fb943aa23c511f6f72f8d1652d9c880cfa392ad80503120547703e56a2be5"},
  };
  for (const Vector& vector : vectors) {
    CAPTURE(vector.size_bytes);
    CHECK(hex(weft::sha256(counting_bytes(vector.size_bytes))) == vector.digest);
  }
}

TEST_CASE("a message in two pieces has the digest of the whole, wherever it is cut") {
  const std::vector<std::byte> message = counting_bytes(200);
  const weft::Sha256Digest whole = weft::sha256(message);
  for (std::size_t cut = 0; cut <= message.size(); ++cut) {
    CAPTURE(cut);
    weft::Sha256 hash;
    hash.update(std::span(message).first(cut));
    hash.update(std::span(message).subspan(cut));
    CHECK(hash.digest() == whole);
  }
}

TEST_CASE("a digest taken midway leaves the hash as it was") {
  const std::vector<std::byte> message = counting_bytes(100);
  weft::Sha256 hash;
  hash.update(std::span(message).first(70));
  CHECK(hash.digest() == weft::sha256(std::span(message).first(70)));
  hash.update(std::span(message).subspan(70));
  CHECK(hash.digest() == weft::sha256(message));
}
