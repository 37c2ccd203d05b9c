#ifndef MELMILL_PIPELINE_CONFIG_H_
#define MELMILL_PIPELINE_CONFIG_H_

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dsp/log_mel.h"
#include "dsp/simd_target.h"
#include "io/manifest.h"
#include "pipeline/preset.h"

namespace melmill {

// The run cannot start: wrong usage, configuration or manifest, or a folder
// that does not fit. Thrown before any audio is decoded and anything written;
// the message is one or more whole lines for a person.
class SetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

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

// What changes sample rates.
enum class ResamplerKind {
  kSpectral,  // dsp/spectral_resampler.h, and libsoxr for rates it leaves out
  kSoxr,      // libsoxr alone
};
inline constexpr ResamplerKind kResamplerKinds[] = {ResamplerKind::kSpectral,
                                                    ResamplerKind::kSoxr};
std::string_view ResamplerKindName(ResamplerKind kind);  // "spectral", "soxr"
std::optional<ResamplerKind> FindResamplerKind(std::string_view name);

// Which audio files of shards that are there are read and compared.
enum class AudioCheck {
  kTouched,  // those that look as if they were changed
  kAll,
  kNone,  // files are taken as they are
};

struct RunConfig {
  std::vector<SplitInput> splits;
  std::string preset = "qwen3-asr";
  FeatureType feature_type = FeatureType::kFloat16;
  // What relative audio paths start from; empty: the working directory.
  std::string audio_root;
  std::vector<std::string> kept_fields;  // manifest fields to store
  bool require_text = true;
  bool strict_text = false;
  double max_duration_s = 1200;  // longer files are rejected
  bool truncate = false;         // cut clips at the preset's longest length
  std::optional<MaxRejects> max_rejects;

  std::string out;  // the store's folder; empty: only plan
  // Target size of a shard's features; nothing: the store's own, or the
  // default, doubled until no split needs over 1,000 shards.
  std::optional<uint64_t> shard_bytes;
  bool verify_resume = false;  // read everything that an earlier run made
  AudioCheck audio_check = AudioCheck::kTouched;
  bool update = false;      // apply changes of the input to the store
  int num_threads = 0;      // that compute; 0: as many as this process may use
  int num_io_threads = 16;  // that wait for the disk
  uint64_t memory_bytes = kDefaultMemoryBytes;  // approximate limit of a run
  // A row without progress for this long has hung; 1 to kMaxHangSeconds.
  double hang_seconds = 600;
  // The SIMD code of the log-mel path and the spectral resampler: a
  // SimdTargetName, "auto" for the best there is, "none" for the general path
  // in double precision, and libsoxr.
  std::string simd = "auto";
  ResamplerKind resampler = ResamplerKind::kSoxr;
};

// "path/a.jsonl" (split "a") or "NAME=path/a.jsonl". Throws SetupError for a
// suffix other than .jsonl and .json, and for a name with characters other
// than letters, digits, '-' and '_'.
SplitInput ParseSplitInput(const std::string& argument);

// "12" or "1.5%". Throws SetupError.
MaxRejects ParseMaxRejects(const std::string& text);

// "256MiB", "1GiB", "64KiB", "1000B"; decimal units (MB, GB) too. Throws
// SetupError.
uint64_t ParseByteSize(const std::string& text);

// "1.23 GB", "45.6 MB", "0.8 kB"
std::string FormatBytes(uint64_t num_bytes);

// Throws SetupError for values that make no sense, alone or together. Returns
// the preset.
const Preset& CheckConfig(const RunConfig& config);

ManifestOptions MakeManifestOptions(const RunConfig& config);

// The compact JSON of what the stored features mean. A store has one contract,
// and a reader refuses one that it does not know.
std::string ContractJson(const RunConfig& config);

// The size of one frame's features under a contract; 0 if it does not say.
uint64_t ContractBytesPerFrame(const std::string& contract);

// The code that computes the features on one machine.
struct CodePath {
  std::optional<SimdTarget> log_mel;   // nothing: the general path
  std::optional<SimdTarget> spectral;  // nothing: libsoxr alone

  friend bool operator==(const CodePath&, const CodePath&) = default;
};

// What config.simd and config.resampler mean on this machine. Throws
// SetupError for what it cannot run.
CodePath ChooseCodePath(const RunConfig& config);

// The compact JSON that says which code computes them: a resumed run must match
// it. The same for all SIMD targets that give the same bits.
std::string ProducerJson(const CodePath& code_path);

// Sets config->simd and config->resampler to values that give `producer` on
// this machine, and changes only what must change. False, with nothing changed,
// if no values do.
bool MatchProducer(const std::string& producer, RunConfig* config);

// The path that a manifest's audio string stands for.
std::string ResolveAudioPath(const RunConfig& config, const std::string& audio);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_CONFIG_H_
