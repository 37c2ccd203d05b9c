#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "bench/stages.h"
#include "dsp/features/float16.h"
#include "dsp/simd/simd_target.h"
#include "io/hash.h"

namespace melmill {
namespace {

// The difference that README promises for every rate ("What it promises").
constexpr double kMaxDifference = 2e-4;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename Sample>
using Clips = std::vector<std::vector<Sample>>;

template <typename Value>
std::vector<Value> Compute(const LogMel& log_mel, FeatureType type,
                           auto samples, LogMel::Workspace& workspace,
                           ClipLevels* levels) {
  const LogMelOptions& options = log_mel.options();
  std::vector<Value> features(
      static_cast<size_t>(
          NumFrames(options, static_cast<int64_t>(samples.size()))) *
      static_cast<size_t>(options.mel.n_mels));
  *levels = log_mel.Compute(
      samples, type, std::as_writable_bytes(std::span(features)), workspace);
  return features;
}

// The properties of all clips' features by which kinds are compared.
struct Outcome {
  double max_difference = 0;  // between float32 features and the general path's
  bool rounds_to_float16 = true;
  Hash128 hash = {};  // hash of float32 features and levels
};

template <typename Sample>
Outcome ComputeAll(const LogMel& log_mel, const LogMel& general,
                   const Clips<Sample>& clips) {
  Outcome outcome;
  Hasher128 hasher;
  const auto workspace = log_mel.MakeWorkspace();
  const auto general_workspace = general.MakeWorkspace();
  for (const std::vector<Sample>& clip : clips) {
    const std::span<const Sample> samples(clip);
    ClipLevels levels;
    ClipLevels other_levels;
    const auto singles = Compute<float>(log_mel, FeatureType::kFloat32, samples,
                                        *workspace, &levels);
    const auto halves = Compute<uint16_t>(log_mel, FeatureType::kFloat16,
                                          samples, *workspace, &other_levels);
    const auto expected =
        Compute<float>(general, FeatureType::kFloat32, samples,
                       *general_workspace, &other_levels);
    for (size_t i = 0; i < singles.size(); ++i) {
      const double difference =
          std::abs(static_cast<double>(singles[i]) - expected[i]);
      if (!(difference <= outcome.max_difference)) {
        outcome.max_difference =
            std::isnan(difference) ? kInfinity : difference;
      }
      outcome.rounds_to_float16 =
          outcome.rounds_to_float16 && halves[i] == FloatToHalf(singles[i]);
    }
    hasher.Update(std::as_bytes(std::span(singles)));
    hasher.Update(std::as_bytes(std::span(&levels, 1)));
  }
  outcome.hash = hasher.Digest();
  return outcome;
}

// The first of the kinds that must give the same bits, or null.
const BenchLogMel* FirstFused(const std::vector<BenchLogMel>& kinds) {
  const auto found = std::ranges::find_if(
      kinds, [](const BenchLogMel& kind) { return kind.fuses_multiply_add; });
  return found == kinds.end() ? nullptr : &*found;
}

template <typename Sample>
BenchCheck Check(const std::vector<BenchLogMel>& kinds, size_t which,
                 const Clips<Sample>& clips) {
  const BenchLogMel& kind = kinds[which];
  const LogMel& general = *kinds.back().log_mel;
  const Outcome outcome = ComputeAll(*kind.log_mel, general, clips);
  std::string text =
      which + 1 == kinds.size()
          ? "the reference"
          : fmt::format("max difference {:.1e}", outcome.max_difference);
  if (!(outcome.max_difference <= kMaxDifference)) return {false, text};
  if (!outcome.rounds_to_float16) {
    return {false, text + "; float16 features are not these, rounded"};
  }
  const BenchLogMel* first = FirstFused(kinds);
  if (!kind.fuses_multiply_add || first == &kind) return {true, text};
  const bool same =
      ComputeAll(*first->log_mel, general, clips).hash == outcome.hash;
  return {same, fmt::format("{}; {} bits as {}", text,
                            same ? "the same" : "OTHER", first->name)};
}

template <typename Sample>
BenchCase MakeCase(const std::vector<BenchLogMel>& kinds, size_t which,
                   std::shared_ptr<const Clips<Sample>> clips) {
  const std::shared_ptr<const LogMel> log_mel = kinds[which].log_mel;
  const LogMelOptions& options = log_mel->options();
  BenchCase result;
  result.stage = "log-mel";
  result.variant = kinds[which].name;
  result.input = sizeof(Sample) == sizeof(float) ? "float32" : "int16";
  result.limit = BenchLimit::kMemoryCopy;
  result.num_clips = clips->size();
  const auto frame_bytes = static_cast<size_t>(options.mel.n_mels) *
                           FeatureSize(FeatureType::kFloat16);
  for (const std::vector<Sample>& clip : *clips) {
    result.audio_seconds +=
        static_cast<double>(clip.size()) / options.mel.sample_rate_hz;
    result.bytes_read += sizeof(Sample) * clip.size();
    result.bytes_written +=
        frame_bytes * static_cast<uint64_t>(NumFrames(
                          options, static_cast<int64_t>(clip.size())));
  }
  result.check = [kinds, which, clips] { return Check(kinds, which, *clips); };
  auto features = std::make_shared<std::vector<std::byte>>();
  const std::shared_ptr<LogMel::Workspace> workspace = log_mel->MakeWorkspace();
  result.pass = [log_mel, clips, features, workspace, frame_bytes](size_t i) {
    const std::span<const Sample> clip = (*clips)[i];
    features->resize(frame_bytes * static_cast<size_t>(NumFrames(
                                       log_mel->options(),
                                       static_cast<int64_t>(clip.size()))));
    log_mel->Compute(clip, FeatureType::kFloat16, *features, *workspace);
  };
  return result;
}

template <typename Sample>
void AddCases(const std::vector<BenchLogMel>& kinds, Clips<Sample> clips,
              std::vector<BenchCase>* cases) {
  if (clips.empty()) return;
  const auto shared = std::make_shared<const Clips<Sample>>(std::move(clips));
  for (size_t i = 0; i < kinds.size(); ++i) {
    cases->push_back(MakeCase(kinds, i, shared));
  }
}

bool IsReadyPcm16(const SoundHeader& header, int rate_hz) {
  return header.encoding == SampleEncoding::kPcm16 && !header.big_endian &&
         header.num_channels == 1 && header.sample_rate_hz == rate_hz;
}

std::vector<int16_t> ToInt16(std::span<const std::byte> data) {
  std::vector<int16_t> samples(data.size() / sizeof(int16_t));
  std::memcpy(samples.data(), data.data(), samples.size() * sizeof(int16_t));
  return samples;
}

}  // namespace

std::vector<BenchLogMel> MakeBenchLogMels(const LogMelOptions& options) {
  std::vector<BenchLogMel> kinds;
  for (const SimdTarget target : SupportedSimdTargets()) {
    std::shared_ptr<const LogMel> log_mel = MakeSimdLogMel(options, target);
    if (log_mel == nullptr) continue;
    kinds.push_back({std::string(SimdTargetName(target)), std::move(log_mel),
                     FusesMultiplyAdd(target)});
  }
  kinds.push_back(
      {std::string(GeneralLogMelName()), MakeGeneralLogMel(options)});
  return kinds;
}

std::vector<BenchCase> MakeLogMelCases(std::span<const BenchClip> clips,
                                       const std::vector<BenchLogMel>& kinds) {
  const int rate_hz = kinds.back().log_mel->options().mel.sample_rate_hz;
  Clips<int16_t> integers;
  Clips<float> floats;
  for (const BenchClip& clip : clips) {
    if (IsReadyPcm16(clip.header, rate_hz)) {
      integers.push_back(ToInt16(clip.data));
    }
    const SampleVector samples =
        Resample(DecodeClip(clip), clip.header.sample_rate_hz, rate_hz);
    floats.emplace_back(samples.begin(), samples.end());
  }
  std::vector<BenchCase> cases;
  AddCases(kinds, std::move(integers), &cases);
  AddCases(kinds, std::move(floats), &cases);
  return cases;
}

}  // namespace melmill
