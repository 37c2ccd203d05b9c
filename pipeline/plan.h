#ifndef MELMILL_PIPELINE_PLAN_H_
#define MELMILL_PIPELINE_PLAN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "io/shard.h"
#include "io/table.h"
#include "pipeline/config.h"
#include "pipeline/layout.h"
#include "pipeline/planned_files.h"
#include "pipeline/progress.h"

namespace melmill {

// Something counted, with the places where it was seen first.
struct Tally {
  static constexpr size_t kMaxExamples = 3;

  struct Example {
    std::string split;
    uint64_t line = 0;
    std::string audio;
    std::string message;
  };

  uint64_t count = 0;
  std::vector<Example> examples;

  void Add(const Example& example) {
    ++count;
    if (examples.size() < kMaxExamples) examples.push_back(example);
  }
};

// Something worth a warning, though it rejects no line.
enum class Warning {
  kNoTemplate,       // a text without "language {Name}<asr_text>"
  kUnknownLanguage,  // a {Name} outside the model's own list
  kSegment,          // "offset" or "start": whole files are used
  kRepeatedAudio,    // an audio string that its split has already
  kLeak,             // an audio string that other splits hold too
  // The files of planned rows, by WavOddity.
  kNoDataSize,
  kFileSizeAsDataSize,
  kBytesBehindData,
  kCutBehindData,
};

struct LanguageCount {
  uint64_t num_rows = 0;
  uint64_t num_samples = 0;  // at the feature sample rate
};

struct SplitPlan {
  std::string name;
  std::string manifest;
  Hash128 manifest_hash = {};
  uint64_t num_lines = 0;  // not blank
  uint64_t num_blank_lines = 0;
  uint64_t num_rejected = 0;
  uint64_t num_samples = 0;  // of the planned rows, at the feature rate
  uint64_t num_frames = 0;
  uint64_t num_dropped_fields = 0;
  std::map<std::string, LanguageCount> languages;  // "" without a template
  std::map<int, uint64_t> rows_by_rate;            // Hz -> planned rows
};

// Every line of every manifest with its fate, and where each planned row will
// be. A pure function of manifests, configuration and the files' sizes and
// headers.
struct Plan {
  RunConfig config;
  std::string contract;
  std::string producer;
  std::vector<SplitPlan> splits;
  std::unique_ptr<TableReader> rows;    // PlanColumns, by split and line
  std::unique_ptr<PlannedFiles> files;  // of a plan made by BuildPlan
  uint64_t shard_target_bytes = 0;
  std::vector<PlannedShard> shards;
  Hash128 fingerprint = {};  // of everything the store will hold
  std::map<ErrorCode, Tally> rejects;
  std::map<Warning, Tally> warnings;

  const Preset& preset() const { return *FindPreset(config.preset); }
  uint64_t num_lines() const;
  uint64_t num_rejected() const;
  uint64_t num_samples() const;
  ShardSpec MakeShardSpec(const PlannedShard& shard) const;
  // Whether a shard file's own attributes and sizes are this shard's.
  bool IsShard(const PlannedShard& shard, const ShardSpec& spec) const;
  std::string ShardFileName(const PlannedShard& shard) const {
    return shard.FileName(splits[shard.split].name);
  }
  uint64_t bytes_per_frame() const;
};

// Reads the manifests and every file's header. `spool_folder`: where a
// nameless temporary file may lie. Throws SetupError for a manifest that
// cannot be read or holds nothing. Errors: kMachineFault; also, with any
// message, once control->stop_requested().
Result<Plan> BuildPlan(const RunConfig& config, const std::string& spool_folder,
                       RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_H_
