#include "pipeline/row/stage_times.h"

#include <numeric>

namespace melmill {

std::string_view StageName(Stage stage) {
  constexpr std::string_view kNames[kNumStages] = {
      "read",    "decode", "set-up",   "resample",
      "log-mel", "store",  "schedule", "other"};
  return kNames[static_cast<size_t>(stage)];
}

double StageTimes::Sum() const {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

void StageTimes::SwitchTo(std::optional<Stage> stage) {
  const Clock::time_point now = Clock::now();
  if (stage_) {
    seconds[static_cast<size_t>(*stage_)] +=
        std::chrono::duration<double>(now - switched_).count();
  }
  stage_ = stage;
  switched_ = now;
}

}  // namespace melmill
