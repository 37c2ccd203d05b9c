#include <sndfile.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "bench/decode_cases.h"
#include "bench/stages.h"
#include "dsp/samples/pcm.h"
#include "io/sound/sound_file.h"
#include "io/sound/span_source.h"

namespace melmill {
namespace {

// A file in memory that libsndfile writes or reads.
class SndfileMemory {
 public:
  explicit SndfileMemory(std::vector<std::byte>* bytes) : bytes_(*bytes) {}
  ~SndfileMemory() {
    if (file_ != nullptr) sf_close(file_);
  }
  SndfileMemory(const SndfileMemory&) = delete;
  SndfileMemory& operator=(const SndfileMemory&) = delete;

  SNDFILE* Open(int mode, SF_INFO* info) {
    SF_VIRTUAL_IO callbacks = {Length, Seek, Read, Write, Tell};
    file_ = sf_open_virtual(&callbacks, mode, info, this);
    if (file_ == nullptr) throw std::runtime_error("libsndfile fails");
    return file_;
  }

 private:
  static SndfileMemory& Of(void* of) {
    return *static_cast<SndfileMemory*>(of);
  }
  static sf_count_t Length(void* of) {
    return static_cast<sf_count_t>(Of(of).bytes_.size());
  }
  static sf_count_t Seek(sf_count_t offset, int whence, void* of) {
    sf_count_t& position = Of(of).position_;
    if (whence == SEEK_SET) position = offset;
    if (whence == SEEK_CUR) position += offset;
    if (whence == SEEK_END) position = Length(of) + offset;
    return position;
  }
  static sf_count_t Read(void* to, sf_count_t count, void* of) {
    SndfileMemory& file = Of(of);
    count = std::clamp<sf_count_t>(
        count, 0, std::max<sf_count_t>(Length(of) - file.position_, 0));
    std::memcpy(to, file.bytes_.data() + file.position_,
                static_cast<size_t>(count));
    file.position_ += count;
    return count;
  }
  static sf_count_t Write(const void* from, sf_count_t count, void* of) {
    SndfileMemory& file = Of(of);
    const auto end = static_cast<size_t>(file.position_ + count);
    file.bytes_.resize(std::max(file.bytes_.size(), end));
    std::memcpy(file.bytes_.data() + file.position_, from,
                static_cast<size_t>(count));
    file.position_ += count;
    return count;
  }
  static sf_count_t Tell(void* of) { return Of(of).position_; }

  std::vector<std::byte>& bytes_;
  SNDFILE* file_ = nullptr;
  sf_count_t position_ = 0;
};

void DecodeByLibsndfile(const BenchClip& clip, std::vector<float>* mono) {
  std::vector<std::byte> bytes = clip.data;
  SndfileMemory memory(&bytes);
  SF_INFO info = {};
  SNDFILE* file = memory.Open(SFM_READ, &info);
  std::vector<float> interleaved(
      static_cast<size_t>(info.frames * info.channels));
  sf_readf_float(file, interleaved.data(), info.frames);
  mono->resize(static_cast<size_t>(info.frames));
  DownmixToMono(interleaved, info.channels, *mono);
}

using Decode = void (*)(const BenchClip&, std::vector<float>*);

BenchCase MakeCase(const Clips& clips, const char* variant, Decode decode) {
  BenchCase result = DescribeDecoding(clips, variant);
  auto mono = std::make_shared<std::vector<float>>();
  result.pass = [clips, decode, mono](size_t clip) {
    decode(*clips[clip], mono.get());
  };
  return result;
}

BenchCheck CompareWithLibsndfile(const Clips& clips) {
  std::vector<float> ours;
  std::vector<float> theirs;
  for (const BenchClip* clip : clips) {
    DecodeCodedClip(*clip, &ours);
    DecodeByLibsndfile(*clip, &theirs);
    if (ours != theirs) return {false, "other samples than libsndfile's"};
  }
  return {true, "the bits of libsndfile"};
}

int FormatOf(SampleEncoding encoding) {
  switch (encoding) {
    case SampleEncoding::kFlac:
      return SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
    case SampleEncoding::kMp3:
      return SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
    case SampleEncoding::kVorbis:
      return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
    default:
      return SF_FORMAT_OGG | SF_FORMAT_OPUS;
  }
}

}  // namespace

std::vector<BenchClip> MakeCodedClips(const BenchClip& plain) {
  const std::vector<float> samples = DecodeClip(plain);
  std::vector<BenchClip> clips;
  for (const SampleEncoding encoding : kCodedEncodings) {
    BenchClip clip;
    {
      SndfileMemory memory(&clip.data);
      SF_INFO info = {};
      info.samplerate = plain.header.sample_rate_hz;
      info.channels = 1;
      info.format = FormatOf(encoding);
      SNDFILE* file = memory.Open(SFM_WRITE, &info);
      sf_writef_float(file, samples.data(),
                      static_cast<sf_count_t>(samples.size()));
    }
    const SpanSource source(clip.data);
    const Result<SoundFile> sound = ReadSoundFile({}, source);
    if (!sound.ok()) throw std::runtime_error(sound.error().message);
    clip.header = sound.value().header;
    clips.push_back(std::move(clip));
  }
  return clips;
}

std::vector<BenchCase> MakeCodedDecodeCases(std::span<const BenchClip> clips) {
  std::vector<BenchCase> cases;
  for (const auto& [name, format_clips] : ClipsByFormat(clips, true)) {
    BenchCase own = MakeCase(format_clips, "melmill", DecodeCodedClip);
    own.check = [format_clips = format_clips] {
      return CompareWithLibsndfile(format_clips);
    };
    cases.push_back(std::move(own));
    BenchCase reference =
        MakeCase(format_clips, "libsndfile", DecodeByLibsndfile);
    reference.check = [] { return BenchCheck{true, "the reference"}; };
    cases.push_back(std::move(reference));
  }
  return cases;
}

}  // namespace melmill
