#ifndef MELMILL_BENCH_CASE_H_
#define MELMILL_BENCH_CASE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace melmill {

// What limits the speed of a case on this machine. Each limit is itself a case,
// with the stage kLimitStage.
enum class BenchLimit {
  kNone,
  kMemoryCopy,        // bytes read and written, one thread
  kDiskWrite,         // bytes written, durably
  kDiskReadAndWrite,  // the slower of the two
};
inline constexpr char kLimitStage[] = "limit";

// Whether a case computes the right result, and how that shows: "the same bits
// as libsndfile", "max difference 4.1e-05".
struct BenchCheck {
  bool passed = false;
  std::string text;
};

// One implementation of a stage. Cases of the same stage and input must have
// the same clips. A pass may throw, which ends the benchmark.
struct BenchCase {
  std::string stage;    // "log-mel"
  std::string variant;  // the implementation: "avx512", "libsndfile"
  std::string input;    // "int16", "PCM 16 bit, 48000 Hz, 2 ch"
  size_t num_clips = 1;
  double audio_seconds = 0;  // of all clips
  // The bytes that all clips must move at least: input and output.
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  BenchLimit limit = BenchLimit::kNone;

  std::function<BenchCheck()> check;
  std::function<void()> prepare;  // before each pass, not timed; may be empty
  std::function<void(size_t clip)> pass;  // processes one clip

  // Results of RunCases.
  BenchCheck checked;
  std::vector<double> seconds;  // of all clips, by round; empty if not timed
};

// Checks all cases, then times those that passed: one round that does not
// count, then num_rounds. Within a round, the cases of the same stage and input
// take turns clip by clip, so changes of the machine affect them alike. The
// first of them processes each clip once more before, untimed: the clip is then
// in the cache for all of them. Rounds of clips too short to be timed once are
// repeated, unless the case has a preparation. Ends early, with fewer or no
// times, once `stop_requested` returns true. Returns MeasureMachineSpeed before
// each round and after the last one.
std::vector<double> RunCases(int num_rounds,
                             const std::function<bool()>& stop_requested,
                             std::span<BenchCase> cases);

// The statistics of at least one value.
//
// The median. For an even number, the mean of the middle
// two.
double Median(std::vector<double> values);

double Smallest(const std::vector<double>& values);
// (largest - smallest) / median
double Spread(const std::vector<double>& values);

}  // namespace melmill

#endif  // MELMILL_BENCH_CASE_H_
