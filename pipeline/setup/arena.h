#ifndef MELMILL_PIPELINE_SETUP_ARENA_H_
#define MELMILL_PIPELINE_SETUP_ARENA_H_

#include <functional>
#include <memory>

namespace melmill {

// A oneTBB arena with a given number of threads, which may exceed the number of
// CPUs. (The implicit arena has no more threads than CPUs.) For one thread.
class Arena {
 public:
  // Throws std::bad_alloc.
  explicit Arena(int num_threads);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Runs `work` in the arena and waits for it. oneTBB's algorithms in it use
  // these threads.
  void Run(const std::function<void()>& work);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_ARENA_H_
