#ifndef MELMILL_PIPELINE_INPUT_MANIFEST_CHECK_H_
#define MELMILL_PIPELINE_INPUT_MANIFEST_CHECK_H_

#include <string>

#include "io/manifest/manifest.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/setup/run_config.h"

namespace melmill {

// Both throw SetupError for manifests that melmill cannot use, and say what
// they seem to be and which command or flag helps.

// Checks, before the manifests are read, that each can be opened and is text,
// and that relative audio paths start from a folder.
void CheckInputFiles(const RunConfig& config);

// Checks manifests that were read: if most of a manifest's lines are bad, it
// may have the format of another tool.
void CheckFormats(const PlanReport& report, const ManifestOptions& options);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_INPUT_MANIFEST_CHECK_H_
