#ifndef MELMILL_DSP_RESAMPLE_SPECTRAL_RESAMPLER_H_
#define MELMILL_DSP_RESAMPLE_SPECTRAL_RESAMPLER_H_

#include <memory>
#include <string>

#include "dsp/resample/resample_engine.h"
#include "dsp/simd/simd_target.h"

namespace melmill {

// Whether the spectral resampler supports this pair of rates: 8, 11.025, 12,
// 22.05, 24, 32, 44.1, 48, 88.2, 96, 176.4 and 192 kHz to 16 kHz.
bool SpectralSupports(int source_rate_hz, int target_rate_hz);

// Overlap-save in the frequency domain, with libsoxr's filters
// (docs/numerics.md). `target` must be one of SupportedSimdTargets. The engine
// keeps 75 to 315 kB and allocates them again when the rate changes between
// clips. The tables of a rate are made once per process, in at most 50 ms.
std::unique_ptr<ResampleEngine> MakeSpectralEngine(SimdTarget target);

// The engine's name and version: the same string for targets that give the same
// bits.
std::string SpectralVersion(SimdTarget target);

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_SPECTRAL_RESAMPLER_H_
