#include "dsp/log_mel/log_mel_tables.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "dsp/log_mel/mel_filter_bank.h"
#include "dsp/log_mel/window.h"

namespace melmill {
namespace {

// The kernel converts int16 samples in the upper half of an int32.
constexpr double kPcm16Scale = 0x1p-31;

AlignedArray<float> MakeWindowTable(const LogMelOptions& options,
                                    double scale) {
  const std::vector<double> window = MakeWindow(options.window, kKernelFftSize);
  AlignedArray<float> table(kKernelFftSize);
  for (int b = 0; b < kKernelNumRows; ++b) {
    for (int a = 0; a < kKernelNumColumns; ++a) {
      const int sample = (25 * a + 16 * b) % kKernelFftSize;
      table[static_cast<size_t>(b * kKernelNumColumns + a)] =
          static_cast<float>(window[static_cast<size_t>(sample)]) *
          static_cast<float>(scale);
    }
  }
  return table;
}

std::array<int16_t, 2 * kKernelFftSize> MakeRingSlots() {
  std::array<int16_t, 2 * kKernelFftSize> slots;
  for (int b = 0; b < kKernelNumRows; ++b) {
    for (int a = 0; a < kKernelNumColumns; ++a) {
      const auto sample = static_cast<size_t>((25 * a + 16 * b) % 400);
      slots[sample] = slots[sample + kKernelFftSize] =
          static_cast<int16_t>(b * kKernelNumColumns + a);
    }
  }
  return slots;
}

Twiddle MakeTwiddle(int q, int j) {
  const double angle = 2 * std::numbers::pi * q * j / 25;
  return {static_cast<float>(std::cos(angle)),
          static_cast<float>(std::sin(angle))};
}

// The kernel writes the powers of residue k mod 16 = k1 over the spectrum it
// took them from, 50 vectors a residue. Those of k1 from 1 to 7 are in the
// order of the DFT of 25 = 5 * 5. Those of 0 and 8, which are real before the
// second DFT and share the last 50 vectors, are in ascending order of k mod 25.
int32_t PowerSlot(int bin) {
  // k is the bin or its mirror image, whichever has a residue that the kernel
  // computes.
  const int k = bin % 16 <= 8 ? bin : kKernelFftSize - bin;
  const int k1 = k % 16;
  const int k2 = k % 25;
  if (k1 >= 1 && k1 <= 7) return (k1 - 1) * 50 + 5 * (k2 % 5) + k2 / 5;
  const int mirrored = k2 <= 12 ? k2 : 25 - k2;
  return 7 * 50 + (k1 == 0 ? 0 : 13) + mirrored;
}

// The weight of a bin in a filter; 0 for filters that do not exist.
float WeightIn(const std::vector<MelFilter>& filters, int filter, int bin) {
  if (filter < 0 || filter >= static_cast<int>(filters.size())) return 0;
  const auto& [first_bin, weights] = filters[static_cast<size_t>(filter)];
  const int i = bin - first_bin;
  if (i < 0 || i >= static_cast<int>(weights.size())) return 0;
  return static_cast<float>(weights[static_cast<size_t>(i)]);
}

// Which interval a bin of a single filter is put in makes no difference, as
// long as intervals ascend: its other weight is 0.
void AddIntervals(const std::vector<MelFilter>& filters, LogMelTables* tables) {
  const int num_filters = static_cast<int>(filters.size());
  int interval = 0;
  for (int bin = 0; bin < kKernelNumBins; ++bin) {
    int lowest = std::max(interval - 1, 0);  // filter that contains the bin
    while (lowest < num_filters && WeightIn(filters, lowest, bin) == 0) {
      ++lowest;
    }
    if (lowest == num_filters) continue;
    const bool is_in_next = WeightIn(filters, lowest + 1, bin) != 0;
    const int next = std::max(interval, is_in_next ? lowest + 1 : lowest);
    assert(next <= lowest + 1);
    for (; interval < next; ++interval) {
      tables->interval_ends.push_back(
          static_cast<int32_t>(tables->mel_bins.size()));
    }
    tables->mel_bins.push_back({PowerSlot(bin),
                                WeightIn(filters, interval - 1, bin),
                                WeightIn(filters, interval, bin)});
  }
  tables->interval_ends.resize(filters.size() + 1,
                               static_cast<int32_t>(tables->mel_bins.size()));
}

}  // namespace

LogMelTables::LogMelTables(const LogMelOptions& options)
    : window(MakeWindowTable(options, 1)),
      window_pcm16(MakeWindowTable(options, kPcm16Scale)),
      ring_slots(MakeRingSlots()),
      num_mels(options.mel.n_mels) {
  assert(KernelSupports(options));
  AddIntervals(MakeMelFilterBank(options.mel), this);
  for (int q = 0; q < 5; ++q) {
    for (int j = 0; j < 5; ++j) {
      twiddles[static_cast<size_t>(q)][static_cast<size_t>(j)] =
          MakeTwiddle(q, j);
    }
  }
}

bool KernelSupports(const LogMelOptions& options) {
  return options.mel.n_fft == kKernelFftSize &&
         options.hop_length == kKernelHopLength;
}

}  // namespace melmill
