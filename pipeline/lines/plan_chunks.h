#ifndef MELMILL_PIPELINE_LINES_PLAN_CHUNKS_H_
#define MELMILL_PIPELINE_LINES_PLAN_CHUNKS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "io/result.h"
#include "pipeline/lines/chunk_file.h"
#include "pipeline/setup/run_config.h"

namespace melmill {

// A chunk of a manifest: the lines that begin within so many of its bytes.
struct PlanChunk {
  std::string path;                  // of its file
  std::unique_ptr<ChunkFile> known;  // an earlier run's; null if there is none
  ChunkWriter lines;           // empty until there is a line that is not known
  bool has_new_lines = false;  // that `known` did not know
};

// The chunks of all manifests that runs of melmill plan keep in the folder
// `.plan` of a store until its plan is complete. So a plan that was stopped
// goes on, and several machines can share the work. A chunk file has the name
// of its place and of the settings that its lines depend on. Its lines tell by
// themselves whether they are still those of the manifest.
class PlanChunks {
 public:
  explicit PlanChunks(const RunConfig& config);

  // Makes the folder, and looks at the files in it. Error: kMachineFault.
  Result<void> Open();

  uint64_t chunk_bytes() const { return chunk_bytes_; }

  std::shared_ptr<PlanChunk> OpenChunk(size_t split, uint64_t index) const;

  // Whether all chunk files are of this machine, since its last start. Only
  // then do their identities of files mean the same.
  bool are_own() const { return are_own_; }

 private:
  std::string folder_;
  std::string settings_;  // a hash of them
  uint64_t chunk_bytes_ = 0;
  bool are_own_ = true;
};

// Whether the manifests are so long that a plan keeps chunks of them.
bool HasManyChunks(const RunConfig& config);

// Removes the chunks in a store's folder. Leaves files that are no chunks.
// Error: kMachineFault.
Result<void> RemovePlanChunks(const std::string& store_folder);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_LINES_PLAN_CHUNKS_H_
