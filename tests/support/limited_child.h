#ifndef MELMILL_TESTS_SUPPORT_LIMITED_CHILD_H_
#define MELMILL_TESTS_SUPPORT_LIMITED_CHILD_H_

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace melmill {

// Measurements of a program, such as gcov's counts, are written after
// everything else has ended, and must be complete.
[[gnu::destructor]] inline void EndFileSizeLimit() {
  rlimit limit = {};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

// Runs `body` in a forked child in which no file can grow beyond
// max_file_bytes, as on a full disk (the error is EFBIG). Returns the child's
// exit status: the value of `body`, or -1 if it crashed. The child exits in the
// ordinary way, including exit handlers.
inline int RunWithFileSizeLimit(uint64_t max_file_bytes,
                                const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child < 0) return -1;
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit = {};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = max_file_bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_LIMITED_CHILD_H_
