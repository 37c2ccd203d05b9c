#ifndef MELMILL_IO_FILE_TEMPORARY_NAME_H_
#define MELMILL_IO_FILE_TEMPORARY_NAME_H_

#include <string>
#include <string_view>

namespace melmill {

// The names under which a process makes files. No two processes share one,
// on whatever machines, so no process ever names, empties or overwrites a file
// that another one is making.

// 16 hex digits, drawn at random when they are first asked for.
const std::string& ProcessTag();

// The name under which this process works on `path`:
// "NAME.0123456789abcdef.tmp".
std::string TemporaryName(const std::string& path);

// What a file with such a name was to be called; empty for another name.
std::string_view FinalNameOf(std::string_view temporary_name);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_TEMPORARY_NAME_H_
