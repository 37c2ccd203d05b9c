// Faults of reading audio, as a library to preload:
//
//   READ_FAULTS_NAME=.wav  READ_FAULTS_CALL=read  READ_FAULTS_KIND=EIO
//   READ_FAULTS_FROM=3  READ_FAULTS_COUNT=1  READ_FAULTS_LOG=/tmp/calls
//   LD_PRELOAD=build/dev/tests/faults/read_faults.so  melmill extract ...
//
// Calls on files whose paths end in READ_FAULTS_NAME are counted from 1, and
// COUNT of them (0: all) fail from call FROM on (0: none fails). CALL says
// which are counted: "open", "fstat", "read" (read, pread and preadv2) or "any"
// of them. KIND is the errno, or "short": reads give one byte only, or "slow":
// calls take READ_FAULTS_DELAY_MS (20). With READ_FAULTS_COLD set, preadv2 with
// RWF_NOWAIT fails with EAGAIN, as if no page were cached. At the end of the
// process the number of calls counted and of those that failed is written to
// LOG.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/interpose.h"
#include "tests/support/interpose_open.h"

static const char* name = "";
static const char* call = "any";
static const char* kind = "";
static int error_number;
static long first;
static long count;
static long delay_ms;
static int is_cold;

static _Atomic long num_calls;
static _Atomic long num_faults;
static _Atomic int is_ours[MAX_FD];  // by descriptor

static int ErrnoOf(const char* text) {
  static const struct {
    const char* name;
    int number;
  } kErrnos[] = {{"EIO", EIO},       {"ESTALE", ESTALE}, {"EINTR", EINTR},
                 {"ENOENT", ENOENT}, {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM},
                 {"EACCES", EACCES}, {"ENFILE", ENFILE}};
  for (size_t i = 0; i < sizeof(kErrnos) / sizeof(kErrnos[0]); ++i) {
    if (strcmp(text, kErrnos[i].name) == 0) return kErrnos[i].number;
  }
  return 0;
}

__attribute__((constructor)) static void Start(void) {
  name = Setting("READ_FAULTS_NAME", ".wav");
  call = Setting("READ_FAULTS_CALL", "any");
  kind = Setting("READ_FAULTS_KIND", "");
  error_number = ErrnoOf(kind);
  first = atol(Setting("READ_FAULTS_FROM", "0"));
  count = atol(Setting("READ_FAULTS_COUNT", "1"));
  delay_ms = atol(Setting("READ_FAULTS_DELAY_MS", "20"));
  is_cold = getenv("READ_FAULTS_COLD") != NULL;
}

__attribute__((destructor)) static void End(void) {
  const char* log = getenv("READ_FAULTS_LOG");
  FILE* file = log == NULL ? NULL : fopen(log, "w");
  if (file == NULL) return;
  fprintf(file, "%ld %ld\n", atomic_load(&num_calls), atomic_load(&num_faults));
  fclose(file);
}

// Counts a call, and says whether it is one of those that fail.
static int IsFault(const char* this_call) {
  if (strcmp(call, "any") != 0 && strcmp(call, this_call) != 0) return 0;
  const long number = atomic_fetch_add(&num_calls, 1) + 1;
  if (first == 0 || number < first) return 0;
  if (count > 0 && number >= first + count) return 0;
  atomic_fetch_add(&num_faults, 1);
  if (strcmp(kind, "slow") == 0) {
    const struct timespec delay = {delay_ms / 1000, delay_ms % 1000 * 1000000};
    nanosleep(&delay, NULL);
  }
  return 1;
}

// Sets errno, if that is what shall happen.
static int Fails(int is_fault) {
  if (!is_fault || error_number == 0) return 0;
  errno = error_number;
  return 1;
}

static int IsOurs(int fd) { return HasPlace(fd) && atomic_load(&is_ours[fd]); }

static size_t Shortened(int is_fault, size_t num_bytes) {
  return is_fault && num_bytes > 1 && strcmp(kind, "short") == 0 ? 1
                                                                 : num_bytes;
}

static int OpenFile(int folder, const char* path, int flags, mode_t mode) {
  REAL(openat);
  const size_t path_bytes = strlen(path);
  const size_t name_bytes = strlen(name);
  const int ours = path_bytes >= name_bytes && name_bytes > 0 &&
                   strcmp(path + path_bytes - name_bytes, name) == 0;
  if (ours && Fails(IsFault("open"))) return -1;
  const int fd = real(folder, path, flags, mode);
  if (HasPlace(fd)) atomic_store(&is_ours[fd], ours);
  return fd;
}

int close(int fd) {
  REAL(close);
  if (HasPlace(fd)) atomic_store(&is_ours[fd], 0);
  return real(fd);
}

int fstat(int fd, struct stat* status) {
  REAL(fstat);
  if (IsOurs(fd) && Fails(IsFault("fstat"))) return -1;
  return real(fd, status);
}

ssize_t read(int fd, void* bytes, size_t num_bytes) {
  REAL(read);
  if (!IsOurs(fd)) return real(fd, bytes, num_bytes);
  const int is_fault = IsFault("read");
  if (Fails(is_fault)) return -1;
  return real(fd, bytes, Shortened(is_fault, num_bytes));
}

ssize_t pread(int fd, void* bytes, size_t num_bytes, off_t offset) {
  REAL(pread);
  if (!IsOurs(fd)) return real(fd, bytes, num_bytes, offset);
  const int is_fault = IsFault("read");
  if (Fails(is_fault)) return -1;
  return real(fd, bytes, Shortened(is_fault, num_bytes), offset);
}

// Of one part, as the program calls it.
ssize_t preadv2(int fd, const struct iovec* parts, int num_parts, off_t offset,
                int flags) {
  REAL(preadv2);
  if (!IsOurs(fd)) return real(fd, parts, num_parts, offset, flags);
  if (is_cold && (flags & RWF_NOWAIT) != 0) {
    errno = EAGAIN;
    return -1;
  }
  const int is_fault = IsFault("read");
  if (Fails(is_fault)) return -1;
  const struct iovec part = {parts[0].iov_base,
                             Shortened(is_fault, parts[0].iov_len)};
  if (num_parts != 1) abort();
  return real(fd, &part, 1, offset, flags);
}

// The names that programs built with 64-bit offsets call.
int fstat64(int, struct stat64*) __attribute__((alias("fstat")));
ssize_t pread64(int, void*, size_t, off_t) __attribute__((alias("pread")));
ssize_t preadv64v2(int, const struct iovec*, int, off_t, int)
    __attribute__((alias("preadv2")));
