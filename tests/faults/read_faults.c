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
// calls take 20 ms. With READ_FAULTS_COLD set, preadv2 with RWF_NOWAIT fails
// with EAGAIN, as if no page were cached. At the end of the process the number
// of calls counted and of those that failed is written to LOG.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD 4096

static const char* name = "";
static const char* call = "any";
static const char* kind = "";
static int error_number;
static long first;
static long count;
static int is_cold;

static int (*real_openat)(int, const char*, int, ...);
static int (*real_close)(int);
static int (*real_fstat)(int, struct stat*);
static ssize_t (*real_read)(int, void*, size_t);
static ssize_t (*real_pread)(int, void*, size_t, off_t);
static ssize_t (*real_preadv2)(int, const struct iovec*, int, off_t, int);

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

static const char* Setting(const char* variable, const char* otherwise) {
  const char* value = getenv(variable);
  return value == NULL ? otherwise : value;
}

__attribute__((constructor)) static void Start(void) {
  *(void**)&real_openat = dlsym(RTLD_NEXT, "openat");
  *(void**)&real_close = dlsym(RTLD_NEXT, "close");
  *(void**)&real_fstat = dlsym(RTLD_NEXT, "fstat");
  *(void**)&real_read = dlsym(RTLD_NEXT, "read");
  *(void**)&real_pread = dlsym(RTLD_NEXT, "pread");
  *(void**)&real_preadv2 = dlsym(RTLD_NEXT, "preadv2");
  name = Setting("READ_FAULTS_NAME", ".wav");
  call = Setting("READ_FAULTS_CALL", "any");
  kind = Setting("READ_FAULTS_KIND", "");
  error_number = ErrnoOf(kind);
  first = atol(Setting("READ_FAULTS_FROM", "0"));
  count = atol(Setting("READ_FAULTS_COUNT", "1"));
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
    const struct timespec delay = {0, 20000000};
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

static int IsOurs(int fd) {
  return fd >= 0 && fd < MAX_FD && atomic_load(&is_ours[fd]);
}

static size_t Shortened(int is_fault, size_t num_bytes) {
  return is_fault && num_bytes > 1 && strcmp(kind, "short") == 0 ? 1
                                                                 : num_bytes;
}

static int Open(int folder, const char* path, int flags, mode_t mode) {
  // The loader may open files before Start was called.
  if (real_openat == NULL) *(void**)&real_openat = dlsym(RTLD_NEXT, "openat");
  const size_t path_bytes = strlen(path);
  const size_t name_bytes = strlen(name);
  const int ours = path_bytes >= name_bytes && name_bytes > 0 &&
                   strcmp(path + path_bytes - name_bytes, name) == 0;
  if (ours && Fails(IsFault("open"))) return -1;
  const int fd = real_openat(folder, path, flags, mode);
  if (fd >= 0 && fd < MAX_FD) atomic_store(&is_ours[fd], ours);
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
  return Open(folder, path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeArgument(flags, arguments);
  va_end(arguments);
  return Open(AT_FDCWD, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < MAX_FD) atomic_store(&is_ours[fd], 0);
  if (real_close == NULL) *(void**)&real_close = dlsym(RTLD_NEXT, "close");
  return real_close(fd);
}

int fstat(int fd, struct stat* status) {
  if (real_fstat == NULL) *(void**)&real_fstat = dlsym(RTLD_NEXT, "fstat");
  if (IsOurs(fd) && Fails(IsFault("fstat"))) return -1;
  return real_fstat(fd, status);
}

ssize_t read(int fd, void* bytes, size_t num_bytes) {
  if (real_read == NULL) *(void**)&real_read = dlsym(RTLD_NEXT, "read");
  if (!IsOurs(fd)) return real_read(fd, bytes, num_bytes);
  const int is_fault = IsFault("read");
  if (Fails(is_fault)) return -1;
  return real_read(fd, bytes, Shortened(is_fault, num_bytes));
}

ssize_t pread(int fd, void* bytes, size_t num_bytes, off_t offset) {
  if (!IsOurs(fd)) return real_pread(fd, bytes, num_bytes, offset);
  const int is_fault = IsFault("read");
  if (Fails(is_fault)) return -1;
  return real_pread(fd, bytes, Shortened(is_fault, num_bytes), offset);
}

// Of one part, as the program calls it.
ssize_t preadv2(int fd, const struct iovec* parts, int num_parts, off_t offset,
                int flags) {
  if (!IsOurs(fd)) return real_preadv2(fd, parts, num_parts, offset, flags);
  if (is_cold && (flags & RWF_NOWAIT) != 0) {
    errno = EAGAIN;
    return -1;
  }
  const int is_fault = IsFault("read");
  if (Fails(is_fault)) return -1;
  const struct iovec part = {parts[0].iov_base,
                             Shortened(is_fault, parts[0].iov_len)};
  if (num_parts != 1) abort();
  return real_preadv2(fd, &part, 1, offset, flags);
}

// The names that programs built with 64-bit offsets call.
int open64(const char*, int, ...) __attribute__((alias("open")));
int openat64(int, const char*, int, ...) __attribute__((alias("openat")));
int fstat64(int, struct stat64*) __attribute__((alias("fstat")));
ssize_t pread64(int, void*, size_t, off_t) __attribute__((alias("pread")));
ssize_t preadv64v2(int, const struct iovec*, int, off_t, int)
    __attribute__((alias("preadv2")));
