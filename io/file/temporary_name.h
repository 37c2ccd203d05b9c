#ifndef MELMILL_IO_FILE_TEMPORARY_NAME_H_
#define MELMILL_IO_FILE_TEMPORARY_NAME_H_

#include <string>
#include <string_view>

namespace melmill {

// The names under which a process writes files. No two processes share a name,
// even on different machines. So no process ever renames, empties or overwrites
// a file that another one is writing.

// This process's 16 hex digits, drawn at random on first use. Thread-safe.
const std::string& ProcessTag();

// The name under which this process writes `path`: "NAME.0123456789abcdef.tmp".
std::string TemporaryName(const std::string& path);

// The final name that belongs to a temporary name; empty for any other name.
std::string_view FinalNameOf(std::string_view temporary_name);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_TEMPORARY_NAME_H_
