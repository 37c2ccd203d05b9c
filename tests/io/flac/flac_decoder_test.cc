#include "io/flac/flac_decoder.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/coded_reading.h"
#include "tests/support/corpus.h"
#include "tests/support/flac_fields.h"

namespace melmill {
namespace {

std::vector<std::byte> MakeFlac(size_t num_samples, int num_channels, int bits,
                                int rate_hz = 16000) {
  const int subtype = bits == 8    ? SF_FORMAT_PCM_S8
                      : bits == 16 ? SF_FORMAT_PCM_16
                                   : SF_FORMAT_PCM_24;
  return WriteBySndfile(SF_FORMAT_FLAC | subtype,
                        MakeSamples(num_samples, num_channels, 3), rate_hz,
                        num_channels);
}

TEST(FlacDecoderTest, GivesTheBitsOfLibsndfile) {
  for (const int bits : {8, 16, 24}) {
    for (const int num_channels : {1, 2, 3, 8}) {
      for (const size_t num_samples : {1u, 4095u, 4096u, 20'001u}) {
        SCOPED_TRACE(std::to_string(bits) + " bits, " +
                     std::to_string(num_channels) + " channels, " +
                     std::to_string(num_samples) + " samples");
        const auto flac = MakeFlac(num_samples, num_channels, bits);
        const CodedOutcome outcome = DecodeCodedFile(flac);
        EXPECT_EQ(outcome.error, "");
        EXPECT_EQ(outcome.mono.size(), num_samples);
        EXPECT_EQ(outcome.mono, MonoBySndfile(flac, num_channels));
      }
    }
  }
}

constexpr uint8_t kApplication = 2;
constexpr uint8_t kSeekTable = 3;

// Puts a block of zeros between STREAMINFO and the next block.
void InsertBlock(uint8_t kind, uint8_t num_bytes,
                 std::vector<std::byte>* flac) {
  std::vector<std::byte> block(4u + num_bytes);
  block[0] = std::byte{kind};
  block[3] = std::byte{num_bytes};
  flac->insert(flac->begin() + 42, block.begin(), block.end());
}

// libFLAC takes these for a lack of memory.
TEST(FlacDecoderTest, ABlockThatIsTooShortIsDamage) {
  for (const uint8_t num_bytes : {4, 3, 0}) {
    auto flac = MakeFlac(5'000, 1, 16);
    InsertBlock(kApplication, num_bytes, &flac);
    EXPECT_EQ(DecodeCodedFile(flac).code(),
              num_bytes < 4 ? "decode_failed" : "");
  }
}

TEST(FlacDecoderTest, ASecondSeekTableWithoutPointsIsDamage) {
  for (const uint8_t num_bytes : {18, 17, 0}) {
    auto flac = MakeFlac(5'000, 1, 16);
    InsertBlock(kSeekTable, num_bytes, &flac);
    EXPECT_EQ(DecodeCodedFile(flac).code(), "");
    InsertBlock(kSeekTable, 0, &flac);
    EXPECT_EQ(DecodeCodedFile(flac).code(),
              num_bytes < 18 ? "decode_failed" : "")
        << int{num_bytes};
  }
}

TEST(FlacDecoderTest, HoldsTheFileToItsTotal) {
  auto flac = MakeFlac(20'000, 1, 16);
  SetStreamInfo(kFlacTotal, 20'001, &flac);
  CodedOutcome outcome = DecodeCodedFile(flac);
  EXPECT_EQ(outcome.error, "decode_failed: 20000 of 20001 samples");
  EXPECT_EQ(outcome.detail, 20'000);
  SetStreamInfo(kFlacTotal, 19'999, &flac);
  EXPECT_EQ(DecodeCodedFile(flac).error,
            "lying_size: more than the 19999 samples of its header");
  SetStreamInfo(kFlacTotal, 4096, &flac);  // the end of a FLAC frame
  EXPECT_EQ(DecodeCodedFile(flac).code(), "lying_size");
  flac = MakeFlac(20'000, 1, 16);
  EXPECT_EQ(DecodeCodedFile(Concatenated(flac, flac)).code(), "several_files");
}

TEST(FlacDecoderTest, HoldsItsFramesToTheHeader) {
  for (const auto& [field, value] :
       {std::pair(kFlacRate, 22050), std::pair(kFlacChannelsLessOne, 1),
        std::pair(kFlacBitsLessOne, 23)}) {
    auto flac = MakeFlac(20'000, 1, 16);
    SetStreamInfo(field, static_cast<uint64_t>(value), &flac);
    const CodedOutcome outcome = DecodeCodedFile(flac);
    EXPECT_EQ(outcome.code(), "decode_failed") << value;
    EXPECT_EQ(outcome.detail, 0) << value;
  }
}

TEST(FlacDecoderTest, IgnoresATagBehindTheSamples) {
  const auto flac = MakeFlac(9000, 1, 16);
  std::vector<std::byte> tag(128);
  tag[0] = std::byte{'T'};
  const CodedOutcome outcome = DecodeCodedFile(Concatenated(flac, tag));
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.mono, MonoBySndfile(flac, 1));
}

TEST(FlacDecoderTest, RejectsEveryCut) {
  const auto flac = MakeFlac(20'000, 2, 16);
  for (size_t i = 0; i < 64; ++i) {
    const CodedOutcome outcome =
        DecodeCodedFile(FirstBytes(flac, flac.size() * i / 64));
    EXPECT_NE(outcome.error, "") << i;
  }
  EXPECT_NE(DecodeCodedFile(FirstBytes(flac, flac.size() - 1)).error, "");
}

TEST(FlacDecoderTest, NoticesEveryDamagedByteOfItsFrames) {
  const auto flac = MakeFlac(9000, 1, 16);
  const CodedOutcome sound = DecodeCodedFile(flac);
  for (size_t at = flac.size() / 2; at < flac.size(); at += 7) {
    auto damaged = flac;
    damaged[at] ^= std::byte{0x10};
    const CodedOutcome outcome = DecodeCodedFile(damaged);
    EXPECT_TRUE(outcome.error != "" || outcome.mono == sound.mono) << at;
    EXPECT_EQ(outcome.code(), "decode_failed") << at;
  }
}

TEST(FlacDecoderTest, NoticesAMissingFrame) {
  const auto flac = MakeFlac(40'960, 1, 16);
  // FLAC frames begin with FF F8 and are numbered.
  std::vector<size_t> begins;
  for (size_t i = 42; i + 5 < flac.size(); ++i) {
    if (flac[i] == std::byte{0xFF} && flac[i + 1] == std::byte{0xF8} &&
        flac[i + 4] == static_cast<std::byte>(begins.size())) {
      begins.push_back(i);
    }
  }
  ASSERT_EQ(begins.size(), 10u);
  auto damaged = flac;
  damaged.erase(damaged.begin() + static_cast<ptrdiff_t>(begins[4]),
                damaged.begin() + static_cast<ptrdiff_t>(begins[5]));
  EXPECT_EQ(DecodeCodedFile(damaged).code(), "decode_failed");
}

// A file that fails in the middle of a FLAC frame.
class FailingSource : public ByteSource {
 public:
  explicit FailingSource(std::vector<std::byte> bytes)
      : source_(std::move(bytes)) {}
  uint64_t size_bytes() const override { return source_.size_bytes(); }
  Result<void> ReadAt(uint64_t offset,
                      std::span<std::byte> bytes) const override {
    if (offset + bytes.size() > size_bytes() / 2) {
      return Error{RejectCode::kIoError, "the disk is gone", 5};
    }
    return source_.ReadAt(offset, bytes);
  }

 private:
  MemorySource source_;
};

TEST(FlacDecoderTest, PassesOnAnErrorOfTheFile) {
  const FailingSource file(MakeFlac(300'000, 1, 16));
  const Result<SoundFile> sound = ReadSoundFile({}, file);
  ASSERT_TRUE(sound.ok());
  Result<CodedClip> clip = CodedClip::Open(sound.value().header, file);
  ASSERT_TRUE(clip.ok());
  for (;;) {
    const Result<std::span<const float>> next = clip.value().Next();
    if (next.ok()) {
      ASSERT_FALSE(next.value().empty());
      continue;
    }
    EXPECT_EQ(next.error().code, RejectCode::kIoError);
    EXPECT_EQ(next.error().detail, 5);
    return;
  }
}

}  // namespace
}  // namespace melmill
