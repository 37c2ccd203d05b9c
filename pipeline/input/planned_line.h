#ifndef MELMILL_PIPELINE_INPUT_PLANNED_LINE_H_
#define MELMILL_PIPELINE_INPUT_PLANNED_LINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/file/file_facts.h"
#include "io/file/line_reader.h"
#include "io/manifest/manifest.h"
#include "io/result.h"
#include "io/sound/sound_header.h"
#include "pipeline/setup/run_config.h"
#include "store/plan/plan_row.h"

namespace melmill {

// One manifest line on its way through the plan.
struct PlannedLine {
  Line line;
  PlanRow row;
  std::optional<Error> fault;  // not the line's fault
  std::string reject_cause;
  FileFacts facts;
  uint64_t identity = 0;  // this and the next two as in SeenSource
  uint64_t source_identity = 0;
  bool is_clipped = false;
  std::string language;
  int num_dropped_fields = 0;
  std::vector<std::string> dropped_fields;
  bool lacks_template = false;
  bool repeats_template = false;
  bool needs_no_template = false;   // and has it
  bool has_segment_fields = false;  // by which a segment is cut
  std::string segment;  // what the line says of a part of its file otherwise
  // The line's duration if it cuts nothing and is not that of the file, in
  // words.
  std::string other_duration;
  bool mixes_channels = false;  // although the line names one of several
  SoundOddity oddity = SoundOddity::kNone;  // only of a planned row
};

// Reads lines and the headers of their files. Thread-safe.
class LinePlanner {
 public:
  // `config` must outlive the planner.
  explicit LinePlanner(const RunConfig& config);

  // Says what becomes of planned->line, whose bytes it takes. The split and the
  // number of the row are set already.
  void Plan(PlannedLine* planned) const;

 private:
  const RunConfig& config_;
  const ManifestOptions options_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_INPUT_PLANNED_LINE_H_
