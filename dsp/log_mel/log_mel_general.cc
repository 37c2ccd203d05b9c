#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dsp/log_mel/frame_dft.h"
#include "dsp/log_mel/log_mel.h"

namespace melmill {
namespace {

void Require(bool condition, const char* what) {
  if (condition) return;
  throw std::invalid_argument(std::string("LogMelOptions: ") + what);
}

// MakeMelFilterBank checks `mel`. Comparisons are written so that NaN fails.
void Validate(const LogMelOptions& options) {
  constexpr int kMaxHopLength = 1 << 20;
  Require(options.hop_length >= 1 && options.hop_length <= kMaxHopLength,
          "hop_length must be from 1 to 1048576");
  Require(options.power_floor > 0 && std::isfinite(options.power_floor),
          "power_floor must be positive and finite");
  Require(options.dynamic_range_log10 > 0 &&
              std::isfinite(options.dynamic_range_log10),
          "dynamic_range_log10 must be positive and finite");
}

float Normalise(double log10_power) {
  return static_cast<float>((log10_power + 4) / 4);
}

class GeneralWorkspace : public LogMel::Workspace {
 public:
  GeneralWorkspace(const MelFilterBankOptions& options,
                   const FrameDft& frame_dft)
      : dft(frame_dft.MakeWorkspace()),
        power(static_cast<size_t>(options.n_fft / 2 + 1)),
        log10_power(static_cast<size_t>(options.n_mels)) {}

  std::unique_ptr<FrameDft::Workspace> dft;
  std::vector<double> power;        // of one frame, by bin
  std::vector<double> log10_power;  // of one frame, by mel filter
};

class GeneralLogMel : public LogMel {
 public:
  explicit GeneralLogMel(const LogMelOptions& options)
      : LogMel(options),
        filters_(MakeMelFilterBank(options.mel)),
        window_(MakeWindow(options.window, options.mel.n_fft)),
        dft_(MakeFrameDft(options.mel.n_fft)) {}

  std::unique_ptr<Workspace> MakeWorkspace() const override {
    return std::make_unique<GeneralWorkspace>(options().mel, *dft_);
  }

  void ComputePiece(const ClipWindow<float>& clip, FrameRange range,
                    FeatureType type, std::span<std::byte> features,
                    Workspace& workspace, FrameMaxima* maxima) const override {
    Compute(clip, range, type, features, workspace, maxima);
  }
  void ComputePiece(const ClipWindow<int16_t>& clip, FrameRange range,
                    FeatureType type, std::span<std::byte> features,
                    Workspace& workspace, FrameMaxima* maxima) const override {
    Compute(clip, range, type, features, workspace, maxima);
  }

 private:
  template <typename Sample>
  void Compute(const ClipWindow<Sample>& clip, FrameRange range,
               FeatureType type, std::span<std::byte> features,
               Workspace& workspace, FrameMaxima* maxima) const;
  template <typename Sample>
  void GatherFrame(const ClipWindow<Sample>& clip, int64_t start,
                   double* frame) const;
  double ComputeFrame(GeneralWorkspace& workspace) const;
  void StoreFrame(std::span<const double> log10_power, FeatureType type,
                  std::span<std::byte> row) const;

  std::vector<MelFilter> filters_;
  std::vector<double> window_;
  std::unique_ptr<FrameDft> dft_;
};

double ToDouble(float sample) { return static_cast<double>(sample); }
double ToDouble(int16_t sample) { return sample / 32768.0; }

// Writes the frame's samples times the window. The frame starts at sample
// `start`, which is negative before the clip.
template <typename Sample>
void GeneralLogMel::GatherFrame(const ClipWindow<Sample>& clip, int64_t start,
                                double* frame) const {
  const int64_t num_samples = clip.num_clip_samples;
  const auto n_fft = static_cast<int64_t>(window_.size());
  const Sample* samples = clip.samples.data() - clip.first_sample;
  if (start >= 0 && start + n_fft <= num_samples) {
    const Sample* source = samples + start;
    for (int64_t i = 0; i < n_fft; ++i) {
      frame[i] = ToDouble(source[i]) * window_[i];
    }
    return;
  }
  for (int64_t i = 0; i < n_fft; ++i) {
    // A clip of MinNumSamples or more needs only one reflection.
    int64_t index = std::abs(start + i);
    if (index >= num_samples) index = 2 * (num_samples - 1) - index;
    frame[i] = ToDouble(samples[index]) * window_[i];
  }
}

// Fills workspace.log10_power from the gathered frame and returns its maximum.
double GeneralLogMel::ComputeFrame(GeneralWorkspace& workspace) const {
  const auto spectrum = dft_->Transform(*workspace.dft);
  std::vector<double>& power = workspace.power;
  for (size_t bin = 0; bin < power.size(); ++bin) {
    const double re = spectrum[bin].real();
    const double im = spectrum[bin].imag();
    power[bin] = re * re + im * im;
  }
  double max_log10_power = -std::numeric_limits<double>::infinity();
  for (size_t m = 0; m < filters_.size(); ++m) {
    const MelFilter& filter = filters_[m];
    const double* bins = power.data() + filter.first_bin;
    double sum = 0;
    for (size_t i = 0; i < filter.weights.size(); ++i) {
      sum += filter.weights[i] * bins[i];
    }
    const double value = std::log10(std::max(sum, options().power_floor));
    workspace.log10_power[m] = value;
    max_log10_power = std::max(max_log10_power, value);
  }
  return max_log10_power;
}

void GeneralLogMel::StoreFrame(std::span<const double> log10_power,
                               FeatureType type,
                               std::span<std::byte> row) const {
  WithFeatureTag(type, [=]<FeatureType kType>(FeatureTag<kType>) {
    std::ranges::transform(
        log10_power, AsFeatures<kType>(row).begin(),
        [](double value) { return RoundFeature<kType>(Normalise(value)); });
  });
}

template <typename Sample>
void GeneralLogMel::Compute(const ClipWindow<Sample>& clip, FrameRange range,
                            FeatureType type, std::span<std::byte> features,
                            Workspace& workspace, FrameMaxima* maxima) const {
  const int64_t n_fft = options().mel.n_fft;
  const size_t row_bytes = filters_.size() * ComputedSize(type);
  assert(features.size() == static_cast<size_t>(range.count) * row_bytes);
  auto& scratch = static_cast<GeneralWorkspace&>(workspace);
  for (int64_t i = 0; i < range.count; ++i) {
    const int64_t start = (range.first + i) * options().hop_length - n_fft / 2;
    GatherFrame(clip, start, scratch.dft->frame());
    const auto frame_max = static_cast<float>(ComputeFrame(scratch));
    maxima->all = std::max(maxima->all, frame_max);
    if (start + n_fft <= clip.num_clip_samples) {
      maxima->body = std::max(maxima->body, frame_max);
    }
    StoreFrame(scratch.log10_power, type,
               features.subspan(static_cast<size_t>(i) * row_bytes, row_bytes));
  }
}

}  // namespace

std::string_view GeneralLogMelName() { return FrameDftName(); }

std::string GeneralLogMelVersion() {
#if defined(__x86_64__)
  const bool has_fma = __builtin_cpu_supports("fma");
#else
  const bool has_fma = true;
#endif
  return FrameDftVersion() + " float64" + (has_fma ? " fma" : "");
}

std::unique_ptr<LogMel> MakeGeneralLogMel(const LogMelOptions& options) {
  Validate(options);
  return std::make_unique<GeneralLogMel>(options);
}

}  // namespace melmill
