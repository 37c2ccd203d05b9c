#ifndef MELMILL_TESTS_SUPPORT_INTERPOSE_OPEN_H_
#define MELMILL_TESTS_SUPPORT_INTERPOSE_OPEN_H_

// Joins all functions that open files into one. A library to preload that
// includes this defines OpenFile, and the program calls it instead of open,
// openat and their 64-bit names.

#include <fcntl.h>
#include <stdarg.h>

// `mode` is 0 if no file can be created.
static int OpenFile(int folder, const char* path, int flags, mode_t mode);

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
  return OpenFile(folder, path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeArgument(flags, arguments);
  va_end(arguments);
  return OpenFile(AT_FDCWD, path, flags, mode);
}

int open64(const char*, int, ...) __attribute__((alias("open")));
int openat64(int, const char*, int, ...) __attribute__((alias("openat")));

#endif  // MELMILL_TESTS_SUPPORT_INTERPOSE_OPEN_H_
