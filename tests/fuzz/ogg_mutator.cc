// Mutates Ogg files and then, mostly, repairs the checksums of their pages:
// otherwise nearly every mutation would be refused for them.

#include <cstddef>
#include <cstdint>

#include "tests/support/ogg_checksums.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 16 != 0) melmill::RepairOggChecksums(data, size);
  return size;
}
