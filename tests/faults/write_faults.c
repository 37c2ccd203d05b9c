// A disk of which one call fails, as a library to preload: numbers the calls by
// which the program changes what lies below one folder, over all threads, and
// disturbs one of them. By environment:
//
//   WRITE_FAULTS_ROOT   the folder; paths are compared as the program gives
//                       them
//   WRITE_FAULTS_KIND   number only calls of this kind, or of several, with
//                       commas between (default: of all)
//   WRITE_FAULTS_AT     the number of the disturbed call, from 1
//   WRITE_FAULTS_FAULT  what happens to it:
//     kill              SIGKILL before it takes place
//     stop              SIGSTOP before it takes place
//     short             a write writes half
//     error=5           it fails with this errno
//     errors=5          it and all later ones (of the kind) do
//   WRITE_FAULTS_LOG    a file, not below the root: a line for each call with
//                       kind, path, second path, descriptor, flags, offset,
//                       length, result and errno, separated by tabs, then the
//                       bytes that were written, in hexadecimal. Calls then
//                       take place one after the other, in this order.
//   WRITE_FAULTS_MISSING
//                       kinds, with commas between, that the file system does
//                       not have: they fail with EOPNOTSUPP
//   WRITE_FAULTS_FLOCK  how flock ends, which does nothing then: 0, or an errno
//   WRITE_FAULTS_FREE   bytes that file systems are said to have free, as one
//                       with quotas does
//
// Kinds: open (of files for writing), close (of these), write, pwrite, fsync
// (of folders too), fdatasync, sync_file_range, fallocate, ftruncate, rename,
// renameat2, link, unlink, mkdir. A close that fails has closed, as on Linux;
// every other call that fails has done nothing.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/support/interpose.h"
#include "tests/support/interpose_open.h"

#define MAX_TEXT_BYTES 16384  // of a log line, without what was written

enum Fault { kNone, kKill, kStop, kShort, kError };

struct Call {
  const char* kind;
  const char* path;  // NULL: does not count
  const char* second_path;
  int fd;
  int flags;
  long long offset;
  long long length;
  long long allowed_length;    // less than that for a short count
  const unsigned char* bytes;  // of a write
  long long result;
  int error;
};

static const char* root = "";
static const char* counted_kinds;
static const char* missing_kinds;
static long disturbed_call;
static enum Fault fault;
static int fault_errno;
static int fault_lasts;
static int log_fd = -1;

static atomic_long num_calls;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
// By descriptor: the path under which it was opened, if it counts.
static char* _Atomic path_of_fd[MAX_FD];
static atomic_bool is_folder[MAX_FD];

// Has the call take place, or the fault instead.
#define RETURN_DISTURBED(call, expression)            \
  do {                                                \
    if (Begin(&(call))) (call).result = (expression); \
    return End(&(call));                              \
  } while (0)

static int OpenLog(const char* path) {
  REAL(open);
  return real(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

__attribute__((constructor)) static void Start(void) {
  root = Setting("WRITE_FAULTS_ROOT", "");
  counted_kinds = getenv("WRITE_FAULTS_KIND");
  missing_kinds = getenv("WRITE_FAULTS_MISSING");
  disturbed_call = atol(Setting("WRITE_FAULTS_AT", "0"));
  const char* what = Setting("WRITE_FAULTS_FAULT", "");
  if (strcmp(what, "kill") == 0) fault = kKill;
  if (strcmp(what, "stop") == 0) fault = kStop;
  if (strcmp(what, "short") == 0) fault = kShort;
  if (strncmp(what, "error", 5) == 0) {
    fault = kError;
    fault_lasts = what[5] == 's';
    fault_errno = atoi(strchr(what, '=') + 1);
  }
  const char* log = getenv("WRITE_FAULTS_LOG");
  if (log != NULL) log_fd = OpenLog(log);
}

static int IsBelowRoot(const char* path) { return IsBelow(path, root); }

static char* PathOf(int fd) {
  return HasPlace(fd) ? atomic_load(&path_of_fd[fd]) : NULL;
}

// Whether a kind is in a list with commas.
static int IsOneOf(const char* kind, const char* kinds) {
  const size_t num_bytes = strlen(kind);
  while (strncmp(kinds, kind, num_bytes) != 0 ||
         (kinds[num_bytes] != ',' && kinds[num_bytes] != '\0')) {
    kinds = strchr(kinds, ',');
    if (kinds == NULL) return 0;
    ++kinds;
  }
  return 1;
}

static enum Fault FaultOf(const char* kind) {
  if (counted_kinds != NULL && !IsOneOf(kind, counted_kinds)) return kNone;
  const long number = atomic_fetch_add(&num_calls, 1) + 1;
  const int is_disturbed =
      fault_lasts ? number >= disturbed_call : number == disturbed_call;
  return disturbed_call > 0 && is_disturbed ? fault : kNone;
}

// Whether the call is to take place.
static int Begin(struct Call* call) {
  call->allowed_length = call->length;
  if (call->path == NULL) return 1;
  if (log_fd >= 0) pthread_mutex_lock(&log_lock);
  switch (FaultOf(call->kind)) {
    case kNone:
      break;
    case kKill:
      kill(getpid(), SIGKILL);
      for (;;) pause();
    case kStop:
      raise(SIGSTOP);  // this thread goes no further, the others soon neither
      break;
    case kShort:
      if (call->bytes != NULL) call->allowed_length = (call->length + 1) / 2;
      break;
    case kError:
      call->result = -1;
      call->error = fault_errno;
      return 0;
  }
  if (missing_kinds != NULL && IsOneOf(call->kind, missing_kinds)) {
    call->result = -1;
    call->error = EOPNOTSUPP;
    return 0;
  }
  return 1;
}

static void WriteLog(const struct Call* call) {
  REAL(write);
  const size_t num_written =
      call->bytes != NULL && call->result > 0 ? (size_t)call->result : 0;
  char* line = malloc(MAX_TEXT_BYTES + 2 * num_written + 1);
  if (line == NULL) abort();
  int end = snprintf(
      line, MAX_TEXT_BYTES, "%s\t%s\t%s\t%d\t%d\t%lld\t%lld\t%lld\t%d\t",
      call->kind, call->path,
      call->second_path == NULL ? "" : call->second_path, call->fd, call->flags,
      call->offset, call->length, call->result, call->error);
  if (end < 0 || end >= MAX_TEXT_BYTES) abort();
  char* hex = line + end;
  for (size_t i = 0; i < num_written; ++i) {
    *hex++ = "0123456789abcdef"[call->bytes[i] >> 4];
    *hex++ = "0123456789abcdef"[call->bytes[i] & 15];
  }
  *hex++ = '\n';
  const ssize_t num_bytes = hex - line;
  if (real(log_fd, line, (size_t)num_bytes) != num_bytes) abort();
  free(line);
}

// Returns the call's result, and sets errno.
static long long End(struct Call* call) {
  if (call->path == NULL) return call->result;
  if (call->result < 0 && call->error == 0) call->error = errno;
  if (log_fd >= 0) {
    WriteLog(call);
    pthread_mutex_unlock(&log_lock);
  }
  if (call->result < 0) errno = call->error;
  return call->result;
}

static void SetPath(int fd, const char* path) {
  if (fd < 0) return;
  if (fd >= MAX_FD) abort();
  char* copy = path == NULL ? NULL : strdup(path);
  free(atomic_exchange(&path_of_fd[fd], copy));
}

static int OpenFile(int folder, const char* path, int flags, mode_t mode) {
  REAL(openat);
  const int changes =
      (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
  const int is_below_root = IsBelowRoot(path);
  struct Call call = {.kind = "open",
                      .path = changes && is_below_root ? path : NULL,
                      .flags = flags};
  if (Begin(&call)) {
    call.result = call.fd = real(folder, path, flags, mode);
    const int opens_folder = !changes && (flags & O_DIRECTORY) != 0;
    SetPath(call.fd, is_below_root && (changes || opens_folder) ? path : NULL);
    if (call.fd >= 0) atomic_store(&is_folder[call.fd], opens_folder);
  }
  return (int)End(&call);
}

int close(int fd) {
  REAL(close);
  char* path = PathOf(fd);
  if (path != NULL) atomic_store(&path_of_fd[fd], NULL);
  struct Call call = {.kind = "close", .fd = fd};
  if (path != NULL && !atomic_load(&is_folder[fd])) call.path = path;
  const int takes_place = Begin(&call);
  const int result = real(fd);
  if (takes_place) call.result = result;
  End(&call);
  free(path);  // leaves errno
  return (int)call.result;
}

ssize_t write(int fd, const void* bytes, size_t num_bytes) {
  REAL(write);
  struct Call call = {.kind = "write",
                      .path = PathOf(fd),
                      .fd = fd,
                      .length = (long long)num_bytes,
                      .bytes = bytes};
  RETURN_DISTURBED(call, real(fd, bytes, (size_t)call.allowed_length));
}

ssize_t pwrite(int fd, const void* bytes, size_t num_bytes, off_t offset) {
  REAL(pwrite);
  struct Call call = {.kind = "pwrite",
                      .path = PathOf(fd),
                      .fd = fd,
                      .offset = offset,
                      .length = (long long)num_bytes,
                      .bytes = bytes};
  RETURN_DISTURBED(call, real(fd, bytes, (size_t)call.allowed_length, offset));
}

int fsync(int fd) {
  REAL(fsync);
  struct Call call = {.kind = "fsync", .path = PathOf(fd), .fd = fd};
  RETURN_DISTURBED(call, real(fd));
}

int fdatasync(int fd) {
  REAL(fdatasync);
  struct Call call = {.kind = "fdatasync", .path = PathOf(fd), .fd = fd};
  RETURN_DISTURBED(call, real(fd));
}

int sync_file_range(int fd, off_t offset, off_t num_bytes, unsigned flags) {
  REAL(sync_file_range);
  struct Call call = {.kind = "sync_file_range",
                      .path = PathOf(fd),
                      .fd = fd,
                      .offset = offset,
                      .length = num_bytes};
  RETURN_DISTURBED(call, real(fd, offset, num_bytes, flags));
}

int fallocate(int fd, int mode, off_t offset, off_t num_bytes) {
  REAL(fallocate);
  struct Call call = {.kind = "fallocate",
                      .path = PathOf(fd),
                      .fd = fd,
                      .flags = mode,
                      .offset = offset,
                      .length = num_bytes};
  RETURN_DISTURBED(call, real(fd, mode, offset, num_bytes));
}

int ftruncate(int fd, off_t num_bytes) {
  REAL(ftruncate);
  struct Call call = {
      .kind = "ftruncate", .path = PathOf(fd), .fd = fd, .length = num_bytes};
  RETURN_DISTURBED(call, real(fd, num_bytes));
}

int rename(const char* from, const char* to) {
  REAL(rename);
  struct Call call = {.kind = "rename",
                      .path = IsBelowRoot(from) ? from : NULL,
                      .second_path = to};
  RETURN_DISTURBED(call, real(from, to));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) {
  REAL(renameat2);
  struct Call call = {.kind = "renameat2",
                      .path = IsBelowRoot(from) ? from : NULL,
                      .second_path = to,
                      .flags = (int)flags};
  RETURN_DISTURBED(call, real(from_folder, from, to_folder, to, flags));
}

int link(const char* from, const char* to) {
  REAL(link);
  struct Call call = {.kind = "link",
                      .path = IsBelowRoot(from) ? from : NULL,
                      .second_path = to};
  RETURN_DISTURBED(call, real(from, to));
}

int unlink(const char* path) {
  REAL(unlink);
  struct Call call = {.kind = "unlink",
                      .path = IsBelowRoot(path) ? path : NULL};
  RETURN_DISTURBED(call, real(path));
}

int mkdir(const char* path, mode_t mode) {
  REAL(mkdir);
  struct Call call = {.kind = "mkdir", .path = IsBelowRoot(path) ? path : NULL};
  RETURN_DISTURBED(call, real(path, mode));
}

int flock(int fd, int operation) {
  REAL(flock);
  const char* end = getenv("WRITE_FAULTS_FLOCK");
  if (end == NULL) return real(fd, operation);
  errno = atoi(end);
  return errno == 0 ? 0 : -1;
}

int statvfs(const char* path, struct statvfs* status) {
  REAL(statvfs);
  const int result = real(path, status);
  const char* free_bytes = getenv("WRITE_FAULTS_FREE");
  if (result == 0 && free_bytes != NULL) {
    status->f_bavail = strtoull(free_bytes, NULL, 10) / status->f_frsize;
  }
  return result;
}

// The names that programs built with 64-bit offsets call.
ssize_t pwrite64(int, const void*, size_t, off_t)
    __attribute__((alias("pwrite")));
int fallocate64(int, int, off_t, off_t) __attribute__((alias("fallocate")));
int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));
