#ifndef MELMILL_PIPELINE_SETUP_ARENA_H_
#define MELMILL_PIPELINE_SETUP_ARENA_H_

#include <functional>
#include <memory>

namespace melmill {

// A number of oneTBB's threads, which may be larger than the number of CPUs:
// the implicit arena has no more than that. For one thread.
class Arena {
 public:
  // Throws std::bad_alloc.
  explicit Arena(int num_threads);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Runs `work` there and waits for it; oneTBB's algorithms in it use these
  // threads.
  void Run(const std::function<void()>& work);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_ARENA_H_
