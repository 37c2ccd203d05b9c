#ifndef MELMILL_DSP_RESAMPLE_SPECTRAL_PLAN_H_
#define MELMILL_DSP_RESAMPLE_SPECTRAL_PLAN_H_

#include <cstdint>
#include <vector>

#include "dsp/resample/soxr_stages.h"
#include "dsp/resample/spectral_kernel.h"

namespace melmill {

// What soxr's chain of filters loses at the start of a clip, because it drops
// what a stage gives for times below 0: the first num_outputs samples differ
// from those of the whole filter by a matrix times the first num_inputs ones.
// Both numbers are 0 for a chain of one stage.
struct StartTransient {
  int num_inputs = 0;
  int num_outputs = 0;
  std::vector<float> weights;  // [output][input], to be added
};

// The transforms of a pair of rates, and how blocks of a clip meet them.
struct SpectralShape {
  int forward_rows;  // indices into kRowRadices and kColumnRadices
  int forward_columns;
  int inverse_rows;
  int inverse_columns;
  int guard;  // as in SpectralTables
  int num_valid;
};

// All that can be known about a pair of rates beforehand; constant, and shared
// by all threads.
struct SpectralPlan {
  SpectralPlan(int source_rate_hz, int target_rate_hz,
               const SpectralShape& shape);

  SpectralTables tables;
  StartTransient start;
  // The rates are as down to up, coprime. Block b is made of the samples from
  // b * tables.block_step - lead_in on, tables.forward.size() of them, and
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

// Every shape that the kernel has code for, cheapest first by operations per
// output. This and what follows is for the rates that SpectralSupports names.
std::vector<SpectralShape> SpectralShapes(int source_rate_hz,
                                          int target_rate_hz);

// The plan of the first shape; made at the first call for these rates, by
// whichever thread calls, and kept to the program's end.
const SpectralPlan& GetSpectralPlan(int source_rate_hz, int target_rate_hz);

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_SPECTRAL_PLAN_H_
