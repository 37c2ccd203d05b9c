#include "pipeline/record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "dsp/float16.h"
#include "dsp/resampler.h"
#include "pipeline/probe.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class RecordTest : public testing::Test {
 protected:
  RecordTask MakeTask(const std::string& name) {
    const Result<Source> source =
        ProbeSource(corpus_.Path(name), {}, *FindPreset("qwen3-asr"));
    EXPECT_TRUE(source.ok());
    RecordTask task;
    task.path = corpus_.Path(name);
    task.file_bytes = source.value().file_bytes;
    task.header = source.value().header;
    task.num_samples = source.value().num_samples;
    task.num_frames = source.value().num_frames;
    task.start = 17;
    return task;
  }

  Result<ShardRow> Try(const RecordTask& task) {
    return TryRecord(task, processor_, &input_, &workspace_);
  }

  Corpus corpus_;
  RecordProcessor processor_{LogMelOptions{}, FeatureType::kFloat16};
  RecordInput input_;
  RecordWorkspace workspace_{processor_.log_mel()};
};

TEST_F(RecordTest, GivesTheFeaturesOfTheWholeClip) {
  // Over three blocks of the file, in pieces that do not fit its samples.
  WavSpec spec;
  spec.sample_rate_hz = 48000;
  spec.num_channels = 3;
  spec.encoding = SampleEncoding::kFloat32;
  corpus_.AddWav("a.wav", 300'007, 1, spec);
  const RecordTask task = MakeTask("a.wav");
  const Result<ShardRow> row = Try(task);
  ASSERT_TRUE(row.ok()) << row.error().message;

  const std::vector<float> interleaved = MakeSamples(300'007, 3, 1);
  std::vector<float> mono;
  for (size_t i = 0; i < interleaved.size(); i += 3) {
    mono.push_back((interleaved[i] + interleaved[i + 1] + interleaved[i + 2]) /
                   3.0f);
  }
  std::vector<float> samples;
  Resampler resampler(48000, 16000);
  resampler.Process(mono, &samples);
  resampler.Finish(&samples);
  std::vector<std::byte> features(workspace_.features().size());
  const ClipLevels levels =
      processor_.log_mel().Compute(samples, FeatureType::kFloat16, features,
                                   *processor_.log_mel().MakeWorkspace());
  EXPECT_EQ(workspace_.features(), features);
  EXPECT_EQ(row.value().body_max, levels.body_max);
  EXPECT_EQ(row.value().floor, levels.floor);
  EXPECT_EQ(row.value().num_samples, samples.size());
  EXPECT_EQ(row.value().num_frames, samples.size() / 160);
  EXPECT_EQ(row.value().start, 17u);
  EXPECT_EQ(row.value().source_rate, 48000u);
  EXPECT_EQ(row.value().source_channels, 3u);
  EXPECT_EQ(row.value().source_num_samples, 300'007u);
  EXPECT_TRUE(std::equal(samples.end() - 400, samples.end(),
                         workspace_.tail_samples().begin()));
  Hasher128 hasher;
  hasher.Update(EncodeSamples(interleaved, SampleEncoding::kFloat32));
  EXPECT_EQ(row.value().source_checksum, hasher.Digest());
}

TEST_F(RecordTest, TailOfAShortClipHasZerosInFront) {
  corpus_.AddWav("long.wav", 2000, 1);
  corpus_.AddWav("short.wav", 250, 2);
  ASSERT_TRUE(Try(MakeTask("long.wav")).ok());
  ASSERT_TRUE(Try(MakeTask("short.wav")).ok());
  const std::vector<float>& tail = workspace_.tail_samples();
  ASSERT_EQ(tail.size(), 400u);
  EXPECT_TRUE(std::all_of(tail.begin(), tail.begin() + 150,
                          [](float x) { return x == 0; }));
  const float first = MakeSamples(250, 1, 2)[0];
  EXPECT_NEAR(tail[150], first, 1.0f / 32768);
}

TEST_F(RecordTest, NamesTheFirstSampleThatIsNotFinite) {
  WavSpec spec;
  spec.encoding = SampleEncoding::kFloat32;
  spec.num_channels = 2;
  // In the second of the blocks in which the file is read.
  std::vector<float> samples = MakeSamples(250'000, 2, 1);
  samples[2 * 201'234 + 1] = INFINITY;
  WriteWholeFile(corpus_.Path("a.wav"), ToString(BuildWav(spec, samples)));
  const Result<ShardRow> row = Try(MakeTask("a.wav"));
  ASSERT_FALSE(row.ok());
  EXPECT_EQ(row.error().code, ErrorCode::kNotFinite);
  EXPECT_EQ(row.error().message, "sample 201234 is NaN or infinite");
  EXPECT_EQ(RejectMessage(row.error().code, row.error().detail),
            row.error().message);
}

TEST_F(RecordTest, SamplesThatOverflowWhenResampledAreNotFinite) {
  WavSpec spec;
  spec.encoding = SampleEncoding::kFloat32;
  spec.sample_rate_hz = 8000;
  std::vector<float> samples(5000);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] = (i / 3) % 2 == 0 ? 3.4e38f : -3.4e38f;
  }
  WriteWholeFile(corpus_.Path("a.wav"), ToString(BuildWav(spec, samples)));
  const Result<ShardRow> row = Try(MakeTask("a.wav"));
  ASSERT_FALSE(row.ok());
  EXPECT_EQ(row.error().code, ErrorCode::kNotFinite);
  EXPECT_EQ(row.error().detail, -1);
}

TEST_F(RecordTest, RefusesAFileOfAnotherHeader) {
  corpus_.AddWav("a.wav", 4000, 1);
  const RecordTask task = MakeTask("a.wav");
  std::string bytes = ReadWholeFile(task.path);
  bytes[24] ^= 1;  // the sample rate
  WriteWholeFile(task.path, bytes);
  EXPECT_EQ(Try(task).error().code, ErrorCode::kChangedSincePlan);
  WriteWholeFile(task.path, std::string(bytes.size(), 'x'));
  EXPECT_EQ(Try(task).error().code, ErrorCode::kChangedSincePlan);
}

TEST_F(RecordTest, WaitsForTheDeviceOnlyWhenItMay) {
  corpus_.AddWav("a.wav", 4000, 1);
  const RecordTask task = MakeTask("a.wav");
  const Result<bool> waited = processor_.ReadRecord(task, true, &input_);
  ASSERT_TRUE(waited.ok());
  EXPECT_TRUE(waited.value());
  // Without waiting either answer is right; an error is not.
  EXPECT_TRUE(processor_.ReadRecord(task, false, &input_).ok());
}

TEST(RejectMessageTest, TurnsOpenErrorsIntoLastingIoErrors) {
  const Error lasting =
      LastingError({ErrorCode::kNoPermission, "whatever", EACCES});
  EXPECT_EQ(lasting.code, ErrorCode::kIoError);
  EXPECT_EQ(lasting.message, "could not be read: Permission denied");
  EXPECT_EQ(LastingError({ErrorCode::kIsDirectory, "x", 0}).message,
            "could not be read: not a regular file");
  EXPECT_EQ(LastingError({ErrorCode::kNotFinite, "x", 3}).code,
            ErrorCode::kNotFinite);
}

}  // namespace
}  // namespace melmill
