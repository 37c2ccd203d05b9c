#include "store/store_folder.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>

#include "io/file/file_lock.h"
#include "io/file/temporary_name.h"
#include "store/split_name.h"

namespace melmill {
namespace {

constexpr std::string_view kTable = ".rows.h5";
constexpr std::string_view kAccepted = ".accepted.jsonl";
constexpr std::string_view kTraining = ".training.jsonl";
constexpr std::string_view kSpool = ".table-";
constexpr std::string_view kSuspects = ".suspects";
constexpr std::string_view kDoubts = ".doubts";
constexpr std::string_view kWorker = ".worker";
constexpr std::string_view kDispute = ".dispute";
constexpr std::string_view kTemporary = ".tmp";

// Whether a name has the form ".table-a1b2c3".
bool IsSpoolName(std::string_view name) {
  constexpr size_t kRandomLetters = 6;
  return name.starts_with(kSpool) &&
         name.size() == kSpool.size() + kRandomLetters;
}

bool IsFixedName(std::string_view name) {
  return name == kStoreIndexFile || name == kPlanFile || name == kRejectsFile ||
         name == kCertificateFile || name == kJobFile || name == kLockFile ||
         name == kLocalFile;
}

// Whether a name has the form "STEM.0123456789abcdef", with the tag of a
// process or a machine.
bool IsTaggedName(std::string_view name, std::string_view stem) {
  return FinalNameOf(fmt::format("{}{}", name, kTemporary)) == stem;
}

bool IsFinalName(std::string_view name) {
  return IsFixedName(name) || IsSuspectsFileName(name) ||
         IsDoubtsFileName(name) || IsWorkerFileName(name) ||
         IsDisputeFileName(name) || name.ends_with(kTable) ||
         name.ends_with(kAccepted) || name.ends_with(kTraining) ||
         IsShardFileName(name);
}

struct FolderCloser {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// Returns 0 or an errno.
int ReadNames(DIR* folder, std::vector<std::string>* names) {
  while (true) {
    errno = 0;  // readdir sets it on an error, not at the end
    const dirent* const entry = ::readdir(folder);
    if (entry == nullptr) return errno;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names->emplace_back(name);
  }
}

// The modification time of a file that is written now. On a network mount it is
// the server's time.
Result<int64_t> ClockOf(const std::string& folder) {
  const std::string path = folder + '/' + kLockFile;
  const Result<DurableFile> probe = DurableFile::Create(path);
  if (!probe.ok()) return probe.error();
  const auto identity = Identify(TemporaryName(path));
  if (!identity.ok()) return identity.error();
  return identity.value() ? identity.value()->modified_ns : 0;
}

}  // namespace

std::string TableFileName(std::string_view split) {
  return fmt::format("{}{}", SplitFileStem(split), kTable);
}

std::string AcceptedFileName(std::string_view split) {
  return fmt::format("{}{}", SplitFileStem(split), kAccepted);
}

std::string TrainingFileName(std::string_view split) {
  return fmt::format("{}{}", SplitFileStem(split), kTraining);
}

std::string SuspectsFileName() {
  return fmt::format("{}.{}", kSuspects, ProcessTag());
}

std::string DoubtsFileName() {
  return fmt::format("{}.{}", kDoubts, ProcessTag());
}

std::string WorkerFileName(uint64_t machine_hash) {
  return fmt::format("{}.{:016x}", kWorker, machine_hash);
}

std::string DisputeFileName(uint64_t shard_hash) {
  return fmt::format("{}.{:016x}", kDispute, shard_hash);
}

bool IsSuspectsFileName(std::string_view name) {
  return name == kSuspects || IsTaggedName(name, kSuspects);
}

bool IsDoubtsFileName(std::string_view name) {
  return IsTaggedName(name, kDoubts);
}

bool IsWorkerFileName(std::string_view name) {
  return IsTaggedName(name, kWorker);
}

bool IsDisputeFileName(std::string_view name) {
  return IsTaggedName(name, kDispute);
}

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

bool IsTemporaryFileName(std::string_view name) {
  if (IsSpoolName(name) || IsFinalName(FinalNameOf(name))) return true;
  // The temporary names of earlier versions.
  if (!name.ends_with(kTemporary)) return false;
  name.remove_suffix(kTemporary.size());
  return IsFixedName(name) || IsShardFileName(name);
}

// std::filesystem would not do: its iterator ends the process if there is no
// memory for the next name (libstdc++ 12 copies paths in noexcept functions).
Result<std::vector<std::string>> ListFolder(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, FolderCloser> entries(::opendir(folder.c_str()));
  int error_number = errno;
  if (!entries && error_number == ENOENT) return names;
  if (entries) error_number = ReadNames(entries.get(), &names);
  if (error_number != 0) {
    return MachineFault("cannot list " + folder, error_number);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<SeenFiles> SeeFiles(const std::string& folder) {
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return names.error();
  SeenFiles files;
  for (const std::string& name : names.value()) {
    const auto identity = Identify(folder + '/' + name);
    if (!identity.ok()) return identity.error();
    if (identity.value()) files.emplace(name, *identity.value());
  }
  return files;
}

std::optional<FileIdentity> FindFile(const SeenFiles& files,
                                     const std::string& name) {
  const auto found = files.find(name);
  if (found == files.end()) return std::nullopt;
  return found->second;
}

Result<void> RemoveTemporaryFiles(const std::string& folder,
                                  const SeenFiles& files, bool is_locked) {
  SeenFiles temporary;
  for (const auto& file : files) {
    if (IsTemporaryFileName(file.first)) temporary.insert(file);
  }
  if (temporary.empty()) return {};
  if (!is_locked) {
    constexpr int64_t kHour = int64_t{3600} * 1'000'000'000;
    const Result<int64_t> now = ClockOf(folder);
    if (!now.ok()) return now.error();
    std::erase_if(temporary, [&now](const auto& file) {
      return file.second.modified_ns > now.value() - kHour;
    });
  }
  for (const auto& [name, identity] : temporary) {
    const Result<void> removed = RemoveFile(folder + '/' + name);
    if (!removed.ok()) return removed;
  }
  return {};
}

Result<FileLock> LockStore(const std::string& folder, LockKind kind) {
  Result<std::optional<FileLock>> lock =
      FileLock::TryLock(folder + '/' + kLockFile, kind);
  if (!lock.ok()) return lock.error();
  if (!lock.value()) {
    return Error{ErrorCode::kMachineFault,
                 fmt::format("{} is in use by another melmill", folder)};
  }
  return *std::move(lock).value();
}

bool FileExists(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

Result<std::string> ReadStoreIndexText(const std::string& folder) {
  constexpr size_t kMaxBytes = size_t{256} << 20;
  return ReadSmallFile(folder + '/' + kStoreIndexFile, kMaxBytes);
}

Result<StoreIndex> ReadStoreIndex(const std::string& folder) {
  const Result<std::string> text = ReadStoreIndexText(folder);
  if (!text.ok()) return text.error();
  return ParseStoreIndex(text.value());
}

std::string AbsolutePath(const std::string& path) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(path, failed);
  return failed ? path : absolute.lexically_normal().string();
}

std::string ParentFolder(const std::string& path) {
  const std::filesystem::path parent =
      std::filesystem::path(path).lexically_normal().parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace melmill
