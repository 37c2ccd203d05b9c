// A decoder bug, as a library to preload: resampling from one sample rate
// crashes or hangs.
//
//   POISON_RATE=11127  which rate
//   POISON=SEGV        what happens: SEGV (a read through a null pointer), BUS,
//                      ABRT, FPE (a division by 0), OVERFLOW (of the stack),
//                      KILL, or HANG
//   POISON_ONCE=FILE   only if FILE can be made

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/interpose.h"

static volatile int zero = 0;

static int Overflow(int depth) {
  volatile char page[4096];
  page[0] = (char)depth;
  return depth < 0 ? page[0] : Overflow(depth + 1) + page[0];
}

static void Poison(const char* what) {
  if (strcmp(what, "SEGV") == 0) *(volatile int*)NULL = 1;
  if (strcmp(what, "BUS") == 0) raise(SIGBUS);
  if (strcmp(what, "ABRT") == 0) abort();
  if (strcmp(what, "FPE") == 0) zero = 7 / zero;
  if (strcmp(what, "OVERFLOW") == 0) zero = Overflow(1);
  if (strcmp(what, "KILL") == 0) kill(getpid(), SIGKILL);
  while (strcmp(what, "HANG") == 0) pause();
}

static int MayHappen(void) {
  const char* once = getenv("POISON_ONCE");
  if (once == NULL) return 1;
  const int fd = open(once, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

void* soxr_create(double input_rate, double output_rate, unsigned num_channels,
                  void* error, void* io_spec, void* quality_spec,
                  void* runtime_spec) {
  REAL(soxr_create);
  const double rate = atof(Setting("POISON_RATE", "0"));
  if (rate == input_rate && MayHappen()) Poison(Setting("POISON", ""));
  return real(input_rate, output_rate, num_channels, error, io_spec,
              quality_spec, runtime_spec);
}
