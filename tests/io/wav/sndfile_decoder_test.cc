#include "io/wav/sndfile_decoder.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/wav_builder.h"

namespace melmill {
namespace {

SoundHeader HeaderFor(SampleEncoding encoding, int num_channels,
                      bool big_endian, size_t data_bytes) {
  SoundHeader header;
  header.encoding = encoding;
  header.big_endian = big_endian;
  header.sample_rate_hz = 16000;
  header.num_channels = num_channels;
  header.data_offset = 44;
  header.data_bytes = data_bytes;
  header.num_samples =
      static_cast<int64_t>(data_bytes) / header.bytes_per_sample_group();
  return header;
}

// Decodes all of `data` in blocks of the given numbers of sample groups, which
// are used in turn.
std::vector<float> DecodeInBlocks(const SoundHeader& header,
                                  const std::vector<std::byte>& data,
                                  const std::vector<size_t>& block_groups) {
  Result<SndfileDecoder> decoder = SndfileDecoder::Create(header);
  if (!decoder.ok()) {
    ADD_FAILURE() << decoder.error().message;
    return {};
  }
  const auto group_bytes = static_cast<size_t>(header.bytes_per_sample_group());
  const auto channels = static_cast<size_t>(header.num_channels);
  std::vector<float> samples(data.size() / group_bytes * channels);
  size_t done = 0;
  for (size_t i = 0; done < data.size() / group_bytes; ++i) {
    const size_t num_groups = std::min(block_groups[i % block_groups.size()],
                                       data.size() / group_bytes - done);
    // The copy has just the block's size, so that a sanitizer sees every stray
    // read.
    const std::vector<std::byte> block(
        data.begin() + static_cast<ptrdiff_t>(done * group_bytes),
        data.begin() +
            static_cast<ptrdiff_t>((done + num_groups) * group_bytes));
    const Result<void> decoded = decoder.value().Decode(
        block,
        std::span(samples).subspan(done * channels, num_groups * channels));
    if (!decoded.ok()) {
      ADD_FAILURE() << decoded.error().message;
      return {};
    }
    done += num_groups;
  }
  return samples;
}

// The value of one sample's bytes, by definition.
float ExactValue(std::string bytes, SampleEncoding encoding, bool big_endian) {
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  uint64_t number = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    number |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  const auto signed_value = [&](int bits) {
    const double range = std::ldexp(1.0, bits);
    const auto value = static_cast<double>(number);
    return value < range / 2 ? value : value - range;
  };
  switch (encoding) {
    case SampleEncoding::kPcmU8:
      return (static_cast<float>(number) - 128.0f) / 128.0f;
    case SampleEncoding::kPcmS8:
      return static_cast<float>(signed_value(8) / 128.0);
    case SampleEncoding::kPcm16:
      return static_cast<float>(signed_value(16) / 32768.0);
    case SampleEncoding::kPcm24:
      return static_cast<float>(signed_value(24) / 8388608.0);
    case SampleEncoding::kPcm32:
      return static_cast<float>(signed_value(32) / 2147483648.0);
    case SampleEncoding::kFloat32:
      return std::bit_cast<float>(static_cast<uint32_t>(number));
    case SampleEncoding::kFloat64:
      return static_cast<float>(std::bit_cast<double>(number));
    case SampleEncoding::kMuLaw:
      return static_cast<float>(ExpandMuLaw(static_cast<uint8_t>(number))) /
             32768.0f;
    case SampleEncoding::kALaw:
      return static_cast<float>(ExpandALaw(static_cast<uint8_t>(number))) /
             32768.0f;
    default:
      break;
  }
  return 0;
}

// Bytes that hold every value of the types of 8 and 16 bits, the extremes of
// the others, and random bits that are finite floats.
std::string TellingBytes(SampleEncoding encoding, bool big_endian) {
  const int size = BytesPerSample(encoding);
  std::mt19937_64 random(5);
  std::string bytes;
  const auto append = [&](uint64_t number) {
    bytes += NumberBytes(number, size, big_endian);
  };
  if (size <= 2) {
    for (uint64_t i = 0; i < uint64_t{1} << (8 * size); ++i) append(i);
  } else if (encoding == SampleEncoding::kFloat32) {
    for (const float x : {0.0f, -0.0f, 1.0f, -1.0f, 3.5f, -1e30f, 1e-40f}) {
      append(std::bit_cast<uint32_t>(x));
    }
  } else if (encoding == SampleEncoding::kFloat64) {
    for (const double x : {0.0, -0.0, 1.0, -1.0, 3.5, 0.1, -1e30, 1e-300}) {
      append(std::bit_cast<uint64_t>(x));
    }
    for (int i = 0; i < 5000; ++i) {
      append(std::bit_cast<uint64_t>(
          std::uniform_real_distribution<double>(-2, 2)(random)));
    }
  } else {
    const uint64_t half = uint64_t{1} << (8 * size - 1);
    for (const uint64_t n :
         {uint64_t{0}, uint64_t{1}, half - 1, half, half + 1, 2 * half - 1}) {
      append(n);
    }
    for (int i = 0; i < 5000; ++i) append(random());
  }
  // The bytes are filled up to whole groups of 1, 2 and 3 channels.
  while (bytes.size() % static_cast<size_t>(6 * size) != 0) append(0);
  return bytes;
}

TEST(SndfileDecoderTest, EveryEncodingHasItsExactValues) {
  for (const SampleEncoding encoding : kAllSampleEncodings) {
    for (const bool big_endian : {false, true}) {
      const std::string bytes = TellingBytes(encoding, big_endian);
      const auto size = static_cast<size_t>(BytesPerSample(encoding));
      for (const int num_channels : {1, 2, 3}) {
        SCOPED_TRACE(std::string(SampleEncodingName(encoding)) +
                     (big_endian ? ", big endian, " : ", ") +
                     std::to_string(num_channels));
        const std::vector<float> samples = DecodeInBlocks(
            HeaderFor(encoding, num_channels, big_endian, bytes.size()),
            ToBytes(bytes), {4096});
        ASSERT_EQ(samples.size(), bytes.size() / size);
        for (size_t i = 0; i < samples.size(); ++i) {
          const float exact =
              ExactValue(bytes.substr(i * size, size), encoding, big_endian);
          ASSERT_EQ(std::bit_cast<uint32_t>(samples[i]),
                    std::bit_cast<uint32_t>(exact))
              << "sample " << i << " is " << samples[i] << ", not " << exact;
        }
      }
    }
  }
}

TEST(SndfileDecoderTest, KnownCodesOfTheCompandingLaws) {
  // These values are from the tables of G.711, not from this project's
  // formulas.
  const auto decode = [](SampleEncoding encoding, int code) {
    return DecodeInBlocks(HeaderFor(encoding, 1, false, 1),
                          {static_cast<std::byte>(code)}, {1})[0] *
           32768.0f;
  };
  EXPECT_EQ(decode(SampleEncoding::kMuLaw, 0x00), -32124.0f);
  EXPECT_EQ(decode(SampleEncoding::kMuLaw, 0x80), 32124.0f);
  EXPECT_EQ(decode(SampleEncoding::kMuLaw, 0xFF), 0.0f);
  EXPECT_EQ(decode(SampleEncoding::kALaw, 0xAA), 32256.0f);
  EXPECT_EQ(decode(SampleEncoding::kALaw, 0x2A), -32256.0f);
  EXPECT_EQ(decode(SampleEncoding::kALaw, 0xD5), 8.0f);
}

TEST(SndfileDecoderTest, BlockCutsDoNotShow) {
  for (const SampleEncoding encoding : kAllSampleEncodings) {
    for (const int num_channels : {1, 2, 3, 64}) {
      SCOPED_TRACE(std::string(SampleEncodingName(encoding)) + ", " +
                   std::to_string(num_channels));
      const auto group_bytes =
          static_cast<size_t>(BytesPerSample(encoding) * num_channels);
      // The source is larger than libsndfile's own buffer of 8 KiB, and odd in
      // size.
      std::vector<float> source((40961 / group_bytes + 7) *
                                static_cast<size_t>(num_channels));
      std::mt19937 random(9);
      for (float& x : source) {
        x = std::uniform_real_distribution<float>(-1, 1)(random);
      }
      const std::vector<std::byte> data =
          ToBytes(EncodeSamples(source, encoding));
      const SoundHeader header =
          HeaderFor(encoding, num_channels, false, data.size());
      const std::vector<float> whole =
          DecodeInBlocks(header, data, {source.size()});
      EXPECT_EQ(DecodeInBlocks(header, data, {1, 7, 333, 2, 5000}), whole);
      EXPECT_EQ(DecodeInBlocks(header, data, {1023}), whole);
    }
  }
}

TEST(SndfileDecoderTest, NanAndInfinityPass) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> source = {std::nanf(""), kInfinity, -kInfinity,
                                     0.5f};
  for (const SampleEncoding encoding :
       {SampleEncoding::kFloat32, SampleEncoding::kFloat64}) {
    for (const bool big_endian : {false, true}) {
      const std::vector<std::byte> data =
          ToBytes(EncodeSamples(source, encoding, big_endian));
      const std::vector<float> samples = DecodeInBlocks(
          HeaderFor(encoding, 1, big_endian, data.size()), data, {4});
      ASSERT_EQ(samples.size(), 4u);
      EXPECT_TRUE(std::isnan(samples[0]));
      EXPECT_EQ(samples[1], kInfinity);
      EXPECT_EQ(samples[2], -kInfinity);
      EXPECT_EQ(samples[3], 0.5f);
    }
  }
}

TEST(SndfileDecoderTest, ABlockBehindTheEndIsAnError) {
  Result<SndfileDecoder> decoder =
      SndfileDecoder::Create(HeaderFor(SampleEncoding::kPcm16, 1, false, 8));
  ASSERT_TRUE(decoder.ok());
  const std::vector<std::byte> block(8);
  std::vector<float> samples(4);
  ASSERT_TRUE(decoder.value().Decode({}, {}).ok());
  ASSERT_TRUE(decoder.value().Decode(block, samples).ok());
  const Result<void> behind = decoder.value().Decode(block, samples);
  ASSERT_FALSE(behind.ok());
  EXPECT_EQ(behind.error().code, RejectCode::kDecodeFailed);
}

TEST(SndfileDecoderTest, DecodesOnAfterBeingMoved) {
  const std::vector<float> source = {0.25f, -0.5f};
  const std::vector<std::byte> data =
      ToBytes(EncodeSamples(source, SampleEncoding::kPcm16));
  Result<SndfileDecoder> created = SndfileDecoder::Create(
      HeaderFor(SampleEncoding::kPcm16, 1, false, data.size()));
  ASSERT_TRUE(created.ok());
  std::vector<float> samples(2);
  ASSERT_TRUE(created.value()
                  .Decode(std::span(data).first(2), std::span(samples).first(1))
                  .ok());
  SndfileDecoder moved = std::move(created).value();
  ASSERT_TRUE(
      moved.Decode(std::span(data).last(2), std::span(samples).last(1)).ok());
  EXPECT_EQ(samples, source);
}

}  // namespace
}  // namespace melmill
