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
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD 65536
#define NUM_SLOTS (1u << 20)  // the upper 20 bits of a hash

static const char* root;
static size_t root_bytes;
static long delay_ns;

static int (*real_openat)(int, const char*, int, ...);
static int (*real_close)(int);
static ssize_t (*real_read)(int, void*, size_t);
static ssize_t (*real_pread)(int, void*, size_t, off_t);
static ssize_t (*real_preadv2)(int, const struct iovec*, int, off_t, int);

// By descriptor: 1 + the slot of the file, if it lies below the root.
static _Atomic uint32_t slot_of_fd[MAX_FD];
// By slot: how far the file was read.
static _Atomic uint64_t read_end[NUM_SLOTS];

__attribute__((constructor)) static void Start(void) {
  root = getenv("SLOW_FILES_ROOT");
  root_bytes = root == NULL ? 0 : strlen(root);
  const char* ms = getenv("SLOW_FILES_MS");
  delay_ns = (long)(1e6 * (ms == NULL ? 5.0 : atof(ms)));
  *(void**)&real_openat = dlsym(RTLD_NEXT, "openat");
  *(void**)&real_close = dlsym(RTLD_NEXT, "close");
  *(void**)&real_read = dlsym(RTLD_NEXT, "read");
  *(void**)&real_pread = dlsym(RTLD_NEXT, "pread");
  *(void**)&real_preadv2 = dlsym(RTLD_NEXT, "preadv2");
}

static void Wait(void) {
  struct timespec left = {delay_ns / 1000000000, delay_ns % 1000000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

// 0 for files that are not slow.
static uint32_t SlotOf(int fd) {
  return fd >= 0 && fd < MAX_FD ? atomic_load(&slot_of_fd[fd]) : 0;
}

static void NoteRead(uint32_t slot, off_t offset, ssize_t num_read) {
  if (num_read <= 0) return;
  const uint64_t end = (uint64_t)offset + (uint64_t)num_read;
  uint64_t seen = atomic_load(&read_end[slot - 1]);
  while (seen < end &&
         !atomic_compare_exchange_weak(&read_end[slot - 1], &seen, end)) {
  }
}

static int OpenSlowly(int folder, const char* path, int flags, mode_t mode) {
  // The loader may open files before Start was called.
  if (real_openat == NULL) *(void**)&real_openat = dlsym(RTLD_NEXT, "openat");
  const int is_slow = root_bytes > 0 && strncmp(path, root, root_bytes) == 0 &&
                      (path[root_bytes] == '/' || path[root_bytes] == '\0');
  if (is_slow) Wait();
  const int fd = real_openat(folder, path, flags, mode);
  struct stat status;
  if (is_slow && fd >= 0 && fd < MAX_FD && fstat(fd, &status) == 0 &&
      S_ISREG(status.st_mode)) {
    const uint64_t hash = (uint64_t)status.st_ino * 0x9E3779B97F4A7C15u;
    atomic_store(&slot_of_fd[fd], 1 + (uint32_t)(hash >> 44));
  }
  return fd;
}

static mode_t ModeArgument(int flags, va_list arguments) {
  const int has_mode =
      (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return has_mode ? va_arg(arguments, mode_t) : 0;
}

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeArgument(flags, arguments);
  va_end(arguments);
  return OpenSlowly(folder, path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeArgument(flags, arguments);
  va_end(arguments);
  return OpenSlowly(AT_FDCWD, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < MAX_FD) atomic_store(&slot_of_fd[fd], 0);
  if (real_close == NULL) *(void**)&real_close = dlsym(RTLD_NEXT, "close");
  return real_close(fd);
}

ssize_t pread(int fd, void* bytes, size_t num_bytes, off_t offset) {
  const uint32_t slot = SlotOf(fd);
  if (slot == 0) return real_pread(fd, bytes, num_bytes, offset);
  Wait();
  const ssize_t num_read = real_pread(fd, bytes, num_bytes, offset);
  NoteRead(slot, offset, num_read);
  return num_read;
}

ssize_t read(int fd, void* bytes, size_t num_bytes) {
  const uint32_t slot = SlotOf(fd);
  if (real_read == NULL) *(void**)&real_read = dlsym(RTLD_NEXT, "read");
  if (slot == 0) return real_read(fd, bytes, num_bytes);
  Wait();
  const ssize_t num_read = real_read(fd, bytes, num_bytes);
  NoteRead(slot, lseek(fd, 0, SEEK_CUR) - num_read, num_read);
  return num_read;
}

ssize_t preadv2(int fd, const struct iovec* parts, int num_parts, off_t offset,
                int flags) {
  const uint32_t slot = SlotOf(fd);
  if (slot == 0) return real_preadv2(fd, parts, num_parts, offset, flags);
  if ((flags & RWF_NOWAIT) == 0) {
    Wait();
    const ssize_t num_read = real_preadv2(fd, parts, num_parts, offset, flags);
    NoteRead(slot, offset, num_read);
    return num_read;
  }
  uint64_t end = (uint64_t)offset;
  for (int i = 0; i < num_parts; ++i) end += parts[i].iov_len;
  if (end > atomic_load(&read_end[slot - 1])) {
    errno = EAGAIN;
    return -1;
  }
  return real_preadv2(fd, parts, num_parts, offset, flags);
}

// The names that programs built with 64-bit offsets call.
int open64(const char*, int, ...) __attribute__((alias("open")));
int openat64(int, const char*, int, ...) __attribute__((alias("openat")));
ssize_t pread64(int, void*, size_t, off_t) __attribute__((alias("pread")));
ssize_t preadv64v2(int, const struct iovec*, int, off_t, int)
    __attribute__((alias("preadv2")));
