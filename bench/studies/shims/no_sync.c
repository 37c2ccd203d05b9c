// For bench/studies/safety_cost.py, loaded with LD_PRELOAD: nothing is flushed
// to the disk or asked to be.
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int fsync(int fd) {
  (void)fd;
  return 0;
}

int fdatasync(int fd) {
  (void)fd;
  return 0;
}

int sync_file_range(int fd, off64_t offset, off64_t num_bytes,
                    unsigned int flags) {
  (void)fd, (void)offset, (void)num_bytes, (void)flags;
  return 0;
}
