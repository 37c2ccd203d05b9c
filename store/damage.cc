#include "store/damage.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "io/hash.h"

namespace melmill {
namespace {

std::optional<Damage> CompareSize(const FileEntry& entry, uint64_t num_bytes) {
  if (num_bytes == entry.num_bytes) return std::nullopt;
  return Damage{.file = entry.file,
                .what = fmt::format("is {} bytes long instead of {}", num_bytes,
                                    entry.num_bytes)};
}

// Whether file_size failed because the file does not exist or is not a regular
// file.
bool IsMissing(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory ||
         error == std::errc::not_a_directory ||
         error == std::errc::is_a_directory ||
         error == std::errc::not_supported;
}

}  // namespace

Error Unreadable(const std::string& file, const Error& error) {
  return {ErrorCode::kMachineFault, fmt::format("{}: {}", file, error.message),
          error.detail};
}

Result<std::optional<Damage>> CompareDigest(const FileEntry& entry,
                                            const Result<FileDigest>& digest) {
  if (!digest.ok()) {
    const Error& error = digest.error();
    if (error.code == ErrorCode::kMachineFault) {
      return Unreadable(entry.file, error);
    }
    return std::optional(Damage{.file = entry.file, .what = error.message});
  }
  auto damage = CompareSize(entry, digest.value().num_bytes);
  if (!damage && digest.value().checksum != entry.checksum) {
    damage = Damage{.file = entry.file,
                    .what = fmt::format("has the checksum {} instead of {}",
                                        ToHex(digest.value().checksum),
                                        ToHex(entry.checksum))};
  }
  return damage;
}

Result<std::optional<Damage>> CheckFile(const std::string& folder,
                                        const FileEntry& entry, bool read_all) {
  const std::string path = folder + '/' + entry.file;
  if (read_all) return CompareDigest(entry, DigestFile(path));
  std::error_code error;
  const uint64_t num_bytes = std::filesystem::file_size(path, error);
  if (!error) return CompareSize(entry, num_bytes);
  if (IsMissing(error)) {
    return std::optional(Damage{.file = entry.file, .what = error.message()});
  }
  return MachineFault(entry.file + ": cannot be examined", error.value());
}

}  // namespace melmill
