#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "bench/audio.h"

namespace melmill {
namespace {

constexpr double kPeak = 0.5;
constexpr double kHiss = 0.002;

// A two-pole resonance: a formant.
class Resonance {
 public:
  Resonance(double centre_hz, double width_hz, int rate_hz) {
    const double radius = std::exp(-std::numbers::pi * width_hz / rate_hz);
    a1_ = 2 * radius * std::cos(2 * std::numbers::pi * centre_hz / rate_hz);
    a2_ = -radius * radius;
    gain_ = 1 - radius;
  }

  double Next(double input) {
    const double output = gain_ * input + a1_ * y1_ + a2_ * y2_;
    y2_ = y1_;
    y1_ = output;
    return output;
  }

 private:
  double a1_, a2_, gain_;
  double y1_ = 0, y2_ = 0;
};

// A pulse train of gliding pitch through three formants.
class Voice {
 public:
  Voice(int rate_hz, uint32_t seed)
      : rate_hz_(rate_hz),
        pitch_hz_(100 + 15 * (seed % 8)),
        formants_{{450.0 + 40 * (seed % 5), 80, rate_hz},
                  {1300.0 + 90 * (seed % 4), 110, rate_hz},
                  {2600.0, 160, rate_hz}} {}

  double Next() {
    const double t = static_cast<double>(num_samples_++) / rate_hz_;
    phase_ += pitch_hz_ * (1 + 0.2 * std::sin(2.2 * t)) / rate_hz_;
    const bool is_pulse = phase_ >= 1;
    if (is_pulse) phase_ -= 1;
    double voiced = 0;
    for (Resonance& formant : formants_) voiced += formant.Next(is_pulse);
    const double syllable = std::max(0.0, std::sin(13 * t) + 0.3);
    return voiced * syllable;
  }

 private:
  int rate_hz_;
  double pitch_hz_;
  Resonance formants_[3];
  int64_t num_samples_ = 0;
  double phase_ = 0;
};

void AppendPcm(double sample, int num_bytes, std::vector<std::byte>* data) {
  const double scale = std::ldexp(1.0, 8 * num_bytes - 1);
  const auto number = static_cast<int64_t>(
      std::clamp(std::nearbyint(sample * scale), -scale, scale - 1));
  for (int i = 0; i < num_bytes; ++i) {
    data->push_back(static_cast<std::byte>(number >> (8 * i) & 0xFF));
  }
}

BenchClip MakeClip(SampleEncoding encoding, int num_channels, int rate_hz,
                   double duration_s, uint32_t seed) {
  BenchClip clip;
  clip.header.encoding = encoding;
  clip.header.sample_rate_hz = rate_hz;
  clip.header.num_channels = num_channels;
  clip.header.num_samples =
      static_cast<int64_t>(std::llround(duration_s * rate_hz));
  Voice voice(rate_hz, seed);
  std::vector<double> samples(static_cast<size_t>(clip.header.num_samples));
  std::ranges::generate(samples, [&] { return voice.Next(); });
  const auto [lowest, highest] = std::ranges::minmax(samples);
  const double gain = kPeak / std::max(-lowest, highest);
  std::mt19937 random(seed);
  for (const double sample : samples) {
    for (int channel = 0; channel < num_channels; ++channel) {
      // All microphones hear the same voice, each with its own hiss.
      const double hiss = static_cast<double>(random()) / 0x1p31 - 1;
      AppendPcm(gain * sample + kHiss * hiss, BytesPerSample(encoding),
                &clip.data);
    }
  }
  clip.header.data_bytes = clip.data.size();
  return clip;
}

}  // namespace

std::vector<BenchClip> MakeSyntheticClips() {
  struct Kind {
    SampleEncoding encoding;
    int num_channels;
    int rate_hz;
    std::vector<double> durations_s;
  };
  const Kind kinds[] = {{SampleEncoding::kPcm16, 1, 16000, {2.03, 6.47, 20}},
                        {SampleEncoding::kPcm16, 2, 48000, {3.21, 9.54}},
                        {SampleEncoding::kPcm24, 1, 44100, {4.02, 6.33}},
                        {SampleEncoding::kPcm16, 1, 8000, {2.91, 7.68}}};
  std::vector<BenchClip> clips;
  for (const Kind& kind : kinds) {
    for (const double duration_s : kind.durations_s) {
      clips.push_back(MakeClip(kind.encoding, kind.num_channels, kind.rate_hz,
                               duration_s,
                               static_cast<uint32_t>(clips.size() + 1)));
    }
  }
  return clips;
}

}  // namespace melmill
