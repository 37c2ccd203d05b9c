// Rows of coded sound, through ReadSource and TryRow.

#include <gtest/gtest.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "dsp/samples/pcm.h"
#include "io/hash.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/row/feature_sink.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_control.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"
#include "tests/support/sound_builder.h"

namespace melmill {
namespace {

class CodedRowTest : public testing::TestWithParam<SampleEncoding> {
 protected:
  RowTask MakeTask(const std::string& name) {
    const Result<SeenSource> seen =
        ReadSource(corpus_.Path(name), {}, *FindPreset("qwen3-asr"));
    EXPECT_TRUE(seen.ok()) << seen.error().message;
    RowTask task;
    task.path = corpus_.Path(name);
    if (seen.ok()) task.source = seen.value().source;
    return task;
  }
  Result<ShardRow> Try(const RowTask& task) {
    MemorySink sink(&features_);
    return TryRow(task, computer_, &input_, &sink, &workspace_);
  }
  // Writes a coded file of these samples, and returns its bytes.
  std::vector<std::byte> Add(const std::string& name, size_t num_samples,
                             int rate_hz = 16000, int num_channels = 1) {
    const auto bytes =
        EncodeSound(GetParam(), MakeSamples(num_samples, num_channels, 5),
                    rate_hz, num_channels);
    WriteWholeFile(corpus_.Path(name), ToString(bytes));
    return bytes;
  }
  // Writes a file that takes more than a block, since it is noise.
  std::vector<std::byte> AddLong(const std::string& name) {
    const bool is_lossless = GetParam() == SampleEncoding::kFlac;
    std::vector<float> noise(is_lossless ? 1'000'000 : 4'200'000);
    for (size_t i = 0; i < noise.size(); ++i) {
      noise[i] = static_cast<float>(i * i % 65'521) / 65'521 - 0.5f;
    }
    const auto bytes = EncodeSound(GetParam(), noise, 16000, 1);
    EXPECT_GT(bytes.size(), RowComputer::kMaxInputBytes);
    WriteWholeFile(corpus_.Path(name), ToString(bytes));
    return bytes;
  }
  // Compares a row with that of a WAV of the samples that libsndfile decodes.
  void ExpectFeaturesOfDecodedSamples(const std::string& name) {
    const RowTask task = MakeTask(name);
    const Result<ShardRow> row = Try(task);
    ASSERT_TRUE(row.ok()) << row.error().message;
    const std::vector<std::byte> features = features_;
    const std::vector<float> tail(workspace_.tail_samples().begin(),
                                  workspace_.tail_samples().end());
    const std::string bytes = ReadWholeFile(task.path);
    WavSpec wav;
    wav.encoding = SampleEncoding::kFloat32;
    wav.sample_rate_hz = task.source.header.sample_rate_hz;
    wav.num_channels = task.source.header.num_channels;
    WriteWholeFile(corpus_.Path("same.wav"),
                   ToString(BuildWav(wav, ReadBySndfile(ToBytes(bytes)))));
    const Result<ShardRow> expected = Try(MakeTask("same.wav"));
    ASSERT_TRUE(expected.ok());
    EXPECT_EQ(features, features_);
    EXPECT_TRUE(std::equal(tail.begin(), tail.end(),
                           workspace_.tail_samples().begin()));
    EXPECT_EQ(row.value().checksum, expected.value().checksum);
    EXPECT_EQ(row.value().num_samples, expected.value().num_samples);
    EXPECT_EQ(row.value().source_num_samples,
              expected.value().source_num_samples);
    EXPECT_EQ(row.value().source_rate, expected.value().source_rate);
    Hasher128 hasher;
    hasher.Update(ToBytes(bytes));
    EXPECT_EQ(row.value().source_checksum, hasher.Digest());
  }

  Corpus corpus_;
  RowComputer computer_{
      MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16,
                      {.resampler = ResamplerKind::kSpectral})};
  RowInput input_;
  std::vector<std::byte> features_;
  RowWorkspace workspace_{computer_};
};

TEST_P(CodedRowTest, HasTheFeaturesOfItsDecodedSamples) {
  Add("a", 50'001);
  ExpectFeaturesOfDecodedSamples("a");
  Add("a", 90'001, 48000, 2);
  ExpectFeaturesOfDecodedSamples("a");
}

TEST_P(CodedRowTest, ReadsALongFileInBlocks) {
  if (GetParam() == SampleEncoding::kOpus) {
    GTEST_SKIP() << "takes long, and is read as Vorbis is";
  }
  AddLong("a");
  ExpectFeaturesOfDecodedSamples("a");
}

// A long file is hashed, and read again to be decoded. It changes at each of
// the moments at which the row asks whether to go on.
TEST_P(CodedRowTest, HasTheHashOfTheBytesThatItWasComputedFrom) {
  if (GetParam() == SampleEncoding::kOpus) {
    GTEST_SKIP() << "takes long, and is read as Vorbis is";
  }
  const std::string good = ToString(AddLong("a"));
  RowTask task = MakeTask("a");
  const Result<ShardRow> undisturbed = Try(task);
  ASSERT_TRUE(undisturbed.ok());
  const Hash128 good_hash = undisturbed.value().source_checksum;
  const std::vector<std::byte> features = features_;
  std::string damaged = good;
  // Near the end, so that a FLAC row asks between reading and decoding it.
  damaged[good.size() / 50 * 49] ^= 1;
  int num_changes = 0;
  int num_good = 0;
  for (bool has_changed = true; has_changed; num_changes += has_changed) {
    WriteWholeFile(task.path, damaged);
    MakeOld(task.path);
    has_changed = false;
    int num_questions = 0;
    RunControl control;  // a new one: its grace is 10 s
    control.RequestStop(15);
    WorkPermit permit(control, [&] {
      if (num_questions++ != num_changes) return;
      WriteWholeFile(task.path, good);
      has_changed = true;
    });
    task.permit = &permit;
    const Result<ShardRow> row = Try(task);
    if (!has_changed) continue;
    ASSERT_TRUE(row.ok()) << num_changes << ": " << row.error().message;
    // MP3 has no checksum of its sound, and the last changes come too late.
    const bool is_good = row.value().source_checksum == good_hash;
    EXPECT_TRUE(is_good || GetParam() == SampleEncoding::kMp3) << num_changes;
    EXPECT_EQ(features_ == features, is_good) << num_changes;
    num_good += is_good;
  }
  EXPECT_GT(num_good, 4);
}

TEST_P(CodedRowTest, RejectsDamageWithBothCounts) {
  Add("a", 60'000);
  const RowTask task = MakeTask("a");
  std::string bytes = ReadWholeFile(task.path);
  std::fill(bytes.begin() + static_cast<ptrdiff_t>(bytes.size() / 2),
            bytes.begin() + static_cast<ptrdiff_t>(bytes.size() / 2 + 400),
            'x');
  WriteWholeFile(task.path, bytes);
  const Result<ShardRow> row = Try(task);
  ASSERT_FALSE(row.ok());
  EXPECT_FALSE(MayBeMachineFault(row.error().code));
  const ShardRow rejected = MakeRejectedRow(task, row.error());
  EXPECT_EQ(rejected.source_num_samples,
            static_cast<uint64_t>(task.source.header.num_samples));
  const std::string message =
      RejectMessage(rejected.reject_code, rejected.reject_detail,
                    rejected.source_num_samples);
  EXPECT_NE(message, RejectCodeName(rejected.reject_code));
  if (GetParam() == SampleEncoding::kFlac) {
    int64_t num_decoded = 0;
    EXPECT_EQ(std::sscanf(message.c_str(), "%" SCNd64 " of 60000 samples could",
                          &num_decoded),
              1)
        << message;
    EXPECT_GT(num_decoded, 0);
    EXPECT_LT(num_decoded, 60'000);
  }
}

TEST_P(CodedRowTest, SeesAFileOfAnotherHeader) {
  Add("a", 50'000);
  RowTask task = MakeTask("a");
  Add("a", 50'000, 24000);
  task.source.file_bytes = ReadWholeFile(task.path).size();
  const Result<ShardRow> row = Try(task);
  ASSERT_FALSE(row.ok());
  EXPECT_EQ(row.error().code, RejectCode::kChangedSincePlan);
}

TEST_P(CodedRowTest, AsksBeforeEachPieceWhetherToGoOn) {
  Add("a", 16000 * 70);
  RunControl control;
  int num_questions = 0;
  WorkPermit* asked = nullptr;
  WorkPermit permit(control, [&] {
    if (++num_questions == 3) asked->Revoke();
  });
  asked = &permit;
  control.RequestStop(15);
  RowTask task = MakeTask("a");
  task.permit = &permit;
  const Result<ShardRow> row = Try(task);
  ASSERT_FALSE(row.ok());
  EXPECT_EQ(row.error().code, ErrorCode::kStopped);
}

std::string NameOf(const testing::TestParamInfo<SampleEncoding>& info) {
  std::string name(SampleEncodingName(info.param));
  name.erase(std::remove(name.begin(), name.end(), ' '), name.end());
  return name;
}

INSTANTIATE_TEST_SUITE_P(Formats, CodedRowTest,
                         testing::ValuesIn(kCodedEncodings), NameOf);

TEST(CodedSegmentOrderTest, SegmentsOfAFileFollowEachOtherBySamples) {
  Corpus corpus;
  const auto add = [&corpus](const std::string& name) {
    WriteWholeFile(corpus.Path(name),
                   ToString(EncodeSound(SampleEncoding::kFlac,
                                        MakeSamples(60'000, 1, 5))));
  };
  add("a.flac");
  add("b.flac");
  const auto segment = [&corpus](const std::string& name, int start) {
    std::string line = corpus.Line(name);
    line.insert(1, "\"num_samples\": 4000, \"start_sample\": " +
                       std::to_string(start) + ", ");
    return line;
  };
  corpus.WriteManifest(
      "train.jsonl",
      {segment("a.flac", 50'000), corpus.AddWav("w.wav", 5'000, 1),
       segment("b.flac", 1'000), segment("a.flac", 100), corpus.Line("b.flac"),
       segment("a.flac", 20'000), segment("b.flac", 0)});
  RunConfig config = corpus.Config("out");
  config.input.splits = {{"train", corpus.Path("train.jsonl")}};
  config.store.shard_bytes = 1 << 24;
  BuiltWork built(config, corpus.Path(""));
  ASSERT_EQ(built.plan().shards.size(), 1u);
  const Result<RowList> list =
      RowList::Load(built.work(), built.plan().shards[0]);
  ASSERT_TRUE(list.ok());
  std::vector<size_t> order;
  for (size_t place = 0; place < list.value().size(); ++place) {
    order.push_back(list.value().InOrder(place));
  }
  EXPECT_EQ(order, (std::vector<size_t>{3, 5, 0, 1, 6, 2, 4}));
  EXPECT_NE(list.value()[0].coded_segments, nullptr);
}

}  // namespace
}  // namespace melmill
