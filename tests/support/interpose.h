#ifndef MELMILL_TESTS_SUPPORT_INTERPOSE_H_
#define MELMILL_TESTS_SUPPORT_INTERPOSE_H_

// Shared code of libraries to preload, in C. Such a library defines functions
// of the C library, or of another one, and the program then calls these
// instead. It must define _GNU_SOURCE before its first include.

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// Declares `real`: the function of this name that the program would call
// without the library. It needs no constructor: the loader opens files before
// any has run.
#define REAL(name)                               \
  static __typeof__(name)* volatile real = NULL; \
  if (real == NULL) *(void* volatile*)&real = dlsym(RTLD_NEXT, #name)

// A variable of the environment, or `otherwise` if it is not set.
static inline const char* Setting(const char* variable, const char* otherwise) {
  const char* value = getenv(variable);
  return value == NULL ? otherwise : value;
}

// Whether a path is the folder or leads into it. No path leads into "".
static inline int IsBelow(const char* path, const char* folder) {
  const size_t num_bytes = strlen(folder);
  return num_bytes > 0 && strncmp(path, folder, num_bytes) == 0 &&
         (path[num_bytes] == '/' || path[num_bytes] == '\0');
}

// The size of a table indexed by descriptor, and whether a descriptor has a
// place in it.
#define MAX_FD 65536
static inline int HasPlace(int fd) { return fd >= 0 && fd < MAX_FD; }

#endif  // MELMILL_TESTS_SUPPORT_INTERPOSE_H_
