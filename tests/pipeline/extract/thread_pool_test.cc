#include "pipeline/extract/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace melmill {
namespace {

TEST(ThreadPoolTest, RunsEverythingBeforeItEnds) {
  std::atomic<int> sum{0};
  {
    ThreadPool pool(3);
    for (int i = 1; i <= 1000; ++i) pool.Submit([&sum, i] { sum += i; });
  }
  EXPECT_EQ(sum, 500500);
}

TEST(ThreadPoolTest, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    ThreadPool pool(1);
    for (int i = 0; i < 100; ++i)
      pool.Submit([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(ThreadPoolTest, JobsRunSideBySide) {
  // Each job waits for the other: with one thread this would never end.
  std::mutex mutex;
  std::condition_variable changed;
  int num_started = 0;
  const auto meet = [&] {
    std::unique_lock lock(mutex);
    ++num_started;
    changed.notify_all();
    changed.wait(lock, [&] { return num_started == 2; });
  };
  {
    ThreadPool pool(2);
    pool.Submit(meet);
    pool.Submit(meet);
  }
  EXPECT_EQ(num_started, 2);
}

}  // namespace
}  // namespace melmill
