#include "io/wav/wav_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/wav_reading.h"

namespace melmill {
namespace {

using namespace std::string_literals;

constexpr WavContainer kContainers[] = {
    WavContainer::kRiff, WavContainer::kRifx, WavContainer::kRf64};

constexpr uint64_t k2To31 = uint64_t{1} << 31;
constexpr uint64_t k2To32 = uint64_t{1} << 32;

TEST(WavDataTest, PlaceholdersAreTheOnesOfTheRule) {
  for (uint64_t n = 10; n <= 42; ++n) {
    EXPECT_TRUE(IsPlaceholderSize(n * 100'000'000, 2)) << n;
    EXPECT_FALSE(IsPlaceholderSize(n * 100'000'000 - 2, 2)) << n;
    EXPECT_FALSE(IsPlaceholderSize(n * 100'000'000 + 2, 2)) << n;
  }
  for (const uint64_t size :
       {uint64_t{100'000'000}, uint64_t{900'000'000}, uint64_t{1'050'000'000},
        uint64_t{0x40000000}, uint64_t{0xFFFFFF}}) {
    EXPECT_FALSE(IsPlaceholderSize(size, 2)) << size;
  }
  for (const uint64_t limit : {k2To31, k2To32}) {
    for (uint64_t below = 1; below <= 4096; ++below) {
      ASSERT_TRUE(IsPlaceholderSize(limit - below, 2)) << limit - below;
    }
    EXPECT_FALSE(IsPlaceholderSize(limit - 4097, 2));
    EXPECT_FALSE(IsPlaceholderSize(limit + 1, 2));
  }
  EXPECT_TRUE(IsPlaceholderSize(k2To31, 2));   // arecord
  EXPECT_FALSE(IsPlaceholderSize(k2To32, 2));  // does not fit 32 bits
}

TEST(WavDataTest, PlaceholdersMayBeRoundedDownToWholeSamples) {
  for (const uint32_t group_bytes : {1u, 3u, 6u, 8u, 12u, 30u, 512u}) {
    for (const uint64_t size :
         {uint64_t{1'000'000'000}, uint64_t{2'000'000'000}, k2To31 - 4096,
          k2To31, k2To32 - 1}) {
      const uint64_t rounded = size - size % group_bytes;
      EXPECT_TRUE(IsPlaceholderSize(rounded, group_bytes)) << rounded;
      EXPECT_FALSE(
          IsPlaceholderSize(1'000'000'000 - 2 * group_bytes, group_bytes));
    }
  }
  // SoX writes this size into a pipe for mono of 24 bits.
  EXPECT_TRUE(IsPlaceholderSize(0x7FFFEFFF, 3));
  EXPECT_FALSE(IsPlaceholderSize(0x7FFFEFFF, 2));
}

TEST(WavDataTest, PlaceholdersMeanToTheEndOfTheFile) {
  for (const WavContainer container : kContainers) {
    for (const uint32_t size :
         {2'000'000'000u, 1'000'000'000u, 0x7FFFFFFFu, 0xFFFFF000u}) {
      WavSpec spec;
      spec.container = container;
      spec.claimed_data_bytes = size;
      const SoundFile wav = MustReadFile(BuildWavAround(spec, SomeData(spec)));
      EXPECT_EQ(wav.header.num_samples, 100) << size;
      EXPECT_EQ(wav.oddity, SoundOddity::kNoDataSize) << size;
    }
  }
}

// The error for a file of zeros with this much data.
std::string ErrorOfHollow(uint32_t claimed_bytes, uint64_t data_bytes) {
  WavSpec spec;
  spec.claimed_data_bytes = claimed_bytes;
  const HollowSource file(BuildWavAround(spec, ""), 44 + data_bytes);
  return ErrorOf(ReadWavFile({}, file));
}

TEST(WavDataTest, HalfOfAPlaceholderIsTooMuch) {
  EXPECT_EQ(ErrorOfHollow(1'200'000'000, 599'999'998), "ok");
  EXPECT_EQ(ErrorOfHollow(1'200'000'000, 600'000'000),
            "truncated: the data chunk claims 1200000000 bytes, 600000000 are "
            "there");
  EXPECT_EQ(ErrorOfHollow(0xFFFFFFFF, k2To31 - 2), "ok");
  EXPECT_TRUE(StartsWith(ErrorOfHollow(0xFFFFFFFF, k2To31), "truncated: "));
}

TEST(WavDataTest, ARealRecordingThatWasCutIsTruncated) {
  EXPECT_TRUE(
      StartsWith(ErrorOfHollow(1'200'001'024, 600'000'000), "truncated: "));
  EXPECT_TRUE(StartsWith(ErrorOfHollow(1'200'001'024, 100), "truncated: "));
  EXPECT_TRUE(StartsWith(ErrorOfHollow(800'000'000, 100), "truncated: "));
}

TEST(WavDataTest, Ds64HasOnePlaceholder) {
  WavSpec spec;
  spec.container = WavContainer::kRf64;
  spec.ds64_data_bytes = UINT64_MAX;
  EXPECT_EQ(MustReadFile(BuildWavAround(spec, SomeData(spec))).oddity,
            SoundOddity::kNoDataSize);
  for (const uint64_t size : {uint64_t{2'000'000'000}, k2To31, k2To32 - 1}) {
    spec.ds64_data_bytes = size;
    EXPECT_TRUE(IsError(spec, "truncated")) << size;
  }
}

TEST(WavDataTest, SizeZeroIsAnOddityToo) {
  WavSpec spec;
  spec.claimed_data_bytes = 0;
  EXPECT_EQ(MustReadFile(BuildWavAround(spec, SomeData(spec))).oddity,
            SoundOddity::kNoDataSize);
}

TEST(WavDataTest, AFileWhereStreamedSamplesShouldBegin) {
  const std::string inner = ToString(BuildWavAround(WavSpec(), "abcdefgh"));
  for (const uint32_t size : {0u, 0xFFFFFFFFu, 2'000'000'000u}) {
    WavSpec spec;
    spec.claimed_data_bytes = size;
    EXPECT_EQ(ErrorOf(BuildWavAround(spec, inner)),
              "several_files: has a whole WAV file where its samples should "
              "begin");
  }
}

// A writer that uses the file's size as the size of the data.
struct ConfusedWriter {
  WavContainer container = WavContainer::kRiff;
  uint64_t data_less = 0;  // subtracted from the file's size: 0 or 8
  uint64_t riff_less = 0;

  std::vector<std::byte> Write(size_t num_groups) const {
    WavSpec spec;
    spec.container = container;
    spec.chunks_before_data = {{"LIST", "INFOabcd"}};
    const std::string data = SomeData(spec, num_groups);
    const uint64_t size = BuildWavAround(spec, data).size();
    if (container == WavContainer::kRf64) {
      spec.ds64_data_bytes = size - data_less;
      spec.ds64_riff_bytes = size - riff_less;
    } else {
      spec.claimed_data_bytes = static_cast<uint32_t>(size - data_less);
      spec.claimed_riff_bytes = static_cast<uint32_t>(size - riff_less);
    }
    return BuildWavAround(spec, data);
  }
};

std::vector<ConfusedWriter> ConfusedWriters() {
  std::vector<ConfusedWriter> writers;
  for (const WavContainer container : kContainers) {
    for (const uint64_t data_less : {0, 8}) {
      for (const uint64_t riff_less : {0, 8}) {
        writers.push_back({container, data_less, riff_less});
      }
    }
  }
  return writers;
}

TEST(WavDataTest, TheSizeOfTheFileAsThatOfTheDataMeansToItsEnd) {
  for (const ConfusedWriter& writer : ConfusedWriters()) {
    for (const size_t num_groups : {1, 3, 100, 10'000}) {
      const SoundFile wav = MustReadFile(writer.Write(num_groups));
      EXPECT_EQ(wav.header.num_samples, static_cast<int64_t>(num_groups));
      EXPECT_EQ(wav.oddity, SoundOddity::kFileSizeAsDataSize);
    }
  }
}

TEST(WavDataTest, OtherSizesNearThatOfTheFileAreTruncated) {
  WavSpec spec;
  const auto size =
      static_cast<uint32_t>(BuildWavAround(spec, SomeData(spec)).size());
  for (uint32_t data_bytes = 201; data_bytes < size + 50; ++data_bytes) {
    for (uint32_t riff_bytes = size - 50; riff_bytes < size + 100;
         ++riff_bytes) {
      spec.claimed_data_bytes = data_bytes;
      spec.claimed_riff_bytes = riff_bytes;
      const bool is_confused = (data_bytes == size || data_bytes == size - 8) &&
                               (riff_bytes == size || riff_bytes == size - 8);
      ASSERT_EQ(StartsWith(ErrorOf(spec), "truncated: "), !is_confused)
          << data_bytes << ", " << riff_bytes;
    }
  }
}

TEST(WavDataTest, NoCutOfAnOrdinaryFileIsTakenForAWriterThatErred) {
  for (const WavContainer container : kContainers) {
    for (const size_t num_groups : {100, 101, 5000}) {
      for (const bool with_chunk : {false, true}) {
        WavSpec spec;
        spec.container = container;
        spec.encoding = SampleEncoding::kPcm24;
        if (with_chunk) spec.chunks_before_data = {{"LIST", "INFOodd"}};
        const std::vector<std::byte> bytes =
            BuildWavAround(spec, SomeData(spec, num_groups));
        const size_t pad_bytes = 3 * num_groups % 2;
        ASSERT_EQ(ErrorOf(bytes), "ok");
        for (size_t cut = 1 + pad_bytes; cut <= 128; ++cut) {
          ASSERT_TRUE(StartsWith(ErrorOf(CutTo(bytes, bytes.size() - cut)),
                                 "truncated: "))
              << cut;
        }
      }
    }
  }
}

TEST(WavDataTest, CutsOfAWriterThatErredAreTruncated) {
  for (const ConfusedWriter& writer : ConfusedWriters()) {
    const std::vector<std::byte> bytes = writer.Write(200);
    for (size_t cut = 1; cut <= 128; ++cut) {
      const std::string error = ErrorOf(CutTo(bytes, bytes.size() - cut));
      // Byte for byte this is the whole file of a writer that is wrong by 0,
      // not 8.
      const bool is_other_file =
          writer.data_less == 8 && writer.riff_less == 8 && cut == 8;
      ASSERT_EQ(error == "ok", is_other_file) << error;
      if (error != "ok") {
        ASSERT_TRUE(StartsWith(error, "truncated: ")) << error;
      }
    }
  }
}

}  // namespace
}  // namespace melmill
