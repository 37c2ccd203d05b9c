#include "tools/melmill/terminal/console.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>

#include "tools/melmill/terminal/color.h"

namespace melmill {
namespace {

// The reader has seen enough. A program that does not ignore the signal ends in
// this way at once.
void EndByBrokenPipe() {
  signal(SIGPIPE, SIG_DFL);
  raise(SIGPIPE);
}

}  // namespace

void OpenStandardStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // open returns the lowest free number, which is that of the closed stream.
    if (fcntl(fd, F_GETFD) == -1) (void)!open("/dev/null", O_RDWR);
  }
}

void PrintMessage(std::string_view text) {
  try {
    const std::string styled = StyledMessage(text);
    (void)!std::fwrite(styled.data(), 1, styled.size(), stderr);
  } catch (const std::bad_alloc&) {  // there is no memory for colours
    (void)!std::fwrite(text.data(), 1, text.size(), stderr);
  }
  std::fflush(stderr);
}

bool PrintResult(std::string_view text) {
  const size_t written = std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) == 0 && written == text.size()) return true;
  if (errno == EPIPE) EndByBrokenPipe();
  PrintMessage(std::string("error: cannot write to standard output: ") +
               std::strerror(errno) + '\n');
  return false;
}

std::string PrintableLines(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    shown += Printable(text.substr(0, end));
    if (end < text.size()) shown += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shown;
}

}  // namespace melmill
