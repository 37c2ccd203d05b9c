#ifndef MELMILL_PIPELINE_PROGRESS_H_
#define MELMILL_PIPELINE_PROGRESS_H_

#include <atomic>
#include <cstdint>
#include <functional>

namespace melmill {

// What a run is about to do, once it has planned.
struct PlanNotice {
  uint64_t num_lines = 0;
  uint64_t num_rejected = 0;
  uint64_t num_samples = 0;  // of the planned rows, at the feature rate
  int sample_rate_hz = 0;    // that rate
  uint64_t num_shards_to_make = 0;
  uint64_t bytes_to_write = 0;
  uint64_t free_bytes = 0;  // where they go; 0 if that cannot be told
};

// The link between a run and whoever watches it. The run writes the counters,
// the watcher reads them at any time from any thread, and sets stop_signal.
struct RunControl {
  enum class Phase { kPlan, kExtract, kFinish };
  std::atomic<Phase> phase{Phase::kPlan};

  std::atomic<uint64_t> lines_planned{0};

  std::atomic<uint64_t> frames_to_do{0};  // of this run's extraction
  std::atomic<uint64_t> frames_done{0};   // of rows stored or rejected

  // Called once, before anything is written; may be empty.
  std::function<void(const PlanNotice&)> on_planned;

  // A signal number once the run is asked to stop; else 0.
  std::atomic<int> stop_signal{0};

  bool stop_requested() const { return stop_signal.load() != 0; }
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PROGRESS_H_
