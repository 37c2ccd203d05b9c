#include "bench/audio.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "dsp/resample/resampler.h"
#include "dsp/samples/pcm.h"
#include "io/file/input_file.h"
#include "io/manifest/utf8.h"
#include "io/sound/coded_clip.h"
#include "io/sound/span_source.h"
#include "io/wav/plain_decoder.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

namespace fs = std::filesystem;

bool IsSoundName(const fs::path& path) {
  static constexpr std::string_view kSuffixes[] = {
      ".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus",
      ".sph", ".aiff", ".aif", ".au",  ".caf"};
  const std::string suffix = AsciiLower(path.extension().string());
  return std::ranges::find(kSuffixes, suffix) != std::end(kSuffixes);
}

std::vector<std::string> FindSoundFiles(const std::string& folder) {
  std::vector<std::string> files;
  try {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (IsSoundName(entry.path()) && !entry.is_directory()) {
        files.push_back(entry.path());
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw SetupError(
        fmt::format("{}: {}", error.path1().string(), error.code().message()));
  }
  if (files.empty()) {
    throw SetupError(fmt::format("{}: no audio file in or below it", folder));
  }
  std::ranges::sort(files);
  return files;
}

Error WithPath(const std::string& path, const Error& error) {
  return {error.code, fmt::format("{}: {}", path, error.message)};
}

Result<BenchClip> LoadClip(const std::string& path, const Preset& preset,
                           uint64_t max_bytes) {
  ClipLimits limits;
  limits.max_duration_s = std::numeric_limits<double>::infinity();
  const Result<SeenSource> seen = ReadSource(path, limits, preset);
  if (!seen.ok()) return WithPath(path, seen.error());
  BenchClip clip;
  clip.path = path;
  clip.header = seen.value().source.header;
  if (clip.header.data_bytes > max_bytes) {
    throw SetupError(fmt::format(
        "{}: together with the files before it this is more than {} of audio; "
        "give fewer files",
        path, FormatBytes(kMaxBenchBytes)));
  }
  clip.data.resize(static_cast<size_t>(clip.header.data_bytes));
  const Result<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return WithPath(path, file.error());
  const Result<void> read =
      file.value().ReadAt(clip.header.data_offset, clip.data);
  if (!read.ok()) return WithPath(path, read.error());
  const int64_t bad = FindNonFinite(DecodeClip(clip));
  if (bad >= 0) {
    return Error{RejectCode::kNotFinite,
                 fmt::format("{}: sample {} is NaN or infinite", path, bad)};
  }
  return clip;
}

std::string LittleEndian(uint64_t number, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) {
    bytes += static_cast<char>(number >> (8 * i) & 0xFF);
  }
  return bytes;
}

// The header of an integer PCM file.
std::string PlainHeader(const SoundHeader& header) {
  const auto data_bytes = header.data_bytes;
  const auto rate_hz = static_cast<uint64_t>(header.sample_rate_hz);
  const auto group_bytes =
      static_cast<uint64_t>(header.bytes_per_sample_group());
  const auto bits = static_cast<uint64_t>(8 * BytesPerSample(header.encoding));
  return "RIFF" + LittleEndian(36 + data_bytes + data_bytes % 2, 4) +
         "WAVEfmt " + LittleEndian(16, 4) + LittleEndian(1, 2) +
         LittleEndian(static_cast<uint64_t>(header.num_channels), 2) +
         LittleEndian(rate_hz, 4) + LittleEndian(rate_hz * group_bytes, 4) +
         LittleEndian(group_bytes, 2) + LittleEndian(bits, 2) + "data" +
         LittleEndian(data_bytes, 4);
}

}  // namespace

double TotalSeconds(std::span<const BenchClip> clips) {
  double seconds = 0;
  for (const BenchClip& clip : clips) seconds += clip.duration_s();
  return seconds;
}

std::vector<BenchClip> LoadClips(const std::vector<std::string>& paths,
                                 const Preset& preset,
                                 std::vector<std::string>* left_out) {
  std::vector<BenchClip> clips;
  uint64_t num_bytes = 0;
  for (const std::string& path : paths) {
    std::error_code ignored;  // a path that is not a folder is opened as a file
    const bool is_folder = fs::is_directory(path, ignored);
    const std::vector<std::string> files =
        is_folder ? FindSoundFiles(path) : std::vector<std::string>{path};
    const size_t num_before = clips.size();
    for (const std::string& file : files) {
      Result<BenchClip> clip =
          LoadClip(file, preset, kMaxBenchBytes - num_bytes);
      if (clip.ok()) {
        num_bytes += clip.value().data.size();
        clips.push_back(std::move(clip).value());
        continue;
      }
      const std::string& message = clip.error().message;
      if (clip.error().code == ErrorCode::kMachineFault) {
        throw std::runtime_error(message);
      }
      if (!is_folder) throw SetupError(message);
      left_out->push_back(message);
    }
    if (clips.size() == num_before) {
      throw SetupError(
          fmt::format("{}: no usable audio file in or below it; the first: {}",
                      path, left_out->back()));
    }
  }
  return clips;
}

std::string DescribeFormat(const SoundHeader& header) {
  return fmt::format("{}{}, {} Hz, {} ch", SampleEncodingName(header.encoding),
                     header.big_endian ? " big-endian" : "",
                     header.sample_rate_hz, header.num_channels);
}

void DecodeCodedClip(const BenchClip& clip, std::vector<float>* mono) {
  mono->clear();
  const SpanSource source(clip.data);
  Result<CodedClip> decoder = CodedClip::Open(clip.header, source);
  if (!decoder.ok()) throw std::runtime_error(decoder.error().message);
  for (;;) {
    const Result<std::span<const float>> next = decoder.value().Next();
    if (!next.ok()) throw std::runtime_error(next.error().message);
    if (next.value().empty()) return;
    mono->insert(mono->end(), next.value().begin(), next.value().end());
  }
}

std::vector<float> DecodeClip(const BenchClip& clip) {
  std::vector<float> mono(static_cast<size_t>(clip.header.num_samples));
  if (IsCoded(clip.header.encoding)) {
    DecodeCodedClip(clip, &mono);
    return mono;
  }
  PlainDecoder decoder;
  const Result<void> started = decoder.Start(clip.header);
  if (!started.ok()) throw std::runtime_error(started.error().message);
  const Result<void> decoded = decoder.DecodeToMono(clip.data, mono);
  if (!decoded.ok()) throw std::runtime_error(decoded.error().message);
  return mono;
}

SampleVector Resample(std::span<const float> mono, int source_rate_hz,
                      int target_rate_hz) {
  SampleVector samples;
  Resampler resampler(MakeFeatureSpec().code_path.spectral);
  resampler.Start(source_rate_hz, target_rate_hz);
  resampler.Process(mono, &samples);
  resampler.Finish(&samples);
  return samples;
}

void WriteClip(const BenchClip& clip, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const std::string header = PlainHeader(clip.header);
  file.write(header.data(), static_cast<std::streamsize>(header.size()));
  const std::string samples(reinterpret_cast<const char*>(clip.data.data()),
                            clip.data.size());
  file.write(samples.data(), static_cast<std::streamsize>(samples.size()));
  if (samples.size() % 2 != 0) file.put('\0');
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace melmill
