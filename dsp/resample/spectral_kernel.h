#ifndef MELMILL_DSP_RESAMPLE_SPECTRAL_KERNEL_H_
#define MELMILL_DSP_RESAMPLE_SPECTRAL_KERNEL_H_

#include <cstddef>
#include <numeric>
#include <vector>

#include "dsp/simd/aligned_array.h"
#include "dsp/simd/simd_target.h"
#include "dsp/simd/twiddle.h"

namespace melmill {

// The inner loop of the spectral resampler. It transforms a block of samples,
// multiplies the band that is kept by a response, and transforms back at
// another rate. It takes two blocks at a time, one as the real part and one as
// the imaginary part. The response is real, so they do not mix.
//
// A transform of rows x columns values, with n = columns r + c and k = r' +
// rows c', is (Bailey 1990, "four-step"):
//
//   X[k] = sum_c W_columns^(c c') [ W_n^(r' c) sum_r W_rows^(r r') x[n] ]
//
// The first pass transforms all columns straight from the samples, with a
// column in each vector lane. The second pass transforms all rows, with a row
// in each lane; it transposes while loading. A lane's numbers do not depend on
// the number of lanes, so all targets that fuse multiply-adds give the same
// bits.

// A size that the kernel has code for, as a product of two radices.
struct Radices {
  int first;
  int second;
  constexpr int size() const { return first * second; }
};
// The sizes of the transform over the rows.
inline constexpr Radices kRowRadices[] = {
    {4, 4}, {4, 8}, {6, 8}, {8, 8}, {9, 7}};
// A size of the transform over the columns. `kept` is how many outputs of the
// second radix are computed at each end of the spectrum; half of the radix
// means all.
struct ColumnRadices {
  Radices radices;
  int kept;
};
inline constexpr ColumnRadices kColumnRadices[] = {
    {{4, 8}, 4},   {{8, 6}, 2},   {{6, 8}, 4},  {{7, 8}, 3},  {{7, 8}, 4},
    {{8, 8}, 2},   {{10, 8}, 4},  {{8, 12}, 1}, {{8, 12}, 2}, {{8, 14}, 3},
    {{12, 16}, 1}, {{16, 14}, 1}, {{16, 14}, 2}};

inline constexpr int kMaxLanes = 16;

// Between the passes the values are laid out as
//
//   [column / 16][row][re, im][column % 16]
//
// The rows, too, are padded to a multiple of 16. What either pass takes at a
// time lies together.
inline constexpr int kTileRow = 2 * kMaxLanes;

// Two radices without a common factor need no twiddle factors between them
// (Good 1958, Thomas 1963), if all outputs are wanted.
constexpr bool UsesRemainders(const Radices& radices, int kept) {
  return std::gcd(radices.first, radices.second) == 1 &&
         2 * kept >= radices.second;
}

// The constants of the transform over the rows, or over the columns.
struct StepTables {
  std::vector<int> inputs;        // number of the input of [second][first]
  std::vector<int> places;        // the inverse: second * a + b of an input
  std::vector<int> outputs;       // with remainders: of [first][second]
  std::vector<Twiddle> twiddles;  // without: [second][first]
};

// The constants of a whole transform.
struct TransformTables {
  // `rows` and `columns` are indices into kRowRadices and kColumnRadices. With
  // alternate_signs every second output of the transform is negated.
  TransformTables(int rows, int columns, bool alternate_signs);

  int size() const { return num_rows * num_columns; }
  // The sizes of the values between the passes: for 16 columns, and for all.
  std::ptrdiff_t tile_size() const;
  size_t middle_size() const;

  int row_radices;
  int column_radices;
  int num_rows;
  int num_columns;
  StepTables row_step;
  StepTables column_step;
  AlignedArray<float> twiddles;  // laid out as between the passes
};

// The constants of one pair of rates.
struct SpectralTables {
  TransformTables forward;
  TransformTables inverse;
  // Starts at frequency -inverse.size() / 2, has `margin` more zeros at either
  // end, and includes the forward transform's scale.
  AlignedArray<float> response;
  size_t margin;
  // The outputs of a block are right from `guard` on, num_valid of them. The
  // others are spoilt by the block's ends. Both numbers are multiples of
  // kMaxLanes.
  int guard;
  int num_valid;
  // The distance between two blocks, in samples.
  std::ptrdiff_t block_step;
};

// How far a forward transform may write outside the inverse's spectrum.
size_t SpectrumMargin(const TransformTables& forward,
                      const TransformTables& inverse);

// Scratch memory for one thread and one pair of rates.
struct SpectralScratch {
  explicit SpectralScratch(const SpectralTables& tables);

  // Values between the passes. Rows beyond the last stay zero.
  AlignedArray<float> forward_middle;
  AlignedArray<float> inverse_middle;
  AlignedArray<float> column;    // one vector of columns or rows
  AlignedArray<float> spectrum;  // [re, im]; zero where nothing is kept
};

struct SpectralKernel {
  // Reads forward.size() samples of each block, and up to kMaxLanes - 1 after
  // them, which do not affect the result. Writes to `output` the first block's
  // num_valid outputs and then the second's.
  void (*run)(const float* first_block, const float* second_block,
              const SpectralTables& tables, SpectralScratch& scratch,
              float* output);
};

// Returns null if the kernel is not compiled for this target.
const SpectralKernel* FindSpectralKernel(SimdTarget target);

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_SPECTRAL_KERNEL_H_
