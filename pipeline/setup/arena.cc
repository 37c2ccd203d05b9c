#include "pipeline/setup/arena.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <cstddef>

namespace melmill {

class Arena::Impl {
 public:
  explicit Impl(int num_threads)
      : parallelism_(std::make_unique<oneapi::tbb::global_control>(
            oneapi::tbb::global_control::max_allowed_parallelism,
            static_cast<size_t>(num_threads))),
        arena_(num_threads) {
    try {
      arena_.initialize();
    } catch (...) {
      // oneTBB 2021.8 keeps a lock if it finds no memory for its threads, and
      // the destructor of a global_control would wait for that lock for ever.
      (void)parallelism_.release();
      throw;
    }
  }

  void Run(const std::function<void()>& work) { arena_.execute(work); }

 private:
  std::unique_ptr<oneapi::tbb::global_control> parallelism_;
  oneapi::tbb::task_arena arena_;
};

Arena::Arena(int num_threads) : impl_(std::make_unique<Impl>(num_threads)) {}

Arena::~Arena() = default;

void Arena::Run(const std::function<void()>& work) { impl_->Run(work); }

}  // namespace melmill
