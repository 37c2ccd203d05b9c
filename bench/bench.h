#ifndef MELMILL_BENCH_BENCH_H_
#define MELMILL_BENCH_BENCH_H_

#include <optional>
#include <string>
#include <vector>

#include "bench/case.h"
#include "bench/limits.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Measurements to choose hardware and settings by: each stage of the qwen3-asr
// preset alone, the whole way, and how close they come to what the machine can
// move.
struct BenchOptions {
  std::vector<std::string> stages;  // of BenchStageNames; empty: all of them
  std::vector<std::string> audio;   // WAV files and folders; empty: synthetic
  // Folder for what the stages store and all write, in one of their own that
  // is removed; empty: $TMPDIR or /tmp.
  std::string out;
  int num_threads = 0;  // of all; 0: as many as this process may use
  int num_rounds = 5;
};

std::vector<std::string> BenchStageNames();

struct BenchMachine {
  std::string cpu;   // the model's name, or the architecture
  int num_cpus = 0;  // that this process may use
  std::vector<std::string> simd_targets;
};

// Bytes a second, the median of all rounds; nothing where no stage needs it.
struct BenchLimits {
  std::optional<double> memory_copy;  // bytes read and written
  std::optional<double> disk_write;
  std::optional<double> disk_read;
};

struct BenchReport {
  BenchMachine machine;
  std::string out;  // the folder that was written to; empty: none
  Mount disk;       // that it lies on
  size_t num_clips = 0;
  double audio_seconds = 0;
  BenchLimits limits;
  std::vector<BenchCase> cases;  // without those of the limits
  bool stopped = false;          // control->stop_signal() says by what

  bool all_passed() const;
};

// Throws SetupError for what the user must fix, std::runtime_error for a fault
// of the machine.
BenchReport RunBench(const BenchOptions& options, RunControl* control);

// The share of its limit that a timed case reached: the least time that the
// machine needs, divided by the time that it took. Nothing without a limit.
std::optional<double> ShareOfLimit(const BenchCase& bench_case,
                                   const BenchLimits& limits);

}  // namespace melmill

#endif  // MELMILL_BENCH_BENCH_H_
