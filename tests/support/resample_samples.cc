// Resamples clips to 16 kHz, for tests and benchmarks in Python.
//
//   resample_samples                           the resamplers, one a line
//   resample_samples RATE RESAMPLER [BLOCK...]
//
// A resampler is soxr, or the name of a SIMD target of this machine, which
// means the spectral resampler. Standard input has one clip after another, each
// as its number of samples (int64) and the samples (float32); so has standard
// output. A clip is cut into blocks of these numbers of samples, used in turn.
// 0, or no block, means the whole rest of the clip.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "dsp/resample/resampler.h"
#include "dsp/simd/simd_target.h"

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;
constexpr const char* kSoxr = "soxr";

std::optional<SimdTarget> ParseResampler(const std::string& name) {
  if (name == kSoxr) return std::nullopt;
  const auto target = FindSimdTarget(name);
  const auto here = SupportedSimdTargets();
  if (!target || std::find(here.begin(), here.end(), *target) == here.end()) {
    throw std::invalid_argument("no resampler " + name);
  }
  return target;
}

void PrintResamplers() {
  std::printf("%s\n", kSoxr);
  for (const SimdTarget target : SupportedSimdTargets()) {
    std::printf("%s\n", std::string(SimdTargetName(target)).c_str());
  }
}

// Returns false at the end of the input, where a clip may begin.
bool ReadClip(std::vector<float>* clip) {
  int64_t num_samples = 0;
  if (std::fread(&num_samples, sizeof num_samples, 1, stdin) != 1) {
    return false;
  }
  clip->resize(static_cast<size_t>(num_samples));
  if (std::fread(clip->data(), sizeof(float), clip->size(), stdin) !=
      clip->size()) {
    throw std::runtime_error("the input ends within a clip");
  }
  return true;
}

void WriteClip(const SampleVector& clip) {
  const auto num_samples = static_cast<int64_t>(clip.size());
  if (std::fwrite(&num_samples, sizeof num_samples, 1, stdout) != 1 ||
      std::fwrite(clip.data(), sizeof(float), clip.size(), stdout) !=
          clip.size()) {
    throw std::runtime_error("cannot write");
  }
}

void ResampleClip(std::span<const float> clip, int source_rate_hz,
                  std::span<const size_t> block_sizes, Resampler* resampler,
                  SampleVector* output) {
  output->clear();
  resampler->Start(source_rate_hz, kTargetRateHz);
  for (size_t i = 0; !clip.empty(); ++i) {
    const size_t wanted =
        block_sizes.empty() ? 0 : block_sizes[i % block_sizes.size()];
    const size_t size =
        wanted == 0 ? clip.size() : std::min(wanted, clip.size());
    resampler->Process(clip.first(size), output);
    clip = clip.subspan(size);
  }
  resampler->Finish(output);
}

void ResampleAll(std::span<char* const> arguments) {
  const int source_rate_hz = std::stoi(arguments[0]);
  Resampler resampler(ParseResampler(arguments[1]));
  std::vector<size_t> block_sizes;
  for (const char* argument : arguments.subspan(2)) {
    block_sizes.push_back(std::stoul(argument));
  }
  std::vector<float> clip;
  SampleVector output;
  while (ReadClip(&clip)) {
    ResampleClip(clip, source_rate_hz, block_sizes, &resampler, &output);
    WriteClip(output);
  }
  if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write");
}

}  // namespace
}  // namespace melmill

int main(int argc, char** argv) {
  const std::span arguments(argv + 1, static_cast<size_t>(argc - 1));
  try {
    if (arguments.empty()) {
      melmill::PrintResamplers();
    } else if (arguments.size() >= 2) {
      melmill::ResampleAll(arguments);
    } else {
      throw std::invalid_argument("RATE RESAMPLER [BLOCK...]");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "resample_samples: %s\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
