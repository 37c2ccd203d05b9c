#include "io/ogg/vorbis_setup.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/ogg/ogg_header.h"
#include "io/ogg/ogg_packets.h"
#include "tests/support/coded_reading.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

// Writes numbers with their lowest bit first.
class BitWriter {
 public:
  BitWriter& Add(uint64_t number, int num_bits) {
    for (int i = 0; i < num_bits; ++i, ++num_bits_) {
      if (num_bits_ % 8 == 0) bytes_.push_back(std::byte{0});
      if ((number >> i & 1) != 0) {
        bytes_.back() |= std::byte{1} << (num_bits_ % 8);
      }
    }
    return *this;
  }
  std::vector<std::byte> Packet() const {
    return Concatenated(ToBytes("\x05vorbis"), bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
  size_t num_bits_ = 0;
};

// Codebooks whose words have all the same length, which takes few bits.
std::vector<std::byte> OrderedBooks(int num_books, uint64_t entries,
                                    uint64_t dimensions) {
  BitWriter bits;
  bits.Add(static_cast<uint64_t>(num_books - 1), 8);
  for (int i = 0; i < num_books; ++i) {
    bits.Add(0x564342, 24).Add(dimensions, 16).Add(entries, 24);
    bits.Add(1, 1).Add(20, 5).Add(entries, std::bit_width(entries));
    bits.Add(0, 4);
  }
  return bits.Packet();
}

std::string ErrorOf(const std::vector<std::byte>& packet) {
  const Result<void> checked = CheckVorbisSetup(packet);
  return checked.ok() ? "ok" : checked.error().message;
}

TEST(VorbisSetupTest, BoundsTheMemoryOfCodebooks) {
  EXPECT_EQ(ErrorOf(OrderedBooks(1, kMaxVorbisEntries, 1)), "ok");
  EXPECT_EQ(ErrorOf(OrderedBooks(4, kMaxVorbisEntries / 4, 8)), "ok");
  const std::string too_much = "its codebooks would take too much memory";
  EXPECT_EQ(ErrorOf(OrderedBooks(1, kMaxVorbisEntries + 1, 1)), too_much);
  EXPECT_EQ(ErrorOf(OrderedBooks(256, kMaxVorbisEntries / 256 + 1, 1)),
            too_much);
  EXPECT_EQ(ErrorOf(OrderedBooks(1, 1000, 9000)), too_much);
}

TEST(VorbisSetupTest, ReadsEveryFormOfCodebook) {
  BitWriter bits;
  bits.Add(2, 8);
  bits.Add(0x564342, 24).Add(3, 16).Add(5, 24).Add(0, 2);  // all lengths
  for (int i = 0; i < 5; ++i) bits.Add(2, 5);
  // A lattice: the largest base with base^3 <= 5 is 1.
  bits.Add(1, 4).Add(0, 32).Add(0, 32).Add(6, 4).Add(0, 1).Add(99, 7);
  bits.Add(0x564342, 24).Add(2, 16).Add(3, 24).Add(0, 1).Add(1, 1);  // sparse
  bits.Add(1, 1).Add(4, 5).Add(0, 1).Add(1, 1).Add(3, 5);
  bits.Add(2, 4).Add(0, 32).Add(0, 32).Add(0, 4).Add(1, 1).Add(63, 6);
  bits.Add(0x564342, 24).Add(1, 16).Add(4, 24).Add(1, 1).Add(1, 5);
  bits.Add(1, 3).Add(3, 2).Add(0, 4);  // one word, then three
  EXPECT_EQ(ErrorOf(bits.Packet()), "ok");
  auto cut = bits.Packet();
  cut.resize(cut.size() - 3);
  EXPECT_NE(ErrorOf(cut), "ok");
}

TEST(VorbisSetupTest, RejectsDamage) {
  EXPECT_EQ(ErrorOf(ToBytes("")), "has no Vorbis setup header");
  EXPECT_EQ(ErrorOf(ToBytes("\x05vorbis")), "has a damaged codebook");
  EXPECT_EQ(ErrorOf(BitWriter().Add(0, 8).Add(7, 24).Packet()),
            "has a damaged codebook");
}

TEST(VorbisSetupTest, AcceptsWhatEncodersWrite) {
  for (const int rate_hz : {8000, 16000, 48000}) {
    for (const int num_channels : {1, 2}) {
      const auto ogg = EncodeSound(SampleEncoding::kVorbis,
                                   MakeSamples(9000, num_channels, 1), rate_hz,
                                   num_channels);
      OggPackets packets;
      size_t at = 0;
      while (const auto page = ParseOggPage(std::span(ogg).subspan(at))) {
        packets.Add(*page, std::span(ogg).subspan(at, page->num_bytes));
        at += page->num_bytes;
      }
      EXPECT_EQ(CheckVorbisSetup(packets.third()).ok(), true);
      EXPECT_GT(packets.third().size(), 1000u);
      EXPECT_GE(packets.largest_bytes(), packets.third().size());
      // The whole packet is needed: the codebooks fill most of it.
      EXPECT_FALSE(CheckVorbisSetup(packets.third().first(1000)).ok());
    }
  }
}

}  // namespace
}  // namespace melmill
