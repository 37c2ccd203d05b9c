#ifndef MELMILL_BENCH_CASE_H_
#define MELMILL_BENCH_CASE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace melmill {

// What limits the speed of a case on this machine. Each limit is a case itself,
// with the stage kLimitStage.
enum class BenchLimit {
  kNone,
  kMemoryCopy,        // bytes read and written, one thread
  kDiskWrite,         // bytes written, durably
  kDiskReadAndWrite,  // the slower of both
};
inline constexpr char kLimitStage[] = "limit";

// Whether a case computes what it should, and how that shows: "the same bits
// as libsndfile", "max difference 4.1e-05".
struct BenchCheck {
  bool passed = false;
  std::string text;
};

// One way to do one stage, on the same clips in every pass. A pass may throw;
// that ends the benchmark.
struct BenchCase {
  std::string stage;         // "log-mel"
  std::string variant;       // what does it: "avx512", "libsndfile"
  std::string input;         // "int16", "PCM 16 bit, 48000 Hz, 2 ch"
  double audio_seconds = 0;  // that a pass works through
  // The least that a pass must move: input and output.
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  BenchLimit limit = BenchLimit::kNone;

  std::function<BenchCheck()> check;
  std::function<void()> prepare;  // before each pass, not timed; or empty
  std::function<void()> pass;

  // Results of RunCases.
  BenchCheck checked;
  std::vector<double> seconds;  // a pass took, by round; empty: not timed
};

// Checks all cases, then times those that passed, in turns: one round that does
// not count, then num_rounds. So changes of the machine affect all cases alike.
// Passes too short to be timed alone are repeated within a round. Returns
// early, with less or nothing timed, once `stop_requested` says so.
void RunCases(int num_rounds, const std::function<bool()>& stop_requested,
              std::span<BenchCase> cases);

// Of at least one value; the mean of the middle two of an even number.
double Median(std::vector<double> values);

// (largest - smallest) / median
double Spread(const std::vector<double>& values);

}  // namespace melmill

#endif  // MELMILL_BENCH_CASE_H_
