#ifndef MELMILL_PIPELINE_SETUP_TEMPORARY_FOLDER_H_
#define MELMILL_PIPELINE_SETUP_TEMPORARY_FOLDER_H_

#include <string>

namespace melmill {

// $TMPDIR, or /tmp.
std::string TemporaryFolder();

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_TEMPORARY_FOLDER_H_
