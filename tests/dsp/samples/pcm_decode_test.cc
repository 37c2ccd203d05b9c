#include "dsp/samples/pcm_decode.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "dsp/samples/pcm.h"
#include "io/sound/sound_header.h"
#include "io/wav/sndfile_decoder.h"
#include "tests/support/highway_targets.h"

namespace melmill {
namespace {

constexpr PcmType kAllPcmTypes[] = {PcmType::kInt16, PcmType::kInt24,
                                    PcmType::kInt32, PcmType::kFloat32};

SampleEncoding EncodingOf(PcmType type) {
  switch (type) {
    case PcmType::kInt16:
      return SampleEncoding::kPcm16;
    case PcmType::kInt24:
      return SampleEncoding::kPcm24;
    case PcmType::kInt32:
      return SampleEncoding::kPcm32;
    case PcmType::kFloat32:
      return SampleEncoding::kFloat32;
  }
  return {};
}

// Random bits, which as floats have every magnitude and include subnormals and
// NaN. Special values are among them: all limits of the type, and 32-bit
// integers at and next to the middle of two floats.
std::vector<std::byte> TellingBytes(PcmType type, size_t num_samples) {
  std::vector<uint32_t> special;
  if (type == PcmType::kFloat32) {
    using Limits = std::numeric_limits<float>;
    for (const float x :
         {0.0f, 1.0f, Limits::max(), Limits::min(), Limits::denorm_min(),
          3 * Limits::denorm_min(), Limits::infinity(), Limits::quiet_NaN(),
          Limits::signaling_NaN()}) {
      special.push_back(std::bit_cast<uint32_t>(x));
      special.push_back(std::bit_cast<uint32_t>(-x));
    }
    special.push_back(0x7fc12345);  // a NaN with a payload
    special.push_back(0xff800001);
  } else {
    const size_t bits = 8 * BytesPerSample(type);
    const uint32_t min = uint32_t{1} << (bits - 1);
    special = {0, 1, ~uint32_t{0}, min, min - 1, min + 1};
    for (const uint32_t n : {0x01000001u, 0x01000003u, 0x7fffff40u, 0x7fffffbfu,
                             0x7fffffc0u, 0x40000040u, 0x400000c0u}) {
      special.insert(special.end(), {n, ~n + 1});
    }
  }
  std::mt19937 random(3);
  std::vector<std::byte> bytes(num_samples * BytesPerSample(type));
  for (size_t i = 0; i < num_samples; ++i) {
    const auto number = static_cast<uint32_t>(random());
    const uint32_t value =
        random() % 2 == 0 ? number : special[number % special.size()];
    std::memcpy(bytes.data() + i * BytesPerSample(type), &value,
                BytesPerSample(type));
  }
  return bytes;
}

// The reference: libsndfile, then DownmixToMono.
std::vector<float> Reference(const std::vector<std::byte>& block, PcmType type,
                             int num_channels) {
  const auto channels = static_cast<size_t>(num_channels);
  SoundHeader header;
  header.encoding = EncodingOf(type);
  header.sample_rate_hz = 16000;
  header.num_channels = num_channels;
  header.data_bytes = block.size();
  std::vector<float> mono(block.size() / BytesPerSample(type) / channels);
  header.num_samples = static_cast<int64_t>(mono.size());
  Result<SndfileDecoder> decoder = SndfileDecoder::Create(header);
  std::vector<float> interleaved(mono.size() * channels);
  if (!decoder.ok() || !decoder.value().Decode(block, interleaved).ok()) {
    ADD_FAILURE() << "libsndfile fails";
    return {};
  }
  DownmixToMono(interleaved, num_channels, mono);
  return mono;
}

// Decodes at any alignment, from memory that ends with the block, so that a
// sanitizer sees every stray read.
std::vector<float> Decode(std::span<const std::byte> block, PcmType type,
                          int num_channels, size_t misalignment) {
  std::vector<std::byte> memory(misalignment);
  memory.insert(memory.end(), block.begin(), block.end());
  const size_t num_samples =
      block.size() / BytesPerSample(type) / static_cast<size_t>(num_channels);
  // The last value must stay untouched.
  constexpr float kUntouched = 123.0f;
  std::vector<float> mono(num_samples + 1, kUntouched);
  DecodePcmToMono(std::span<const std::byte>(memory).subspan(misalignment),
                  type, num_channels, std::span(mono).first(num_samples));
  EXPECT_EQ(mono.back(), kUntouched);
  mono.pop_back();
  return mono;
}

// The processor chooses which of two NaNs results.
void ExpectSameBits(std::span<const float> actual,
                    std::span<const float> expected, bool any_nan) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    if (any_nan && std::isnan(expected[i]) && std::isnan(actual[i])) continue;
    ASSERT_EQ(std::bit_cast<uint32_t>(actual[i]),
              std::bit_cast<uint32_t>(expected[i]))
        << "sample " << i << " of " << actual.size() << " is " << actual[i]
        << ", not " << expected[i];
  }
}

TEST(DecodePcmToMono, EqualsLibsndfileAndTheMeanForEveryLength) {
  constexpr size_t kMaxSamples = 1000;
  for (const PcmType type : kAllPcmTypes) {
    for (const int num_channels : {1, 2}) {
      SCOPED_TRACE(std::string(SampleEncodingName(EncodingOf(type))) + ", " +
                   std::to_string(num_channels));
      const auto channels = static_cast<size_t>(num_channels);
      const std::vector<std::byte> bytes =
          TellingBytes(type, kMaxSamples * channels);
      const std::vector<float> expected = Reference(bytes, type, num_channels);
      ForEachHighwayTarget([&] {
        for (size_t n = 0; n <= kMaxSamples; ++n) {
          const auto block =
              std::span(bytes).first(n * BytesPerSample(type) * channels);
          const auto mono = Decode(block, type, num_channels, n % 7);
          ExpectSameBits(mono, std::span(expected).first(n), num_channels == 2);
          if (testing::Test::HasFatalFailure()) return;
        }
      });
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

// Checks known values of some bytes, without a reference decoder.
TEST(DecodePcmToMono, HasTheValuesOfTheBytes) {
  const auto decode = [](PcmType type, int num_channels,
                         const std::vector<int>& numbers) {
    std::vector<std::byte> block;
    for (const int n : numbers) block.push_back(static_cast<std::byte>(n));
    return Decode(block, type, num_channels, 0);
  };
  ForEachHighwayTarget([&] {
    EXPECT_EQ(decode(PcmType::kInt16, 1, {0x00, 0x80, 0xFF, 0x7F}),
              (std::vector<float>{-1.0f, 32767 / 32768.0f}));
    EXPECT_EQ(decode(PcmType::kInt16, 2, {0x00, 0x40, 0x01, 0xC0}),
              (std::vector<float>{1 / 65536.0f}));
    EXPECT_EQ(decode(PcmType::kInt24, 1, {0x01, 0x00, 0x80, 0x00, 0x00, 0x20}),
              (std::vector<float>{-1.0f + 0x1p-23f, 0.25f}));
    // 2^24 + 1 and 2^24 + 3 are no floats: each goes to the even neighbour.
    EXPECT_EQ(decode(PcmType::kInt32, 1,
                     {0x01, 0x00, 0x00, 0x01, 0x03, 0x00, 0x00, 0x01}),
              (std::vector<float>{0x1p-7f, (0x1p24f + 4) * 0x1p-31f}));
    EXPECT_EQ(
        decode(PcmType::kFloat32, 2, {0x00, 0x00, 0x80, 0x3F, 0, 0, 0, 0}),
        (std::vector<float>{0.5f}));
  });
}

}  // namespace
}  // namespace melmill
