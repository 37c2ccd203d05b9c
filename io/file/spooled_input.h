#ifndef MELMILL_IO_FILE_SPOOLED_INPUT_H_
#define MELMILL_IO_FILE_SPOOLED_INPUT_H_

#include <string>

#include "io/result.h"

namespace melmill {

// Copies everything from a descriptor, such as standard input, to a temporary
// file in `folder`. Returns a path that opens the file. The file has no name
// and ends with this process. Error: kMachineFault.
Result<std::string> SpoolInput(int fd, const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_SPOOLED_INPUT_H_
