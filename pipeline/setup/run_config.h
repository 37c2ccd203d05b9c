#ifndef MELMILL_PIPELINE_SETUP_RUN_CONFIG_H_
#define MELMILL_PIPELINE_SETUP_RUN_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/manifest/manifest.h"
#include "pipeline/setup/feature_spec.h"
#include "store/origin.h"

namespace melmill {

// One manifest, and the split that it becomes.
struct SplitInput {
  std::string name;
  std::string manifest;  // path of the file
  std::string shown;     // what messages call the file; empty: its path

  const std::string& Shown() const { return shown.empty() ? manifest : shown; }
};

// The number of rejected lines that still counts as success.
struct MaxRejects {
  double value = 1;
  bool is_percent = true;  // share of all lines
  uint64_t at_least = 1;   // this many are always allowed

  // Reaching the limit exactly is allowed.
  bool Allows(uint64_t num_rejected, uint64_t num_lines) const;
};

inline constexpr uint64_t kDefaultShardBytes = uint64_t{256} << 20;

inline constexpr uint64_t kDefaultMemoryBytes = uint64_t{512} << 20;
// The memory of a run in addition to the rows in work: libraries, pieces of the
// plan, threads.
inline constexpr uint64_t kBaseMemoryBytes = uint64_t{64} << 20;

// A year. No row takes that long, and a clock can count to it.
inline constexpr double kMaxHangSeconds = 365.0 * 24 * 3600;
inline constexpr double kMaxGraceSeconds = 24.0 * 3600;

// Which audio files of existing shards are read and compared.
enum class AudioCheck {
  kTouched,  // files that look changed
  kAll,
  kNone,  // none; files are taken as they are
};

// The input, and which parts of it are kept.
struct ManifestInput {
  std::vector<SplitInput> splits;
  // The folder that relative audio paths start from; if empty, the working
  // directory.
  std::string audio_root;
  ManifestFields fields;
  std::vector<std::string> kept_fields;  // manifest fields to store
  bool require_text = true;
  bool plain_texts = false;  // texts need no template, whatever the preset
  bool strict_text = false;
  // The fields that cut segments. With kNone, lines that name a part of a file
  // get the whole one; otherwise the run stops if nothing is cut by their
  // fields.
  SegmentUse segments = SegmentUse::kExplicit;
};

struct ClipLimits {
  double max_duration_s = 1200;  // longer files are rejected
  bool truncate = false;         // cut clips at the preset's longest length
};

struct StoreChoice {
  std::string folder;  // empty if the run only plans
  // Target size of a shard's features. Without a value it is the store's own,
  // or what ChooseShardBytes chooses.
  std::optional<uint64_t> shard_bytes;
  // A plan keeps its work by such pieces of the manifests.
  uint64_t plan_chunk_bytes = uint64_t{16} << 20;
  bool verify_resume = false;  // read everything that an earlier run made
  AudioCheck audio_check = AudioCheck::kTouched;
  bool update = false;  // apply changes of the input to the store
  // The command of this run, for the store's `.local`; empty if there is none.
  std::vector<std::string> command;
};

struct Resources {
  int num_threads = 0;        // threads that compute; 0 for AvailableCpus()
  int num_plan_threads = 16;  // threads that read headers
  int num_io_threads = 16;    // threads that wait for the disk in extraction
  uint64_t memory_bytes = kDefaultMemoryBytes;  // approximate limit of a run
  // A row without progress for this long has hung. From 1 to kMaxHangSeconds.
  double hang_seconds = 600;
  // How long a stopped run may complete shards. From 0 to kMaxGraceSeconds.
  double grace_seconds = 10;
};

// The whole configuration of a run.
struct RunConfig {
  ManifestInput input;
  FeatureSpec features = MakeFeatureSpec();
  ClipLimits clips;
  MaxRejects max_rejects;
  StoreChoice store;
  Resources resources;
};

// Throws SetupError for values that are invalid, alone or together.
void CheckConfig(const RunConfig& config);

// Throws SetupError for values that are out of range.
void CheckResources(const Resources& resources);

// How a store that this configuration makes is made. Relative paths start from
// the working directory of this process.
Origin MakeOrigin(const RunConfig& config);

ManifestOptions MakeManifestOptions(const RunConfig& config);

// The path that a path of a manifest stands for: PlanRow::written_path.
// `audio_root` is that of ManifestInput.
std::string ResolveAudioPath(const std::string& audio_root,
                             const std::string& written_path);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_RUN_CONFIG_H_
