#include <fftw3.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "dsp/log_mel/log_mel.h"

namespace melmill {
namespace {

// Making and destroying plans uses global state in FFTW; executing them does
// not.
std::mutex& PlannerMutex() {
  static std::mutex mutex;
  return mutex;
}

struct PlanDeleter {
  void operator()(fftw_plan plan) const {
    const std::lock_guard lock(PlannerMutex());
    fftw_destroy_plan(plan);
  }
};
using PlanPtr = std::unique_ptr<fftw_plan_s, PlanDeleter>;

struct FftwFree {
  void operator()(void* memory) const { fftw_free(memory); }
};

// The plan is made for the alignment that FFTW's allocators give.
class FftBuffers {
 public:
  explicit FftBuffers(int n_fft)
      : frame_(fftw_alloc_real(static_cast<size_t>(n_fft))),
        spectrum_(fftw_alloc_complex(static_cast<size_t>(n_fft / 2 + 1))) {
    if (frame_ == nullptr || spectrum_ == nullptr) throw std::bad_alloc();
  }

  double* frame() { return frame_.get(); }
  fftw_complex* spectrum() { return spectrum_.get(); }

 private:
  std::unique_ptr<double[], FftwFree> frame_;
  std::unique_ptr<fftw_complex[], FftwFree> spectrum_;
};

PlanPtr MakePlan(int n_fft) {
  FftBuffers buffers(n_fft);
  const std::lock_guard lock(PlannerMutex());
  // FFTW_ESTIMATE does no timing runs. With them the choice of plan, and so the
  // last bits, would depend on chance.
  PlanPtr plan(fftw_plan_dft_r2c_1d(n_fft, buffers.frame(), buffers.spectrum(),
                                    FFTW_ESTIMATE));
  if (plan == nullptr) throw std::bad_alloc();
  return plan;
}

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

class FftwWorkspace : public LogMel::Workspace {
 public:
  explicit FftwWorkspace(const MelFilterBankOptions& options)
      : fft(options.n_fft),
        power(static_cast<size_t>(options.n_fft / 2 + 1)),
        log10_power(static_cast<size_t>(options.n_mels)) {}

  FftBuffers fft;
  std::vector<double> power;        // of one frame, by bin
  std::vector<double> log10_power;  // of one frame, by mel filter
};

class FftwLogMel : public LogMel {
 public:
  explicit FftwLogMel(const LogMelOptions& options)
      : LogMel(options),
        filters_(MakeMelFilterBank(options.mel)),
        window_(MakeWindow(options.window, options.mel.n_fft)),
        plan_(MakePlan(options.mel.n_fft)) {}

  std::unique_ptr<Workspace> MakeWorkspace() const override {
    return std::make_unique<FftwWorkspace>(options().mel);
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
  double ComputeFrame(FftwWorkspace& workspace) const;
  void StoreFrame(std::span<const double> log10_power, FeatureType type,
                  std::span<std::byte> row) const;

  std::vector<MelFilter> filters_;
  std::vector<double> window_;
  PlanPtr plan_;
};

double ToDouble(float sample) { return static_cast<double>(sample); }
double ToDouble(int16_t sample) { return sample / 32768.0; }

// Writes the frame's samples times the window. The frame starts at sample
// `start`, which is negative before the clip.
template <typename Sample>
void FftwLogMel::GatherFrame(const ClipWindow<Sample>& clip, int64_t start,
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
double FftwLogMel::ComputeFrame(FftwWorkspace& workspace) const {
  const fftw_complex* spectrum = workspace.fft.spectrum();
  fftw_execute_dft_r2c(plan_.get(), workspace.fft.frame(),
                       workspace.fft.spectrum());
  std::vector<double>& power = workspace.power;
  for (size_t bin = 0; bin < power.size(); ++bin) {
    const double re = spectrum[bin][0];
    const double im = spectrum[bin][1];
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

void FftwLogMel::StoreFrame(std::span<const double> log10_power,
                            FeatureType type, std::span<std::byte> row) const {
  WithFeatureTag(type, [=]<FeatureType kType>(FeatureTag<kType>) {
    std::ranges::transform(
        log10_power, AsFeatures<kType>(row).begin(),
        [](double value) { return RoundFeature<kType>(Normalise(value)); });
  });
}

template <typename Sample>
void FftwLogMel::Compute(const ClipWindow<Sample>& clip, FrameRange range,
                         FeatureType type, std::span<std::byte> features,
                         Workspace& workspace, FrameMaxima* maxima) const {
  const int64_t n_fft = options().mel.n_fft;
  const size_t row_bytes = filters_.size() * FeatureSize(type);
  assert(features.size() == static_cast<size_t>(range.count) * row_bytes);
  auto& scratch = static_cast<FftwWorkspace&>(workspace);
  for (int64_t i = 0; i < range.count; ++i) {
    const int64_t start = (range.first + i) * options().hop_length - n_fft / 2;
    GatherFrame(clip, start, scratch.fft.frame());
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

std::string FftwLogMelVersion() {
#if defined(__x86_64__)
  const bool has_fma = __builtin_cpu_supports("fma");
#else
  const bool has_fma = true;
#endif
  return std::string(fftw_version) + " float64" + (has_fma ? " fma" : "");
}

std::unique_ptr<LogMel> MakeFftwLogMel(const LogMelOptions& options) {
  Validate(options);
  return std::make_unique<FftwLogMel>(options);
}

}  // namespace melmill
