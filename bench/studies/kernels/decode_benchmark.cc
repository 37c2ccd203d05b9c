#include <benchmark/benchmark.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "dsp/samples/pcm.h"
#include "io/wav/plain_decoder.h"
#include "io/wav/sndfile_decoder.h"

namespace melmill {
namespace {

// Measures decoding a clip of a typical length, including opening and closing
// the decoder. The bytes come from memory, in blocks as the pipeline reads
// them.
constexpr int kDurationS = 10;
constexpr size_t kBlockBytes = size_t{1} << 20;

struct Format {
  SampleEncoding encoding;
  int num_channels;
  int sample_rate_hz;
};

constexpr Format kFormats[] = {
    {SampleEncoding::kPcm16, 1, 16000},   {SampleEncoding::kPcm16, 1, 48000},
    {SampleEncoding::kPcm16, 2, 48000},   {SampleEncoding::kPcm24, 1, 48000},
    {SampleEncoding::kPcm24, 2, 48000},   {SampleEncoding::kPcm32, 1, 48000},
    {SampleEncoding::kPcm32, 2, 48000},   {SampleEncoding::kFloat32, 1, 48000},
    {SampleEncoding::kFloat32, 2, 48000},
};

std::string Label(const Format& format) {
  return std::string(SampleEncodingName(format.encoding)) + ", " +
         std::to_string(format.sample_rate_hz) + " Hz, " +
         std::to_string(format.num_channels) + " ch";
}

struct Clip {
  SoundHeader header;
  std::vector<std::byte> data;
  std::vector<float> interleaved;  // room for a block
  std::vector<float> mono;
};

Clip MakeClip(const Format& format) {
  Clip clip;
  clip.header.encoding = format.encoding;
  clip.header.num_channels = format.num_channels;
  clip.header.sample_rate_hz = format.sample_rate_hz;
  clip.header.num_samples = int64_t{format.sample_rate_hz} * kDurationS;
  clip.mono.resize(static_cast<size_t>(clip.header.num_samples));
  clip.data.resize(clip.mono.size() *
                   static_cast<size_t>(clip.header.bytes_per_sample_group()));
  clip.header.data_bytes = clip.data.size();
  clip.interleaved.resize(kBlockBytes);
  std::mt19937 random(1);
  if (format.encoding == SampleEncoding::kFloat32) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (size_t i = 0; i < clip.data.size(); i += sizeof(float)) {
      const float sample = uniform(random);
      std::memcpy(clip.data.data() + i, &sample, sizeof(float));
    }
  } else {
    for (std::byte& b : clip.data) b = static_cast<std::byte>(random());
  }
  return clip;
}

// Calls decode_block(bytes, mono) for each block of the clip.
template <typename DecodeBlock>
bool DecodeBlocks(Clip& clip, const DecodeBlock& decode_block) {
  const auto group_bytes =
      static_cast<size_t>(clip.header.bytes_per_sample_group());
  const size_t block_samples = kBlockBytes / group_bytes;
  for (size_t i = 0; i < clip.mono.size(); i += block_samples) {
    const size_t count = std::min(block_samples, clip.mono.size() - i);
    if (!decode_block(std::span<const std::byte>(clip.data).subspan(
                          i * group_bytes, count * group_bytes),
                      std::span(clip.mono).subspan(i, count))) {
      return false;
    }
  }
  return true;
}

bool DecodeByLibsndfile(Clip& clip) {
  Result<SndfileDecoder> decoder = SndfileDecoder::Create(clip.header);
  if (!decoder.ok()) return false;
  const auto channels = static_cast<size_t>(clip.header.num_channels);
  return DecodeBlocks(
      clip, [&](std::span<const std::byte> block, std::span<float> mono) {
        const auto samples =
            std::span(clip.interleaved).first(mono.size() * channels);
        if (!decoder.value().Decode(block, samples).ok()) return false;
        DownmixToMono(samples, clip.header.num_channels, mono);
        return true;
      });
}

bool DecodeByMelmill(Clip& clip, PlainDecoder& decoder) {
  return decoder.Start(clip.header).ok() &&
         DecodeBlocks(clip, [&](std::span<const std::byte> block,
                                std::span<float> mono) {
           return decoder.DecodeToMono(block, mono).ok();
         });
}

bool BothAgree(Clip& clip) {
  if (!DecodeByLibsndfile(clip)) return false;
  const std::vector<float> expected = clip.mono;
  std::ranges::fill(clip.mono, 0.0f);
  PlainDecoder decoder;
  return DecodeByMelmill(clip, decoder) &&
         std::memcmp(clip.mono.data(), expected.data(),
                     expected.size() * sizeof(float)) == 0;
}

void SetCounters(benchmark::State& state, const Clip& clip) {
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(clip.data.size()));
  state.counters["audio_s/s"] = benchmark::Counter(
      kDurationS, benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Libsndfile(benchmark::State& state) {
  const Format& format = kFormats[state.range(0)];
  state.SetLabel(Label(format));
  Clip clip = MakeClip(format);
  if (!BothAgree(clip)) return state.SkipWithError("wrong samples");
  for (auto _ : state) {
    benchmark::DoNotOptimize(DecodeByLibsndfile(clip));
    benchmark::ClobberMemory();
  }
  SetCounters(state, clip);
}
BENCHMARK(BM_Libsndfile)->DenseRange(0, std::ssize(kFormats) - 1);

void BM_Melmill(benchmark::State& state) {
  const Format& format = kFormats[state.range(0)];
  state.SetLabel(Label(format));
  Clip clip = MakeClip(format);
  if (!BothAgree(clip)) return state.SkipWithError("wrong samples");
  PlainDecoder decoder;
  for (auto _ : state) {
    benchmark::DoNotOptimize(DecodeByMelmill(clip, decoder));
    benchmark::ClobberMemory();
  }
  SetCounters(state, clip);
}
BENCHMARK(BM_Melmill)->DenseRange(0, std::ssize(kFormats) - 1);

// Checks as many samples as the pipeline does at a time, and as many as a clip
// has.
void BM_FindNonFinite(benchmark::State& state) {
  std::vector<float> samples(static_cast<size_t>(state.range(0)), 0.5f);
  samples.back() = std::bit_cast<float>(0x7f800000);
  if (FindNonFinite(samples) != state.range(0) - 1) {
    return state.SkipWithError("wrong index");
  }
  samples.back() = 0.5f;
  for (auto _ : state) benchmark::DoNotOptimize(FindNonFinite(samples));
  state.SetBytesProcessed(state.iterations() * state.range(0) *
                          static_cast<int64_t>(sizeof(float)));
}
BENCHMARK(BM_FindNonFinite)->Arg(1 << 12)->Arg(1 << 16)->Arg(1 << 19);

}  // namespace
}  // namespace melmill

BENCHMARK_MAIN();
