#include "pipeline/store_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "io/durable_file.h"

namespace melmill {
namespace {

// "NAME.0123456789ab.h5"
bool IsShardFileName(std::string_view name) {
  constexpr std::string_view kSuffix = ".h5";
  constexpr size_t kHexDigits = 12;
  if (!name.ends_with(kSuffix)) return false;
  name.remove_suffix(kSuffix.size());
  if (name.size() < kHexDigits + 2) return false;
  const std::string_view hex = name.substr(name.size() - kHexDigits);
  return name[name.size() - kHexDigits - 1] == '.' &&
         hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string TableFileName(std::string_view split) {
  return std::string(split) + ".rows.h5";
}

std::string AcceptedFileName(std::string_view split) {
  return std::string(split) + ".accepted.jsonl";
}

bool IsStoreFileName(std::string_view name) {
  constexpr std::string_view kTemporary = ".tmp";
  if (name.ends_with(kTemporary)) name.remove_suffix(kTemporary.size());
  return name.starts_with(".table-") || name == kStoreIndexFile ||
         name == kPlanFile || name == kRejectsFile || name == kLockFile ||
         name == kSuspectsFile || name.ends_with(".rows.h5") ||
         name.ends_with(".accepted.jsonl") || IsShardFileName(name);
}

Result<std::vector<std::string>> ListFolder(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  while (!error && entry != std::filesystem::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(error);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return MachineFault("cannot list " + folder, error.value());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool FileExists(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

Result<StoreIndex> ReadStoreIndex(const std::string& folder) {
  constexpr size_t kMaxBytes = size_t{256} << 20;
  const Result<std::string> text =
      ReadSmallFile(folder + '/' + kStoreIndexFile, kMaxBytes);
  if (!text.ok()) return text.error();
  return ParseStoreIndex(text.value());
}

std::string ParentFolder(const std::string& path) {
  const std::filesystem::path parent =
      std::filesystem::path(path).lexically_normal().parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace melmill
