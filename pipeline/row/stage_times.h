#ifndef MELMILL_PIPELINE_ROW_STAGE_TIMES_H_
#define MELMILL_PIPELINE_ROW_STAGE_TIMES_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace melmill {

// The stages of the computing threads' work. Together they are all of it.
enum class Stage : size_t {
  kRead,      // opening, reading and closing files
  kDecode,    // decoding, and hashing what was decoded
  kSetUp,     // making decoders and resamplers ready for a row
  kResample,  // resampling
  kLogMel,    // log-mel and the clamp
  kStore,     // hashing and writing features
  kSchedule,  // opening shards, giving out rows and taking them back
  kOther,     // the rest of a row's work
};
inline constexpr size_t kNumStages = 8;

std::string_view StageName(Stage stage);  // "read", "decode", "set-up", ...

// The time of each stage. Each thread counts for itself, and the counts are
// added up at the end.
class StageTimes {
 public:
  std::array<double, kNumStages> seconds{};
  uint64_t bytes_read = 0;
  uint64_t bytes_stored = 0;

  double Of(Stage stage) const { return seconds[static_cast<size_t>(stage)]; }
  double Sum() const;
  void Add(const StageTimes& other) {
    for (size_t i = 0; i < kNumStages; ++i) seconds[i] += other.seconds[i];
    bytes_read += other.bytes_read;
    bytes_stored += other.bytes_stored;
  }

 private:
  friend class StageTimer;
  using Clock = std::chrono::steady_clock;

  // Adds the time since the last switch to the current stage. `stage` is then
  // the current one.
  void SwitchTo(std::optional<Stage> stage);

  std::optional<Stage> stage_;  // of the innermost timer
  Clock::time_point switched_;
};

// Adds its lifetime to a stage, but for the lifetimes of timers within it.
class StageTimer {
 public:
  // Without a stage the time counts nowhere: the thread waits for others.
  StageTimer(StageTimes* times, std::optional<Stage> stage)
      : times_(*times), outer_(times->stage_) {
    times_.SwitchTo(stage);
  }
  ~StageTimer() { times_.SwitchTo(outer_); }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  StageTimes& times_;
  const std::optional<Stage> outer_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_STAGE_TIMES_H_
