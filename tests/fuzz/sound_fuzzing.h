#ifndef MELMILL_TESTS_FUZZ_SOUND_FUZZING_H_
#define MELMILL_TESTS_FUZZ_SOUND_FUZZING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "io/result.h"
#include "io/sound/sound_header.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/memory_source.h"

namespace melmill {

// The heap that a coded file may take, whatever it claims: what
// RowComputer::MemoryBytes adds for it, and room for two decoders.
inline constexpr int64_t kMaxCodedHeapBytes = int64_t{48} << 20;

// Reads a header with `read_file` (as ReadSoundFile), without a prefix and with
// prefixes of these sizes, and with `read_header` (as ReadSoundHeader). Checks
// that all results are the same, and that an error says what is wrong.
template <typename ReadFile, typename ReadHeader>
Result<SoundHeader> ReadSameHeader(const MemorySource& file,
                                   std::initializer_list<size_t> prefix_sizes,
                                   ReadFile read_file, ReadHeader read_header) {
  const std::span<const std::byte> bytes(file.bytes());
  const Result<SoundFile> sound = read_file({}, file);
  for (const size_t prefix_bytes : prefix_sizes) {
    const auto prefix = bytes.first(std::min(bytes.size(), prefix_bytes));
    const Result<SoundFile> again = read_file(prefix, file);
    Require(again.ok() == sound.ok(), "prefixes make no difference");
    if (sound.ok()) {
      Require(again.value().header == sound.value().header &&
                  again.value().oddity == sound.value().oddity,
              "headers are the same");
      const Result<SoundHeader> header = read_header(prefix, file);
      Require(header.ok() && header.value() == sound.value().header,
              "what lies behind the data is not in the header");
    } else {
      Require(again.error().code == sound.error().code &&
                  again.error().message == sound.error().message,
              "errors are the same");
      Require(!sound.error().message.empty(), "an error says what is wrong");
    }
  }
  if (!sound.ok()) return sound.error();
  return sound.value().header;
}

// Checks what an accepted header promises of any file.
void CheckHeader(const SoundHeader& header, const MemorySource& file);

// Reads a sound file of any format but WAV, and decodes it. Checks that the
// result does not depend on how the file is read, that the header keeps its
// promises, and that an accepted file gives the samples that its header counts,
// twice the same.
void FuzzSoundFile(std::span<const std::byte> bytes);

}  // namespace melmill

#endif  // MELMILL_TESTS_FUZZ_SOUND_FUZZING_H_
