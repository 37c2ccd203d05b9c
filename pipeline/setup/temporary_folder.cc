#include "pipeline/setup/temporary_folder.h"

#include <cstdlib>

namespace melmill {

std::string TemporaryFolder() {
  const char* folder = std::getenv("TMPDIR");
  return folder == nullptr || *folder == '\0' ? "/tmp" : folder;
}

}  // namespace melmill
