#include "store/plan/plan_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/hdf5/h5_contents.h"
#include "store/plan/plan_row.h"
#include "store/table/table_spool.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

class PlanFileTest : public testing::Test {
 protected:
  PlanFileTest() {
    plan_.contract = R"({"features":"log-mel"})";
    plan_.producer = R"({"program":"melmill"})";
    plan_.split_names = {"train", "eval"};
    plan_.kept_fields = {"one", "two"};
    plan_.shard_target_bytes = 1'234'567;
    plan_.fingerprint = {1, 2, 3};
    auto spool = std::make_unique<TableSpool>(folder_.path(),
                                              PlanColumns(plan_.kept_fields));
    for (const PlanRow& row : rows_) {
      EXPECT_TRUE(AppendPlanRow(row, spool.get()).ok());
    }
    plan_.rows = std::move(spool);
    plan_.shards = {{0, 0, 3, 2, 300, {4}}, {1, 3, 4, 1, 100, {5, 6}}};
  }

  static PlanRow MakeRow(uint32_t split, uint64_t line) {
    PlanRow row;
    row.split = split;
    row.line = line;
    row.line_hash = 77 * line;
    row.audio = "a" + std::to_string(line) + ".wav";
    row.text = "hello";
    row.prompt = "p";
    row.kept = {R"("A")", std::to_string(line)};
    row.source.file_bytes = 1000 + line;
    row.source.header.sample_rate_hz = 16000;
    row.source.num_frames = 100;
    return row;
  }
  static std::vector<PlanRow> MakeRows() {
    std::vector<PlanRow> rows = {MakeRow(0, 1), MakeRow(0, 2), MakeRow(0, 4),
                                 MakeRow(1, 1)};
    rows[1].code = RejectCode::kForeignFormat;
    rows[1].message = "is no WAV";
    rows[1].source = {};
    rows[1].source.header.encoding = SampleEncoding{};  // 0, like all of it
    return rows;
  }

  // Writes the plan; returns the file's bytes.
  std::string Write() {
    std::filesystem::remove(path_);
    const Result<void> written = WritePlanFile(plan_, path_);
    EXPECT_TRUE(written.ok()) << written.error().message;
    return ReadWholeFile(path_);
  }
  Result<Plan> Read(const std::string& bytes) {
    WriteWholeFile(path_, bytes);
    return ReadPlanFile(path_);
  }

  // Writes the plan with these names of splits, and reads them back.
  std::vector<std::string> NamesBack(const std::vector<std::string>& names) {
    plan_.split_names = names;
    plan_.shards.clear();
    Write();
    const Result<Plan> read = ReadPlanFile(path_);
    EXPECT_TRUE(read.ok()) << read.error().message;
    return read.ok() ? read.value().split_names : std::vector<std::string>();
  }

  std::string Description() const {
    const auto contents = ReadH5Contents(path_);
    return *contents.value().FindAttribute("description");
  }

  bool HasColumnOfNames() const {
    const auto contents = ReadH5Contents(path_);
    return contents.value().FindDataset("split_name_bytes") != nullptr;
  }

  TempFolder folder_;
  const std::string path_ = folder_.File("plan.h5");
  const std::vector<PlanRow> rows_ = MakeRows();
  Plan plan_;
};

TEST_F(PlanFileTest, ReadsBackWhatWasWritten) {
  Write();
  const Result<Plan> read = ReadPlanFile(path_);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read.value().contract, plan_.contract);
  EXPECT_EQ(read.value().producer, plan_.producer);
  EXPECT_EQ(read.value().fingerprint, plan_.fingerprint);
  EXPECT_EQ(read.value().shard_target_bytes, plan_.shard_target_bytes);
  EXPECT_EQ(read.value().split_names, plan_.split_names);
  EXPECT_EQ(read.value().kept_fields, plan_.kept_fields);
  EXPECT_EQ(read.value().shards, plan_.shards);
  ASSERT_EQ(read.value().rows->num_rows(), rows_.size());
  ASSERT_TRUE(ForEachPlanRow(*read.value().rows, 0, rows_.size(),
                             [&](uint64_t number, const PlanRow& row) {
                               EXPECT_EQ(row, rows_[number]) << number;
                               return Result<void>();
                             })
                  .ok());
}

TEST_F(PlanFileTest, OnlyPlansWithPiecesHaveTheirColumns) {
  Write();
  auto contents = ReadH5Contents(path_);
  EXPECT_EQ(*contents.value().FindAttribute("format"), "melmill plan 1");
  EXPECT_EQ(contents.value().FindDataset("segment_start"), nullptr);
  EXPECT_EQ(Description().find("segments"), std::string::npos);
  EXPECT_FALSE(ReadPlanFile(path_).value().segments);

  std::vector<PlanRow> rows = rows_;
  rows[0].source.segment_start = 7;
  rows[0].source.segment_num_samples = 900;
  rows[3].source.range = {512, rows[3].source.file_bytes};
  auto spool = std::make_unique<TableSpool>(folder_.path(),
                                            PlanColumns(plan_.kept_fields));
  for (const PlanRow& row : rows) {
    EXPECT_TRUE(AppendPlanRow(row, spool.get()).ok());
  }
  plan_.rows = std::move(spool);
  plan_.has_pieces = true;
  for (const SegmentUse use :
       {SegmentUse::kExplicit, SegmentUse::kAll, SegmentUse::kNone}) {
    plan_.segments = use;
    Write();
    const Result<Plan> read = ReadPlanFile(path_);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_TRUE(read.value().has_pieces);
    EXPECT_EQ(read.value().segments, use);
    ASSERT_TRUE(ForEachPlanRow(*read.value().rows, 0, rows.size(),
                               [&](uint64_t number, const PlanRow& row) {
                                 EXPECT_EQ(row, rows[number]) << number;
                                 return Result<void>();
                               })
                    .ok());
  }
  contents = ReadH5Contents(path_);
  EXPECT_EQ(*contents.value().FindAttribute("format"), "melmill plan 2");
}

TEST_F(PlanFileTest, OnlyPlansWithAudioPathsHaveTheirColumn) {
  Write();
  EXPECT_EQ(ReadH5Contents(path_).value().FindDataset("audio_path_bytes"),
            nullptr);
  EXPECT_EQ(Description().find("audio_paths"), std::string::npos);

  std::vector<PlanRow> rows = rows_;
  rows[3].audio = "s3://b/a.wav";
  rows[3].audio_path = "clips/a.wav";
  for (const bool has_pieces : {false, true}) {
    rows[0].source.segment_num_samples = has_pieces ? 900 : 0;
    auto spool = std::make_unique<TableSpool>(folder_.path(),
                                              PlanColumns(plan_.kept_fields));
    for (const PlanRow& row : rows) {
      EXPECT_TRUE(AppendPlanRow(row, spool.get()).ok());
    }
    plan_.rows = std::move(spool);
    plan_.has_audio_paths = true;
    plan_.has_pieces = has_pieces;
    Write();
    const auto contents = ReadH5Contents(path_);
    EXPECT_EQ(*contents.value().FindAttribute("format"),
              has_pieces ? "melmill plan 2" : "melmill plan 1");
    EXPECT_EQ(contents.value().FindDataset("range_bytes") != nullptr,
              has_pieces);
    const Result<Plan> read = ReadPlanFile(path_);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_TRUE(read.value().has_audio_paths);
    EXPECT_EQ(read.value().has_pieces, has_pieces);
    ASSERT_TRUE(ForEachPlanRow(*read.value().rows, 0, rows.size(),
                               [&](uint64_t number, const PlanRow& row) {
                                 EXPECT_EQ(row, rows[number]) << number;
                                 return Result<void>();
                               })
                    .ok());
  }
}

TEST_F(PlanFileTest, RefusesShardsOfRowsThatAreNotThere) {
  const std::string sound = Write();
  const auto contents = ReadH5Contents(path_);
  for (const char* column : {"shard_split", "shard_first_row", "shard_end_row",
                             "shard_num_rows", "shard_fingerprint_bytes"}) {
    std::string bytes = sound;
    bytes[contents.value().FindDataset(column)->offset + 3] = '\x7f';
    const Result<Plan> read = Read(bytes);
    ASSERT_FALSE(read.ok()) << column;
    EXPECT_EQ(read.error().message,
              "not a plan: a shard of rows that it does not have");
  }
}

TEST_F(PlanFileTest, RefusesAContractThatIsNoJson) {
  const std::string sound = Write();
  for (const std::string& text : {plan_.contract, plan_.producer}) {
    std::string bytes = sound;
    bytes[bytes.find(text)] = '[';
    const Result<Plan> read = Read(bytes);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().message,
              "not a plan: its contract or producer is no JSON");
  }
}

TEST_F(PlanFileTest, RefusesAFingerprintThatIsNone) {
  std::string bytes = Write();
  bytes[bytes.find(ToHex(plan_.fingerprint))] = 'x';
  const Result<Plan> read = Read(bytes);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().message, "not a plan: its fingerprint is none");
}

TEST_F(PlanFileTest, RefusesAFileThatIsNoPlan) {
  EXPECT_EQ(ReadPlanFile(folder_.File("none")).error().code,
            RejectCode::kNotFound);
  EXPECT_EQ(Read(std::string(5000, 'x')).error().code, ErrorCode::kDamaged);
}

// Whatever the attributes say, a plan that is read can be used.
TEST_F(PlanFileTest, RefusesAttributesThatMeanNothing) {
  const std::string sound = Write();
  struct Damage {
    std::string from;
    std::string to;  // of the same length
    std::string message;
  };
  const std::string no_json = "its contract or producer is no JSON";
  for (const Damage& damage : {
           Damage{R"({"features")", R"(["features")", no_json},
           Damage{R"({"program")", R"({'program')", no_json},
           Damage{R"({"shard_t)", R"( "shard_t)", "its description is no JSON"},
           Damage{R"("one","two")", R"("one","one")", "it keeps a field twice"},
           Damage{":1234567", ":-234567", "no size"},
           Damage{":1234567", ":1e99999", "its description is no JSON"},
           Damage{":1234567", ":123e300", "no size"},
           Damage{R"(["train",)", R"([1234567,)", "type must be"},
       }) {
    std::string bytes = sound;
    const size_t at = bytes.find(damage.from);
    ASSERT_NE(at, std::string::npos) << damage.from;
    bytes.replace(at, damage.from.size(), damage.to);
    bytes.resize(sound.size());
    const Result<Plan> plan = Read(bytes);
    ASSERT_FALSE(plan.ok()) << damage.to;
    EXPECT_EQ(plan.error().code, ErrorCode::kDamaged) << damage.to;
    EXPECT_NE(plan.error().message.find(damage.message), std::string::npos)
        << plan.error().message;
  }
}

std::vector<std::string> LongNames(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    std::string name = std::to_string(i);
    names.push_back(name + std::string(64 - name.size(), 'x'));
  }
  return names;
}

TEST_F(PlanFileTest, ThousandsOfSplitsHaveNames) {
  for (const size_t count : {1u, 976u, 1000u, 5000u}) {
    const std::vector<std::string> names = LongNames(count);
    EXPECT_EQ(NamesBack(names), names) << count;
  }
}

TEST_F(PlanFileTest, NamesAreInTheDescriptionAsLongAsTheyFit) {
  const std::vector<std::string> names = LongNames(980);
  size_t longest = 0;
  for (size_t count = 960; count < names.size(); ++count) {
    // With a last name of `length`: the size of a description with names, or 0.
    const auto described_bytes = [&](size_t length) -> size_t {
      std::vector<std::string> some(names.begin(),
                                    names.begin() + ptrdiff_t(count));
      some.push_back(std::string(length, 'y'));
      EXPECT_EQ(NamesBack(some), some);
      const std::string description = Description();
      const bool has_names = description.find("splits") != std::string::npos;
      EXPECT_EQ(has_names, !HasColumnOfNames());
      return has_names ? description.size() : 0;
    };
    const size_t shortest = described_bytes(1);
    longest = std::max({longest, shortest, described_bytes(64)});
    if (shortest == 0 || shortest + 63 <= kMaxAttributeBytes) continue;
    const size_t fitting = 1 + kMaxAttributeBytes - shortest;
    longest = std::max(longest, described_bytes(fitting));
    EXPECT_EQ(described_bytes(fitting + 1), 0);
  }
  EXPECT_EQ(longest, kMaxAttributeBytes);
}

}  // namespace
}  // namespace melmill
