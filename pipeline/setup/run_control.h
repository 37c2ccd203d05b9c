#ifndef MELMILL_PIPELINE_SETUP_RUN_CONTROL_H_
#define MELMILL_PIPELINE_SETUP_RUN_CONTROL_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>

#include "store/rejects.h"

namespace melmill {

struct PlanReport;

// What a run will do, once it has planned.
struct PlanNotice {
  const PlanReport* plan = nullptr;  // not null from a run; null from a repair
  uint64_t num_lines = 0;
  uint64_t num_rejected = 0;
  uint64_t num_samples = 0;  // of planned rows, at the feature rate
  int sample_rate_hz = 0;    // the feature rate
  uint64_t num_shards_to_make = 0;
  uint64_t bytes_to_write = 0;
  uint64_t free_bytes = 0;  // on the store's disk; 0 if unknown
};

// Connects a run with its watcher. The run writes the counters; the watcher
// reads them at any time from any thread, and may ask the run to stop.
class RunControl {
 public:
  enum class Phase { kPlan, kCheck, kCompareAudio, kExtract, kFinish };
  std::atomic<Phase> phase{Phase::kPlan};

  std::atomic<uint64_t> lines_planned{0};

  std::atomic<uint64_t> shards_to_check{0};  // shards of earlier runs
  std::atomic<uint64_t> shards_checked{0};

  // Bytes of the files that look changed.
  std::atomic<uint64_t> audio_bytes_to_read{0};
  std::atomic<uint64_t> audio_bytes_read{0};

  std::atomic<uint64_t> frames_to_do{0};  // frames of this run's extraction
  std::atomic<uint64_t> frames_done{0};   // frames of rows stored or rejected
  std::atomic<uint64_t> rows_to_do{0};
  std::atomic<uint64_t> rows_done{0};       // stored or rejected
  std::atomic<uint64_t> bytes_done{0};      // of the audio files of these rows
  std::atomic<uint64_t> lines_rejected{0};  // by the plan and the extraction

  // Set once the work is known. They count all shards of the store, the shards
  // of earlier runs, and the shards that this run has made.
  std::atomic<uint64_t> shards_in_all{0};
  std::atomic<uint64_t> shards_kept{0};
  std::atomic<uint64_t> shards_made{0};

  // The number of shards in work that a stopping run completes; -1 before it
  // has chosen them.
  std::atomic<int> shards_to_complete{-1};

  // Called once, before anything is written. May be empty.
  std::function<void(const PlanNotice&)> on_planned;

  // Called for each line that a plan of validate rejects, in the order of the
  // manifests. May be empty.
  std::function<void(const LedgerEntry&)> on_rejected;

  // Called instead of std::abort, on any thread: when a row hangs, or when
  // oneTBB cannot go on. Must end the process at once.
  std::function<void(const std::string& message)> end_process;
  void EndProcess(const std::string& message) const {
    if (!end_process) std::abort();
    end_process(message);
  }

  // How long a run that was asked to stop may take to complete shards in work.
  // Set it before the run.
  static constexpr std::chrono::seconds kGrace{10};
  std::chrono::nanoseconds grace = kGrace;

  // Asks the run to stop because of a signal. Returns false if it was asked
  // before. A signal handler may call this.
  bool RequestStop(int signal_number) {
    int none = 0;
    if (!stop_signal_.compare_exchange_strong(none, signal_number)) {
      return false;
    }
    grace_end_ = Clock::now().time_since_epoch() + grace;
    return true;
  }

  // The signal number once the run was asked to stop, otherwise 0.
  int stop_signal() const { return stop_signal_; }
  bool stop_requested() const { return stop_signal_ != 0; }
  // The time that is left of the run's grace, from 0 to `grace`.
  double grace_left_seconds() const {
    const auto left = grace_end_.load() - Clock::now().time_since_epoch();
    return std::clamp(std::chrono::duration<double>(left).count(), 0.0,
                      std::chrono::duration<double>(grace).count());
  }
  // Whether the run's grace is over, so that nothing new may be started.
  bool grace_is_over() const {
    return stop_requested() &&
           Clock::now().time_since_epoch() > grace_end_.load();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static_assert(std::atomic<int>::is_always_lock_free);
  static_assert(std::atomic<Clock::duration>::is_always_lock_free);

  std::atomic<int> stop_signal_{0};
  // There is no hurry until RequestStop sets it.
  std::atomic<Clock::duration> grace_end_{Clock::duration::max()};
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_RUN_CONTROL_H_
