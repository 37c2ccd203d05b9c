#ifndef MELMILL_PIPELINE_ROW_SUSPECTS_FILE_H_
#define MELMILL_PIPELINE_ROW_SUSPECTS_FILE_H_

#include <map>
#include <string>

#include "io/hash.h"
#include "io/result.h"

namespace melmill {

// For each row, the signal that ended the process, or 0 for a hang.
using Suspects = std::map<Hash128, int>;

// Appends a row to the file, whose name ends with a NUL. A signal handler may
// call this: it ignores errors and allocates nothing.
void WriteSuspect(const char* file, const Hash128& source_hash,
                  int signal_number);

// Reads a file of suspects. Skips malformed lines. Returns none if the file
// does not exist. Errors: those of ReadSmallFile.
Result<Suspects> ReadSuspects(const std::string& file);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_SUSPECTS_FILE_H_
