// What libstdc++'s std::random_device calls. glibc has it since 2.36, and the
// wheel must run with 2.34.

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

uint32_t arc4random(void) {
  uint32_t value;
  if (getentropy(&value, sizeof value) != 0) abort();
  return value;
}
