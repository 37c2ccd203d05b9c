#ifndef MELMILL_TESTS_SUPPORT_CORPUS_H_
#define MELMILL_TESTS_SUPPORT_CORPUS_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "pipeline/setup/run_config.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wav_builder.h"

namespace melmill {

// Interleaved samples: a gliding tone with noise, different for each seed.
inline std::vector<float> MakeSamples(size_t num_samples, int num_channels,
                                      uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> noise(-0.1f, 0.1f);
  std::vector<float> samples;
  samples.reserve(num_samples * static_cast<size_t>(num_channels));
  for (size_t i = 0; i < num_samples; ++i) {
    const double t = static_cast<double>(i) / 8000;
    const double tone =
        0.5 *
        std::sin(t * (300 + 37 * static_cast<double>(seed % 29) + 90 * t));
    for (int channel = 0; channel < num_channels; ++channel) {
      samples.push_back(static_cast<float>(tone) + noise(random));
    }
  }
  return samples;
}

// A folder of WAV files and manifests. Their stores are made in the same
// folder.
class Corpus {
 public:
  std::string Path(const std::string& name) const { return folder_.File(name); }

  // Writes a WAV of about `num_samples` (any rate and type) and returns its
  // manifest line.
  std::string AddWav(const std::string& name, size_t num_samples, uint32_t seed,
                     const WavSpec& spec = {}) {
    WriteWholeFile(
        Path(name),
        ToString(
            BuildWav(spec, MakeSamples(num_samples, spec.num_channels, seed))));
    return Line(name);
  }

  std::string Line(const std::string& name,
                   const std::string& transcript = "hello") const {
    return "{\"audio\": \"" + Path(name) +
           "\", \"text\": \"language English<asr_text>" + transcript + "\"}";
  }

  void WriteManifest(const std::string& name,
                     const std::vector<std::string>& lines) const {
    std::string text;
    for (const std::string& line : lines) text += line + '\n';
    WriteWholeFile(Path(name), text);
  }

  // Makes two splits, many shards, rows of several rates and types, one row of
  // several blocks, and rejects of both kinds.
  void MakeMixed() {
    std::vector<std::string> train;
    const uint32_t rates_hz[] = {8000, 16000, 22050, 44100, 48000};
    for (uint32_t i = 0; i < 40; ++i) {
      WavSpec spec;
      spec.sample_rate_hz = rates_hz[i % 5];
      spec.encoding = kAllSampleEncodings[i % 8];
      spec.num_channels = 1 + static_cast<int>(i % 3);
      train.push_back(
          AddWav("t" + std::to_string(i) + ".wav", 2000 + 277 * i, i, spec));
    }
    WavSpec long_one;
    long_one.sample_rate_hz = 48000;
    long_one.num_channels = 2;
    train.push_back(AddWav("long.wav", 700'000, 99, long_one));
    train.push_back(Line("missing.wav"));
    train.push_back("{\"audio\": 1}");
    WavSpec floats;
    floats.encoding = SampleEncoding::kFloat32;
    AddWav("nan.wav", 5000, 7, floats);
    std::string bytes = ReadWholeFile(Path("nan.wav"));
    bytes.replace(bytes.size() - 400, 4, std::string("\x00\x00\xc0\x7f", 4));
    WriteWholeFile(Path("nan.wav"), bytes);
    train.insert(train.begin() + 3, Line("nan.wav"));
    WriteManifest("train.jsonl", train);
    std::vector<std::string> eval;
    for (uint32_t i = 0; i < 5; ++i) {
      eval.push_back(
          AddWav("e" + std::to_string(i) + ".wav", 3000 + 500 * i, 200 + i));
    }
    WriteManifest("eval.jsonl", eval);
  }

  // The configuration that makes train.jsonl and eval.jsonl into `out`.
  RunConfig Config(const std::string& out) const {
    RunConfig config;
    config.max_rejects = {.value = 100, .is_percent = true};  // of any number
    config.input.splits = {{"train", Path("train.jsonl")},
                           {"eval", Path("eval.jsonl")}};
    config.store.folder = Path(out);
    config.store.shard_bytes = 32 << 10;
    config.resources.num_threads = 2;
    config.resources.num_io_threads = 2;
    config.resources.num_plan_threads = 2;
    return config;
  }

 private:
  TempFolder folder_;
};

// Every file of a store except the lock and `.local`, by name.
inline std::map<std::string, std::string> ReadStoreFiles(
    const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name != ".lock" && name != ".local")
      files[name] = ReadWholeFile(entry.path());
  }
  return files;
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_CORPUS_H_
