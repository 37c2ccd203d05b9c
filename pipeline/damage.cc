#include "pipeline/damage.h"

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

}  // namespace

std::optional<Damage> CompareDigest(const FileEntry& entry,
                                    const Result<FileDigest>& digest) {
  if (!digest.ok()) {
    return Damage{.file = entry.file, .what = digest.error().message};
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

std::optional<Damage> CheckFile(const std::string& folder,
                                const FileEntry& entry, bool read_all) {
  const std::string path = folder + '/' + entry.file;
  if (read_all) return CompareDigest(entry, DigestFile(path));
  std::error_code error;
  const uint64_t num_bytes = std::filesystem::file_size(path, error);
  if (error) return Damage{.file = entry.file, .what = error.message()};
  return CompareSize(entry, num_bytes);
}

}  // namespace melmill
