#ifndef MELMILL_PIPELINE_PARTS_PART_CONFIG_H_
#define MELMILL_PIPELINE_PARTS_PART_CONFIG_H_

#include <optional>
#include <string>

#include "io/result.h"
#include "pipeline/folder/job_file.h"
#include "pipeline/setup/run_config.h"
#include "store/plan/plan.h"

namespace melmill {

// What a part, or the finish, chooses by itself. All else is the plan's.
struct PartSettings {
  std::string folder;
  std::string audio_root;  // empty for the plan's
  std::string simd = "auto";
  Resources resources;
};

// The configuration of a part or of the finish: that of the plan in the folder.
// Throws SetupError if there is no plan, or this program makes other bytes.
// Throws std::runtime_error for files that cannot be read, and while a process
// other than a part uses the folder.
RunConfig MakePartConfig(const PartSettings& settings);

// The plan in a store's folder. Throws as MakePartConfig does.
Plan ReadPlanOfFolder(const std::string& folder);

// The job of the plan. Throws as MakePartConfig does, also if the job is that
// of another plan.
Job ReadJobOfPlan(const std::string& folder, const Plan& plan);

// Throws SetupError if this machine computes other bits than the one that
// planned, from the same signal. Call it before shards are made.
void CheckCanary(const Job& job, const FeatureSpec& features);

// Whether the folder has the complete store of the plan. Throws as
// MakePartConfig does.
bool IsComplete(const std::string& folder, const Plan& plan);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PARTS_PART_CONFIG_H_
