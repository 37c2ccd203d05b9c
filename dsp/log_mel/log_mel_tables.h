#ifndef MELMILL_DSP_LOG_MEL_LOG_MEL_TABLES_H_
#define MELMILL_DSP_LOG_MEL_LOG_MEL_TABLES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "dsp/simd/aligned_array.h"
#include "dsp/simd/twiddle.h"

namespace melmill {

// The constants of the SIMD log-mel kernel (log_mel_kernel.h), computed in
// double precision and rounded once.
//
// The kernel transforms 400 samples by the prime factor algorithm (Good 1958,
// Thomas 1963). 400 = 16 * 25, and with n = (25 a + 16 b) mod 400 the DFT
// splits into DFTs of 16 over a and DFTs of 25 over b, with no twiddle factors
// between them. The input is real, so 9 of the 16 DFTs over b are enough:
//
//   X[k] = sum_b W25^(b k) sum_a W16^(a k) x[(25 a + 16 b) mod 400]
inline constexpr int kKernelFftSize = 400;
inline constexpr int kKernelHopLength = 160;
inline constexpr int kKernelNumBins = kKernelFftSize / 2 + 1;
inline constexpr int kKernelNumColumns = 16;  // a
inline constexpr int kKernelNumRows = 25;     // b

// A hop moves the window by this many rows and by no column: 160 = 16 * 10.
inline constexpr int kKernelRowsPerHop = 10;

// A power spectrum bin and its weights in the two mel filters that may contain
// it: the one that falls there, and the next one, which rises.
struct MelBin {
  int32_t power_slot;  // where the kernel keeps the bin's power
  float falling;
  float rising;
};

struct LogMelTables {
  explicit LogMelTables(const LogMelOptions& options);

  // [row][column]. The first is for samples in [-1, 1], the second for int16
  // samples times 65536.
  AlignedArray<float> window;
  AlignedArray<float> window_pcm16;
  // Where in [row][column] a sample of a ring of 400 lies. The table is there
  // twice, back to back, so that consecutive samples never wrap around.
  std::array<int16_t, 2 * kKernelFftSize> ring_slots;
  // W25^(q j), the factors between the two stages of the DFT of 25 = 5 * 5:
  // [q][j].
  std::array<std::array<Twiddle, 5>, 5> twiddles;
  // The bins of at least one filter, lowest first. Those of interval i, which
  // end before mel_bins[interval_ends[i]], are where filter i - 1 falls and
  // filter i rises. There are num_mels + 1 intervals.
  std::vector<MelBin> mel_bins;
  std::vector<int32_t> interval_ends;
  int num_mels;
};

// Whether the kernel supports these options: n_fft and hop length must be its
// own.
bool KernelSupports(const LogMelOptions& options);

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_LOG_MEL_TABLES_H_
