#ifndef MELMILL_PIPELINE_SETUP_RUN_CONFIG_H_
#define MELMILL_PIPELINE_SETUP_RUN_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/manifest/manifest.h"
#include "pipeline/setup/feature_spec.h"

namespace melmill {

// One manifest, and the split of the store it becomes.
struct SplitInput {
  std::string name;
  std::string manifest;  // path
};

// How many rejected lines still count as success.
struct MaxRejects {
  double value = 0;
  bool is_percent = false;  // of all lines

  // A share that is reached exactly is allowed.
  bool Allows(uint64_t num_rejected, uint64_t num_lines) const;
};

inline constexpr uint64_t kDefaultShardBytes = uint64_t{256} << 20;

inline constexpr uint64_t kDefaultMemoryBytes = uint64_t{512} << 20;
// What a run takes in addition to the rows in work: libraries, pieces of the
// plan, threads.
inline constexpr uint64_t kBaseMemoryBytes = uint64_t{64} << 20;

// A year: no row takes as long, and a clock can count to it.
inline constexpr double kMaxHangSeconds = 365.0 * 24 * 3600;

// Which audio files of existing shards are read and compared.
enum class AudioCheck {
  kTouched,  // those that look as if they were changed
  kAll,
  kNone,  // files are taken as they are
};

// What is read, and what of it is kept.
struct ManifestInput {
  std::vector<SplitInput> splits;
  // What relative audio paths start from; empty: the working directory.
  std::string audio_root;
  std::vector<std::string> kept_fields;  // manifest fields to store
  bool require_text = true;
  bool strict_text = false;
};

struct ClipLimits {
  double max_duration_s = 1200;  // longer files are rejected
  bool truncate = false;         // cut clips at the preset's longest length
};

struct StoreChoice {
  std::string folder;  // empty: only plan
  // Target size of a shard's features; nothing: the store's own, or the
  // default, doubled until no split needs over 1,000 shards.
  std::optional<uint64_t> shard_bytes;
  bool verify_resume = false;  // read everything that an earlier run made
  AudioCheck audio_check = AudioCheck::kTouched;
  bool update = false;  // apply changes of the input to the store
};

struct Resources {
  int num_threads = 0;      // that compute; 0: as many as this process may use
  int num_io_threads = 16;  // that wait for the disk
  uint64_t memory_bytes = kDefaultMemoryBytes;  // approximate limit of a run
  // A row without progress for this long has hung; 1 to kMaxHangSeconds.
  double hang_seconds = 600;
};

// All that a run is told.
struct RunConfig {
  ManifestInput input;
  FeatureSpec features = MakeFeatureSpec();
  ClipLimits clips;
  std::optional<MaxRejects> max_rejects;
  StoreChoice store;
  Resources resources;
};

// 1 to 64 letters, digits, '-' and '_': what a split or a kept field may be
// called.
bool IsPlainName(std::string_view name);

// Throws SetupError for values that make no sense, alone or together.
void CheckConfig(const RunConfig& config);

ManifestOptions MakeManifestOptions(const RunConfig& config);

// The path that a manifest's audio string stands for. `audio_root`: of
// ManifestInput.
std::string ResolveAudioPath(const std::string& audio_root,
                             const std::string& audio);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_RUN_CONFIG_H_
