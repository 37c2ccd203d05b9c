#include "bench/decode_cases.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>

#include "bench/stages.h"
#include "dsp/samples/pcm.h"
#include "io/wav/plain_decoder.h"
#include "io/wav/sndfile_decoder.h"

namespace melmill {
namespace {

// The block size with which the pipeline reads files.
constexpr size_t kBlockBytes = size_t{1} << 20;

// Decodes a clip in blocks, and any number of clips in turn.
class BlockDecoder {
 public:
  virtual ~BlockDecoder() = default;
  virtual Result<void> Start(const SoundHeader& header) = 0;
  virtual Result<void> Decode(std::span<const std::byte> block,
                              std::span<float> mono) = 0;
};

class OwnDecoder : public BlockDecoder {
 public:
  Result<void> Start(const SoundHeader& header) override {
    return decoder_.Start(header);
  }
  Result<void> Decode(std::span<const std::byte> block,
                      std::span<float> mono) override {
    return decoder_.DecodeToMono(block, mono);
  }

 private:
  PlainDecoder decoder_;
};

class Libsndfile : public BlockDecoder {
 public:
  Result<void> Start(const SoundHeader& header) override {
    num_channels_ = header.num_channels;
    decoder_.reset();
    Result<SndfileDecoder> decoder = SndfileDecoder::Create(header);
    if (!decoder.ok()) return decoder.error();
    decoder_ = std::move(decoder).value();
    return {};
  }
  Result<void> Decode(std::span<const std::byte> block,
                      std::span<float> mono) override {
    interleaved_.resize(mono.size() * static_cast<size_t>(num_channels_));
    const Result<void> decoded = decoder_->Decode(block, interleaved_);
    if (decoded.ok()) DownmixToMono(interleaved_, num_channels_, mono);
    return decoded;
  }

 private:
  int num_channels_ = 0;
  std::optional<SndfileDecoder> decoder_;
  std::vector<float> interleaved_;
};

void ThrowUnless(const Result<void>& result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
}

// Calls visit(bytes, number of samples in them) for each block of a clip.
template <typename Visit>
void ForEachBlock(const BenchClip& clip, const Visit& visit) {
  const auto group_bytes =
      static_cast<size_t>(clip.header.bytes_per_sample_group());
  const size_t block_bytes = kBlockBytes / group_bytes * group_bytes;
  for (size_t i = 0; i < clip.data.size(); i += block_bytes) {
    const size_t num_bytes = std::min(block_bytes, clip.data.size() - i);
    visit(std::span(clip.data).subspan(i, num_bytes), num_bytes / group_bytes);
  }
}

void DecodeBlocks(const BenchClip& clip, BlockDecoder* decoder,
                  std::vector<float>* mono) {
  ThrowUnless(decoder->Start(clip.header));
  ForEachBlock(clip, [&](std::span<const std::byte> block, size_t num_samples) {
    mono->resize(num_samples);
    ThrowUnless(decoder->Decode(block, *mono));
  });
}

bool AgreeOn(const BenchClip& clip, BlockDecoder* actual,
             BlockDecoder* expected) {
  ThrowUnless(actual->Start(clip.header));
  ThrowUnless(expected->Start(clip.header));
  bool agree = true;
  std::vector<float> a;
  std::vector<float> b;
  ForEachBlock(clip, [&](std::span<const std::byte> block, size_t num_samples) {
    a.resize(num_samples);
    b.resize(num_samples);
    ThrowUnless(actual->Decode(block, a));
    ThrowUnless(expected->Decode(block, b));
    agree =
        agree && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  });
  return agree;
}

BenchCheck CompareWithLibsndfile(const Clips& clips, BlockDecoder* decoder) {
  Libsndfile reference;
  for (const BenchClip* clip : clips) {
    if (!AgreeOn(*clip, decoder, &reference)) {
      return {false, clip->path.empty()
                         ? "other samples than libsndfile's"
                         : "other samples than libsndfile's: " + clip->path};
    }
  }
  return {true, "the bits of libsndfile"};
}

BenchCase MakeCase(const Clips& clips, const std::string& variant,
                   std::shared_ptr<BlockDecoder> decoder) {
  BenchCase result = DescribeDecoding(clips, variant);
  result.check = [clips, decoder] {
    return CompareWithLibsndfile(clips, decoder.get());
  };
  auto mono = std::make_shared<std::vector<float>>();
  result.pass = [clips, decoder, mono](size_t clip) {
    DecodeBlocks(*clips[clip], decoder.get(), mono.get());
  };
  return result;
}

}  // namespace

std::map<std::string, Clips> ClipsByFormat(std::span<const BenchClip> clips,
                                           bool is_coded) {
  std::map<std::string, Clips> formats;
  for (const BenchClip& clip : clips) {
    if (IsCoded(clip.header.encoding) != is_coded) continue;
    formats[DescribeFormat(clip.header)].push_back(&clip);
  }
  return formats;
}

BenchCase DescribeDecoding(const Clips& clips, const std::string& variant) {
  BenchCase result;
  result.stage = "decode";
  result.variant = variant;
  result.input = DescribeFormat(clips[0]->header);
  result.limit = BenchLimit::kMemoryCopy;
  result.num_clips = clips.size();
  for (const BenchClip* clip : clips) {
    result.audio_seconds += clip->duration_s();
    result.bytes_read += clip->data.size();
    result.bytes_written +=
        sizeof(float) * static_cast<uint64_t>(clip->header.num_samples);
  }
  return result;
}

std::vector<BenchCase> MakeDecodeCases(std::span<const BenchClip> clips) {
  std::vector<BenchCase> cases;
  for (const auto& [name, format_clips] : ClipsByFormat(clips, false)) {
    cases.push_back(
        MakeCase(format_clips, "melmill", std::make_shared<OwnDecoder>()));
    BenchCase reference =
        MakeCase(format_clips, "libsndfile", std::make_shared<Libsndfile>());
    reference.check = [] { return BenchCheck{true, "the reference"}; };
    cases.push_back(std::move(reference));
  }
  return cases;
}

}  // namespace melmill
