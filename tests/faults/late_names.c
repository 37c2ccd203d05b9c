// Names that other machines made and that show late, as on a network file
// system, as a library to preload:
//
//   LATE_NAMES=ab12.h5    how the late names end
//   LATE_NAMES_SECONDS=3  how long after the start of the process
//
// Until then these files are neither listed nor opened. Every file system is
// said to be NFS.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

#include "tests/support/interpose.h"
#include "tests/support/interpose_open.h"

static const char* late = "";
static double seconds;
static double start;

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

__attribute__((constructor)) static void Start(void) {
  late = Setting("LATE_NAMES", "");
  seconds = atof(Setting("LATE_NAMES_SECONDS", "0"));
  start = Now();
}

static int IsLate(const char* name) {
  const size_t name_bytes = strlen(name);
  const size_t late_bytes = strlen(late);
  return late_bytes > 0 && name_bytes >= late_bytes &&
         strcmp(name + name_bytes - late_bytes, late) == 0 &&
         Now() < start + seconds;
}

static int OpenFile(int folder, const char* path, int flags, mode_t mode) {
  REAL(openat);
  if (IsLate(path)) {
    errno = ENOENT;
    return -1;
  }
  return real(folder, path, flags, mode);
}

int statfs(const char* path, struct statfs* status) {
  REAL(statfs);
  const int result = real(path, status);
  if (result == 0) status->f_type = 0x6969;
  return result;
}

struct dirent* readdir(DIR* folder) {
  REAL(readdir);
  struct dirent* entry = real(folder);
  while (entry != NULL && IsLate(entry->d_name)) entry = real(folder);
  return entry;
}

// The names that programs built with 64-bit offsets call.
int statfs64(const char*, struct statfs64*) __attribute__((alias("statfs")));
struct dirent64* readdir64(DIR*) __attribute__((alias("readdir")));
