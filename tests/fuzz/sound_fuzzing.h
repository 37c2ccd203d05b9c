#ifndef MELMILL_TESTS_FUZZ_SOUND_FUZZING_H_
#define MELMILL_TESTS_FUZZ_SOUND_FUZZING_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace melmill {

// The heap that a coded file may take, whatever it claims: what
// RowComputer::MemoryBytes adds for it, and room for two decoders.
inline constexpr int64_t kMaxCodedHeapBytes = int64_t{48} << 20;

// Reads a sound file of any format but WAV, and decodes it. Checks that the
// result does not depend on how the file is read, that the header keeps its
// promises, and that an accepted file gives the samples that its header counts,
// twice the same.
void FuzzSoundFile(std::span<const std::byte> bytes);

}  // namespace melmill

#endif  // MELMILL_TESTS_FUZZ_SOUND_FUZZING_H_
