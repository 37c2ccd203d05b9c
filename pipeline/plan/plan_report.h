#ifndef MELMILL_PIPELINE_PLAN_PLAN_REPORT_H_
#define MELMILL_PIPELINE_PLAN_PLAN_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "pipeline/plan/decode_cost.h"
#include "pipeline/plan/reject_tally.h"
#include "pipeline/plan/tally.h"
#include "pipeline/setup/run_config.h"

namespace melmill {

// The counts of one manifest.
struct SplitReport {
  std::string name;
  std::string manifest;  // path of the file
  std::string shown;     // what messages call it
  Hash128 manifest_hash = {};
  uint64_t num_lines = 0;  // lines that are not blank
  uint64_t num_blank_lines = 0;
  uint64_t num_rejected = 0;
  uint64_t num_samples = 0;  // of planned rows, at the feature rate
  uint64_t num_frames = 0;
  // DecodeSeconds of planned rows, without segments of coded files.
  double decode_seconds = 0;
  uint64_t num_bad_lines = 0;  // rejected for what is in the manifest
  uint64_t num_dropped_fields = 0;
  // Names of dropped fields, at most kMaxDroppedNames.
  std::vector<std::string> dropped_fields;
  bool drops_more_fields = false;  // than dropped_fields
  static constexpr size_t kMaxDroppedNames = 8;
  // Adds the dropped fields of a line, of which some are named.
  void AddDropped(int count, const std::vector<std::string>& names);

  Tally segments;  // lines that name a part of their file, and what they say
  LanguageCounts languages;
  std::map<int, uint64_t> rows_by_rate;  // Hz -> planned rows
};

// The reports of the manifests before they are read.
std::vector<SplitReport> MakeSplitReports(const ManifestInput& input);

// The counts of planning, for people.
struct PlanReport {
  std::vector<SplitReport> splits;
  RejectTallies rejects;
  std::map<Warning, Tally> warnings;
  uint64_t num_pieces = 0;  // planned rows that are pieces of files
  uint64_t num_files_of_pieces = 0;
  uint64_t num_audio_paths = 0;  // planned rows with an audio path of their own
  DecodeCost segment_decodes;    // of segments of coded files

  uint64_t num_lines() const;
  uint64_t num_rejected() const;
  uint64_t num_samples() const;
  std::map<int, uint64_t> rows_by_rate() const;  // Hz -> planned rows
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLAN_REPORT_H_
