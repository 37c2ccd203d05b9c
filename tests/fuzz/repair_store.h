#ifndef MELMILL_TESTS_FUZZ_REPAIR_STORE_H_
#define MELMILL_TESTS_FUZZ_REPAIR_STORE_H_

#include <stdlib.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "pipeline/setup/run_config.h"
#include "tests/support/wav_builder.h"

namespace melmill {

// The audio of repair_fuzzer.cc's plans, in a folder of this process alone. It
// is the same in every process.
class RepairStore {
 public:
  RepairStore()
      : path_(std::filesystem::temp_directory_path() / "melmill-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
      throw std::runtime_error("cannot make a temporary folder");
    }
    for (int i = 0; i < kNumClips; ++i) AddClip(i);
  }
  ~RepairStore() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  RepairStore(const RepairStore&) = delete;
  RepairStore& operator=(const RepairStore&) = delete;

  const std::string& path() const { return path_; }

  // Writes manifests of `num_splits` splits. Returns the configuration that
  // makes a plan of them. With pieces, rows are segments or ranges of files.
  RunConfig MakeConfig(int num_splits, bool has_pieces = false) const {
    RunConfig config;
    for (int split = 0; split < num_splits; ++split) {
      const std::string name = "s" + std::to_string(split);
      std::ofstream manifest(path_ + '/' + name + ".jsonl");
      for (int i = split; i < kNumClips + 1; i += num_splits) {
        manifest << "{\"audio\": \"" << i << ".wav\", \"text\": \"t\"";
        if (has_pieces && i % 2 == 0) {
          manifest << ", \"start_sample\": 90, \"num_samples\": 700";
        } else if (has_pieces) {
          const auto size = std::filesystem::file_size(
              path_ + '/' + std::to_string(i) + ".wav");
          manifest << ", \"audio_offset\": 0, \"audio_bytes\": " << size;
        }
        manifest << "}\n";
      }
      config.input.splits.push_back({name, path_ + '/' + name + ".jsonl"});
    }
    config.input.audio_root = path_;
    config.resources.num_threads = 1;
    config.resources.num_io_threads = 1;
    config.resources.num_plan_threads = 1;
    return config;
  }

 private:
  static constexpr int kNumClips = 6;  // the seventh is missing

  void AddClip(int number) const {
    constexpr int kRates[] = {16000, 8000, 44100};
    WavSpec spec;
    spec.sample_rate_hz = kRates[number % 3];
    spec.encoding = kAllSampleEncodings[static_cast<size_t>(number) + 1];
    spec.num_channels = 1 + number % 2;
    std::vector<float> samples(static_cast<size_t>(900 + 700 * number));
    for (size_t i = 0; i < samples.size(); ++i) {
      samples[i] = 0.25f * static_cast<float>(i * i % 17) / 17;
    }
    const std::vector<std::byte> bytes = BuildWav(spec, samples);
    std::ofstream file(path_ + '/' + std::to_string(number) + ".wav",
                       std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }

  std::string path_;
};

}  // namespace melmill

#endif  // MELMILL_TESTS_FUZZ_REPAIR_STORE_H_
