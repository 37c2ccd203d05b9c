#ifndef MELMILL_DSP_LOG_MEL_MEL_FILTER_BANK_H_
#define MELMILL_DSP_LOG_MEL_MEL_FILTER_BANK_H_

#include <string_view>
#include <vector>

namespace melmill {

// kSlaney is linear below 1 kHz and logarithmic above (Slaney, Auditory
// Toolbox, 1998). kHtk is 2595 log10(1 + f / 700) (Young et al., The HTK Book).
enum class MelScale { kSlaney, kHtk };

// kSlaney scales every filter to unit area, by 2 / (its width in Hz).
enum class MelNorm { kNone, kSlaney };

std::string_view MelScaleName(MelScale scale);  // "slaney", "htk"
std::string_view MelNormName(MelNorm norm);     // "none", "slaney"

struct MelFilterBankOptions {
  int sample_rate_hz = 16000;
  int n_fft = 400;         // bins are 0 .. n_fft / 2
  int n_mels = 128;        // number of filters
  double f_min_hz = 0;     // lower edge of the first filter
  double f_max_hz = 8000;  // upper edge of the last one, <= sample rate / 2
  MelScale scale = MelScale::kSlaney;
  MelNorm norm = MelNorm::kSlaney;
};

// One triangle: power spectrum bin first_bin + i has weight weights[i]. A
// filter too narrow to contain a bin has no weights.
struct MelFilter {
  int first_bin = 0;
  std::vector<double> weights;
};

// The n_mels triangular filters in float64, lowest first. They equal those of
// librosa.filters.mel and transformers.audio_utils.mel_filter_bank. Throws
// std::invalid_argument for options out of range.
std::vector<MelFilter> MakeMelFilterBank(const MelFilterBankOptions& options);

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_MEL_FILTER_BANK_H_
