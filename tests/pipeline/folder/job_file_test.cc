#include "pipeline/folder/job_file.h"

#include <gtest/gtest.h>

#include <string>

#include "io/hash.h"

namespace melmill {
namespace {

Tally MakeTally(uint64_t count) {
  return {.count = count,
          .examples = {{.split = "train",
                        .line = 7,
                        .audio = "a \"b\".wav",
                        .message = "was\n",
                        .audio_path = "/copies/b.wav"}}};
}

Job MakeJob() {
  Job job;
  job.plan = ToHex(Hash128{1, 2, 3});
  job.machine = {.host = "node1", .boot_id = "abc"};
  job.origin = {.command = {"melmill", "plan", "t.jsonl"},
                .working_folder = "/data",
                .audio_root = "/audio"};
  job.max_rejects = {.value = 2.5, .is_percent = false, .at_least = 3};
  job.canary = {{8000, "00ff"}, {16000, "ff00"}};
  SplitReport split;
  split.name = "train";
  split.manifest = "/data/t.jsonl";
  split.shown = "t.jsonl";
  split.manifest_hash = {9, 8, 7};
  split.num_lines = 100;
  split.num_blank_lines = 1;
  split.num_rejected = 2;
  split.num_samples = uint64_t{1} << 60;
  split.num_frames = 5;
  split.decode_seconds = 0.1;
  split.num_bad_lines = 6;
  split.num_dropped_fields = 7;
  split.dropped_fields = {"x"};
  split.drops_more_fields = true;
  split.segments = MakeTally(8);
  split.languages = {{"", {1, 2}}, {"Czech", {3, 4}}};
  split.rows_by_rate = {{16000, 98}};
  job.report.splits = {split};
  RejectTally reject;
  reject.Add({"train", 3, "c.wav", "no such file"}, "a URL");
  job.report.rejects[RejectCode::kNotFound] = reject;
  job.report.warnings[Warning::kNoFrameCount] = MakeTally(9);
  job.report.num_pieces = 10;
  job.report.num_files_of_pieces = 11;
  job.report.num_audio_paths = 12;
  job.report.segment_decodes = {.num_segments = 13,
                                .segment_s = 1.5,
                                .decoded_s = 2.5,
                                .sorted_s = 3.5,
                                .processor_s = 4.5,
                                .num_files_decoded_again = 14};
  return job;
}

// A text tells every field, so equal texts mean equal jobs.
TEST(JobFileTest, ComesBackAsItWas) {
  const std::string text = FormatJob(MakeJob());
  const Result<Job> job = ParseJob(text);
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(FormatJob(job.value()), text);
  EXPECT_EQ(job.value().machine, MakeJob().machine);
  EXPECT_EQ(job.value().origin, MakeJob().origin);
  EXPECT_EQ(job.value().canary, MakeJob().canary);
  const SplitReport& split = job.value().report.splits[0];
  EXPECT_EQ(split.manifest_hash, (Hash128{9, 8, 7}));
  EXPECT_EQ(split.num_samples, uint64_t{1} << 60);
  EXPECT_EQ(split.languages.at("Czech").num_samples, 4u);
  const RejectTally& reject =
      job.value().report.rejects.at(RejectCode::kNotFound);
  EXPECT_EQ(reject.causes.at("a URL").count, 1u);
  EXPECT_EQ(job.value().report.warnings.at(Warning::kNoFrameCount).count, 9u);
}

TEST(JobFileTest, RefusesOtherTexts) {
  const std::string text = FormatJob(MakeJob());
  const auto with = [&text](const std::string& from, const std::string& to) {
    std::string changed = text;
    const size_t at = changed.find(from);
    EXPECT_NE(at, changed.npos) << from;
    return changed.replace(at, from.size(), to);
  };
  for (const std::string& other :
       {std::string(), std::string("null"), std::string("{}"),
        text.substr(0, text.size() / 2), with("melmill-job", "other"),
        with("\"version\": 1", "\"version\": 2"),
        with("\"num_lines\": 100", "\"num_lines\": \"100\""),
        with("no_frame_count", "no_such_warning"),
        with("\"manifest_hash\": \"0908", "\"manifest_hash\": \"09")}) {
    EXPECT_EQ(ParseJob(other).error().code, ErrorCode::kDamaged) << other;
  }
}

}  // namespace
}  // namespace melmill
