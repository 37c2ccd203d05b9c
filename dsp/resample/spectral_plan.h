#ifndef MELMILL_DSP_RESAMPLE_SPECTRAL_PLAN_H_
#define MELMILL_DSP_RESAMPLE_SPECTRAL_PLAN_H_

#include <cstdint>
#include <vector>

#include "dsp/resample/soxr_stages.h"
#include "dsp/resample/spectral_kernel.h"

namespace melmill {

// What soxr's chain of filters loses at the start of a clip. The chain drops
// each stage's outputs at times below 0. So its first num_outputs samples
// differ from those of the whole filter, by a matrix times the first num_inputs
// samples. Both numbers are 0 for a chain of one stage.
struct StartTransient {
  int num_inputs = 0;
  int num_outputs = 0;
  std::vector<float> weights;  // [output][input], to be added
};

// The transforms for a pair of rates, and how a clip is cut into blocks.
struct SpectralShape {
  int forward_rows;  // indices into kRowRadices and kColumnRadices
  int forward_columns;
  int inverse_rows;
  int inverse_columns;
  int guard;  // as in SpectralTables
  int num_valid;
};

// The constants for a pair of rates. All threads share them.
struct SpectralPlan {
  SpectralPlan(int source_rate_hz, int target_rate_hz,
               const SpectralShape& shape);

  SpectralTables tables;
  StartTransient start;
  // The rates are in the ratio of down to up, which are coprime. Block b takes
  // tables.forward.size() samples from b * tables.block_step - lead_in on. It
  // gives the outputs from b * tables.num_valid - num_skipped on.
  int up;
  int down;
  int num_skipped;
  int64_t lead_in;

 private:
  SpectralPlan(int source_rate_hz, int target_rate_hz,
               const SpectralShape& shape,
               const std::vector<ResampleStage>& stages);
};

// Every shape that the kernel has code for, in ascending order of operations
// per output. SpectralSupports must hold for the rates, here and below.
std::vector<SpectralShape> SpectralShapes(int source_rate_hz,
                                          int target_rate_hz);

// The plan of the first shape. The first call for these rates makes it, on any
// thread; it lives to the program's end.
const SpectralPlan& GetSpectralPlan(int source_rate_hz, int target_rate_hz);

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_SPECTRAL_PLAN_H_
