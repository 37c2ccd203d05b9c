#ifndef MELMILL_PIPELINE_ROW_SUSPECTS_FILE_H_
#define MELMILL_PIPELINE_ROW_SUSPECTS_FILE_H_

#include <map>
#include <string>

#include "io/hash.h"
#include "io/result.h"

namespace melmill {

// By row: the signal that ended the process, 0 for a hang.
using Suspects = std::map<Hash128, int>;

// Appends a row to the file. A signal handler may call it: it does nothing
// about errors, and allocates nothing. `file` ends with a NUL.
void WriteSuspect(const char* file, const Hash128& source_hash,
                  int signal_number);

// What is in a file of suspects; lines that make no sense are left out. None if
// it does not exist. Errors: kMachineFault.
Result<Suspects> ReadSuspects(const std::string& file);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_SUSPECTS_FILE_H_
