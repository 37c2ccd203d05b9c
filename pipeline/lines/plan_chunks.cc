#include "pipeline/lines/plan_chunks.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "io/file/durable_file.h"
#include "io/file/temporary_name.h"
#include "io/hash.h"
#include "store/damage.h"
#include "store/origin.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

constexpr std::string_view kChunkEnd = ".lines.h5";

// A hash of all that a planned line depends on, apart from its own bytes and
// its file.
Hash128 HashSettings(const RunConfig& config) {
  const ManifestInput& input = config.input;
  Hasher128 hasher;
  for (const std::string& text :
       {std::string(MELMILL_VERSION), config.features.Contract(),
        MakeOrigin(config).audio_folder(), input.fields.audio,
        input.fields.text, input.fields.language,
        input.fields.language_field}) {
    hasher.UpdateSized(text);
  }
  hasher.UpdateU64(input.kept_fields.size());
  for (const std::string& field : input.kept_fields) hasher.UpdateSized(field);
  hasher.UpdateU64s(
      {input.require_text ? 1u : 0u, input.plain_texts ? 1u : 0u,
       input.strict_text ? 1u : 0u, static_cast<uint64_t>(input.segments),
       config.clips.truncate ? 1u : 0u, config.store.plan_chunk_bytes});
  hasher.UpdateSized(fmt::format("{}", config.clips.max_duration_s));
  return hasher.Digest();
}

bool IsChunkFileName(std::string_view name) {
  const std::string_view final_name = FinalNameOf(name);
  return (final_name.empty() ? name : final_name).ends_with(kChunkEnd);
}

}  // namespace

PlanChunks::PlanChunks(const RunConfig& config)
    : folder_(config.store.folder + '/' + kPlanFolder),
      settings_(ToHex(HashSettings(config)).substr(0, 12)),
      chunk_bytes_(config.store.plan_chunk_bytes) {}

Result<void> PlanChunks::Open() {
  if (mkdir(folder_.c_str(), 0777) != 0 && errno != EEXIST) {
    return MachineFault("cannot make " + folder_, errno);
  }
  const Result<std::vector<std::string>> names = ListFolder(folder_);
  if (!names.ok()) return names.error();
  for (const std::string& name : names.value()) {
    if (!name.ends_with(fmt::format(".{}{}", settings_, kChunkEnd))) continue;
    const auto chunk = ChunkFile::Open(folder_ + '/' + name);
    are_own_ = are_own_ && (chunk == nullptr || chunk->is_own());
  }
  return {};
}

std::shared_ptr<PlanChunk> PlanChunks::OpenChunk(size_t split,
                                                 uint64_t index) const {
  const std::string path =
      fmt::format("{}/{}.{}.{}{}", folder_, split, index, settings_, kChunkEnd);
  return std::shared_ptr<PlanChunk>(
      new PlanChunk{.path = path,
                    .known = ChunkFile::Open(path),
                    .lines = ChunkWriter(folder_)});
}

bool HasManyChunks(const RunConfig& config) {
  uint64_t num_bytes = 0;
  for (const SplitInput& split : config.input.splits) {
    std::error_code error;
    const uint64_t size = std::filesystem::file_size(split.manifest, error);
    if (!error) num_bytes += size;
  }
  return num_bytes > config.store.plan_chunk_bytes;
}

Result<void> RemovePlanChunks(const std::string& store_folder) {
  const std::string folder = store_folder + '/' + kPlanFolder;
  if (!FileExists(folder)) return {};
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return names.error();
  for (const std::string& name : names.value()) {
    if (!IsChunkFileName(name)) continue;
    const Result<void> removed = RemoveFile(folder + '/' + name);
    if (!removed.ok()) return removed;
  }
  // A folder that holds something else stays.
  if (rmdir(folder.c_str()) != 0 && errno != ENOENT && errno != ENOTEMPTY &&
      errno != EEXIST && errno != ENOTDIR) {
    return MachineFault("cannot remove " + folder, errno);
  }
  return {};
}

}  // namespace melmill
