#ifndef MELMILL_PIPELINE_PROGRESS_H_
#define MELMILL_PIPELINE_PROGRESS_H_

#include <atomic>
#include <cstdint>

namespace melmill {

// The link between a run and whoever watches it. The run writes the counters,
// the watcher reads them at any time from any thread, and sets stop_signal.
struct RunControl {
  enum class Phase { kPlan, kExtract, kFinish };
  std::atomic<Phase> phase{Phase::kPlan};

  std::atomic<uint64_t> lines_planned{0};

  std::atomic<uint64_t> rows_to_do{0};     // of this run's extraction
  std::atomic<uint64_t> rows_done{0};      // stored or rejected
  std::atomic<uint64_t> samples_to_do{0};  // at the feature sample rate
  std::atomic<uint64_t> samples_done{0};

  // A signal number once the run is asked to stop; else 0.
  std::atomic<int> stop_signal{0};

  bool stop_requested() const { return stop_signal.load() != 0; }
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PROGRESS_H_
