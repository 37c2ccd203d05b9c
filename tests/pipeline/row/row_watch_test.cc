#include "pipeline/row/row_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "pipeline/row/row_marks.h"
#include "pipeline/row/suspects_file.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

constexpr double kHangSeconds = 0.2;
// However slowly the machine forks and writes a crash down.
constexpr double kNeverHangs = 3600;
constexpr auto kLong = std::chrono::milliseconds(800);

Hash128 MakeHash(uint8_t value) {
  Hash128 hash;
  hash.fill(value);
  return hash;
}

class RowWatchTest : public testing::Test {
 protected:
  // Records what is written and reported while `work` runs under a watch.
  template <typename Work>
  void Watch(Work work, double hang_seconds = kHangSeconds) {
    const RowWatch watch({.file = file_,
                          .hang_seconds = hang_seconds,
                          .on_hung = [this](const Hash128& row) {
                            hung_row_ = row;
                            ++num_hung_;
                          }});
    work();
  }

  Suspects Read() {
    const Result<Suspects> suspects = ReadSuspects(file_);
    EXPECT_TRUE(suspects.ok());
    return suspects.ok() ? suspects.value() : Suspects();
  }

  TempFolder folder_;
  const std::string file_ = folder_.File("suspects");
  std::atomic<int> num_hung_{0};
  Hash128 hung_row_ = {};
};

TEST_F(RowWatchTest, ARowThatMakesNoStepIsTold) {
  Watch([&] {
    const RowInWork row(MakeHash(0xa5));
    while (num_hung_ == 0) std::this_thread::yield();
  });
  EXPECT_EQ(num_hung_, 1);
  EXPECT_EQ(hung_row_, MakeHash(0xa5));
  EXPECT_EQ(Read(), (Suspects{{MakeHash(0xa5), 0}}));
}

TEST_F(RowWatchTest, ARowThatGetsOnIsNot) {
  Watch([&] {
    const RowInWork row(MakeHash(1));
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < end) RowInWork::Beat();
  });
  EXPECT_EQ(num_hung_, 0);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(RowWatchTest, AWaitForADeviceIsNotARowsFault) {
  Watch([&] {
    const RowInWork row(MakeHash(1));
    const DeviceWait wait;
    std::this_thread::sleep_for(kLong);
  });
  EXPECT_EQ(num_hung_, 0);
}

TEST_F(RowWatchTest, AThreadWithoutARowIsNotWatched) {
  Watch([&] {
    { const RowInWork row(MakeHash(1)); }
    std::this_thread::sleep_for(kLong);
  });
  EXPECT_EQ(num_hung_, 0);
}

TEST_F(RowWatchTest, AThreadThatHasEndedGivesItsPlaceToOthers) {
  Watch([&] {
    for (int i = 0; i < 3000; ++i) {
      std::thread([] { const RowInWork row(MakeHash(1)); }).join();
    }
    std::thread([this] {
      const RowInWork row(MakeHash(2));
      const auto end = std::chrono::steady_clock::now() + kLong;
      while (num_hung_ == 0 && std::chrono::steady_clock::now() < end) {
        std::this_thread::yield();
      }
    }).join();
  });
  EXPECT_EQ(hung_row_, MakeHash(2));
}

// How a process ends that a signal kills. A sanitizer, whose handler comes
// after ours, turns it into an exit.
class Dies {
 public:
  explicit Dies(int signal_number) : signal_number_(signal_number) {}
  bool operator()(int status) const {
#ifdef MELMILL_IS_SANITIZED
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) return true;
#endif
    return WIFSIGNALED(status) && WTERMSIG(status) == signal_number_;
  }

 private:
  int signal_number_;
};

using RowWatchDeathTest = RowWatchTest;

TEST_F(RowWatchDeathTest, ACrashIsLaidAtTheDoorOfItsThreadsRow) {
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) {
    EXPECT_EXIT(
        Watch(
            [&] {
              const RowInWork bystander(MakeHash(7));
              std::thread([&] {
                const RowInWork row(MakeHash(static_cast<uint8_t>(number)));
                raise(number);
              }).join();
            },
            kNeverHangs),
        Dies(number), "");
    EXPECT_EQ(Read().size(), 1u);
    EXPECT_EQ(Read().count(MakeHash(static_cast<uint8_t>(number))), 1u);
    EXPECT_EQ(Read().begin()->second, number);
    std::filesystem::remove(file_);
  }
}

TEST_F(RowWatchDeathTest, ACrashOutsideOfRowsIsNobodysFault) {
  EXPECT_EXIT(Watch(
                  [&] {
                    { const RowInWork row(MakeHash(7)); }
                    raise(SIGSEGV);
                  },
                  kNeverHangs),
              Dies(SIGSEGV), "");
  EXPECT_TRUE(Read().empty());
}

TEST_F(RowWatchTest, LinesThatMakeNoSenseAreLeftOut) {
  const std::string good = ToHex(MakeHash(0x3f));
  WriteWholeFile(file_, good + " 11\n" + good.substr(1) + " 11\n\n" +
                            std::string(32, 'g') + " 11\n" + good + "x11\n" +
                            ToHex(MakeHash(1)) + " 1x\n" + ToHex(MakeHash(2)) +
                            " ");
  EXPECT_EQ(Read(), (Suspects{{MakeHash(0x3f), 11}}));
}

TEST_F(RowWatchTest, WithoutAFileThereAreNoSuspects) {
  EXPECT_TRUE(Read().empty());
}

}  // namespace
}  // namespace melmill
