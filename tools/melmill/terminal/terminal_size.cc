#include "tools/melmill/terminal/terminal_size.h"

#include <sys/ioctl.h>

#include <cstdlib>

namespace melmill {

size_t TerminalColumns(int fd) {
  constexpr size_t kDefault = 80;
  constexpr size_t kMax = 1000;
  struct winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  if (columns == nullptr) return kDefault;
  const unsigned long number = std::strtoul(columns, nullptr, 10);
  return number > 0 && number <= kMax ? number : kDefault;
}

}  // namespace melmill
