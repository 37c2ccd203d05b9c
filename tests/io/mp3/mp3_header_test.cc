#include "io/mp3/mp3_header.h"

#include <gtest/gtest.h>

#include <string>

#include "io/mp3/mp3_frame.h"
#include "io/mp3/mp3_tag.h"
#include "tests/support/coded_reading.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

std::vector<std::byte> SomeMp3(size_t num_samples = 40'000, int rate_hz = 16000,
                               int num_channels = 1) {
  return EncodeSound(SampleEncoding::kMp3,
                     MakeSamples(num_samples, num_channels, 4), rate_hz,
                     num_channels);
}

// Where each MP3 frame begins, that of the tag first, and the end.
std::vector<size_t> FrameBegins(const std::vector<std::byte>& mp3) {
  std::vector<size_t> begins;
  size_t at = 0;
  while (const auto frame = ParseMp3Frame(std::span(mp3).subspan(at))) {
    begins.push_back(at);
    at += static_cast<size_t>(frame->num_bytes);
    if (at >= mp3.size()) break;
  }
  begins.push_back(at);
  EXPECT_EQ(at, mp3.size());
  return begins;
}

// The file without the frame of its tag.
std::vector<std::byte> WithoutTag(const std::vector<std::byte>& mp3) {
  return {mp3.begin() + static_cast<ptrdiff_t>(FrameBegins(mp3)[1]), mp3.end()};
}

// One of a constant bit rate, which the reference does not cut.
std::vector<std::byte> ConstantWithoutTag() {
  return WithoutTag(WriteBySndfile(SndfileFormat(SampleEncoding::kMp3),
                                   MakeSamples(40'000, 1, 4), 16000, 1,
                                   SF_BITRATE_MODE_CONSTANT));
}

// Where the tag's count of frames is.
size_t CountPlace(const std::vector<std::byte>& mp3) {
  const auto frame = ParseMp3Frame(mp3);
  return kMp3HeaderBytes + frame->side_info_bytes + 8;
}

TEST(Mp3HeaderTest, TrustsTheTagWithoutAWalk) {
  for (const int rate_hz : {8000, 16000, 44100}) {
    for (const int num_channels : {1, 2}) {
      const auto mp3 = SomeMp3(30'011, rate_hz, num_channels);
      const MemorySource file(mp3);
      const Result<SoundFile> sound = ReadSoundFile({}, file);
      ASSERT_TRUE(sound.ok()) << sound.error().message;
      EXPECT_EQ(sound.value().header.encoding, SampleEncoding::kMp3);
      EXPECT_EQ(sound.value().header.sample_rate_hz, rate_hz);
      EXPECT_EQ(sound.value().header.num_channels, num_channels);
      EXPECT_EQ(sound.value().header.num_samples, 30'011);
      EXPECT_EQ(sound.value().oddity, SoundOddity::kNone);
      EXPECT_LE(file.largest_read_bytes(), size_t{8} << 10);
      const CodedOutcome outcome = DecodeCodedFile(mp3);
      EXPECT_EQ(outcome.error, "");
      EXPECT_EQ(outcome.mono, MonoBySndfile(mp3, num_channels));
    }
  }
}

TEST(Mp3HeaderTest, HoldsTheTagToTheFrames) {
  auto mp3 = SomeMp3();
  const size_t count = CountPlace(mp3) + 3;
  mp3[count] = static_cast<std::byte>(std::to_integer<int>(mp3[count]) + 1);
  EXPECT_EQ(DecodeCodedFile(mp3).code(), "truncated");
  mp3[count] = static_cast<std::byte>(std::to_integer<int>(mp3[count]) - 2);
  EXPECT_EQ(DecodeCodedFile(mp3).code(), "lying_size");
}

TEST(Mp3HeaderTest, RejectsATagWithoutACount) {
  auto mp3 = SomeMp3();
  mp3[CountPlace(mp3) - 1] &= std::byte{0xFE};
  EXPECT_EQ(DecodeCodedFile(mp3).code(), "length_unknown");
}

TEST(Mp3HeaderTest, CountsTheFramesOfAFileWithoutATag) {
  const auto mp3 = ConstantWithoutTag();
  const CodedOutcome outcome = DecodeCodedFile(mp3);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.sound.oddity, SoundOddity::kNoFrameCount);
  EXPECT_EQ(outcome.mono.size(), 576 * (FrameBegins(mp3).size() - 1));
  EXPECT_EQ(outcome.mono, MonoBySndfile(mp3, 1));
}

TEST(Mp3HeaderTest, RejectsWhatTheReferenceCuts) {
  // The bit rate varies, and the first frame is a large one.
  const auto mp3 = WithoutTag(SomeMp3());
  const CodedOutcome outcome = DecodeCodedFile(mp3);
  EXPECT_EQ(outcome.code(), "reference_cuts") << outcome.error;
  EXPECT_EQ(static_cast<size_t>(outcome.detail), ReadBySndfile(mp3).size());
}

TEST(Mp3HeaderTest, RejectsEveryCutOfATaggedFile) {
  const auto mp3 = SomeMp3();
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_NE(DecodeCodedFile(FirstBytes(mp3, mp3.size() * i / 64)).error, "")
        << i;
  }
  const auto begins = FrameBegins(mp3);
  const CodedOutcome outcome =
      DecodeCodedFile(FirstBytes(mp3, begins[begins.size() - 2]));
  EXPECT_EQ(outcome.code(), "truncated");
}

// The stated exception: a cut between frames shows nowhere without a tag.
TEST(Mp3HeaderTest, RejectsEveryCutInsideAFrameOfAFileWithoutATag) {
  const auto mp3 = ConstantWithoutTag();
  const auto begins = FrameBegins(mp3);
  const CodedOutcome whole = DecodeCodedFile(mp3);
  for (size_t i = 2; i + 1 < begins.size(); i += 3) {
    for (const size_t more : {1u, 2u, 3u, 4u, 50u}) {
      // Fewer bytes do not show that a frame begins.
      EXPECT_EQ(DecodeCodedFile(FirstBytes(mp3, begins[i] + more)).code(),
                more < kMp3HeaderBytes ? "lying_size" : "truncated")
          << i << ' ' << more;
    }
    const CodedOutcome outcome = DecodeCodedFile(FirstBytes(mp3, begins[i]));
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.sound.oddity, SoundOddity::kNoFrameCount);
    EXPECT_TRUE(std::equal(outcome.mono.begin(), outcome.mono.end(),
                           whole.mono.begin()));
  }
}

TEST(Mp3HeaderTest, RejectsLostFramesAndOtherBytes) {
  const auto mp3 = SomeMp3();
  const auto begins = FrameBegins(mp3);
  auto damaged = mp3;
  damaged.erase(damaged.begin() + static_cast<ptrdiff_t>(begins[5]),
                damaged.begin() + static_cast<ptrdiff_t>(begins[6]));
  EXPECT_EQ(DecodeCodedFile(damaged).code(), "truncated");
  damaged = mp3;
  std::fill_n(damaged.begin() + static_cast<ptrdiff_t>(begins[5]), 4,
              std::byte{'x'});
  EXPECT_EQ(DecodeCodedFile(damaged).code(), "lying_size");
  EXPECT_EQ(DecodeCodedFile(Concatenated(mp3, mp3)).code(), "lying_size");
  auto stereo = WithoutTag(SomeMp3(9000, 16000, 2));
  EXPECT_EQ(DecodeCodedFile(Concatenated(mp3, stereo)).code(), "bad_header");
}

// libsndfile takes an ID3v1 tag off the size that it divides.
TEST(Mp3HeaderTest, KnowsWhatTheReferenceReadsWithATagBehindTheFrames) {
  const std::string id3v1 = "TAG" + std::string(125, 'x');
  for (const auto& mp3 : {WithoutTag(SomeMp3()), ConstantWithoutTag()}) {
    const auto tagged = Concatenated(mp3, ToBytes(id3v1));
    const CodedOutcome outcome = DecodeCodedFile(tagged);
    const size_t num_read = ReadBySndfile(tagged).size();
    if (outcome.error.empty()) {
      EXPECT_EQ(outcome.mono.size(), num_read);
    } else {
      EXPECT_EQ(outcome.code(), "reference_cuts");
      EXPECT_EQ(static_cast<size_t>(outcome.detail), num_read);
    }
  }
}

TEST(Mp3HeaderTest, AcceptsTagsBehindTheFrames) {
  const auto mp3 = SomeMp3();
  const std::string id3v1 = "TAG" + std::string(125, 'x');
  const std::string ape = "APETAGEX" + std::string(500, 'x');
  for (const std::string& tail :
       {id3v1, ape, id3v1 + ape, std::string(1024, '\0'),
        id3v1 + std::string(9, '\0')}) {
    const CodedOutcome outcome =
        DecodeCodedFile(Concatenated(mp3, ToBytes(tail)));
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.mono.size(), 40'000u);
  }
  for (const std::string& tail : {std::string(1025, '\0'), std::string("x"),
                                  "TAG" + std::string(9, 'x')}) {
    EXPECT_EQ(DecodeCodedFile(Concatenated(mp3, ToBytes(tail))).code(),
              "lying_size");
  }
}

TEST(Mp3HeaderTest, FindsTheFramesBehindId3Tags) {
  const auto mp3 = SomeMp3();
  const std::string id3 = "ID3\3" + std::string("\0\0\0\0\0\7", 6) + "1234567";
  EXPECT_EQ(DecodeCodedFile(Concatenated(ToBytes(id3), mp3)).error, "");
  // As libsndfile, which does not open these.
  EXPECT_EQ(
      DecodeCodedFile(Concatenated(ToBytes(id3 + std::string(9, '\0')), mp3))
          .code(),
      "bad_header");
  EXPECT_EQ(DecodeCodedFile(Concatenated(ToBytes("xyz"), mp3)).code(),
            "not_wav");
}

}  // namespace
}  // namespace melmill
