#ifndef MELMILL_PIPELINE_FOLDER_FILE_SYSTEM_H_
#define MELMILL_PIPELINE_FOLDER_FILE_SYSTEM_H_

#include <string>

namespace melmill {

// Whether a path is on a file system that other machines may write to, or that
// a user's process serves (FUSE): names may appear late there, and each call
// takes long. False if that is not known.
bool IsOnNetwork(const std::string& path);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_FILE_SYSTEM_H_
