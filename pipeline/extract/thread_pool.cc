#include "pipeline/extract/thread_pool.h"

#include <utility>

namespace melmill {

ThreadPool::ThreadPool(int num_threads) {
  try {
    for (int i = 0; i < num_threads; ++i) {
      threads_.emplace_back([this] { RunJobs(); });
    }
  } catch (...) {  // the destructor would not run
    End();
    throw;
  }
}

ThreadPool::~ThreadPool() { End(); }

void ThreadPool::End() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void ThreadPool::RunJobs() {
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace melmill
