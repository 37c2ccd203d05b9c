#include "pipeline/row/row_computer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "dsp/features/feature_grid.h"
#include "dsp/features/float16.h"
#include "dsp/resample/resampler.h"
#include "io/hash.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/row/feature_sink.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_control.h"
#include "tests/support/corpus.h"
#include "tests/support/heap_meter.h"

namespace melmill {
namespace {

// Keeps the features of one row.
class MemorySink : public FeatureSink {
 public:
  Result<void> Write(uint64_t offset_bytes,
                     std::span<const std::byte> features) override {
    ++num_writes;
    if (on_write) on_write();
    EXPECT_LE(offset_bytes + features.size(), bytes.size());
    std::copy(features.begin(), features.end(),
              bytes.begin() + static_cast<ptrdiff_t>(offset_bytes));
    return {};
  }
  Result<void> Read(uint64_t offset_bytes,
                    std::span<std::byte> features) override {
    ++num_reads;
    if (on_read) on_read();
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(offset_bytes),
                features.size(), features.begin());
    return {};
  }

  std::vector<std::byte> bytes;
  int num_writes = 0;
  int num_reads = 0;
  std::function<void()> on_write;
  std::function<void()> on_read;
};

float PeakOf(const std::vector<float>& samples) {
  float peak = 0;
  for (const float sample : samples) peak = std::max(peak, std::abs(sample));
  return peak;
}

class RowComputerTest : public testing::Test {
 protected:
  RowTask MakeTask(const std::string& name) {
    const Result<SeenSource> seen =
        ReadSource(corpus_.Path(name), {}, *FindPreset("qwen3-asr"));
    EXPECT_TRUE(seen.ok());
    RowTask task;
    task.path = corpus_.Path(name);
    task.source = seen.value().source;
    task.start = 17;
    return task;
  }

  // The task of a segment of that file.
  RowTask MakeSegmentTask(const std::string& name, int64_t start,
                          int64_t num_samples) {
    PieceRequest piece;
    piece.segment =
        SegmentRequest{.start_sample = start, .num_samples = num_samples};
    const Result<SeenSource> seen =
        ReadSource(corpus_.Path(name), {}, *FindPreset("qwen3-asr"), piece);
    EXPECT_TRUE(seen.ok());
    RowTask task;
    task.path = corpus_.Path(name);
    task.source = seen.value().source;
    return task;
  }

  Result<ShardRow> Try(const RowTask& task) {
    sink_.bytes.assign(static_cast<size_t>(task.source.num_frames) * 256,
                       std::byte{0xee});
    return TryRow(task, processor_, &input_, &sink_, &workspace_);
  }

  Corpus corpus_;
  RowComputer processor_{
      MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16,
                      {.resampler = ResamplerKind::kSpectral})};
  RowInput input_;
  MemorySink sink_;
  RowWorkspace workspace_{processor_};
};

TEST_F(RowComputerTest, GivesTheFeaturesOfTheWholeClip) {
  // The clip takes more than three blocks of the file, whose ends are inside
  // samples.
  WavSpec spec;
  spec.sample_rate_hz = 48000;
  spec.num_channels = 3;
  spec.encoding = SampleEncoding::kFloat32;
  corpus_.AddWav("a.wav", 300'007, 1, spec);
  const RowTask task = MakeTask("a.wav");
  const Result<ShardRow> row = Try(task);
  ASSERT_TRUE(row.ok()) << row.error().message;

  const std::vector<float> interleaved = MakeSamples(300'007, 3, 1);
  std::vector<float> mono;
  for (size_t i = 0; i < interleaved.size(); i += 3) {
    mono.push_back((interleaved[i] + interleaved[i + 1] + interleaved[i + 2]) /
                   3.0f);
  }
  SampleVector samples;
  Resampler resampler(processor_.code_path().spectral);
  resampler.Start(48000, 16000);
  resampler.Process(mono, &samples);
  resampler.Finish(&samples);
  std::vector<std::byte> features(sink_.bytes.size());
  const ClipLevels levels =
      processor_.log_mel().Compute(samples, FeatureType::kFloat16, features,
                                   *processor_.log_mel().MakeWorkspace());
  EXPECT_EQ(sink_.bytes, features);
  EXPECT_EQ(row.value().checksum, Xxh3_64(features));
  EXPECT_EQ(row.value().body_max, levels.body_max);
  EXPECT_EQ(row.value().peak, PeakOf(mono));
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

// A row of many pieces is written before its maximum is known, and clamped
// afterwards. Its last piece may be one frame, or its loudest.
TEST_F(RowComputerTest, GivesTheFeaturesOfAVeryLongClip) {
  for (const size_t num_samples :
       {size_t{20'000 * 160}, size_t{6 * 3024 * 160 + 160},
        size_t{6 * 3024 * 160 + 250}}) {
    std::vector<float> samples = MakeSamples(num_samples, 1, 5);
    for (size_t i = 0; i + 20'000 < num_samples; ++i) samples[i] *= 1e-4f;
    WavSpec spec;
    spec.sample_rate_hz = 16000;
    spec.encoding = SampleEncoding::kFloat32;
    WriteWholeFile(corpus_.Path("a.wav"), ToString(BuildWav(spec, samples)));
    const RowTask task = MakeTask("a.wav");
    sink_.num_writes = 0;
    const Result<ShardRow> row = Try(task);
    ASSERT_TRUE(row.ok()) << row.error().message;
    EXPECT_GT(sink_.num_writes, 10) << "the row is meant to be a long one";
    std::vector<std::byte> features(sink_.bytes.size());
    const ClipLevels levels =
        processor_.log_mel().Compute(samples, FeatureType::kFloat16, features,
                                     *processor_.log_mel().MakeWorkspace());
    EXPECT_TRUE(sink_.bytes == features) << num_samples;
    EXPECT_EQ(row.value().body_max, levels.body_max);
    EXPECT_EQ(row.value().peak, PeakOf(samples));
    EXPECT_EQ(row.value().floor, levels.floor);
    EXPECT_EQ(row.value().checksum, Xxh3_64(features));
    EXPECT_TRUE(std::equal(samples.end() - 400, samples.end(),
                           workspace_.tail_samples().begin()));
  }
}

// Bytes are counted from a floor that rises with each louder piece. Those of
// the last frames are counted from that of all frames.
TEST_F(RowComputerTest, GivesTheBytesOfShortAndOfVeryLongClips) {
  const RowComputer computer(MakeFeatureSpec("qwen3-asr", FeatureType::kUint8));
  RowWorkspace workspace(computer);
  for (const size_t num_samples :
       {size_t{32'000}, size_t{20'000 * 160}, size_t{6 * 3024 * 160 + 160},
        size_t{6 * 3024 * 160 + 250}}) {
    std::vector<float> samples = MakeSamples(num_samples, 1, 5);
    for (size_t i = 0; i < num_samples; ++i) {
      samples[i] *= 1e-4f * static_cast<float>(1 + i / 500'000 * 30);
    }
    for (size_t i = num_samples - 40; i < num_samples; ++i) {
      samples[i] = i % 8 < 4 ? 1 : -1;
    }
    WavSpec spec;
    spec.sample_rate_hz = 16000;
    spec.encoding = SampleEncoding::kFloat32;
    WriteWholeFile(corpus_.Path("a.wav"), ToString(BuildWav(spec, samples)));
    const RowTask task = MakeTask("a.wav");
    const auto num_values = static_cast<size_t>(task.source.num_frames) * 128;
    sink_.bytes.assign(num_values, std::byte{0xee});
    sink_.num_writes = 0;
    const Result<ShardRow> row =
        TryRow(task, computer, &input_, &sink_, &workspace);
    ASSERT_TRUE(row.ok()) << row.error().message;
    EXPECT_EQ(sink_.num_writes > 10, num_samples > 32'000);
    std::vector<std::byte> features(2 * num_values);
    const LogMel& log_mel = computer.log_mel();
    const ClipLevels levels = log_mel.Compute(
        samples, FeatureType::kUint8, features, *log_mel.MakeWorkspace());
    const bool has_end_frames = num_samples % 160 == 0;
    EXPECT_EQ(GridStep(levels.floor) != GridStep(log_mel.BodyFloor(levels)),
              has_end_frames);
    features.resize(num_values);
    EXPECT_TRUE(sink_.bytes == features) << num_samples;
    EXPECT_EQ(row.value().checksum, Xxh3_64(features));
  }
}

// PCM16 of the feature rate is used as it lies in the file. Any other form goes
// through floats and must give the same bits.
TEST_F(RowComputerTest, TakesPcm16InPlaceOrNotForTheSameBytes) {
  WavSpec spec;
  spec.sample_rate_hz = 16000;
  for (const size_t num_samples : {201u, 1000u, 47'111u, 700'000u}) {
    corpus_.AddWav("plain.wav", num_samples, 3, spec);
    WavSpec swapped = spec;
    swapped.container = WavContainer::kRifx;
    corpus_.AddWav("swapped.wav", num_samples, 3, swapped);
    const Result<ShardRow> plain = Try(MakeTask("plain.wav"));
    ASSERT_TRUE(plain.ok());
    const std::vector<std::byte> features = sink_.bytes;
    const std::vector<float> tail(workspace_.tail_samples().begin(),
                                  workspace_.tail_samples().end());
    const Result<ShardRow> other = Try(MakeTask("swapped.wav"));
    ASSERT_TRUE(other.ok());
    EXPECT_TRUE(sink_.bytes == features) << num_samples;
    EXPECT_TRUE(std::equal(tail.begin(), tail.end(),
                           workspace_.tail_samples().begin()));
    EXPECT_EQ(plain.value().floor, other.value().floor);
    EXPECT_EQ(plain.value().body_max, other.value().body_max);
    EXPECT_NEAR(plain.value().peak, PeakOf(MakeSamples(num_samples, 1, 3)),
                0x1p-16);
    EXPECT_EQ(plain.value().peak, other.value().peak);
  }
}

// A segment is computed as a file of its own that has its samples.
TEST_F(RowComputerTest, ASegmentEqualsAFileOfItsSamples) {
  for (const auto& [rate_hz, num_channels, encoding] :
       {std::tuple(16000, 1, SampleEncoding::kPcm16),
        std::tuple(16000, 2, SampleEncoding::kPcm24),
        std::tuple(44100, 2, SampleEncoding::kPcm16),
        std::tuple(48000, 3, SampleEncoding::kFloat32),
        std::tuple(8000, 1, SampleEncoding::kMuLaw)}) {
    WavSpec spec;
    spec.sample_rate_hz = rate_hz;
    spec.num_channels = num_channels;
    spec.encoding = encoding;
    const auto channels = static_cast<size_t>(num_channels);
    // Of each type, more than one block of the file.
    const int length = num_channels == 1 ? 600'001 : 300'001;
    const std::vector<float> samples = MakeSamples(length, num_channels, 8);
    WriteWholeFile(corpus_.Path("a.wav"), ToString(BuildWav(spec, samples)));
    for (const auto& [start, count] :
         {std::pair(0, 5000), std::pair(1, length - 2), std::pair(77, 3001),
          std::pair(length - 290'000, 280'001),
          std::pair(length - 10'001, 10'001)}) {
      const auto begin =
          samples.begin() + static_cast<ptrdiff_t>(channels) * start;
      const std::vector<float> own(
          begin, begin + static_cast<ptrdiff_t>(channels) * count);
      WriteWholeFile(corpus_.Path("own.wav"), ToString(BuildWav(spec, own)));
      Result<ShardRow> alone = Try(MakeTask("own.wav"));
      ASSERT_TRUE(alone.ok());
      const std::vector<std::byte> features = sink_.bytes;
      const std::vector<float> tail(workspace_.tail_samples().begin(),
                                    workspace_.tail_samples().end());
      const RowTask task = MakeSegmentTask("a.wav", start, count);
      workspace_.times = {};
      const Result<ShardRow> row = Try(task);
      ASSERT_TRUE(row.ok()) << row.error().message;
      EXPECT_TRUE(sink_.bytes == features) << rate_hz << ' ' << start;
      EXPECT_TRUE(std::equal(tail.begin(), tail.end(),
                             workspace_.tail_samples().begin()));
      alone.value().start = 0;
      alone.value().source_num_samples = static_cast<uint64_t>(length);
      EXPECT_EQ(row.value(), alone.value()) << rate_hz << ' ' << start;
      // Only its own bytes are read; a sample on the border of two blocks is
      // read twice.
      EXPECT_GE(workspace_.times.bytes_read, task.source.own_data_bytes());
      EXPECT_LE(workspace_.times.bytes_read,
                task.source.own_data_bytes() + 12 * 12);
    }
  }
}

// Samples outside the segment do not matter.
TEST_F(RowComputerTest, ASegmentIsAcceptedWhateverTheOtherSamplesAre) {
  WavSpec spec;
  spec.encoding = SampleEncoding::kFloat32;
  std::vector<float> samples = MakeSamples(9000, 1, 8);
  samples[1999] = samples[5000] = std::numeric_limits<float>::quiet_NaN();
  WriteWholeFile(corpus_.Path("a.wav"), ToString(BuildWav(spec, samples)));
  EXPECT_TRUE(Try(MakeSegmentTask("a.wav", 2000, 3000)).ok());
  const Result<ShardRow> bad = Try(MakeSegmentTask("a.wav", 2000, 3001));
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, RejectCode::kNotFinite);
  EXPECT_EQ(bad.error().detail, 5000);  // in the file
}

TEST_F(RowComputerTest, ASegmentOfAnotherHeaderHasChanged) {
  WavSpec spec;
  corpus_.AddWav("a.wav", 9000, 3, spec);
  const RowTask task = MakeSegmentTask("a.wav", 2000, 3000);
  EXPECT_TRUE(Try(task).ok());
  spec.sample_rate_hz = 22050;
  corpus_.AddWav("a.wav", 9000, 3, spec);
  const Result<ShardRow> row = Try(task);
  ASSERT_FALSE(row.ok());
  EXPECT_EQ(row.error().code, RejectCode::kChangedSincePlan);
}

TEST_F(RowComputerTest, ARangeEqualsTheFileThatItHolds) {
  corpus_.AddWav("a.wav", 700'000, 3);
  const Result<ShardRow> alone = Try(MakeTask("a.wav"));
  ASSERT_TRUE(alone.ok());
  const std::vector<std::byte> features = sink_.bytes;
  const std::string member = ReadWholeFile(corpus_.Path("a.wav"));
  const std::string archive = std::string(1535, 'x') + member + "RIFFxxxxWAVE";
  WriteWholeFile(corpus_.Path("a.tar"), archive);
  PieceRequest piece;
  piece.range = ByteRange{1535, member.size()};
  const Result<SeenSource> seen =
      ReadSource(corpus_.Path("a.tar"), {}, *FindPreset("qwen3-asr"), piece);
  ASSERT_TRUE(seen.ok()) << seen.error().message;
  RowTask task;
  task.path = corpus_.Path("a.tar");
  task.source = seen.value().source;
  task.start = 17;
  const Result<ShardRow> row = Try(task);
  ASSERT_TRUE(row.ok()) << row.error().message;
  EXPECT_TRUE(sink_.bytes == features);
  EXPECT_EQ(row.value(), alone.value());
  WriteWholeFile(corpus_.Path("a.tar"), archive + "more");
  EXPECT_TRUE(Try(task).ok()) << "an archive may grow";
  WriteWholeFile(corpus_.Path("a.tar"), archive.substr(0, 2000));
  const Result<ShardRow> cut = Try(task);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, RejectCode::kChangedSincePlan);
}

TEST_F(RowComputerTest, TruncatesLongClipsToTheirFirstSamples) {
  WavSpec spec;
  spec.sample_rate_hz = 8000;
  corpus_.AddWav("a.wav", 400'000, 3, spec);
  RowTask task = MakeTask("a.wav");
  task.source.num_samples = 480'000;
  task.source.num_frames = 3000;
  ASSERT_TRUE(Try(task).ok());
  SampleVector samples;
  Resampler resampler(processor_.code_path().spectral);
  resampler.Start(8000, 16000);
  const std::vector<float> source = MakeSamples(400'000, 1, 3);
  std::vector<float> rounded;
  const std::string encoded = EncodeSamples(source, SampleEncoding::kPcm16);
  for (size_t i = 0; i < encoded.size(); i += 2) {
    int16_t value;
    std::memcpy(&value, encoded.data() + i, 2);
    rounded.push_back(value / 32768.0f);
  }
  resampler.Process(rounded, &samples);
  samples.resize(480'000);
  std::vector<std::byte> features(sink_.bytes.size());
  processor_.log_mel().Compute(samples, FeatureType::kFloat16, features,
                               *processor_.log_mel().MakeWorkspace());
  EXPECT_TRUE(sink_.bytes == features);
}

TEST_F(RowComputerTest, AllocatesNothingForAnotherRowOfACommonFormat) {
  WavSpec spec;
  spec.sample_rate_hz = 16000;
  corpus_.AddWav("long.wav", 400'000, 3, spec);
  corpus_.AddWav("short.wav", 100'000, 4, spec);
  spec.num_channels = 2;
  spec.encoding = SampleEncoding::kPcm24;
  corpus_.AddWav("stereo.wav", 90'000, 5, spec);
  spec.sample_rate_hz = 48000;
  corpus_.AddWav("resampled.wav", 200'000, 6, spec);
  for (const char* name : {"long.wav", "stereo.wav", "resampled.wav"}) {
    ASSERT_TRUE(Try(MakeTask(name)).ok());
  }
  for (const char* name :
       {"short.wav", "resampled.wav", "stereo.wav", "long.wav"}) {
    const RowTask task = MakeTask(name);
    sink_.bytes.assign(static_cast<size_t>(task.source.num_frames) * 256,
                       std::byte{0});
    const HeapMeter meter;
    const Result<ShardRow> row =
        TryRow(task, processor_, &input_, &sink_, &workspace_);
    EXPECT_EQ(meter.PeakBytes(), 0u) << name;
    ASSERT_TRUE(row.ok());
  }
}

TEST_F(RowComputerTest, StaysWithinItsMemoryBoundWhateverTheLength) {
  WavSpec spec;
  spec.sample_rate_hz = 48000;
  spec.num_channels = 2;
  spec.encoding = SampleEncoding::kPcm24;
  corpus_.AddWav("a.wav", 48000 * 150, 3, spec);
  const RowTask task = MakeTask("a.wav");
  sink_.bytes.resize(static_cast<size_t>(task.source.num_frames) * 256);
  const HeapMeter meter;
  ASSERT_TRUE(TryRow(task, processor_, &input_, &sink_, &workspace_).ok());
  EXPECT_LE(meter.PeakBytes(), processor_.MemoryBytes(task.source));
  EXPECT_LE(processor_.MemoryBytes(task.source), uint64_t{16} << 20);
}

TEST_F(RowComputerTest, KeepsLittleOfWhatALongRowTook) {
  WavSpec spec;
  spec.sample_rate_hz = 48000;
  corpus_.AddWav("a.wav", 48000 * 150, 3, spec);
  const RowTask task = MakeTask("a.wav");
  sink_.bytes.resize(static_cast<size_t>(task.source.num_frames) * 256);
  const size_t before = heap_live_bytes;
  const HeapMeter meter;
  ASSERT_TRUE(TryRow(task, processor_, &input_, &sink_, &workspace_).ok());
  // The samples take this much. AddressSanitizer hides arrays from the meter.
  EXPECT_GT(meter.PeakBytes(), size_t{2} << 20)
      << "the row is meant to be long";
  constexpr size_t kResamplerBytes = size_t{256} << 10;
  EXPECT_LE(heap_live_bytes - before,
            RowComputer::kMaxInputBytes + kResamplerBytes);
}

// A stopped run's row asks before each piece and ends without an outcome.
class RowStopTest : public RowComputerTest {
 protected:
  // The row has seven pieces, which are written before they are clamped.
  RowTask MakeLongTask() {
    corpus_.AddWav("long.wav", size_t{20'000} * 160, 3);
    RowTask task = MakeTask("long.wav");
    task.permit = &permit_;
    return task;
  }
  void EndGrace() {
    control_.grace = std::chrono::seconds(-1);
    control_.RequestStop(15);
  }
  void ExpectStopped(const RowTask& task) {
    const Result<ShardRow> row = Try(task);
    ASSERT_FALSE(row.ok());
    EXPECT_EQ(row.error().code, ErrorCode::kStopped);
    EXPECT_FALSE(MayBeMachineFault(row.error().code));
  }

  // Revokes the task's permit at question `number`, counted from 1.
  void RevokeAtQuestion(int number, RowTask* task) {
    counting_permit_.emplace(control_, [this, number] {
      if (++num_questions_ == number) counting_permit_->Revoke();
    });
    task->permit = &*counting_permit_;
    control_.RequestStop(15);
  }

  RunControl control_;
  WorkPermit permit_{control_};
  std::optional<WorkPermit> counting_permit_;
  int num_questions_ = 0;
};

TEST_F(RowStopTest, CountsTheFramesOfEachPiece) {
  RowTask task = MakeLongTask();
  WorkPermit permit(control_, [] { ADD_FAILURE() << "nobody asked to stop"; });
  task.permit = &permit;
  ASSERT_TRUE(Try(task).ok());
  EXPECT_EQ(permit.num_frames(), static_cast<uint64_t>(task.source.num_frames));
}

TEST_F(RowStopTest, EndsBeforeTheFileIsOpened) {
  const RowTask task = MakeLongTask();
  EndGrace();
  corpus_.AddWav("long.wav", 1000, 3);  // else changed_since_plan
  ExpectStopped(task);
  EXPECT_EQ(sink_.num_writes, 0);
}

TEST_F(RowStopTest, EndsBeforeTheNextPiece) {
  const RowTask task = MakeLongTask();
  sink_.on_write = [this] {
    if (sink_.num_writes == 3) EndGrace();
  };
  ExpectStopped(task);
  EXPECT_EQ(sink_.num_writes, 3);
  EXPECT_EQ(permit_.num_frames(), 3u * kPieceFrames);
}

TEST_F(RowStopTest, EndsBeforeTheNextPieceIsClamped) {
  const RowTask task = MakeLongTask();
  sink_.on_read = [this] {
    if (sink_.num_reads == 2) permit_.Revoke();
  };
  ExpectStopped(task);
  EXPECT_EQ(sink_.num_reads, 2);
}

// The row has two pieces and is transformed where it was read.
TEST_F(RowStopTest, EndsARowInMemoryToo) {
  corpus_.AddWav("short.wav", size_t{32} * 16000, 3);
  RowTask task = MakeTask("short.wav");
  RevokeAtQuestion(3, &task);
  ExpectStopped(task);
  EXPECT_EQ(num_questions_, 3);  // opening it, and two pieces
  EXPECT_EQ(counting_permit_->num_frames(),
            static_cast<uint64_t>(kPieceFrames));
}

// The rest of a truncated clip is read only for its checksum, without pieces to
// compute.
TEST_F(RowStopTest, EndsBeforeTheNextBlockIsRead) {
  RowTask task = MakeLongTask();
  task.source.num_samples = 1600;
  task.source.num_frames = 10;
  RevokeAtQuestion(4, &task);
  ExpectStopped(task);
  EXPECT_EQ(num_questions_, 4);  // opening it, and three blocks
  EXPECT_EQ(counting_permit_->num_frames(), 0u);
}

TEST_F(RowComputerTest, TailOfAShortClipHasZerosInFront) {
  corpus_.AddWav("long.wav", 2000, 1);
  corpus_.AddWav("short.wav", 250, 2);
  ASSERT_TRUE(Try(MakeTask("long.wav")).ok());
  ASSERT_TRUE(Try(MakeTask("short.wav")).ok());
  const std::span<const float> tail = workspace_.tail_samples();
  ASSERT_EQ(tail.size(), 400u);
  EXPECT_TRUE(std::all_of(tail.begin(), tail.begin() + 150,
                          [](float x) { return x == 0; }));
  const float first = MakeSamples(250, 1, 2)[0];
  EXPECT_NEAR(tail[150], first, 1.0f / 32768);
}

TEST_F(RowComputerTest, NamesTheFirstSampleThatIsNotFinite) {
  WavSpec spec;
  spec.encoding = SampleEncoding::kFloat32;
  spec.num_channels = 2;
  // The bad sample is in the second block of the file.
  std::vector<float> samples = MakeSamples(250'000, 2, 1);
  samples[2 * 201'234 + 1] = INFINITY;
  WriteWholeFile(corpus_.Path("a.wav"), ToString(BuildWav(spec, samples)));
  const Result<ShardRow> row = Try(MakeTask("a.wav"));
  ASSERT_FALSE(row.ok());
  EXPECT_EQ(row.error().code, RejectCode::kNotFinite);
  EXPECT_EQ(row.error().message, "sample 201234 is NaN or infinite");
  EXPECT_EQ(RejectMessage(row.error().code.reject(), row.error().detail),
            row.error().message);
}

TEST_F(RowComputerTest, SamplesThatOverflowWhenResampledAreNotFinite) {
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
  EXPECT_EQ(row.error().code, RejectCode::kNotFinite);
  EXPECT_EQ(row.error().detail, -1);
}

TEST_F(RowComputerTest, RefusesAFileOfAnotherHeader) {
  corpus_.AddWav("a.wav", 4000, 1);
  const RowTask task = MakeTask("a.wav");
  std::string bytes = ReadWholeFile(task.path);
  bytes[24] ^= 1;  // the sample rate
  WriteWholeFile(task.path, bytes);
  EXPECT_EQ(Try(task).error().code, RejectCode::kChangedSincePlan);
  WriteWholeFile(task.path, std::string(bytes.size(), 'x'));
  EXPECT_EQ(Try(task).error().code, RejectCode::kChangedSincePlan);
}

TEST_F(RowComputerTest, WaitsForTheDeviceOnlyWhenItMay) {
  corpus_.AddWav("a.wav", 4000, 1);
  const RowTask task = MakeTask("a.wav");
  const Result<bool> waited = processor_.ReadRow(task, true, &input_);
  ASSERT_TRUE(waited.ok());
  EXPECT_TRUE(waited.value());
  // Without waiting either result is right, but not an error.
  EXPECT_TRUE(processor_.ReadRow(task, false, &input_).ok());
}

TEST(RejectMessageTest, TurnsOpenErrorsIntoLastingIoErrors) {
  const Error lasting =
      LastingError({RejectCode::kNoPermission, "whatever", EACCES});
  EXPECT_EQ(lasting.code, RejectCode::kIoError);
  EXPECT_EQ(lasting.message, "could not be read: Permission denied");
  EXPECT_EQ(LastingError({RejectCode::kIsDirectory, "x", 0}).message,
            "could not be read: not a regular file");
  EXPECT_EQ(LastingError({RejectCode::kNotFinite, "x", 3}).code,
            RejectCode::kNotFinite);
}

}  // namespace
}  // namespace melmill
