#ifndef MELMILL_TOOLS_MELMILL_TERMINAL_CONSOLE_H_
#define MELMILL_TOOLS_MELMILL_TERMINAL_CONSOLE_H_

#include <string>
#include <string_view>

#include "io/manifest/utf8.h"  // Printable

namespace melmill {

// Output of messages and results. A run must not fail because of where its
// messages go: a log on a full disk, a closed descriptor.

// Opens /dev/null in place of closed standard streams, so that no file of a
// store gets one of their numbers.
void OpenStandardStreams();

// Writes to standard error. Text that cannot be written is lost.
void PrintMessage(std::string_view text);

// Writes a result to standard output. Returns false if not all of it could be
// written. Ends the process as SIGPIPE does if nobody reads the output.
bool PrintResult(std::string_view text);

// Like Printable, but keeps line feeds, for text of several lines.
std::string PrintableLines(std::string_view text);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_TERMINAL_CONSOLE_H_
