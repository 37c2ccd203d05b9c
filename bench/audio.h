#ifndef MELMILL_BENCH_AUDIO_H_
#define MELMILL_BENCH_AUDIO_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dsp/samples/sample_vector.h"
#include "io/sound/sound_header.h"
#include "pipeline/setup/preset.h"

namespace melmill {

// One clip of a benchmark's audio, in memory.
struct BenchClip {
  std::string path;  // path of its file; empty if synthetic
  SoundHeader header;
  std::vector<std::byte> data;  // what makes the samples

  double duration_s() const {
    return static_cast<double>(header.num_samples) / header.sample_rate_hz;
  }
};

double TotalSeconds(std::span<const BenchClip> clips);

// No more audio than this is loaded.
inline constexpr uint64_t kMaxBenchBytes = uint64_t{1} << 30;

// Makes the same clips at every call: a minute of audio in nine clips of 2 to
// 20 s, in the formats of most corpora. They are voiced sounds with formants
// that come and go in the rhythm of syllables, over noise.
std::vector<BenchClip> MakeSyntheticClips();

// Loads sound files, and all of them in and below folders (names ending in
// .wav, .flac, .mp3 and the like in any case), sorted in each folder. A file of
// a folder that extract would reject is left out, and `*left_out` says why.
// Throws SetupError for such a file that `paths` names itself, for a folder
// without a usable file, and beyond kMaxBenchBytes; throws std::runtime_error
// for a fault of the machine.
std::vector<BenchClip> LoadClips(const std::vector<std::string>& paths,
                                 const Preset& preset,
                                 std::vector<std::string>* left_out);

// The format in words: "PCM 16 bit, 48000 Hz, 2 ch".
std::string DescribeFormat(const SoundHeader& header);

// Decodes a clip of coded sound to mono. Reuses the memory of `mono`.
void DecodeCodedClip(const BenchClip& clip, std::vector<float>* mono);

// DecodeClip gives mono at the clip's own rate. Resample resamples as a run
// does by default.
std::vector<float> DecodeClip(const BenchClip& clip);
SampleVector Resample(std::span<const float> mono, int source_rate_hz,
                      int target_rate_hz);

// Writes `clip` as a plain WAV file. Throws std::runtime_error.
void WriteClip(const BenchClip& clip, const std::string& path);

}  // namespace melmill

#endif  // MELMILL_BENCH_AUDIO_H_
