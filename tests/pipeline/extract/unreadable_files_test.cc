#include "pipeline/extract/unreadable_files.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/corpus.h"

namespace melmill {
namespace {

const Error kIoError = {ErrorCode::kIoError, "cannot be read", EIO};

// A plan of three files, of which a test may remove some.
class UnreadableFilesTest : public testing::Test {
 protected:
  RecordTask Task(const std::string& name) {
    RecordTask task;
    task.path = task.audio = corpus_.Path(name);
    return task;
  }

  void Remove(const std::string& name) {
    std::filesystem::remove(corpus_.Path(name));
  }

  Plan MakePlan() {
    std::vector<std::string> lines;
    for (const char* name : {"a", "b", "c"}) {
      lines.push_back(corpus_.AddWav(name, 4000, 1));
    }
    corpus_.WriteManifest("train.jsonl", lines);
    RunConfig config;
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    RunControl control;
    Result<Plan> plan = BuildPlan(config, corpus_.Path(""), &control);
    EXPECT_TRUE(plan.ok());
    return std::move(plan).value();
  }

  Corpus corpus_;
  const Plan plan_ = MakePlan();
  UnreadableFiles files_{plan_};
};

TEST_F(UnreadableFilesTest, SixteenInARowAreOneTooMany) {
  for (int i = 1; i < kMaxFailuresInARow; ++i) {
    EXPECT_TRUE(files_.AddFailure(Task("a"), kIoError).ok());
  }
  files_.AddRead(Task("b"));
  for (int i = 1; i < kMaxFailuresInARow; ++i) {
    EXPECT_TRUE(files_.AddFailure(Task("a"), kIoError).ok());
  }
  const Result<void> last = files_.AddFailure(Task("a"), kIoError);
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().code, ErrorCode::kMachineFault);
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
            Task("a").path + ": cannot be read; nor can " + Task("b").path +
                " be read any more: cannot be opened: No such file or "
                "directory");
}

TEST_F(UnreadableFilesTest, WithoutAWitnessAnotherFileOfThePlanIsOne) {
  Remove("a");
  Remove("b");
  EXPECT_TRUE(files_.CheckMayReject(Task("a"), kIoError).ok());
  Remove("c");
  const Result<void> checked = files_.CheckMayReject(Task("a"), kIoError);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().message, Task("a").path +
                                         ": cannot be read; nor can 2 other "
                                         "files be read");
}

}  // namespace
}  // namespace melmill
