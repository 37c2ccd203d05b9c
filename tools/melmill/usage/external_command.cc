#include "tools/melmill/usage/external_command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace melmill {

std::string FindExternalCommand(const std::string& name) {
  const char* variable = std::getenv("PATH");
  if (variable == nullptr || name.find('/') != std::string::npos) return "";
  std::string_view folders = variable;
  while (!folders.empty()) {
    const size_t end = std::min(folders.find(':'), folders.size());
    const std::string path =
        std::string(folders.substr(0, end)) + "/melmill-" + name;
    folders.remove_prefix(std::min(end + 1, folders.size()));
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored) &&
        access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return "";
}

void RunExternalCommand(const std::string& path,
                        const std::vector<std::string>& arguments) {
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
}

bool IsKnownExternalCommand(std::string_view name) {
  return std::any_of(
      std::begin(kKnownExternalCommands), std::end(kKnownExternalCommands),
      [&](const ExternalCommand& command) { return command.name == name; });
}

}  // namespace melmill
