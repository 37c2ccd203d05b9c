#ifndef MELMILL_DSP_RESAMPLE_SOXR_RESAMPLER_H_
#define MELMILL_DSP_RESAMPLE_SOXR_RESAMPLER_H_

#include <memory>
#include <string_view>

#include "dsp/resample/resample_engine.h"

namespace melmill {

// libsoxr's recipe HQ, for any two rates.
std::unique_ptr<ResampleEngine> MakeSoxrEngine();

// Name and version of the library.
std::string_view SoxrVersion();

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_SOXR_RESAMPLER_H_
