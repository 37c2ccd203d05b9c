#ifndef MELMILL_BENCH_BENCH_H_
#define MELMILL_BENCH_BENCH_H_

#include <optional>
#include <string>
#include <vector>

#include "bench/case.h"
#include "bench/limits.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Measurements for choosing hardware and settings: each stage of the qwen3-asr
// preset alone, all stages together, and how close they come to what the
// machine can move.
struct BenchOptions {
  std::vector<std::string> stages;  // from BenchStageNames; empty for all
  std::vector<std::string> audio;  // WAV files and folders; empty for synthetic
  // Folder for the output of the stages store and all, which goes into a folder
  // of its own that is removed. Empty for $TMPDIR or /tmp.
  std::string out;
  int num_threads = 0;  // for the stage all; 0 for AvailableCpus()
  int num_rounds = 5;
};

std::vector<std::string> BenchStageNames();

struct BenchMachine {
  std::string cpu;   // model name, or the architecture
  int num_cpus = 0;  // CPUs that this process may use
  std::vector<std::string> simd_targets;
  std::vector<double> speeds;  // what RunCases returned
};

// Bytes per second, the median of all rounds. A value is missing if no stage
// needs it.
struct BenchLimits {
  std::optional<double> memory_copy;  // bytes read and written
  std::optional<double> disk_write;
  std::optional<double> disk_read;
};

struct BenchReport {
  BenchMachine machine;
  std::string out;  // folder that was written to; empty if none
  Mount disk;       // mount of that folder
  size_t num_clips = 0;
  // Files of --audio folders that could not be used, and why.
  std::vector<std::string> left_out;
  double audio_seconds = 0;
  BenchLimits limits;
  std::vector<BenchCase> cases;  // without the cases of the limits
  bool stopped = false;          // by control->stop_signal()

  bool all_passed() const;
};

// Runs the benchmark. Throws SetupError for errors that the user must fix, and
// std::runtime_error for a fault of the machine.
BenchReport RunBench(const BenchOptions& options, RunControl* control);

// The share of its limit that a timed case reached: the least time that the
// machine needs, divided by the time that the case took. Returns nothing
// without a limit.
std::optional<double> ShareOfLimit(const BenchCase& bench_case,
                                   const BenchLimits& limits);

}  // namespace melmill

#endif  // MELMILL_BENCH_BENCH_H_
