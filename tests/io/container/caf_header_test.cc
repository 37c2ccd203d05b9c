#include "io/container/caf_header.h"

#include <gtest/gtest.h>

#include "tests/support/plain_reading.h"

namespace melmill {
namespace {

std::vector<std::byte> SomeCaf() {
  return WriteBySndfile(SF_FORMAT_CAF | SF_FORMAT_PCM_16,
                        MakeSamples(500, 1, 1), 16000, 1);
}

// Where the content of a chunk begins.
size_t CafChunkAt(const std::vector<std::byte>& caf, const std::string& name) {
  const std::string text = ToString(caf);
  const size_t at = text.find(name);
  EXPECT_NE(at, text.npos);
  return at + 12;
}

std::string CafWithByte(const std::string& chunk, size_t offset, int value) {
  auto caf = SomeCaf();
  caf[CafChunkAt(caf, chunk) + offset] = static_cast<std::byte>(value);
  return HeaderCodeOf(caf);
}

TEST(CafHeaderTest, GivesTheSamplesOfLibsndfile) {
  for (const int num_channels : {1, 2, 3}) {
    for (const int subtype :
         {SF_FORMAT_PCM_S8, SF_FORMAT_PCM_16, SF_FORMAT_PCM_24,
          SF_FORMAT_PCM_32, SF_FORMAT_FLOAT, SF_FORMAT_DOUBLE, SF_FORMAT_ULAW,
          SF_FORMAT_ALAW}) {
      for (const int endian : {SF_ENDIAN_BIG, SF_ENDIAN_LITTLE}) {
        ExpectSamplesOfLibsndfile(SF_FORMAT_CAF | subtype | endian,
                                  num_channels);
      }
    }
  }
}

TEST(CafHeaderTest, AnUnknownSizeMeansToTheEnd) {
  auto caf = SomeCaf();
  std::fill_n(caf.begin() + static_cast<ptrdiff_t>(CafChunkAt(caf, "data") - 8),
              8, std::byte{0xFF});
  const MemorySource file(caf);
  const Result<SoundFile> sound = ReadCafHeader(file);
  ASSERT_TRUE(sound.ok());
  EXPECT_EQ(sound.value().oddity, SoundOddity::kNoDataSize);
  EXPECT_EQ(sound.value().header.num_samples, 500);
}

// With more bytes before the chunk.
std::vector<std::byte> WithBefore(const std::string& chunk,
                                  const std::string& more) {
  auto caf = SomeCaf();
  const auto bytes = ToBytes(more);
  caf.insert(caf.begin() + static_cast<ptrdiff_t>(CafChunkAt(caf, chunk)) - 12,
             bytes.begin(), bytes.end());
  return caf;
}

// A chunk of so many bytes, at most 255.
std::string ChunkOf(const std::string& name, size_t num_bytes) {
  return name + std::string(7, '\0') + static_cast<char>(num_bytes) +
         std::string(num_bytes, 'x');
}

TEST(CafHeaderTest, PassesOverOtherChunks) {
  // They are not padded.
  for (const size_t num_bytes : {0u, 1u, 200u}) {
    const auto caf = WithBefore("data", ChunkOf("free", num_bytes));
    const MemorySource file(caf);
    const Result<SoundFile> sound = ReadCafHeader(file);
    ASSERT_TRUE(sound.ok()) << sound.error().message;
    EXPECT_EQ(sound.value().header.num_samples, 500);
    EXPECT_EQ(MonoBySndfile(caf, 1), MonoBySndfile(SomeCaf(), 1));
  }
  std::string many;
  for (int i = 0; i < 900; ++i) many += ChunkOf("free", 0);
  EXPECT_EQ(HeaderErrorOf(WithBefore("data", many)), "ok");
  EXPECT_EQ(HeaderErrorOf(WithBefore("data", many + many)),
            "bad_header: has too many chunks before its data");
}

TEST(CafHeaderTest, TheFirstDescriptionCounts) {
  std::string second = ToString(SomeCaf()).substr(8, 12 + 32);
  second[13] ^= 0x20;  // the rate
  const MemorySource file(WithBefore("data", second));
  const Result<SoundFile> sound = ReadCafHeader(file);
  ASSERT_TRUE(sound.ok()) << sound.error().message;
  EXPECT_EQ(sound.value().header.sample_rate_hz, 16000);
}

TEST(CafHeaderTest, RejectsWhatItCannotRead) {
  EXPECT_EQ(HeaderErrorOf(SomeCaf()), "ok");
  ExpectNoCutIsAccepted(SomeCaf());
  EXPECT_EQ(CafWithByte("desc", 8, 'a'), "unsupported_format");  // "apcm"
  EXPECT_EQ(CafWithByte("desc", 31, 12), "unsupported_format");  // bits
  // Integers of 64 bits, and floats of 8 to 24.
  EXPECT_EQ(CafWithByte("desc", 31, 64), "unsupported_format");
  for (const int bits : {8, 16, 24}) {
    auto floats = SomeCaf();
    floats[CafChunkAt(floats, "desc") + 15] = std::byte{1};
    floats[CafChunkAt(floats, "desc") + 31] = static_cast<std::byte>(bits);
    EXPECT_EQ(HeaderCodeOf(floats), "unsupported_format");
  }
  EXPECT_EQ(CafWithByte("desc", 19, 3), "bad_header");  // bytes of a packet
  EXPECT_EQ(CafWithByte("desc", 23, 2), "bad_header");  // samples of a packet
  EXPECT_EQ(CafWithByte("desc", 27, 0), "bad_header");  // channels
  EXPECT_EQ(CafWithByte("desc", 1, 0), "bad_sample_rate");
  auto caf = SomeCaf();
  caf[CafChunkAt(caf, "desc") - 12] = std::byte{'X'};
  EXPECT_EQ(HeaderErrorOf(caf),
            "bad_header: has no desc chunk before its data chunk");
  caf = SomeCaf();
  caf[CafChunkAt(caf, "data") - 12] = std::byte{'X'};
  EXPECT_EQ(HeaderErrorOf(caf), "no_samples: has no data chunk");
  caf = SomeCaf();
  caf[CafChunkAt(caf, "desc") - 1] = std::byte{31};
  EXPECT_EQ(HeaderErrorOf(caf), "bad_header: its desc chunk is too short");
  caf = SomeCaf();
  caf.resize(CafChunkAt(caf, "data") + 3);
  caf[caf.size() - 5] = std::byte{0};
  caf[caf.size() - 4] = std::byte{3};
  EXPECT_EQ(HeaderErrorOf(caf), "bad_header: its data chunk is too short");
}

}  // namespace
}  // namespace melmill
