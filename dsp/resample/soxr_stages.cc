#include "dsp/resample/soxr_stages.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <span>

namespace melmill {
namespace {

using std::numbers::pi;

constexpr int kTargetRateHz = 16000;
constexpr int kSourceRatesHz[] = {8000,  11025, 12000, 22050, 24000,  32000,
                                  44100, 48000, 88200, 96000, 176400, 192000};

double Decibels(double factor) { return 20 * std::log10(factor); }

// The recipe is 20 bits, and one more because the errors of two bands add up.
const double kBaseAttenuationDb = 21 * Decibels(2);

// The end of the pass band as a share of the narrower Nyquist frequency; the
// stop band begins at 1. This is libsoxr's own estimate for a -3 dB point at
// 0.95.
constexpr double kPassBandEnd = 0.9137436532733066;

// The interpolator's pass band may droop by 0.01 dB. The droop reaches that at
// this share of its transition band.
constexpr double kInterpolatorDroopShare = 0.8742128403268736;
constexpr double kInterpolatorBeta = 14.058638741903037;
constexpr double kInterpolatorWidth = 8.950692527932636;

// Half-band filters, odd taps from the middle outwards. They are equiripple
// (Parks and McClellan); the stop band begins at 3/8 of the sample rate. They
// equal scipy.signal.remez(2 * n, [0, 0.25], [1], fs=1)[n:] / 2.
constexpr double kHalfBand8[] = {0.3115465232,  -0.0873449176, 0.0368144585,
                                 -0.0151892046, 0.0054540856,  -0.0015643863,
                                 0.0003181658,  -0.0000347994};
constexpr double kHalfBand9[] = {0.3122703475,  -0.0892215171, 0.0391397038,
                                 -0.0172505585, 0.0068589440,  -0.0023045048,
                                 0.0006096374,  -0.0001132380, 0.0000111978};
constexpr double kHalfBand8AttenuationDb = 136.51;

// The shape parameter of a Kaiser window for a filter of this attenuation, and
// its length times half the transition band's width (as a share of the Nyquist
// frequency). Both are parabolas through the values of libsoxr's design between
// 126 and 142 dB, good to 3e-7 and 3e-6.
double KaiserBeta(double attenuation_db) {
  return (1.11316484e-05 * attenuation_db + 1.08596778e-01) * attenuation_db -
         8.68078581e-01;
}
double KaiserWidth(double attenuation_db) {
  return (8.25271874e-06 * attenuation_db + 6.88170696e-02) * attenuation_db -
         5.30300998e-01;
}

// A low pass. The cutoff is a share of the Nyquist frequency; the window would
// reach zero `rim` samples after the last tap.
std::vector<double> WindowedSinc(int num_taps, double cutoff, double beta,
                                 double rim, double gain) {
  std::vector<double> taps(static_cast<size_t>(num_taps));
  const double middle = 0.5 * (num_taps - 1);
  const double scale = gain / std::cyl_bessel_i(0, beta);
  for (int i = 0; 2 * i < num_taps; ++i) {
    const double t = i - middle;
    const double u = t / (middle + rim);
    const double sinc = t == 0 ? cutoff : std::sin(pi * cutoff * t) / (pi * t);
    const double tap =
        sinc * std::cyl_bessel_i(0, beta * std::sqrt(1 - u * u)) * scale;
    taps[static_cast<size_t>(i)] = tap;
    taps[static_cast<size_t>(num_taps - 1 - i)] = tap;
  }
  return taps;
}

ResampleStage HalfBand(std::span<const double> odd_taps) {
  const size_t middle = 2 * odd_taps.size() - 1;
  ResampleStage stage{1, 2, std::vector<double>(2 * middle + 1)};
  stage.taps[middle] = 0.5;
  for (size_t i = 0; i < odd_taps.size(); ++i) {
    stage.taps[middle + 2 * i + 1] = odd_taps[i];
    stage.taps[middle - 2 * i - 1] = odd_taps[i];
  }
  return stage;
}

// `nyquist` is that of the zero-stuffed signal, as a multiple of the narrower
// one.
ResampleStage LowPass(int up, int down, double nyquist, double attenuation_db) {
  const double half_width = 0.5 * (1 - kPassBandEnd) / nyquist;
  // libsoxr's number of taps is one more than a multiple of 4, or of 2 up if
  // only `up` narrows the band.
  const int multiple = up > 1 && up == nyquist ? 2 * up : 4;
  const auto least =
      static_cast<int>(std::ceil(KaiserWidth(attenuation_db) / half_width + 1));
  const int num_taps = (least + multiple - 2) / multiple * multiple + 1;
  return {up, down,
          WindowedSinc(num_taps, 1 / nyquist - half_width,
                       KaiserBeta(attenuation_db), 0.5, up)};
}

// Keeps the low pass's pass band, which is 1 / `nyquist` of the interpolator's
// own band, and rejects its images.
ResampleStage Interpolator(int up, int down, double nyquist) {
  const double pass_end = kPassBandEnd / nyquist;
  const double image_begin = 2 - (pass_end + 0.7 * (1 / nyquist - pass_end));
  const double half_width =
      0.5 * (image_begin - pass_end) / kInterpolatorDroopShare;
  const auto taps_per_phase =
      static_cast<int>(std::ceil(kInterpolatorWidth / half_width));
  return {up, down,
          WindowedSinc(taps_per_phase * up - 1, (image_begin - half_width) / up,
                       kInterpolatorBeta, 0.75, up)};
}

}  // namespace

bool HasSoxrHqStages(int source_rate_hz, int target_rate_hz) {
  const auto* end = std::end(kSourceRatesHz);
  return target_rate_hz == kTargetRateHz &&
         std::find(std::begin(kSourceRatesHz), end, source_rate_hz) != end;
}

std::vector<ResampleStage> SoxrHqStages(int source_rate_hz,
                                        int target_rate_hz) {
  assert(HasSoxrHqStages(source_rate_hz, target_rate_hz));
  std::vector<ResampleStage> stages;
  int num_halvings = 0;
  int rate_hz = source_rate_hz;
  for (; rate_hz >= 4 * target_rate_hz; rate_hz /= 2) ++num_halvings;
  const bool interpolates = rate_hz % 11025 == 0;

  // The errors of the stages add up.
  double attenuation_db = kBaseAttenuationDb + Decibels(num_halvings + 1);
  if (interpolates) attenuation_db += Decibels(2);

  for (int i = 0; i < num_halvings; ++i) {
    stages.push_back(attenuation_db > kHalfBand8AttenuationDb
                         ? HalfBand(kHalfBand9)
                         : HalfBand(kHalfBand8));
  }
  const int narrower_hz = std::min(rate_hz, target_rate_hz);
  if (interpolates) {
    const int up = rate_hz < 2 * target_rate_hz ? 2 : 1;
    const int between_hz = up * rate_hz;
    const double nyquist = static_cast<double>(between_hz) / narrower_hz;
    const int common = std::gcd(between_hz, target_rate_hz);
    stages.push_back(LowPass(up, 1, nyquist, attenuation_db));
    stages.push_back(
        Interpolator(target_rate_hz / common, between_hz / common, nyquist));
  } else {
    const int common = std::gcd(rate_hz, target_rate_hz);
    const int up = target_rate_hz / common;
    stages.push_back(LowPass(up, rate_hz / common,
                             static_cast<double>(up) * rate_hz / narrower_hz,
                             attenuation_db));
  }
  return stages;
}

double ChainResponse(const std::vector<ResampleStage>& stages,
                     int source_rate_hz, double frequency_hz) {
  double response = 1;
  double rate_hz = source_rate_hz;
  for (const ResampleStage& stage : stages) {
    rate_hz *= stage.up;
    // Clenshaw's algorithm for the sum of a cosine series.
    const double twice_cosine = 2 * std::cos(2 * pi * frequency_hz / rate_hz);
    const size_t middle = stage.taps.size() / 2;
    double next = 0;
    double next_but_one = 0;
    for (size_t i = stage.taps.size() - 1; i > middle; --i) {
      const double sum = 2 * stage.taps[i] + twice_cosine * next - next_but_one;
      next_but_one = next;
      next = sum;
    }
    response *=
        (stage.taps[middle] + 0.5 * twice_cosine * next - next_but_one) /
        stage.up;
    rate_hz /= stage.down;
  }
  return response;
}

}  // namespace melmill
