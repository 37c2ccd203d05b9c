#ifndef MELMILL_IO_FILE_TEMPORARY_NAME_H_
#define MELMILL_IO_FILE_TEMPORARY_NAME_H_

#include <string>
#include <string_view>

namespace melmill {

// The names under which a process writes files. No two processes share a name,
// even on different machines, so no process ever renames, empties or overwrites
// a file that another one is writing.

// 16 hex digits, drawn at random when they are first asked for.
const std::string& ProcessTag();

// The name under which this process works on `path`:
// "NAME.0123456789abcdef.tmp".
std::string TemporaryName(const std::string& path);

// The final name of a file with such a name; empty for any other name.
std::string_view FinalNameOf(std::string_view temporary_name);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_TEMPORARY_NAME_H_
