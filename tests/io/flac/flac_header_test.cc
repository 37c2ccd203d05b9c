#include "io/flac/flac_header.h"

#include <gtest/gtest.h>

#include <string>

#include "io/sound/sound_file.h"
#include "tests/support/coded_reading.h"
#include "tests/support/corpus.h"
#include "tests/support/flac_fields.h"

namespace melmill {
namespace {

std::vector<std::byte> SomeFlac(size_t num_samples = 5000,
                                int num_channels = 2) {
  return EncodeSound(SampleEncoding::kFlac,
                     MakeSamples(num_samples, num_channels, 1), 22050,
                     num_channels);
}

std::string HeaderError(std::vector<std::byte> bytes) {
  const MemorySource file(std::move(bytes));
  const Result<SoundFile> sound = ReadSoundFile({}, file);
  return sound.ok() ? "ok" : Described(sound.error());
}

TEST(FlacHeaderTest, ReadsStreamInfo) {
  const std::vector<std::byte> flac = SomeFlac();
  const MemorySource file(flac);
  const Result<SoundHeader> header = ReadFlacHeader(file, 0);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header.value().encoding, SampleEncoding::kFlac);
  EXPECT_EQ(header.value().sample_rate_hz, 22050);
  EXPECT_EQ(header.value().num_channels, 2);
  EXPECT_EQ(header.value().num_samples, 5000);
  EXPECT_EQ(header.value().data_offset, 0u);
  EXPECT_EQ(header.value().data_bytes, flac.size());
  EXPECT_EQ(ReadFlacBitsPerSample(file, 0).value(), 16);
  EXPECT_LE(file.largest_read_bytes(), 42u);
}

TEST(FlacHeaderTest, FindsTheStreamBehindId3Tags) {
  std::string tag = "ID3\4";
  tag += std::string("\0\0\0\0\1\2", 6) + std::string(130, 'x');
  std::string with_footer = "ID3\4";
  with_footer += std::string("\0\x10\0\0\0\5", 6) + std::string(15, 'y');
  const std::vector<std::byte> flac = SomeFlac();
  const CodedOutcome outcome =
      DecodeCodedFile(Concatenated(ToBytes(tag + with_footer), flac));
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.mono, MonoBySndfile(flac, 2));
}

TEST(FlacHeaderTest, RejectsWhatItCannotTrust) {
  auto flac = SomeFlac();
  SetStreamInfo(kFlacTotal, 0, &flac);
  EXPECT_TRUE(HeaderError(flac).starts_with("length_unknown: "));
  flac = SomeFlac();
  SetStreamInfo(kFlacRate, 999, &flac);
  EXPECT_TRUE(HeaderError(flac).starts_with("bad_sample_rate: "));
  SetStreamInfo(kFlacRate, 800'000, &flac);
  EXPECT_TRUE(HeaderError(flac).starts_with("bad_sample_rate: "));
  flac = SomeFlac();
  SetStreamInfo(kFlacBitsLessOne, 19, &flac);
  EXPECT_TRUE(HeaderError(flac).starts_with(
      "unsupported_format: holds FLAC samples of 20 bits"));
  flac = SomeFlac();
  flac[4] |= std::byte{4};  // another type of block
  EXPECT_TRUE(HeaderError(flac).starts_with("bad_header: "));
  flac = SomeFlac();
  flac[7] = std::byte{33};
  EXPECT_TRUE(HeaderError(flac).starts_with("bad_header: "));
  for (const size_t size : {size_t{4}, size_t{10}, size_t{41}}) {
    EXPECT_EQ(HeaderError(FirstBytes(SomeFlac(), size)),
              "truncated: ends inside its header");
  }
}

TEST(FlacHeaderTest, JudgesWhatFollowsTheSamples) {
  const auto check = [](const std::string& tail) {
    const MemorySource file(ToBytes("123" + tail));
    const Result<void> checked = CheckFlacTail(file, 3);
    return checked.ok()
               ? "ok"
               : std::string(RejectCodeName(checked.error().code.reject()));
  };
  EXPECT_EQ(check(""), "ok");
  EXPECT_EQ(check("TAG" + std::string(125, ' ')), "ok");
  EXPECT_EQ(check(std::string(4096, '\0')), "ok");
  EXPECT_EQ(check(std::string(4097, '\0')), "lying_size");
  EXPECT_EQ(check("APETAGEX" + std::string(9000, ' ')), "ok");
  EXPECT_EQ(check("fLaC"), "several_files");
  // The header of a FLAC frame, whose last byte is its checksum.
  const std::string frame("\xFF\xF8\xC9\x18\x00\xC2", 6);
  EXPECT_EQ(check(frame + "xyz"), "lying_size");
  EXPECT_EQ(check(frame.substr(0, 5) + "\xC3xyz"), "ok");
}

}  // namespace
}  // namespace melmill
