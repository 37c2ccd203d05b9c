#ifndef MELMILL_PIPELINE_RUN_REPORT_PARTS_H_
#define MELMILL_PIPELINE_RUN_REPORT_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/run/run_report.h"
#include "store/store_index.h"

namespace melmill {

// Parts of the reports of RunExtract and RunValidate.

// The size of a complete store, and the approximate size of the shards of a
// planned one.
uint64_t StoreBytes(const StoreIndex& store);
uint64_t PlannedBytes(const PlannedWork& work);

// The free space on the disk of a folder; nothing if it is not known.
std::optional<uint64_t> FreeBytes(const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_REPORT_PARTS_H_
