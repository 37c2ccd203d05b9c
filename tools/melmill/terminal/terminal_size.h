#ifndef MELMILL_TOOLS_MELMILL_TERMINAL_TERMINAL_SIZE_H_
#define MELMILL_TOOLS_MELMILL_TERMINAL_TERMINAL_SIZE_H_

#include <cstddef>

namespace melmill {

// The number of columns of the terminal at a file descriptor; elsewhere that of
// the environment's COLUMNS, or 80. Asks each time, since users resize
// terminals.
size_t TerminalColumns(int fd);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_TERMINAL_TERMINAL_SIZE_H_
