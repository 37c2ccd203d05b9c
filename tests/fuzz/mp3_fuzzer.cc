// Fuzzes MP3 files: tags, the walk through the frames, and the decoding by
// libmpg123.

#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/sound_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const melmill::InputLimits limits(melmill::kMaxCodedHeapBytes);
  melmill::FuzzSoundFile(melmill::AsBytes(data, size));
  return 0;
}
