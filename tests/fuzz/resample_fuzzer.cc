// Fuzzes the resamplers with a clip, in one piece and in blocks, with each
// instruction set, compared with libsoxr.
//
// The first bytes are a recipe (ReadRecipe). The rest are samples of 16 bits,
// which are repeated to the length of the clip.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dsp/resample/resampler.h"
#include "dsp/simd/simd_target.h"
#include "tests/fuzz/fuzz_input.h"

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;
constexpr size_t kMaxSamples = 40000;
constexpr float kMaxLevel = 0x1p20f;
// The largest difference as a share of the loudest sample, and its least value.
constexpr double kMaxDifference = 2e-6;
constexpr double kTiny = 1e-30;

constexpr std::array kRatesHz = {8000,   11025,  12000, 22050, 24000,
                                 32000,  44100,  48000, 88200, 96000,
                                 176400, 192000, 16000, 12345, 44056};

// Returns bytes one after another, and zeros after the last.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  unsigned Next8() {
    if (bytes_.empty()) return 0;
    const auto value = std::to_integer<unsigned>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return value;
  }
  unsigned Next16() {
    const unsigned low = Next8();
    return low | Next8() << 8;
  }
  bool empty() const { return bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
};

struct Recipe {
  int rate_hz = 0;
  std::optional<SimdTarget> target;
  size_t num_samples = 0;
  std::vector<size_t> block_sizes;  // used in turn; not all are 0
  float level = 0;                  // of the largest 16-bit sample
  size_t silence_begin = 0;
  size_t silence_end = 0;
};

Recipe ReadRecipe(Bytes* bytes) {
  const auto targets = SupportedSimdTargets();
  Recipe recipe;
  recipe.rate_hz = kRatesHz[bytes->Next8() % kRatesHz.size()];
  const size_t choice = bytes->Next8() % (targets.size() + 1);
  if (choice < targets.size()) recipe.target = targets[choice];
  recipe.num_samples = bytes->Next16() % (kMaxSamples + 1);
  // 2^-60 to 2^20.
  recipe.level = std::ldexp(kMaxLevel, -static_cast<int>(bytes->Next8() % 81));
  recipe.silence_begin = bytes->Next16();
  recipe.silence_end = recipe.silence_begin + bytes->Next16();
  const size_t num_block_sizes = 1 + bytes->Next8() % 4;
  for (size_t i = 0; i < num_block_sizes; ++i) {
    recipe.block_sizes.push_back(bytes->Next16());
  }
  recipe.block_sizes.push_back(1 + bytes->Next8());
  return recipe;
}

std::vector<float> ReadClip(const Recipe& recipe, Bytes* bytes) {
  std::vector<float> pattern;
  while (!bytes->empty()) {
    const auto value = static_cast<int16_t>(bytes->Next16());
    pattern.push_back(static_cast<float>(value) * 0x1p-15f * recipe.level);
  }
  std::vector<float> clip(recipe.num_samples, 0.0f);
  for (size_t i = 0; i < clip.size() && !pattern.empty(); ++i) {
    const bool is_silent = i >= recipe.silence_begin && i < recipe.silence_end;
    if (!is_silent) clip[i] = pattern[i % pattern.size()];
  }
  return clip;
}

SampleVector InOnePiece(std::span<const float> clip, int rate_hz,
                        std::optional<SimdTarget> target) {
  Resampler resampler(target);
  resampler.Start(rate_hz, kTargetRateHz);
  SampleVector output;
  resampler.Process(clip, &output);
  resampler.Finish(&output);
  return output;
}

void CheckShape(std::span<const float> output, const Recipe& recipe) {
  Require(static_cast<int64_t>(output.size()) ==
              ResampledLength(static_cast<int64_t>(recipe.num_samples),
                              recipe.rate_hz, kTargetRateHz),
          "the length is librosa's");
  Require(std::all_of(output.begin(), output.end(),
                      [](float sample) { return std::isfinite(sample); }),
          "samples are finite");
}

bool SameBits(std::span<const float> a, std::span<const float> b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
        return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
      });
}

// The object has resampled part of another clip before.
void CheckBlocks(std::span<const float> clip, const Recipe& recipe,
                 std::span<const float> whole) {
  Resampler resampler(recipe.target);
  resampler.Start(recipe.rate_hz, kTargetRateHz);
  SampleVector output;
  resampler.Process(clip.first(clip.size() / 2), &output);
  output = {1.0f, -2.0f};
  resampler.Start(recipe.rate_hz, kTargetRateHz);
  for (size_t i = 0; !clip.empty(); ++i) {
    const size_t size = std::min(
        clip.size(), recipe.block_sizes[i % recipe.block_sizes.size()]);
    resampler.Process(clip.first(size), &output);
    clip = clip.subspan(size);
  }
  resampler.Finish(&output);
  Require(output.size() >= 2 && output[0] == 1.0f && output[1] == -2.0f,
          "what the output held stays");
  Require(SameBits(std::span(output).subspan(2), whole),
          "blocks change no bit");
}

void CheckOtherTargets(std::span<const float> clip, const Recipe& recipe,
                       std::span<const float> output) {
  if (!recipe.target || !FusesMultiplyAdd(*recipe.target)) return;
  for (const SimdTarget other : SupportedSimdTargets()) {
    if (other == *recipe.target || !FusesMultiplyAdd(other)) continue;
    Require(SameBits(InOnePiece(clip, recipe.rate_hz, other), output),
            "targets that fuse give the same bits");
  }
}

void CheckSoxr(std::span<const float> clip, const Recipe& recipe,
               std::span<const float> output) {
  double loudest = 0;
  for (const float sample : clip) {
    loudest = std::max(loudest, std::abs(static_cast<double>(sample)));
  }
  const auto expected = InOnePiece(clip, recipe.rate_hz, std::nullopt);
  const double limit = kMaxDifference * loudest + kTiny;
  Require(
      std::equal(output.begin(), output.end(), expected.begin(), expected.end(),
                 [&](double a, double b) { return std::abs(a - b) <= limit; }),
      "samples are close to soxr's");
}

}  // namespace
}  // namespace melmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace melmill;
  Bytes bytes(AsBytes(data, size));
  const Recipe recipe = ReadRecipe(&bytes);
  // The plan of a pair of rates is made once in a process, whatever the clip.
  Resampler(recipe.target).Start(recipe.rate_hz, kTargetRateHz);
  const InputLimits limits;
  const std::vector<float> clip = ReadClip(recipe, &bytes);
  const auto output = InOnePiece(clip, recipe.rate_hz, recipe.target);
  CheckShape(output, recipe);
  CheckBlocks(clip, recipe, output);
  CheckOtherTargets(clip, recipe, output);
  CheckSoxr(clip, recipe, output);
  return 0;
}
