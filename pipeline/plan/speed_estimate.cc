#include "pipeline/plan/speed_estimate.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "dsp/resample/resampler.h"
#include "dsp/samples/sample_vector.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/setup/stopwatch.h"

namespace melmill {
namespace {

constexpr int kClipSeconds = 4;
constexpr size_t kMaxRates = 8;  // the most frequent ones are tried
constexpr int kMaxRounds = 5;
constexpr double kMaxTrialSeconds = 0.02;  // for each rate

// Computes clips of noise as a worker does.
class Trial {
 public:
  explicit Trial(const FeatureSpec& features)
      : options_(features.log_mel()),
        type_(features.feature_type),
        computer_(features),
        workspace_(computer_.log_mel().MakeWorkspace()),
        resampler_(features.code_path.spectral) {}

  // The seconds of computing that a second of audio takes; the best of a few
  // rounds, since other work on the machine disturbs.
  double SecondsOf(int sample_rate_hz) {
    std::vector<float> clip(static_cast<size_t>(sample_rate_hz) * kClipSeconds);
    std::minstd_rand random(1);
    std::uniform_real_distribution<float> sample(-0.5f, 0.5f);
    for (float& value : clip) value = sample(random);
    Compute(clip, sample_rate_hz);  // plans, and warms the caches
    double best = 0;
    const Stopwatch all;
    for (int round = 0; round < kMaxRounds; ++round) {
      const Stopwatch one;
      Compute(clip, sample_rate_hz);
      const double seconds = one.seconds();
      if (round == 0 || seconds < best) best = seconds;
      if (all.seconds() > kMaxTrialSeconds) break;
    }
    return best / kClipSeconds;
  }

 private:
  void Compute(const std::vector<float>& clip, int sample_rate_hz) {
    samples_.clear();
    resampler_.Start(sample_rate_hz, options_.mel.sample_rate_hz);
    resampler_.Process(clip, &samples_);
    resampler_.Finish(&samples_);
    const auto num_frames = static_cast<size_t>(
        NumFrames(options_, static_cast<int64_t>(samples_.size())));
    bytes_.resize(num_frames * static_cast<size_t>(options_.mel.n_mels) *
                  ComputedSize(type_));
    computer_.log_mel().Compute(std::span<const float>(samples_), type_, bytes_,
                                *workspace_);
  }

  LogMelOptions options_;
  FeatureType type_;
  RowComputer computer_;
  std::unique_ptr<LogMel::Workspace> workspace_;
  Resampler resampler_;
  SampleVector samples_;
  std::vector<std::byte> bytes_;
};

}  // namespace

double DecodeSeconds(const SoundHeader& header) {
  // Microseconds for a second of audio at 16 kHz, one channel.
  double us_per_s = 0;
  switch (header.encoding) {
    case SampleEncoding::kFlac:
      us_per_s = 150;
      break;
    case SampleEncoding::kMp3:
      us_per_s = 250;
      break;
    case SampleEncoding::kVorbis:
      us_per_s = 450;
      break;
    case SampleEncoding::kOpus:
      us_per_s = 3000;
      break;
    default:
      break;
  }
  return us_per_s * 1e-6 * static_cast<double>(header.num_samples) / 16000;
}

double EstimateSeconds(const FeatureSpec& features, const PlanReport& plan,
                       int num_threads) {
  std::vector<std::pair<uint64_t, int>> by_rows;
  for (const auto& [rate_hz, num_rows] : plan.rows_by_rate()) {
    by_rows.emplace_back(num_rows, rate_hz);
  }
  std::sort(by_rows.rbegin(), by_rows.rend());
  by_rows.resize(std::min(by_rows.size(), kMaxRates));
  Trial trial(features);
  double seconds = 0;
  double num_rows_tried = 0;
  for (const auto& [num_rows, rate_hz] : by_rows) {
    seconds += static_cast<double>(num_rows) * trial.SecondsOf(rate_hz);
    num_rows_tried += static_cast<double>(num_rows);
  }
  if (num_rows_tried == 0) return 0;
  double decode_seconds = plan.segment_decodes.processor_s;
  for (const SplitReport& split : plan.splits) {
    decode_seconds += split.decode_seconds;
  }
  const double audio_seconds = static_cast<double>(plan.num_samples()) /
                               features.log_mel().mel.sample_rate_hz;
  return (seconds / num_rows_tried * audio_seconds + decode_seconds) /
         num_threads;
}

}  // namespace melmill
