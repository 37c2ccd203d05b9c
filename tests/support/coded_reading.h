#ifndef MELMILL_TESTS_SUPPORT_CODED_READING_H_
#define MELMILL_TESTS_SUPPORT_CODED_READING_H_

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dsp/samples/pcm.h"
#include "io/sound/coded_clip.h"
#include "io/sound/sound_file.h"
#include "tests/support/memory_source.h"
#include "tests/support/sound_builder.h"

namespace melmill {

inline std::string Described(const Error& error) {
  return std::string(RejectCodeName(error.code.reject())) + ": " +
         error.message;
}

// What becomes of a coded file that is decoded to its end.
struct CodedOutcome {
  std::string error;   // "code: message"; empty if all is well
  SoundFile sound;     // of a file whose header was read
  int64_t detail = 0;  // of the error
  std::vector<float> mono;

  std::string code() const { return error.substr(0, error.find(':')); }
};

inline CodedOutcome DecodeCodedFile(std::vector<std::byte> bytes) {
  CodedOutcome outcome;
  const MemorySource file(std::move(bytes));
  const auto fail = [&](const Error& error) {
    outcome.error = Described(error);
    outcome.detail = error.detail;
    return outcome;
  };
  const Result<SoundFile> sound = ReadSoundFile({}, file);
  if (!sound.ok()) return fail(sound.error());
  outcome.sound = sound.value();
  Result<CodedClip> clip = CodedClip::Open(outcome.sound.header, file);
  if (!clip.ok()) return fail(clip.error());
  for (;;) {
    const Result<std::span<const float>> next = clip.value().Next();
    if (!next.ok()) return fail(next.error());
    if (next.value().empty()) return outcome;
    outcome.mono.insert(outcome.mono.end(), next.value().begin(),
                        next.value().end());
  }
}

// What libsndfile gives, as mono.
inline std::vector<float> MonoBySndfile(std::vector<std::byte> bytes,
                                        int num_channels) {
  const std::vector<float> interleaved = ReadBySndfile(std::move(bytes));
  std::vector<float> mono(interleaved.size() /
                          static_cast<size_t>(num_channels));
  DownmixToMono(interleaved, num_channels, mono);
  return mono;
}

inline std::vector<std::byte> FirstBytes(const std::vector<std::byte>& bytes,
                                         size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)};
}

inline std::vector<std::byte> Concatenated(std::vector<std::byte> bytes,
                                           const std::vector<std::byte>& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
  return bytes;
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_CODED_READING_H_
