#include "io/wav/plain_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "dsp/samples/pcm.h"
#include "io/wav/sndfile_decoder.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/wav_builder.h"

namespace melmill {
namespace {

constexpr SampleEncoding kCommonEncodings[] = {
    SampleEncoding::kPcm16, SampleEncoding::kPcm24, SampleEncoding::kPcm32,
    SampleEncoding::kFloat32};

struct Clip {
  SoundHeader header;
  std::vector<std::byte> data;
};

// A clip of random bits; floats have no NaN.
Clip MakeClip(SampleEncoding encoding, int num_channels, bool big_endian,
              size_t num_samples) {
  Clip clip;
  clip.header.encoding = encoding;
  clip.header.big_endian = big_endian;
  clip.header.sample_rate_hz = 16000;
  clip.header.num_channels = num_channels;
  clip.header.num_samples = static_cast<int64_t>(num_samples);
  std::mt19937_64 random(num_samples + 1);
  const size_t num_values = num_samples * static_cast<size_t>(num_channels);
  if (encoding == SampleEncoding::kFloat32 ||
      encoding == SampleEncoding::kFloat64) {
    std::vector<float> samples(num_values);
    for (float& x : samples) {
      x = std::ldexp(std::uniform_real_distribution<float>(-1, 1)(random),
                     static_cast<int>(random() % 180) - 140);
    }
    clip.data = ToBytes(EncodeSamples(samples, encoding, big_endian));
  } else {
    clip.data.resize(num_values *
                     static_cast<size_t>(BytesPerSample(encoding)));
    for (std::byte& b : clip.data) b = static_cast<std::byte>(random());
  }
  clip.header.data_bytes = clip.data.size();
  return clip;
}

std::vector<float> Reference(const Clip& clip) {
  const auto num_samples = static_cast<size_t>(clip.header.num_samples);
  std::vector<float> interleaved(num_samples *
                                 static_cast<size_t>(clip.header.num_channels));
  std::vector<float> mono(num_samples);
  Result<SndfileDecoder> decoder = SndfileDecoder::Create(clip.header);
  if (!decoder.ok() || !decoder.value().Decode(clip.data, interleaved).ok()) {
    ADD_FAILURE() << "libsndfile fails";
  }
  DownmixToMono(interleaved, clip.header.num_channels, mono);
  return mono;
}

// Decodes in blocks of `block_samples`, with a decoder that may have decoded
// other clips before.
std::vector<float> Decode(const Clip& clip, size_t block_samples,
                          PlainDecoder* decoder) {
  const auto num_samples = static_cast<size_t>(clip.header.num_samples);
  const auto group_bytes =
      static_cast<size_t>(clip.header.bytes_per_sample_group());
  const Result<void> started = decoder->Start(clip.header);
  if (!started.ok()) {
    ADD_FAILURE() << started.error().message;
    return {};
  }
  std::vector<float> mono(num_samples);
  for (size_t done = 0; done < num_samples; done += block_samples) {
    const size_t count = std::min(block_samples, num_samples - done);
    const Result<void> decoded = decoder->DecodeToMono(
        std::span(clip.data).subspan(done * group_bytes, count * group_bytes),
        std::span(mono).subspan(done, count));
    if (!decoded.ok()) ADD_FAILURE() << decoded.error().message;
  }
  return mono;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() ||
          std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Encoding, byte order and number of channels decide the path. One decoder
// takes all of them.
TEST(PlainDecoderTest, EqualsLibsndfileAndTheMeanWhicheverPathItTakes) {
  PlainDecoder decoder;
  for (const SampleEncoding encoding : kAllSampleEncodings) {
    for (const bool big_endian : {false, true}) {
      for (const int num_channels : {1, 2, 3}) {
        SCOPED_TRACE(std::string(SampleEncodingName(encoding)) +
                     (big_endian ? ", big endian, " : ", ") +
                     std::to_string(num_channels));
        for (size_t n = 1; n <= 1000; ++n) {
          const Clip clip = MakeClip(encoding, num_channels, big_endian, n);
          const std::vector<float> expected = Reference(clip);
          ASSERT_TRUE(SameBits(Decode(clip, n, &decoder), expected)) << n;
          if (n % 100 != 0) continue;
          ASSERT_TRUE(SameBits(Decode(clip, 77, &decoder), expected)) << n;
        }
      }
    }
  }
}

TEST(PlainDecoderTest, AnEmptyBlockIsNoMistake) {
  for (const SampleEncoding encoding : kAllSampleEncodings) {
    for (const int num_channels : {1, 2, 3}) {
      const Clip clip = MakeClip(encoding, num_channels, false, 5);
      PlainDecoder decoder;
      ASSERT_TRUE(decoder.Start(clip.header).ok());
      EXPECT_TRUE(decoder.DecodeToMono({}, {}).ok());
      std::vector<float> mono(5);
      EXPECT_TRUE(decoder.DecodeToMono(clip.data, mono).ok());
      EXPECT_TRUE(SameBits(mono, Reference(clip)));
    }
  }
}

TEST(PlainDecoderTest, WhatLibsndfileCannotDecodeIsAnError) {
  const Clip clip = MakeClip(SampleEncoding::kPcmU8, 3, false, 4);
  PlainDecoder decoder;
  ASSERT_TRUE(decoder.Start(clip.header).ok());
  std::vector<float> mono(4);
  ASSERT_TRUE(decoder.DecodeToMono(clip.data, mono).ok());
  const Result<void> behind_the_end = decoder.DecodeToMono(clip.data, mono);
  ASSERT_FALSE(behind_the_end.ok());
  EXPECT_EQ(behind_the_end.error().code, RejectCode::kDecodeFailed);

  // The next file must decode as usual.
  EXPECT_TRUE(SameBits(Decode(clip, 4, &decoder), Reference(clip)));
}

TEST(PlainDecoderTest, CommonFormatsAllocateNothing) {
  std::vector<Clip> clips;
  for (const SampleEncoding encoding : kCommonEncodings) {
    for (const int num_channels : {1, 2}) {
      clips.push_back(MakeClip(encoding, num_channels, false, 3000));
    }
  }
  std::vector<float> mono(3000);
  PlainDecoder decoder;
  for (const Clip& clip : clips) {
    const int64_t before = num_allocations;
    ASSERT_TRUE(decoder.Start(clip.header).ok());
    ASSERT_TRUE(decoder.DecodeToMono(clip.data, mono).ok());
    EXPECT_EQ(num_allocations - before, 0)
        << SampleEncodingName(clip.header.encoding);
  }
}

}  // namespace
}  // namespace melmill
