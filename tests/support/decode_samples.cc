// Decodes sound files as the pipeline does, for tests/python.
//
//   decode_samples FOLDER < paths
//
// Prints a line for each path: its sample rate, channels and number of samples
// as the header tells, and what came of it: "ok", or a code with a message. The
// samples of the i-th file, mono, are in FOLDER/i as float32.

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "io/file/input_file.h"
#include "io/sound/coded_clip.h"
#include "io/sound/sound_file.h"
#include "io/wav/plain_decoder.h"

namespace melmill {
namespace {

Result<void> DecodePlain(const SoundHeader& header, const ByteSource& file,
                         std::vector<float>* samples) {
  std::vector<std::byte> bytes(static_cast<size_t>(header.data_bytes));
  Result<void> done = file.ReadAt(header.data_offset, bytes);
  PlainDecoder decoder;
  if (done.ok()) done = decoder.Start(header);
  if (!done.ok()) return done;
  samples->resize(static_cast<size_t>(header.num_samples));
  return decoder.DecodeToMono(bytes, *samples);
}

Result<void> DecodeCoded(const SoundHeader& header, const ByteSource& file,
                         std::vector<float>* samples) {
  Result<CodedClip> clip = CodedClip::Open(header, file);
  if (!clip.ok()) return clip.error();
  for (;;) {
    const Result<std::span<const float>> next = clip.value().Next();
    if (!next.ok()) return next.error();
    if (next.value().empty()) return {};
    samples->insert(samples->end(), next.value().begin(), next.value().end());
  }
}

Result<void> Decode(const std::string& path, SoundHeader* header,
                    std::vector<float>* samples) {
  const Result<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.error();
  const Result<SoundFile> sound = ReadSoundFile({}, file.value());
  if (!sound.ok()) return sound.error();
  *header = sound.value().header;
  return IsCoded(header->encoding)
             ? DecodeCoded(*header, file.value(), samples)
             : DecodePlain(*header, file.value(), samples);
}

}  // namespace
}  // namespace melmill

int main(int argc, char** argv) {
  using namespace melmill;
  if (argc != 2) {
    std::fprintf(stderr, "usage: decode_samples FOLDER < paths\n");
    return 2;
  }
  std::string path;
  for (int i = 0; std::getline(std::cin, path); ++i) {
    SoundHeader header;
    std::vector<float> samples;
    const Result<void> decoded = Decode(path, &header, &samples);
    std::ofstream out(argv[1] + ('/' + std::to_string(i)), std::ios::binary);
    out.write(reinterpret_cast<const char*>(samples.data()),
              static_cast<std::streamsize>(samples.size() * sizeof(float)));
    if (!out.flush()) return 1;
    const std::string outcome =
        decoded.ok()
            ? "ok"
            : std::string(RejectCodeName(decoded.error().code.reject())) + " " +
                  decoded.error().message;
    std::printf("%d %d %lld %s\n", header.sample_rate_hz, header.num_channels,
                static_cast<long long>(header.num_samples), outcome.c_str());
  }
  return 0;
}
