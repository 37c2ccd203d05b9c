#include "dsp/spectral_resampler.h"

namespace melmill {

bool SpectralSupports(int, int) { return false; }

std::unique_ptr<ResampleEngine> MakeSpectralEngine(SimdTarget) {
  return nullptr;
}

std::string SpectralVersion(SimdTarget target) {
  return std::string("spectral 1") + (FusesMultiplyAdd(target) ? " fma" : "");
}

}  // namespace melmill
