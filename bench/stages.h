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

// The cases of each stage, for RunCases. Each case works on all clips that it
// supports, on one thread unless it says otherwise. The clips must outlive the
// cases.

// For each plain format, PlainDecoder and libsndfile with the mean of the
// channels. PlainDecoder must give the same samples, bit for bit.
std::vector<BenchCase> MakeDecodeCases(std::span<const BenchClip> clips);

// A clip in every coded format, made of a plain one by libsndfile.
std::vector<BenchClip> MakeCodedClips(const BenchClip& plain);

// For each coded format among the clips, CodedClip and libsndfile. CodedClip
// must give the same samples, bit for bit.
std::vector<BenchCase> MakeCodedDecodeCases(std::span<const BenchClip> clips);

// An implementation of resampling.
struct BenchResampler {
  std::string name;
  std::function<bool(int source_rate_hz, int target_rate_hz)> supports;
  // Resamples a whole clip and appends it.
  std::function<void(std::span<const float> mono, int source_rate_hz,
                     int target_rate_hz, SampleVector* samples)>
      resample;
  // All resamplers with this set must give the same bits.
  bool fuses_multiply_add = false;
};

// The resamplers that this machine supports, best first. The last one is soxr,
// which supports all rates.
std::vector<BenchResampler> MakeBenchResamplers();

// For each sample rate other than the target, all kinds that support it. The
// last kind is the reference: its lengths are checked, and that a tone stays a
// tone. The samples of the other kinds are compared with the reference. They
// may differ by 1e-6 of full scale (of the largest sample, if clips exceed full
// scale), and by an RMS of 5e-8 if the clips' own is at most -20 dB of full
// scale; float32 itself rounds louder clips to more. Kinds that fuse
// multiply-adds must give the same bits.
std::vector<BenchCase> MakeResampleCases(
    std::span<const BenchClip> clips, int target_rate_hz,
    const std::vector<BenchResampler>& kinds);

// An implementation of the features.
struct BenchLogMel {
  std::string name;
  std::shared_ptr<const LogMel> log_mel;
  // All kinds with this set must give the same bits.
  bool fuses_multiply_add = false;
};

// The kinds that this machine supports for these options, best first. The last
// one is the general path.
std::vector<BenchLogMel> MakeBenchLogMels(const LogMelOptions& options);

// All kinds, for two inputs: as int16, the PCM of clips with the feature sample
// rate, one channel and 16 bits; as float, all clips, resampled if need be. The
// output is float16. It is checked that float32 features differ by at most 2e-4
// from those of the last kind, the general path, that float16 features are
// these, rounded, and that kinds that fuse multiply-adds give the same bits.
std::vector<BenchCase> MakeLogMelCases(std::span<const BenchClip> clips,
                                       const std::vector<BenchLogMel>& kinds);

// Writes a shard of about 64 MiB of these clips' features below `folder`, from
// creation to commit. It is checked by reading it back.
std::vector<BenchCase> MakeStoreCases(std::span<const BenchClip> clips,
                                      const LogMelOptions& options,
                                      const std::string& folder);

// Makes a store below `folder` from files, with this many threads: once from
// files outside the page cache, once from files in it. Synthetic clips are
// written there several times. The store's index is checked.
std::vector<BenchCase> MakeWholeWayCases(std::span<const BenchClip> clips,
                                         const std::string& folder,
                                         int num_threads, RunControl* control);

}  // namespace melmill

#endif  // MELMILL_BENCH_STAGES_H_
