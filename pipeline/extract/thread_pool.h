#ifndef MELMILL_PIPELINE_EXTRACT_THREAD_POOL_H_
#define MELMILL_PIPELINE_EXTRACT_THREAD_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace melmill {

// Threads for work that waits (for a device, for fsync), so that the threads
// that compute never do. Jobs start in the order in which they were submitted.
class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);
  // The constructor throws std::system_error if the system cannot start the
  // threads. The destructor finishes all submitted jobs.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // `job` must not throw. Thread-safe.
  void Submit(std::function<void()> job);

 private:
  void RunJobs();
  void End();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_THREAD_POOL_H_
