#ifndef MELMILL_PIPELINE_ROW_STAGE_TIMES_H_
#define MELMILL_PIPELINE_ROW_STAGE_TIMES_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace melmill {

// The stages of the computing threads' work.
enum class Stage : size_t { kRead, kDecode, kResample, kLogMel, kStore };
inline constexpr size_t kNumStages = 5;

std::string_view StageName(Stage stage);  // "read", ..., "log-mel", "store"

// The time of each stage. Each thread counts for itself, and the counts are
// added up at the end.
struct StageTimes {
  std::array<double, kNumStages> seconds{};
  uint64_t bytes_read = 0;
  uint64_t bytes_stored = 0;

  double Of(Stage stage) const { return seconds[static_cast<size_t>(stage)]; }
  void Add(const StageTimes& other) {
    for (size_t i = 0; i < kNumStages; ++i) seconds[i] += other.seconds[i];
    bytes_read += other.bytes_read;
    bytes_stored += other.bytes_stored;
  }
};

// Adds its own lifetime to a stage.
class StageTimer {
 public:
  StageTimer(StageTimes* times, Stage stage)
      : seconds_(&times->seconds[static_cast<size_t>(stage)]),
        start_(Clock::now()) {}
  ~StageTimer() {
    *seconds_ += std::chrono::duration<double>(Clock::now() - start_).count();
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double* seconds_;
  Clock::time_point start_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_STAGE_TIMES_H_
