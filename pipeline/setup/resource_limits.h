#ifndef MELMILL_PIPELINE_SETUP_RESOURCE_LIMITS_H_
#define MELMILL_PIPELINE_SETUP_RESOURCE_LIMITS_H_

#include <cstddef>

#include "pipeline/setup/run_config.h"

namespace melmill {

// What a run needs from the system and may be denied. These functions ask for
// it before anything is written, so that a limit is a clear refusal at the
// start and not a fault in the middle. All throw SetupError; the message says
// what helps.

// How many files planning may have open at once, in addition to those that are
// open already.
size_t MaxOpenFilesOfPlan(const RunConfig& config);

// The same while shards are made, of which `num_shards` are to be made.
size_t MaxOpenFilesOfExtraction(const RunConfig& config, size_t num_shards);

// Makes room for num_files more open files than there are now; raises the soft
// limit of this process if need be.
void RequireOpenFiles(size_t num_files);

// Starts as many threads as a run has at once, and ends them again.
void RequireThreads(const RunConfig& config);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_RESOURCE_LIMITS_H_
