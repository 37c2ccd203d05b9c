#ifndef MELMILL_DSP_RESAMPLE_SPECTRAL_KERNEL_H_
#define MELMILL_DSP_RESAMPLE_SPECTRAL_KERNEL_H_

#include <cstddef>
#include <numeric>
#include <vector>

#include "dsp/simd/aligned_array.h"
#include "dsp/simd/simd_target.h"
#include "dsp/simd/twiddle.h"

namespace melmill {

// The inner loop of the spectral resampler: a block of samples to its
// spectrum, the band that is kept times a response, and back at another rate.
// Two blocks at a time, one as the real part and one as the imaginary part:
// the response is real, so they do not mix.
//
// A transform of rows x columns values, n = columns r + c and
// k = r' + rows c', is (Bailey 1990, "four-step"):
//
//   X[k] = sum_c W_columns^(c c') [ W_n^(r' c) sum_r W_rows^(r r') x[n] ]
//
// First all columns at once, a column a vector lane, straight from the
// samples; then all rows, a row a lane, after a transposition while loading.
// A lane's numbers do not depend on how many lanes there are: all targets that
// fuse multiply-adds give the same bits.

// The sizes that the kernel has code for, as products of two radices.
struct Radices {
  int first;
  int second;
  constexpr int size() const { return first * second; }
};
// Of the transform over the rows.
inline constexpr Radices kRowRadices[] = {
    {4, 4}, {4, 8}, {6, 8}, {8, 8}, {9, 7}};
// Of the transform over the columns. `kept`: how many outputs of the second
// radix are computed from each end of the spectrum; half of the radix means
// all.
struct ColumnRadices {
  Radices radices;
  int kept;
};
inline constexpr ColumnRadices kColumnRadices[] = {
    {{4, 8}, 4},   {{8, 6}, 2},   {{6, 8}, 4},  {{7, 8}, 3},  {{7, 8}, 4},
    {{8, 8}, 2},   {{10, 8}, 4},  {{8, 12}, 1}, {{8, 12}, 2}, {{8, 14}, 3},
    {{12, 16}, 1}, {{16, 14}, 1}, {{16, 14}, 2}};

inline constexpr int kMaxLanes = 16;

// The values between the passes are laid out as
//   [column / 16][row][re, im][column % 16]
// with the rows, too, padded to a multiple of 16: what either pass takes at a
// time lies together.
inline constexpr int kTileRow = 2 * kMaxLanes;

// Between two radices without a common factor there are no twiddle factors
// (Good 1958, Thomas 1963), if all outputs are wanted.
constexpr bool UsesRemainders(const Radices& radices, int kept) {
  return std::gcd(radices.first, radices.second) == 1 &&
         2 * kept >= radices.second;
}

// The constants of the transform over the rows, or over the columns.
struct StepTables {
  std::vector<int> inputs;   // number of the input of [second][first]
  std::vector<int> places;   // and the other way round: first * second + ...
  std::vector<int> outputs;  // with remainders: of [first][second]
  std::vector<Twiddle> twiddles;  // without: [second][first]
};

// The constants of a whole transform.
struct TransformTables {
  // Of indices into kRowRadices and kColumnRadices. With alternate_signs every
  // second output of the transform is negated.
  TransformTables(int rows, int columns, bool alternate_signs);

  int size() const { return num_rows * num_columns; }
  // Between the passes, of 16 columns and of all.
  std::ptrdiff_t tile_size() const;
  size_t middle_size() const;

  int row_radices;
  int column_radices;
  int num_rows;
  int num_columns;
  StepTables row_step;
  StepTables column_step;
  AlignedArray<float> twiddles;  // as between the passes
};

// The constants of one pair of rates.
struct SpectralTables {
  TransformTables forward;
  TransformTables inverse;
  // From the frequency of -inverse.size() / 2 on, with `margin` zeros more on
  // either side; with the forward transform's scale.
  AlignedArray<float> response;
  size_t margin;
  // num_valid outputs of a block, from `guard` on, are right; those before and
  // after them are spoilt by the block's ends. Both numbers are multiples of
  // kMaxLanes.
  int guard;
  int num_valid;
  // From one block to the next, in samples.
  std::ptrdiff_t block_step;
};

// What a forward transform may write outside the inverse's spectrum.
size_t SpectrumMargin(const TransformTables& forward,
                      const TransformTables& inverse);

// Scratch memory of one thread for one pair of rates.
struct SpectralScratch {
  explicit SpectralScratch(const SpectralTables& tables);

  // Between the passes; rows beyond the last stay zero.
  AlignedArray<float> forward_middle;
  AlignedArray<float> inverse_middle;
  AlignedArray<float> column;    // of one vector of columns or rows
  AlignedArray<float> spectrum;  // [re, im]; zero where nothing is kept
};

struct SpectralKernel {
  // Reads forward.size() samples of each block, and up to kMaxLanes - 1 after
  // them, which change nothing. Writes the first block's num_valid outputs and
  // then the second's to `output`.
  void (*run)(const float* first_block, const float* second_block,
              const SpectralTables& tables, SpectralScratch& scratch,
              float* output);
};

// Null if the kernel is not compiled for this target.
const SpectralKernel* FindSpectralKernel(SimdTarget target);

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_SPECTRAL_KERNEL_H_
