#ifndef MELMILL_DSP_RESAMPLE_SOXR_STAGES_H_
#define MELMILL_DSP_RESAMPLE_SOXR_STAGES_H_

#include <vector>

namespace melmill {

// One filter of a chain that changes a sample rate. It inserts `up` - 1 zeros
// after each sample, applies a symmetric filter, and keeps every `down`-th
// output:
//
//   y[j] = sum_n x[n] taps[down j - up n + taps.size() / 2]
//
// Sample 0 of both signals is at time 0: the filter adds no delay.
struct ResampleStage {
  int up;
  int down;
  std::vector<double> taps;  // odd number, symmetric, their sum is `up`
};

// Whether SoxrHqStages has a chain for these rates: those of SpectralSupports.
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
// Before the next stage libsoxr drops a stage's outputs at times below 0.
std::vector<ResampleStage> SoxrHqStages(int source_rate_hz, int target_rate_hz);

// The gain of the whole chain, whose phase is zero, at a frequency below half
// the source rate.
double ChainResponse(const std::vector<ResampleStage>& stages,
                     int source_rate_hz, double frequency_hz);

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_SOXR_STAGES_H_
