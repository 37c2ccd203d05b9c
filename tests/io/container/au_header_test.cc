#include "io/container/au_header.h"

#include <gtest/gtest.h>

#include "tests/support/plain_reading.h"

namespace melmill {
namespace {

std::vector<std::byte> SomeAu(int endian = SF_ENDIAN_BIG) {
  return WriteBySndfile(SF_FORMAT_AU | SF_FORMAT_PCM_16 | endian,
                        MakeSamples(500, 1, 1), 16000, 1);
}

void SetField(size_t field, uint32_t value, std::vector<std::byte>* au) {
  for (size_t i = 0; i < 4; ++i) {
    (*au)[4 * field + i] = static_cast<std::byte>(value >> (24 - 8 * i) & 0xFF);
  }
}

TEST(AuHeaderTest, GivesTheSamplesOfLibsndfile) {
  for (const int subtype :
       {SF_FORMAT_PCM_S8, SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_PCM_32,
        SF_FORMAT_FLOAT, SF_FORMAT_DOUBLE, SF_FORMAT_ULAW, SF_FORMAT_ALAW}) {
    for (const int endian : {SF_ENDIAN_BIG, SF_ENDIAN_LITTLE}) {
      ExpectSamplesOfLibsndfile(SF_FORMAT_AU | subtype | endian, 1);
      ExpectSamplesOfLibsndfile(SF_FORMAT_AU | subtype | endian, 3);
    }
  }
}

TEST(AuHeaderTest, AnUnknownSizeMeansToTheEnd) {
  auto au = SomeAu();
  SetField(2, 0xFFFFFFFF, &au);
  const MemorySource file(au);
  const Result<SoundFile> sound = ReadAuHeader(file);
  ASSERT_TRUE(sound.ok());
  EXPECT_EQ(sound.value().oddity, SoundOddity::kNoDataSize);
  EXPECT_EQ(sound.value().header.num_samples, 500);
}

TEST(AuHeaderTest, TheSizeMustBeThatOfTheFile) {
  EXPECT_EQ(HeaderErrorOf(SomeAu()), "ok");
  ExpectNoCutIsAccepted(SomeAu());
  EXPECT_EQ(HeaderCodeOf(Concatenated(SomeAu(), ToBytes("xy"))), "lying_size");
  auto au = SomeAu();
  SetField(2, 0, &au);
  EXPECT_EQ(HeaderCodeOf(au), "no_samples");
}

TEST(AuHeaderTest, RejectsWhatItCannotRead) {
  const auto with = [](size_t field, uint32_t value) {
    auto au = SomeAu();
    SetField(field, value, &au);
    return HeaderCodeOf(au);
  };
  EXPECT_EQ(with(1, 20), "bad_header");
  EXPECT_EQ(with(1, 99'999), "truncated");
  EXPECT_EQ(with(3, 23), "unsupported_format");
  EXPECT_EQ(with(4, 7), "bad_sample_rate");
  EXPECT_EQ(with(5, 0), "bad_channels");
  EXPECT_EQ(with(5, 4'000'000'000), "bad_channels");
}

}  // namespace
}  // namespace melmill
