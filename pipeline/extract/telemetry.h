#ifndef MELMILL_PIPELINE_EXTRACT_TELEMETRY_H_
#define MELMILL_PIPELINE_EXTRACT_TELEMETRY_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "pipeline/row/stage_times.h"

namespace melmill {

// How many of something there are, over time. Thread-safe.
class DepthMeter {
 public:
  void Add(int change);
  // The mean since construction.
  double Mean() const;

 private:
  using Clock = std::chrono::steady_clock;

  mutable std::mutex mutex_;
  int depth_ = 0;
  double depth_seconds_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point changed_ = start_;
};

// What an extraction spent its time on.
struct Telemetry {
  double seconds = 0;   // from the first row to the last commit
  int num_threads = 0;  // that compute
  int num_io_threads = 0;
  StageTimes compute;             // of all threads that compute
  double read_seconds = 0;        // of all threads that wait for the disk
  double commit_seconds = 0;      // of the one that commits
  double mean_reads_waiting = 0;  // rows whose file is being read, or is to be
  uint64_t rows_read_in_place = 0;
  uint64_t rows_read_by_waiting = 0;
  uint64_t max_bytes_in_flight = 0;  // of rows in work, by the plan's cost

  // The share of the computing threads' time that a stage, or all of them,
  // took: 0 to 1.
  double BusyShare(Stage stage) const;
  double BusyShare() const;
};

// What the run waited for most.
enum class Bottleneck {
  kNone,     // too short a run, or too few rows at a time
  kCompute,  // the threads that compute had no pause
  kReading,  // files had to be waited for
  kWriting,  // shards had to be, on their way to the disk
};

struct BottleneckReport {
  Bottleneck bottleneck = Bottleneck::kNone;
  std::string name;  // "log-mel", "disk read", ...; what to speed up
  std::string line;  // "CPU-bound: log-mel takes 71 % of 2 threads"
};

BottleneckReport FindBottleneck(const Telemetry& telemetry);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_TELEMETRY_H_
