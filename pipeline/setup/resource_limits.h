#ifndef MELMILL_PIPELINE_SETUP_RESOURCE_LIMITS_H_
#define MELMILL_PIPELINE_SETUP_RESOURCE_LIMITS_H_

#include <cstddef>

#include "pipeline/setup/run_config.h"

namespace melmill {

// What a run needs from the system and may not get. These functions ask for it
// before anything is written, so that a limit is a clear refusal at the start
// rather than a fault in the middle. The Require functions throw SetupError,
// and its message says what helps.

// The number of files that planning may have open at once, in addition to those
// already open.
size_t MaxOpenFilesOfPlan(const RunConfig& config);

// The same number while `num_shards` shards are made.
size_t MaxOpenFilesOfExtraction(const RunConfig& config, size_t num_shards);

// Makes room for num_files more open files than now. Raises the soft limit of
// this process if need be.
void RequireOpenFiles(size_t num_files);

// Starts as many threads as a run has at once, and ends them.
void RequireThreads(const RunConfig& config);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_RESOURCE_LIMITS_H_
