#include "io/container/aiff_header.h"

#include <gtest/gtest.h>

#include "tests/support/plain_reading.h"

namespace melmill {
namespace {

std::vector<std::byte> SomeAiff(int subtype = SF_FORMAT_PCM_16) {
  return WriteBySndfile(SF_FORMAT_AIFF | subtype, MakeSamples(500, 1, 1), 16000,
                        1);
}

// Where the content of a chunk begins.
size_t ChunkAt(const std::vector<std::byte>& aiff, const std::string& name) {
  const std::string text = ToString(aiff);
  const size_t at = text.find(name);
  EXPECT_NE(at, text.npos);
  return at + 8;
}

std::string WithByte(const std::string& chunk, size_t offset, int value) {
  auto aiff = SomeAiff();
  aiff[ChunkAt(aiff, chunk) + offset] = static_cast<std::byte>(value);
  return HeaderCodeOf(aiff);
}

TEST(AiffHeaderTest, GivesTheSamplesOfLibsndfile) {
  for (const int num_channels : {1, 2, 3}) {
    for (const int subtype :
         {SF_FORMAT_PCM_S8, SF_FORMAT_PCM_U8, SF_FORMAT_PCM_16,
          SF_FORMAT_PCM_24, SF_FORMAT_PCM_32, SF_FORMAT_FLOAT, SF_FORMAT_DOUBLE,
          SF_FORMAT_ULAW, SF_FORMAT_ALAW}) {
      ExpectSamplesOfLibsndfile(SF_FORMAT_AIFF | subtype, num_channels);
    }
    for (const int subtype :
         {SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_PCM_32}) {
      ExpectSamplesOfLibsndfile(SF_FORMAT_AIFF | subtype | SF_ENDIAN_LITTLE,
                                num_channels);
    }
  }
}

TEST(AiffHeaderTest, TheCountMustBeThatOfTheSamples) {
  EXPECT_EQ(HeaderErrorOf(SomeAiff()), "ok");
  ExpectNoCutIsAccepted(SomeAiff());
  EXPECT_EQ(WithByte("COMM", 5, 500 - 256 - 1), "lying_size");
  EXPECT_EQ(WithByte("COMM", 5, 500 - 256 + 1), "truncated");
  EXPECT_EQ(WithByte("SSND", 3, 2), "truncated");  // an offset
}

TEST(AiffHeaderTest, RejectsWhatItCannotRead) {
  EXPECT_EQ(WithByte("COMM", 7, 12), "unsupported_format");
  EXPECT_EQ(WithByte("COMM", 1, 0), "bad_channels");
  EXPECT_EQ(WithByte("COMM", 8, 0), "bad_sample_rate");
  EXPECT_EQ(WithByte("COMM", 8, 0xC0), "bad_sample_rate");  // negative
}

TEST(AiffHeaderTest, BothChunksMustBeThere) {
  auto aiff = SomeAiff();
  aiff[ChunkAt(aiff, "COMM") - 5] = std::byte{'X'};
  EXPECT_EQ(HeaderErrorOf(aiff), "bad_header: has no COMM chunk");
  aiff = SomeAiff();
  aiff[ChunkAt(aiff, "SSND") - 5] = std::byte{'X'};
  EXPECT_EQ(HeaderErrorOf(aiff), "no_samples: has no SSND chunk");
}

}  // namespace
}  // namespace melmill
