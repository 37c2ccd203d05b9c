#include "pipeline/plan/read_source.h"

#include <gtest/gtest.h>

#include "pipeline/setup/feature_spec.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class ReadSourceTest : public testing::Test {
 protected:
  Result<Source> Read(const std::string& name) {
    const Result<SeenSource> seen =
        ReadSource(corpus_.Path(name), config_.clips, *config_.features.preset);
    if (!seen.ok()) return seen.error();
    return seen.value().source;
  }
  ErrorCode Code(const std::string& name) {
    const Result<Source> source = Read(name);
    return source.ok() ? ErrorCode::kNone : source.error().code;
  }

  Corpus corpus_;
  RunConfig config_;
};

TEST_F(ReadSourceTest, TellsLengthsAtTheFeatureRate) {
  WavSpec spec;
  spec.sample_rate_hz = 22050;
  corpus_.AddWav("a.wav", 30001, 1, spec);
  const Result<Source> source = Read("a.wav");
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source.value().header.num_samples, 30001);
  EXPECT_EQ(source.value().num_samples, 21770);  // ceil(30001 * 16000 / 22050)
  EXPECT_EQ(source.value().num_frames, 136);
  EXPECT_EQ(source.value().file_bytes, 44u + 2 * 30001);
}

TEST_F(ReadSourceTest, ShortestClipHas201SamplesAt16Khz) {
  corpus_.AddWav("200.wav", 200, 1);
  corpus_.AddWav("201.wav", 201, 1);
  EXPECT_EQ(Code("200.wav"), RejectCode::kTooShort);
  EXPECT_EQ(Code("201.wav"), ErrorCode::kNone);
  EXPECT_EQ(Read("200.wav").error().message,
            "200 samples at 16000 Hz; at least 201 are needed (12.56 ms)");
}

TEST_F(ReadSourceTest, LongestClipIsTheConfigurations) {
  corpus_.AddWav("a.wav", 16001, 1);
  config_.clips.max_duration_s = 1;
  EXPECT_EQ(Code("a.wav"), RejectCode::kTooLong);
  config_.clips.max_duration_s = 1.1;
  EXPECT_EQ(Code("a.wav"), ErrorCode::kNone);
}

TEST_F(ReadSourceTest, WhisperTakes30SecondsOrIsTruncated) {
  config_.features = MakeFeatureSpec("whisper");
  corpus_.AddWav("30.wav", 480'000, 1);
  corpus_.AddWav("long.wav", 480'001, 1);
  EXPECT_EQ(Read("30.wav").value().num_frames, 3000);
  EXPECT_EQ(Code("long.wav"), RejectCode::kTooLong);
  config_.clips.truncate = true;
  EXPECT_EQ(Read("long.wav").value().num_samples, 480'000);
}

TEST_F(ReadSourceTest, PassesOnWhatIsWrongWithTheFile) {
  EXPECT_EQ(Code("missing.wav"), RejectCode::kNotFound);
  WriteWholeFile(corpus_.Path("empty.wav"), "");
  EXPECT_EQ(Code("empty.wav"), RejectCode::kEmptyFile);
  EXPECT_EQ(Code(""), RejectCode::kIsDirectory);
}

}  // namespace
}  // namespace melmill
