#include "pipeline/extract/unreadable_files.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/row/row_task.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

const Error kIoError = {RejectCode::kIoError, "cannot be read", EIO};

// A plan of three files, of which a test may remove some.
class UnreadableFilesTest : public testing::Test {
 protected:
  RowTask Task(const std::string& name) {
    RowTask task;
    task.path = task.written_path = task.audio = corpus_.Path(name);
    return task;
  }

  void Remove(const std::string& name) {
    std::filesystem::remove(corpus_.Path(name));
  }

  RunConfig MakeFiles(const std::vector<std::string>& names) {
    std::vector<std::string> lines;
    for (const std::string& name : names) {
      lines.push_back(corpus_.AddWav(name, 4000, 1));
    }
    corpus_.WriteManifest("train.jsonl", lines);
    RunConfig config;
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    return config;
  }

  Corpus corpus_;
  const BuiltWork built_{MakeFiles({"a", "b", "c"}), corpus_.Path("")};
  UnreadableFiles files_{built_.work()};
};

TEST_F(UnreadableFilesTest, SixteenInARowAreOneTooMany) {
  for (int i = 1; i < kMaxFailuresInARow; ++i) {
    EXPECT_TRUE(files_.AddFailure(Task(std::to_string(i)), kIoError).ok());
  }
  files_.AddRead(Task("b"));
  for (int i = 1; i < kMaxFailuresInARow; ++i) {
    EXPECT_TRUE(files_.AddFailure(Task(std::to_string(i)), kIoError).ok());
  }
  const Result<void> last = files_.AddFailure(Task("a"), kIoError);
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().code, ErrorCode::kMachineFault);
}

TEST_F(UnreadableFilesTest, AnyNumberOfSegmentsOfOneFileIsOneFailure) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(files_.AddFailure(Task(i % 2 == 0 ? "a" : "b"), kIoError).ok());
  }
}

TEST_F(UnreadableFilesTest, OneOver256IsTooManyHoweverManyAreRead) {
  const auto fail = [this](size_t i) {
    files_.AddRead(Task("b"));
    return files_.AddFailure(Task(std::to_string(i)), kIoError);
  };
  for (size_t i = 0; i < 2 * kMaxUnreadableFiles; ++i) {
    EXPECT_TRUE(fail(i % kMaxUnreadableFiles).ok());
  }
  files_.AddRead(Task("7"));
  EXPECT_TRUE(fail(1000).ok());
  const Result<void> last = fail(1001);
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(last.error().message,
            "257 files cannot be read or have changed, the last one " +
                Task("1001").path + ": cannot be read");
}

TEST_F(UnreadableFilesTest, AnyNumberMayBeRejectedWhileTheWitnessCanBeRead) {
  files_.AddRead(Task("b"));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(files_.CheckMayReject(Task("a"), kIoError).ok());
  }
}

TEST_F(UnreadableFilesTest, NoneMayBeRejectedOnceTheWitnessIsGone) {
  files_.AddRead(Task("b"));
  Remove("b");
  const Result<void> checked = files_.CheckMayReject(Task("a"), kIoError);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(checked.error().message,
            Task("a").path + ": cannot be read; " + Task("b").path +
                " cannot be read any more either: cannot be opened: No such "
                "file or directory");
}

TEST_F(UnreadableFilesTest, WithoutAWitnessAnotherFileOfThePlanIsOne) {
  Remove("a");
  Remove("b");
  EXPECT_TRUE(files_.CheckMayReject(Task("a"), kIoError).ok());
  Remove("c");
  const Result<void> checked = files_.CheckMayReject(Task("a"), kIoError);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().message, Task("a").path +
                                         ": cannot be read; 2 other files "
                                         "cannot be read either");
}

// By its own path, and one with the same path is no other.
TEST_F(UnreadableFilesTest, ACopyOfAudioAtAUrlCanBeTheOther) {
  const auto build = [this](const std::vector<std::string>& names) {
    std::vector<std::string> lines;
    for (const std::string& name : names) {
      lines.push_back(R"({"audio":"s3://b/)" + std::to_string(lines.size()) +
                      R"(","text":"x","audio_path":")" + corpus_.Path(name) +
                      "\"}");
    }
    corpus_.WriteManifest("train.jsonl", lines);
    RunConfig config;
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    return BuiltWork(config, corpus_.Path(""));
  };
  RowTask task = Task("a");
  task.audio = "s3://b/0";
  const BuiltWork two = build({"a", "b"});
  Remove("a");
  EXPECT_TRUE(UnreadableFiles(two.work()).CheckMayReject(task, kIoError).ok());
  Remove("b");
  EXPECT_FALSE(UnreadableFiles(two.work()).CheckMayReject(task, kIoError).ok());
  MakeFiles({"a"});
  const BuiltWork one = build({"a", "a"});
  Remove("a");  // nothing else could be tried
  EXPECT_TRUE(UnreadableFiles(one.work()).CheckMayReject(task, kIoError).ok());
}

TEST_F(UnreadableFilesTest, TheFirstOneThatCanBeReadIsEnough) {
  Remove("a");
  Remove("c");
  EXPECT_TRUE(files_.CheckMayReject(Task("a"), kIoError).ok());
}

TEST_F(UnreadableFilesTest, SegmentsOfOneFileAreTriedOnce) {
  std::vector<std::string> lines = {corpus_.AddWav("a", 4000, 1),
                                    corpus_.AddWav("b", 4000, 1)};
  for (int i = 0; i < 20; ++i) {
    std::string line = corpus_.Line("b");
    line.insert(1, "\"start_sample\": 0, \"num_samples\": " +
                       std::to_string(2000 + i) + ", ");
    lines.push_back(line);
  }
  lines.push_back(corpus_.AddWav("c", 4000, 1));
  corpus_.WriteManifest("train.jsonl", lines);
  RunConfig config;
  config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
  const BuiltWork built(config, corpus_.Path(""));
  Remove("b");
  UnreadableFiles files(built.work());
  EXPECT_TRUE(files.CheckMayReject(Task("a"), kIoError).ok());
  Remove("c");
  const Result<void> checked = files.CheckMayReject(Task("a"), kIoError);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(
      checked.error().message,
      Task("a").path + ": cannot be read; 2 other files cannot be read either");
}

TEST_F(UnreadableFilesTest, SixteenOthersAreTriedAtMost) {
  std::vector<std::string> names;
  for (int i = 0; i < 18; ++i) names.push_back("f" + std::to_string(i));
  const BuiltWork built(MakeFiles(names), corpus_.Path(""));
  for (int i = 0; i < 17; ++i) Remove(names[static_cast<size_t>(i)]);
  const Result<void> checked =
      UnreadableFiles(built.work()).CheckMayReject(Task("f0"), kIoError);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().message,
            Task("f0").path +
                ": cannot be read; 16 other files cannot be read either");
}

}  // namespace
}  // namespace melmill
