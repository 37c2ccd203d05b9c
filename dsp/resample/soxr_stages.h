#ifndef MELMILL_DSP_RESAMPLE_SOXR_STAGES_H_
#define MELMILL_DSP_RESAMPLE_SOXR_STAGES_H_

#include <vector>

namespace melmill {

// One filter of a chain that changes a sample rate: `up` - 1 zeros after each
// sample, a symmetric filter, and every `down`-th of its outputs:
//
//   y[j] = sum_n x[n] taps[down j - up n + taps.size() / 2]
//
// Both signals have their sample 0 at time 0: the filter delays nothing.
struct ResampleStage {
  int up;
  int down;
  std::vector<double> taps;  // odd in number, symmetric, of sum `up`
};

// Whether there is such a chain for these rates: those that SpectralSupports
// names.
bool HasSoxrHqStages(int source_rate_hz, int target_rate_hz);

// The chain that libsoxr 0.1.3 makes of its recipe HQ with linear phase for
// these rates, designed here in double precision. docs/numerics.md derives it:
//
// - for each whole octave above twice the target rate, an equiripple half-band
//   filter that halves the rate;
// - a Kaiser-windowed low pass from 0.9137 to 1 of the narrower Nyquist
//   frequency, which also changes the rate by the ratio if that is one of
//   small numbers;
// - for the rates that are multiples of 11,025 Hz, a Kaiser-windowed
//   interpolator for the rest of the ratio.
//
// libsoxr drops what a stage gives for times below 0 before the next stage.
std::vector<ResampleStage> SoxrHqStages(int source_rate_hz, int target_rate_hz);

// The gain of the whole chain, which has no phase, at a frequency below half
// the source rate.
double ChainResponse(const std::vector<ResampleStage>& stages,
                     int source_rate_hz, double frequency_hz);

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_SOXR_STAGES_H_
