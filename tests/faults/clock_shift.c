// Another time of day for one process, as a library to preload: all clocks that
// can be set are CLOCK_SHIFT_S seconds ahead (or, below 0, behind).

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include "tests/support/interpose.h"

static time_t Shift(void) {
  return (time_t)atoll(Setting("CLOCK_SHIFT_S", "0"));
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  REAL(clock_gettime);
  const int failed = real(clock, now);
  const int can_be_set = clock == CLOCK_REALTIME ||
                         clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
  if (failed == 0 && can_be_set) now->tv_sec += Shift();
  return failed;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  (void)zone;
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* seconds) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != NULL) *seconds = now.tv_sec;
  return now.tv_sec;
}
