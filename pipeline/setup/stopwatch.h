#ifndef MELMILL_PIPELINE_SETUP_STOPWATCH_H_
#define MELMILL_PIPELINE_SETUP_STOPWATCH_H_

#include <chrono>

namespace melmill {

// Measures the time since its construction.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_STOPWATCH_H_
