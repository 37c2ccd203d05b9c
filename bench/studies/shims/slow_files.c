// A slow network file system for one folder, as a library to preload:
//
//   SLOW_FILES_ROOT=/data/corpus  SLOW_FILES_MS=5
//   LD_PRELOAD=build/bench/bench/studies/libslow_files.so  melmill validate ...
//
// open, openat, read, pread and preadv2 (and their 64-bit names) of files
// below the root first wait SLOW_FILES_MS milliseconds (5 if it is not set).
// preadv2 with RWF_NOWAIT does not wait: it fails with EAGAIN unless this
// process has read as far into the file before, as if the page cache had been
// empty at its start. All else is as fast as ever. Waits are sleeps, so as many
// overlap as the program has threads.
//
// Paths are compared as the program gives them. Files are told apart by a hash
// of 20 bits of their inodes, and all bytes before the furthest one read count
// as read. Descriptors from 65536 on are not slow.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/interpose.h"
#include "tests/support/interpose_open.h"

#define NUM_SLOTS (1u << 20)  // the upper 20 bits of a hash

static const char* root = "";
static long delay_ns;

// By descriptor: 1 + the slot of the file, if it lies below the root.
static _Atomic uint32_t slot_of_fd[MAX_FD];
// By slot: how far the file was read.
static _Atomic uint64_t read_end[NUM_SLOTS];

__attribute__((constructor)) static void Start(void) {
  root = Setting("SLOW_FILES_ROOT", "");
  delay_ns = (long)(1e6 * atof(Setting("SLOW_FILES_MS", "5")));
}

static void Wait(void) {
  struct timespec left = {delay_ns / 1000000000, delay_ns % 1000000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

// 0 for files that are not slow.
static uint32_t SlotOf(int fd) {
  return HasPlace(fd) ? atomic_load(&slot_of_fd[fd]) : 0;
}

static void NoteRead(uint32_t slot, off_t offset, ssize_t num_read) {
  if (num_read <= 0) return;
  const uint64_t end = (uint64_t)offset + (uint64_t)num_read;
  uint64_t seen = atomic_load(&read_end[slot - 1]);
  while (seen < end &&
         !atomic_compare_exchange_weak(&read_end[slot - 1], &seen, end)) {
  }
}

static int OpenFile(int folder, const char* path, int flags, mode_t mode) {
  REAL(openat);
  const int is_slow = IsBelow(path, root);
  if (is_slow) Wait();
  const int fd = real(folder, path, flags, mode);
  struct stat status;
  if (is_slow && HasPlace(fd) && fstat(fd, &status) == 0 &&
      S_ISREG(status.st_mode)) {
    const uint64_t hash = (uint64_t)status.st_ino * 0x9E3779B97F4A7C15u;
    atomic_store(&slot_of_fd[fd], 1 + (uint32_t)(hash >> 44));
  }
  return fd;
}

int close(int fd) {
  REAL(close);
  if (HasPlace(fd)) atomic_store(&slot_of_fd[fd], 0);
  return real(fd);
}

ssize_t pread(int fd, void* bytes, size_t num_bytes, off_t offset) {
  REAL(pread);
  const uint32_t slot = SlotOf(fd);
  if (slot == 0) return real(fd, bytes, num_bytes, offset);
  Wait();
  const ssize_t num_read = real(fd, bytes, num_bytes, offset);
  NoteRead(slot, offset, num_read);
  return num_read;
}

ssize_t read(int fd, void* bytes, size_t num_bytes) {
  REAL(read);
  const uint32_t slot = SlotOf(fd);
  if (slot == 0) return real(fd, bytes, num_bytes);
  Wait();
  const ssize_t num_read = real(fd, bytes, num_bytes);
  NoteRead(slot, lseek(fd, 0, SEEK_CUR) - num_read, num_read);
  return num_read;
}

ssize_t preadv2(int fd, const struct iovec* parts, int num_parts, off_t offset,
                int flags) {
  REAL(preadv2);
  const uint32_t slot = SlotOf(fd);
  if (slot == 0) return real(fd, parts, num_parts, offset, flags);
  if ((flags & RWF_NOWAIT) == 0) {
    Wait();
    const ssize_t num_read = real(fd, parts, num_parts, offset, flags);
    NoteRead(slot, offset, num_read);
    return num_read;
  }
  uint64_t end = (uint64_t)offset;
  for (int i = 0; i < num_parts; ++i) end += parts[i].iov_len;
  if (end > atomic_load(&read_end[slot - 1])) {
    errno = EAGAIN;
    return -1;
  }
  return real(fd, parts, num_parts, offset, flags);
}

// The names that programs built with 64-bit offsets call.
ssize_t pread64(int, void*, size_t, off_t) __attribute__((alias("pread")));
ssize_t preadv64v2(int, const struct iovec*, int, off_t, int)
    __attribute__((alias("preadv2")));
