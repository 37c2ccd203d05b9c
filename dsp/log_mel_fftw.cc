#include <fftw3.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "dsp/float16.h"
#include "dsp/log_mel.h"

namespace melmill {
namespace {

// FFTW's planner and the destruction of plans share global state; only the
// execution is free of it.
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

// fftw_malloc's alignment is what the plan was made for.
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
  // FFTW_ESTIMATE: no timing runs, which would make the plan, and with it the
  // last bits, a matter of chance.
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

// The order of halves as the order of integers; -0 is below +0.
int16_t HalfOrder(uint16_t half) {
  const auto bits = static_cast<int16_t>(half);
  return static_cast<int16_t>(bits < 0 ? bits ^ 0x7fff : bits);
}

void RaiseHalves(std::span<uint16_t> halves, float floor) {
  const uint16_t floor_half = FloatToHalf(floor);
  const int16_t floor_order = HalfOrder(floor_half);
  for (uint16_t& half : halves) {
    half = HalfOrder(half) < floor_order ? floor_half : half;
  }
}

void RaiseFloats(std::span<float> values, float floor) {
  for (float& value : values) value = std::max(value, floor);
}

template <typename T>
std::span<T> AsValues(std::span<std::byte> bytes) {
  assert(std::bit_cast<uintptr_t>(bytes.data()) % alignof(T) == 0);
  return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
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
      : options_(options),
        filters_(MakeMelFilterBank(options.mel)),
        window_(MakeWindow(options.window, options.mel.n_fft)),
        plan_(MakePlan(options.mel.n_fft)) {}

  std::unique_ptr<Workspace> MakeWorkspace() const override {
    return std::make_unique<FftwWorkspace>(options_.mel);
  }

  ClipLevels Compute(std::span<const float> samples, FeatureType type,
                     std::span<std::byte> features,
                     Workspace& workspace) const override;

 private:
  void GatherFrame(std::span<const float> samples, int64_t start,
                   double* frame) const;
  double ComputeFrame(std::span<const float> samples, int64_t start,
                      FftwWorkspace& workspace) const;
  void StoreFrame(std::span<const double> log10_power, FeatureType type,
                  std::span<std::byte> row) const;
  float NormalisedFloor(float max_log10_power) const;

  LogMelOptions options_;
  std::vector<MelFilter> filters_;
  std::vector<double> window_;
  PlanPtr plan_;
};

// The frame's samples from `start` on, which is negative in front of the clip,
// times the window.
void FftwLogMel::GatherFrame(std::span<const float> samples, int64_t start,
                             double* frame) const {
  const auto num_samples = static_cast<int64_t>(samples.size());
  const auto n_fft = static_cast<int64_t>(window_.size());
  if (start >= 0 && start + n_fft <= num_samples) {
    const float* source = samples.data() + start;
    for (int64_t i = 0; i < n_fft; ++i) {
      frame[i] = static_cast<double>(source[i]) * window_[i];
    }
    return;
  }
  for (int64_t i = 0; i < n_fft; ++i) {
    // MinNumSamples sees to it that one reflection is enough.
    int64_t index = std::abs(start + i);
    if (index >= num_samples) index = 2 * (num_samples - 1) - index;
    frame[i] = static_cast<double>(samples[index]) * window_[i];
  }
}

// Fills workspace.log10_power and returns its maximum.
double FftwLogMel::ComputeFrame(std::span<const float> samples, int64_t start,
                                FftwWorkspace& workspace) const {
  GatherFrame(samples, start, workspace.fft.frame());
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
    const double value = std::log10(std::max(sum, options_.power_floor));
    workspace.log10_power[m] = value;
    max_log10_power = std::max(max_log10_power, value);
  }
  return max_log10_power;
}

void FftwLogMel::StoreFrame(std::span<const double> log10_power,
                            FeatureType type, std::span<std::byte> row) const {
  if (type == FeatureType::kFloat32) {
    std::transform(log10_power.begin(), log10_power.end(),
                   AsValues<float>(row).begin(), Normalise);
    return;
  }
  std::transform(log10_power.begin(), log10_power.end(),
                 AsValues<uint16_t>(row).begin(),
                 [](double value) { return FloatToHalf(Normalise(value)); });
}

// From the float32 maximum, which is all that a reader has.
float FftwLogMel::NormalisedFloor(float max_log10_power) const {
  return Normalise(std::max(max_log10_power - options_.dynamic_range_log10,
                            std::log10(options_.power_floor)));
}

ClipLevels FftwLogMel::Compute(std::span<const float> samples, FeatureType type,
                               std::span<std::byte> features,
                               Workspace& workspace) const {
  const auto num_samples = static_cast<int64_t>(samples.size());
  const int64_t n_fft = options_.mel.n_fft;
  const int64_t num_frames = NumFrames(options_, num_samples);
  const size_t row_bytes = filters_.size() * FeatureSize(type);
  assert(num_samples >= MinNumSamples(options_));
  assert(features.size() == static_cast<size_t>(num_frames) * row_bytes);
  auto& scratch = static_cast<FftwWorkspace&>(workspace);

  double clip_max = -std::numeric_limits<double>::infinity();
  double body_max = clip_max;
  for (int64_t t = 0; t < num_frames; ++t) {
    const int64_t start = t * options_.hop_length - n_fft / 2;
    const double frame_max = ComputeFrame(samples, start, scratch);
    clip_max = std::max(clip_max, frame_max);
    if (start + n_fft <= num_samples) body_max = std::max(body_max, frame_max);
    StoreFrame(scratch.log10_power, type,
               features.subspan(static_cast<size_t>(t) * row_bytes, row_bytes));
  }

  ClipLevels levels;
  levels.body_max = static_cast<float>(body_max);
  levels.floor = NormalisedFloor(static_cast<float>(clip_max));
  // Rounding keeps order, so to clamp rounded values at the rounded floor is
  // to round clamped values.
  const float stored_floor = NormalisedFloor(levels.body_max);
  if (type == FeatureType::kFloat32) {
    RaiseFloats(AsValues<float>(features), stored_floor);
  } else {
    RaiseHalves(AsValues<uint16_t>(features), stored_floor);
  }
  return levels;
}

}  // namespace

size_t FeatureSize(FeatureType type) {
  return type == FeatureType::kFloat16 ? sizeof(uint16_t) : sizeof(float);
}

std::string_view FeatureTypeName(FeatureType type) {
  return type == FeatureType::kFloat16 ? "f16" : "f32";
}

int64_t MinNumSamples(const LogMelOptions& options) {
  const int64_t n_fft = options.mel.n_fft;
  // The second: so that there is a frame at all, with a hop beyond n_fft / 2.
  return std::max(n_fft / 2 + 1, options.hop_length + n_fft % 2);
}

int64_t NumFrames(const LogMelOptions& options, int64_t num_samples) {
  // Of the 1 + that many frames which fit, the extractor drops the last.
  return (num_samples - options.mel.n_fft % 2) / options.hop_length;
}

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
