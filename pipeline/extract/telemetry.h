#ifndef MELMILL_PIPELINE_EXTRACT_TELEMETRY_H_
#define MELMILL_PIPELINE_EXTRACT_TELEMETRY_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "pipeline/row/stage_times.h"

namespace melmill {

// Measures the mean number of something over time. Thread-safe.
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

// How an extraction spent its time.
struct Telemetry {
  double seconds = 0;   // from the first row to the last commit
  int num_threads = 0;  // threads that compute
  int num_io_threads = 0;
  StageTimes compute;             // sum over computing threads
  double read_seconds = 0;        // sum over threads that wait for the disk
  double commit_seconds = 0;      // time of the committing thread
  double mean_reads_waiting = 0;  // rows whose file is or will be read
  uint64_t rows_read_in_place = 0;
  uint64_t rows_read_by_waiting = 0;
  uint64_t max_bytes_in_flight = 0;  // rows in work, by planned cost

  // The share of the computing threads' time that a stage, or all of them,
  // took, from 0 to 1.
  double BusyShare(Stage stage) const;
  double BusyShare() const;
};

// What the run waited for most.
enum class Bottleneck {
  kNone,     // run too short, or too few rows at a time
  kCompute,  // the computing threads had no pause
  kReading,  // waited for files
  kWriting,  // waited for shards on their way to the disk
};

struct BottleneckReport {
  Bottleneck bottleneck = Bottleneck::kNone;
  std::string name;  // "log-mel", "disk read", ...; what to speed up
  std::string line;  // "CPU-bound: log-mel takes 71 % of 2 threads"
};

BottleneckReport FindBottleneck(const Telemetry& telemetry);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_TELEMETRY_H_
