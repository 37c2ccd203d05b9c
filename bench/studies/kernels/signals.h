#ifndef MELMILL_BENCH_STUDIES_KERNELS_SIGNALS_H_
#define MELMILL_BENCH_STUDIES_KERNELS_SIGNALS_H_

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace melmill {

// A glide under noise: a clip whose frames all differ.
inline std::vector<float> MakeBenchmarkClip(size_t num_samples) {
  std::mt19937 random(1);
  std::normal_distribution<float> noise(0.0f, 0.05f);
  std::vector<float> samples(num_samples);
  for (size_t i = 0; i < num_samples; ++i) {
    const double t = static_cast<double>(i) / 16000;
    samples[i] =
        static_cast<float>(0.4 * std::sin(t * (900 + 40 * t))) + noise(random);
  }
  return samples;
}

}  // namespace melmill

#endif  // MELMILL_BENCH_STUDIES_KERNELS_SIGNALS_H_
