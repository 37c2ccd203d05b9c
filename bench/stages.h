#ifndef MELMILL_BENCH_STAGES_H_
#define MELMILL_BENCH_STAGES_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/audio.h"
#include "bench/case.h"
#include "dsp/log_mel/log_mel.h"
#include "dsp/samples/sample_vector.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// The cases of each stage, for RunCases. Each works on all clips that it can
// take, on one thread unless it says otherwise. The clips must outlive the
// cases.

// By format: WavDecoder against libsndfile and the mean of the channels, whose
// samples it must give bit for bit.
std::vector<BenchCase> MakeDecodeCases(std::span<const BenchClip> clips);

// One way to change the sample rate.
struct BenchResampler {
  std::string name;
  std::function<bool(int source_rate_hz, int target_rate_hz)> supports;
  // Appends a whole clip, resampled.
  std::function<void(std::span<const float> mono, int source_rate_hz,
                     int target_rate_hz, SampleVector* samples)>
      resample;
  // Its samples are the bits of all others that say so.
  bool fuses_multiply_add = false;
};

// What this machine has, best first; the last one is soxr, which supports all
// rates.
std::vector<BenchResampler> MakeBenchResamplers();

// All kinds by sample rate other than the target, as far as they support it.
// Checked: the last kind, the reference, by the lengths and by a tone that
// must stay one; the others by its samples. They may differ from these by
// 1e-6 of full scale (of the largest sample, where clips go beyond it), and by
// an RMS of 5e-8 if the clips' own is -20 dB of full scale or less: float32
// itself rounds louder ones to more. Where multiply-adds are fused they must
// be the same bits.
std::vector<BenchCase> MakeResampleCases(
    std::span<const BenchClip> clips, int target_rate_hz,
    const std::vector<BenchResampler>& kinds);

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

#endif  // MELMILL_BENCH_STAGES_H_
