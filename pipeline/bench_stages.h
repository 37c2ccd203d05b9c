#ifndef MELMILL_PIPELINE_BENCH_STAGES_H_
#define MELMILL_PIPELINE_BENCH_STAGES_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dsp/log_mel.h"
#include "pipeline/bench_audio.h"
#include "pipeline/bench_case.h"
#include "pipeline/progress.h"

namespace melmill {

// The cases of each stage, for RunCases. Each works on all clips that it can
// take, on one thread unless it says otherwise. The clips must outlive the
// cases.

// By format: WavDecoder against libsndfile and the mean of the channels, whose
// samples it must give bit for bit.
std::vector<BenchCase> MakeDecodeCases(std::span<const BenchClip> clips);

// By sample rate other than the target: soxr. Checked by the lengths, and by a
// tone that must stay one.
std::vector<BenchCase> MakeResampleCases(std::span<const BenchClip> clips,
                                         int target_rate_hz);

// One way to compute the features.
struct BenchLogMel {
  std::string name;
  std::shared_ptr<const LogMel> log_mel;
  // Its features are the bits of all others that say so.
  bool fuses_multiply_add = false;
};

// What this machine has for these options, best first; the last one is the
// general path.
std::vector<BenchLogMel> MakeBenchLogMels(const LogMelOptions& options);

// All kinds by input: the PCM of clips that have the feature sample rate, one
// channel and 16 bits, as int16; all clips, resampled if need be, as float.
// Output float16. Checked: float32 features at most 2e-4 from those of the
// last kind, the general path; float16 features these, rounded; the same bits
// where multiply-adds are fused.
std::vector<BenchCase> MakeLogMelCases(std::span<const BenchClip> clips,
                                       const std::vector<BenchLogMel>& kinds);

// Writing a shard of about 64 MiB of these clips' features below `folder`,
// from creation to commit. Checked by reading it back.
std::vector<BenchCase> MakeStoreCases(std::span<const BenchClip> clips,
                                      const LogMelOptions& options,
                                      const std::string& folder);

// Files to a store below `folder`, with this many threads: files that the page
// cache does not hold, and files that it does. Synthetic clips are written
// there several times. Checked by what the store's index says.
std::vector<BenchCase> MakeWholeWayCases(std::span<const BenchClip> clips,
                                         const std::string& folder,
                                         int num_threads, RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_BENCH_STAGES_H_
