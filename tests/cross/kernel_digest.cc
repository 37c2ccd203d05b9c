// Prints digests of the log-mel kernel's output for clips of many lengths, and
// of the resampling kernel's at every rate, in the code of the target that the
// argument names. Two machines (one may be emulated) with equal digests make
// the same stores. See tools/check_neon.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "dsp/log_mel/log_mel_kernel.h"
#include "dsp/resample/spectral_kernel.h"
#include "dsp/resample/spectral_plan.h"

namespace melmill {
namespace {

class Digest {  // FNV-1a
 public:
  void Add(const void* bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      value_ ^= static_cast<const unsigned char*>(bytes)[i];
      value_ *= 0x100000001b3;
    }
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

class Random {  // the same numbers everywhere
 public:
  uint32_t Next() { return state_ = state_ * 1664525u + 1013904223u; }

 private:
  uint32_t state_ = 1;
};

template <typename Sample>
void AddClip(KernelFunction<Sample> run, const std::vector<Sample>& samples,
             const LogMelTables& tables, LogMelScratch& scratch,
             Digest* digest) {
  const auto num_samples = static_cast<int64_t>(samples.size());
  for (const FeatureType type : kFeatureTypes) {
    std::vector<std::byte> features(samples.size() / 160 *
                                    static_cast<size_t>(tables.num_mels) *
                                    ComputedSize(type));
    KernelMaxima maxima = {.body = -100, .all = -100};
    run({samples, 0, num_samples}, 0, num_samples / 160, type, features.data(),
        tables, scratch, &maxima);
    digest->Add(features.data(), features.size());
    digest->Add(&maxima, sizeof(maxima));
  }
}

uint64_t DigestOf(const LogMelKernel& kernel, int num_mels) {
  const LogMelTables tables({.mel = {.n_mels = num_mels}});
  LogMelScratch scratch(num_mels);
  Digest digest;
  Random random;
  for (size_t n = 201; n < 60'000; n += n < 1000 ? 1 : 997) {
    std::vector<int16_t> pcm16(n);
    std::vector<float> floats(n);
    for (size_t i = 0; i < n; ++i) {
      const int loudness = 1 + static_cast<int>(random.Next() >> 28);
      const int sample = static_cast<int>(random.Next() >> 16) - 32768;
      pcm16[i] = static_cast<int16_t>(sample / loudness);
      floats[i] = static_cast<float>(pcm16[i]) / 32768;
    }
    AddClip(kernel.pcm16, pcm16, tables, scratch, &digest);
    AddClip(kernel.floats, floats, tables, scratch, &digest);
  }
  return digest.value();
}

// The digest of the outputs for some pairs of blocks of noise.
uint64_t DigestOf(const SpectralKernel& kernel, int source_rate_hz) {
  const SpectralPlan& plan = GetSpectralPlan(source_rate_hz, 16000);
  const SpectralTables& tables = plan.tables;
  SpectralScratch scratch(tables);
  const auto size = static_cast<size_t>(tables.forward.size()) + kMaxLanes;
  Digest digest;
  Random random;
  std::vector<float> first(size);
  std::vector<float> second(size);
  std::vector<float> output(static_cast<size_t>(2 * tables.num_valid));
  for (int pair = 0; pair < 10; ++pair) {
    for (size_t i = 0; i < size; ++i) {
      first[i] = static_cast<float>(random.Next() >> 8) * 0x1p-23f - 1;
      second[i] = static_cast<float>(random.Next() >> 8) * 0x1p-23f - 1;
    }
    kernel.run(first.data(), second.data(), tables, scratch, output.data());
    digest.Add(output.data(), output.size() * sizeof(float));
  }
  digest.Add(plan.start.weights.data(),
             plan.start.weights.size() * sizeof(float));
  return digest.value();
}

}  // namespace
}  // namespace melmill

int main(int argc, char** argv) {
  using namespace melmill;
  for (const auto target : {SimdTarget::kAvx512, SimdTarget::kAvx2,
                            SimdTarget::kNeon, SimdTarget::kSse4}) {
    constexpr const char* kNames[] = {"avx512", "avx2", "sse4", "neon"};
    if (argc != 2 ||
        std::strcmp(argv[1], kNames[static_cast<size_t>(target)]) != 0) {
      continue;
    }
    const LogMelKernel* kernel = FindLogMelKernel(target);
    if (kernel == nullptr) break;
    for (const int num_mels : {128, 80}) {
      std::printf("%d mels %016llx\n", num_mels,
                  static_cast<unsigned long long>(DigestOf(*kernel, num_mels)));
    }
    const SpectralKernel* resampling = FindSpectralKernel(target);
    for (const int rate_hz : {8000, 11025, 12000, 22050, 24000, 32000, 44100,
                              48000, 88200, 96000, 176400, 192000}) {
      std::printf(
          "%d Hz %016llx\n", rate_hz,
          static_cast<unsigned long long>(DigestOf(*resampling, rate_hz)));
    }
    return 0;
  }
  std::fprintf(stderr, "usage: kernel_digest avx512|avx2|sse4|neon\n");
  return 2;
}
