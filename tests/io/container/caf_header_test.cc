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
size_t ChunkAt(const std::vector<std::byte>& caf, const std::string& name) {
  const std::string text = ToString(caf);
  const size_t at = text.find(name);
  EXPECT_NE(at, text.npos);
  return at + 12;
}

std::string WithByte(const std::string& chunk, size_t offset, int value) {
  auto caf = SomeCaf();
  caf[ChunkAt(caf, chunk) + offset] = static_cast<std::byte>(value);
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
  std::fill_n(caf.begin() + static_cast<ptrdiff_t>(ChunkAt(caf, "data") - 8), 8,
              std::byte{0xFF});
  const MemorySource file(caf);
  const Result<SoundFile> sound = ReadCafHeader(file);
  ASSERT_TRUE(sound.ok());
  EXPECT_EQ(sound.value().oddity, SoundOddity::kNoDataSize);
  EXPECT_EQ(sound.value().header.num_samples, 500);
}

TEST(CafHeaderTest, RejectsWhatItCannotRead) {
  EXPECT_EQ(HeaderErrorOf(SomeCaf()), "ok");
  ExpectNoCutIsAccepted(SomeCaf());
  EXPECT_EQ(WithByte("desc", 8, 'a'), "unsupported_format");  // "apcm"
  EXPECT_EQ(WithByte("desc", 31, 12), "unsupported_format");  // bits
  EXPECT_EQ(WithByte("desc", 19, 3), "bad_header");  // bytes of a packet
  EXPECT_EQ(WithByte("desc", 27, 0), "bad_header");  // channels
  EXPECT_EQ(WithByte("desc", 1, 0), "bad_sample_rate");
  auto caf = SomeCaf();
  caf[ChunkAt(caf, "desc") - 12] = std::byte{'X'};
  EXPECT_EQ(HeaderErrorOf(caf),
            "bad_header: has no desc chunk before its data chunk");
  caf = SomeCaf();
  caf[ChunkAt(caf, "data") - 12] = std::byte{'X'};
  EXPECT_EQ(HeaderErrorOf(caf), "no_samples: has no data chunk");
}

}  // namespace
}  // namespace melmill
