#ifndef MELMILL_PIPELINE_FOLDER_JOB_FILE_H_
#define MELMILL_PIPELINE_FOLDER_JOB_FILE_H_

#include <map>
#include <string>
#include <string_view>

#include "io/result.h"
#include "pipeline/folder/machine.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/setup/run_config.h"
#include "store/origin.h"

namespace melmill {

// The contents of job.json: what parts and the finish of a store need and
// plan.h5 does not hold, because it belongs to a place or a machine. `melmill
// plan` writes it, and the finish removes it.
struct Job {
  std::string plan;  // the plan's fingerprint, as ToHex gives it
  Machine machine;   // that planned
  Origin origin;     // how the plan was made
  MaxRejects max_rejects;
  // What this machine's code computes; see ComputeCanary.
  std::map<int, std::string> canary;
  // The manifests have absolute paths.
  PlanReport report;
};

// One JSON object. Bytes that are not UTF-8 are replaced.
std::string FormatJob(const Job& job);

// Error: kDamaged for any other text.
Result<Job> ParseJob(std::string_view text);

// Reads the job.json of a store's folder. Errors: kNotFound, kDamaged,
// kMachineFault.
Result<Job> ReadJob(const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_JOB_FILE_H_
