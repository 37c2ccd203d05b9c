// Fuzzes Ogg files: pages, headers, and the decoding of Vorbis and Opus.

#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/sound_fuzzing.h"

// libsndfile does not free these 6 kB of a Vorbis file that it does not open.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:vorbis_info_init\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const melmill::InputLimits limits(melmill::kMaxCodedHeapBytes);
  melmill::FuzzSoundFile(melmill::AsBytes(data, size));
  return 0;
}
