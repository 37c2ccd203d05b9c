#include "io/hash.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace melmill {
namespace {

// The published XXH3 values (seed 0) of the empty text, "a" and "abc".
TEST(HashTest, Xxh3_64GivesThePublishedValues) {
  EXPECT_EQ(Xxh3_64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(Xxh3_64("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(Xxh3_64("abc"), 0x78af5f94892f3950u);
}

TEST(HashTest, BytesAndTextHashAlike) {
  const std::string text = "language English<asr_text>hello";
  EXPECT_EQ(Xxh3_64(std::as_bytes(std::span(text))), Xxh3_64(text));
  EXPECT_EQ(Xxh3_64(std::span<const std::byte>()), Xxh3_64(""));
}

TEST(HashTest, Hasher128GivesThePublishedValues) {
  Hasher128 hasher;
  EXPECT_EQ(ToHex(hasher.Digest()), "99aa06d3014798d86001c324468d497f");
  hasher.Update("a");
  EXPECT_EQ(ToHex(hasher.Digest()), "a96faf705af16834e6c632b61e964e1f");
  hasher.Update("bc");
  EXPECT_EQ(ToHex(hasher.Digest()), "06b05ab6733a618578af5f94892f3950");
}

TEST(HashTest, PiecesDoNotChangeTheHash) {
  std::string text(5000, '\0');
  for (size_t i = 0; i < text.size(); ++i) {
    text[i] = static_cast<char>(i * i % 251);
  }
  Hasher128 whole;
  whole.Update(text);
  for (const size_t piece_bytes : {1u, 7u, 255u, 256u, 257u, 4999u}) {
    Hasher128 pieces;
    for (size_t i = 0; i < text.size(); i += piece_bytes) {
      pieces.Update(std::string_view(text).substr(i, piece_bytes));
    }
    EXPECT_EQ(pieces.Digest(), whole.Digest()) << piece_bytes;
  }
}

#if defined(__x86_64__)
// The parts of the vector registers beyond SSE's that are in use: bits of
// XINUSE (Intel's manual, volume 1, 13.2). Nothing if they cannot be read.
std::optional<uint32_t> UpperHalvesInUse() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kExtendedState = 0xd, kReadsInUse = 1u << 2;
  if (__get_cpuid_count(kExtendedState, 1, &eax, &ebx, &ecx, &edx) == 0 ||
      (eax & kReadsInUse) == 0) {
    return {};
  }
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  constexpr uint32_t kAvx = 1u << 2, kAvx512 = 1u << 6;
  return low & (kAvx | kAvx512);
}

TEST(HashTest, LeavesTheUpperHalvesOfVectorRegistersClear) {
  const std::vector<std::byte> bytes(100'000);
  uint64_t hash = Xxh3_64(bytes);
  const std::optional<uint32_t> after_one_shot = UpperHalvesInUse();
  if (!after_one_shot) GTEST_SKIP() << "this processor does not tell";
  Hasher64 hasher;
  hasher.Update(bytes);
  hash ^= hasher.Digest();
  const std::optional<uint32_t> after_pieces = UpperHalvesInUse();
  EXPECT_EQ(hash, 0u);
  EXPECT_EQ(*after_one_shot, 0u);
  EXPECT_EQ(*after_pieces, 0u);
}
#endif

TEST(HashTest, Hasher64GivesTheHashOfTheWhole) {
  Hasher64 hasher;
  EXPECT_EQ(hasher.Digest(), Xxh3_64(""));
  for (const std::string_view piece : {"a", "", "bc"}) {
    hasher.Update(std::as_bytes(std::span(piece)));
  }
  EXPECT_EQ(hasher.Digest(), Xxh3_64("abc"));
}

TEST(HashTest, EmptyUpdatesChangeNothing) {
  Hasher128 hasher;
  hasher.Update("a");
  hasher.Update(std::string_view());
  hasher.Update(std::span<const std::byte>());
  EXPECT_EQ(ToHex(hasher.Digest()), "a96faf705af16834e6c632b61e964e1f");
}

TEST(HashTest, ResetStartsOver) {
  Hasher128 hasher;
  hasher.Update("something else");
  hasher.Reset();
  hasher.Update("a");
  EXPECT_EQ(ToHex(hasher.Digest()), "a96faf705af16834e6c632b61e964e1f");
}

TEST(HashTest, MovedHasherGoesOn) {
  Hasher128 first;
  first.Update("a");
  Hasher128 second(std::move(first));
  second.Update("bc");
  EXPECT_EQ(ToHex(second.Digest()), "06b05ab6733a618578af5f94892f3950");
}

TEST(HashTest, U64IsEightLittleEndianBytes) {
  Hasher128 number;
  number.UpdateU64(0x0807060504030201u);
  Hasher128 bytes;
  bytes.Update("\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(number.Digest(), bytes.Digest());
}

TEST(HashTest, SizedTextsHaveOneReading) {
  Hasher128 first;
  first.UpdateSized("ab");
  first.UpdateSized("c");
  Hasher128 second;
  second.UpdateSized("a");
  second.UpdateSized("bc");
  EXPECT_NE(first.Digest(), second.Digest());

  Hasher128 by_hand;
  by_hand.UpdateU64(2);
  by_hand.Update("ab");
  by_hand.UpdateU64(1);
  by_hand.Update("c");
  EXPECT_EQ(first.Digest(), by_hand.Digest());
}

TEST(HashTest, HexKeepsLeadingZeros) {
  EXPECT_EQ(ToHex(uint64_t{0x1234abcd}), "000000001234abcd");
  Hash128 hash{};
  hash[0] = 0x0f;
  hash[15] = 0xa0;
  EXPECT_EQ(ToHex(hash), "0f0000000000000000000000000000a0");
}

TEST(HashTest, HexComesBackAndOtherTextDoesNot) {
  Hash128 hash;
  for (size_t i = 0; i < hash.size(); ++i) {
    hash[i] = static_cast<uint8_t>(i * 17 + 3);
  }
  EXPECT_EQ(ParseHash128(ToHex(hash)), hash);
  for (const std::string& text :
       {std::string(), std::string(31, '0'), std::string(33, '0'),
        std::string(32, 'F'), std::string(31, '0') + 'g',
        "-1" + std::string(30, '0'), std::string(32, '\0')}) {
    EXPECT_FALSE(ParseHash128(text)) << text;
  }
}

}  // namespace
}  // namespace melmill
