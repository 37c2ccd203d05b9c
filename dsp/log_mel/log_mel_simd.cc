#include <algorithm>
#include <cassert>
#include <cmath>
#include <memory>
#include <string>

#include "dsp/log_mel/log_mel.h"
#include "dsp/log_mel/log_mel_kernel.h"
#include "dsp/log_mel/log_mel_tables.h"

namespace melmill {
namespace {

// Increases whenever the same samples give other bits.
constexpr int kKernelRevision = 1;

// The power of 400 samples below this limit is far below the largest float.
constexpr float kMagnitudeLimit = 0x1p20f;

class SimdWorkspace : public LogMel::Workspace {
 public:
  SimdWorkspace(int num_mels, const LogMel& general)
      : scratch(num_mels), general_workspace(general.MakeWorkspace()) {}

  LogMelScratch scratch;
  std::unique_ptr<LogMel::Workspace> general_workspace;
};

class SimdLogMel : public LogMel {
 public:
  SimdLogMel(const LogMelOptions& options, const LogMelKernel& kernel)
      : LogMel(options),
        kernel_(kernel),
        tables_(options),
        general_(MakeGeneralLogMel(options)) {}

  std::unique_ptr<Workspace> MakeWorkspace() const override {
    return std::make_unique<SimdWorkspace>(options().mel.n_mels, *general_);
  }

  void ComputePiece(const ClipWindow<float>& clip, FrameRange range,
                    FeatureType type, std::span<std::byte> features,
                    Workspace& workspace, FrameMaxima* maxima) const override {
    if (AllBelowLimit(clip, range)) {
      RunKernel(kernel_.floats, clip, range, type, features, workspace, maxima);
      return;
    }
    general_->ComputePiece(
        clip, range, type, features,
        *static_cast<SimdWorkspace&>(workspace).general_workspace, maxima);
  }

  void ComputePiece(const ClipWindow<int16_t>& clip, FrameRange range,
                    FeatureType type, std::span<std::byte> features,
                    Workspace& workspace, FrameMaxima* maxima) const override {
    RunKernel(kernel_.pcm16, clip, range, type, features, workspace, maxima);
  }

 private:
  // Checks the samples that the piece's frames touch, and no others in the
  // window.
  bool AllBelowLimit(const ClipWindow<float>& clip, FrameRange range) const {
    constexpr int64_t kHalf = kKernelFftSize / 2;
    const int64_t begin =
        std::max<int64_t>(0, range.first * kKernelHopLength - kHalf);
    const int64_t end =
        std::min((range.first + range.count - 1) * kKernelHopLength + kHalf + 1,
                 clip.num_clip_samples);
    const auto touched =
        clip.samples.subspan(static_cast<size_t>(begin - clip.first_sample),
                             static_cast<size_t>(end - begin));
    return kernel_.all_below(touched.data(), touched.size(), kMagnitudeLimit);
  }

  template <typename Sample>
  void RunKernel(KernelFunction<Sample> run, const ClipWindow<Sample>& clip,
                 FrameRange range, FeatureType type,
                 std::span<std::byte> features, Workspace& workspace,
                 FrameMaxima* maxima) const {
    assert(range.first % kPieceFrames == 0);
    KernelMaxima normalised = {.body = kLowest, .all = kLowest};
    run(clip, range.first, range.count, type, features.data(), tables_,
        static_cast<SimdWorkspace&>(workspace).scratch, &normalised);
    maxima->body = std::max(maxima->body, ToLog10(normalised.body));
    maxima->all = std::max(maxima->all, ToLog10(normalised.all));
  }

  float ToLog10(float normalised) const {
    const double value = 4 * static_cast<double>(normalised) - 4;
    return static_cast<float>(
        std::max(value, std::log10(options().power_floor)));
  }

  static constexpr float kLowest = -100;  // on the normalised scale

  const LogMelKernel& kernel_;
  LogMelTables tables_;
  std::unique_ptr<LogMel> general_;
};

}  // namespace

std::unique_ptr<LogMel> MakeSimdLogMel(const LogMelOptions& options,
                                       SimdTarget target) {
  if (!KernelSupports(options)) return nullptr;
  const LogMelKernel* kernel = FindLogMelKernel(target);
  if (kernel == nullptr) return nullptr;
  return std::make_unique<SimdLogMel>(options, *kernel);
}

std::string SimdLogMelVersion(SimdTarget target) {
  return "simd " + std::to_string(kKernelRevision) +
         (FusesMultiplyAdd(target) ? " fma" : "");
}

}  // namespace melmill
