#ifndef MELMILL_PIPELINE_FOLDER_OTHER_MAKER_H_
#define MELMILL_PIPELINE_FOLDER_OTHER_MAKER_H_

#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/folder/machine.h"

namespace melmill {

// Completes the error of a file that another process made with other bytes (see
// DurableFile::Commit): names the machines that may have made the two files,
// and says what to do. The files do not tell who made them, so these are `here`
// and the machines that worked in the store's folder. Returns any other error
// as it is.
Error NameMakers(const Error& error, const std::string& folder,
                 const Machine& here);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_OTHER_MAKER_H_
